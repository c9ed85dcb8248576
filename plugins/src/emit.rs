//! The action `emit`: an event of our own, that other rules listen to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{ActionName, EventId, EventType, RuleName, RunId, SubAppId};
use oncue_rules::value::{Map, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::params::{self, invalid};

/// How many runs may lead from one to the next through events of our own.
pub const DEPTH_LIMIT: u32 = 3;

/// The longest type, in bytes.
const TYPE_LIMIT: usize = 128;
/// The most correlation keys.
const KEY_LIMIT: usize = 16;
/// The longest value of a correlation key, in bytes.
const KEY_VALUE_LIMIT: usize = 512;
/// Types that Oncue itself raises; nobody else can pretend to be it.
pub const RESERVED: [&str; 3] = ["RunDead", "AppPaused", "OncueProbe"];

const SAMPLE: &str = "\
- uses: emit
  with:
    type: OriginalDue
    body: { file_id: \"${{ event.file_id }}\" }
    keys: { file_id: \"${{ event.file_id }}\" }
";

/// An event to store.
#[derive(Debug, Clone, PartialEq)]
pub struct Emission {
    /// Its type.
    pub kind: EventType,
    /// Its body.
    pub body: Value,
    /// Its correlation keys, sorted.
    pub keys: Vec<CorrelationKey>,
    /// The application that the step acts for.
    pub app: Option<SubAppId>,
    /// The run.
    pub cause: RunId,
    /// The rule that the run follows; the event does not start it again.
    pub rule: RuleName,
    /// How many runs led to it: one more than to the event of the run.
    pub depth: u32,
    /// Equal for all attempts of the step, so that they store one event.
    pub dedupe_key: String,
    /// When the answer is of no more use.
    pub deadline: Instant,
}

/// What became of an emission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emitted {
    /// The stored event.
    pub event: EventId,
    /// Whether an earlier attempt had stored it.
    pub duplicate: bool,
}

/// Stores events of our own and starts what listens to them.
#[async_trait]
pub trait Emitter: Send + Sync + 'static {
    /// When it returns `Ok`, the event and the runs that it starts are durable.
    ///
    /// # Errors
    ///
    /// When it is not stored; trying again is safe.
    async fn emit(&self, emission: Emission) -> Result<Emitted, ActionError>;
}

/// What to tell.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EmitParams {
    /// The type that rules name in `on`. Not one of Oncue's own: `RunDead`, `AppPaused`, `OncueProbe`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 128))]
    kind: String,
    /// What rules find as `body`, and as `payload` too. Left out: an empty map.
    #[serde(rename = "body")]
    _body: Option<serde_json::Value>,
    /// Correlation keys, by name: `file_id`, `task_id`, `session_id`, or any other, which rules read as
    /// `event.keys.NAME`. At most 16, each of at most 512 bytes; empty ones are left out.
    keys: Option<BTreeMap<String, Option<String>>>,
}

/// The stored event.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: outputs are built as values")]
struct EmitOutputs {
    /// Its id.
    event: String,
    /// Whether an earlier attempt had stored it.
    duplicate: bool,
}

/// Stores an event of the source `oncue` for the application that the step acts for.
pub struct Emit {
    emitter: Arc<dyn Emitter>,
    spec: Spec,
}

impl Emit {
    /// The action, storing through this emitter.
    #[must_use]
    pub fn new(emitter: Arc<dyn Emitter>) -> Self {
        let spec = Spec {
            name: ActionName::from("emit"),
            summary: "Raises an event of the source `oncue`, which starts the other rules that listen to its type."
                .into(),
            parameters: params::schema::<EmitParams>(),
            outputs: params::schema::<EmitOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Keyed,
            needs_credentials: false,
        };
        Self { emitter, spec }
    }
}

#[async_trait]
impl Action for Emit {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let Emitted { event, duplicate } = self.emitter.emit(emission(&call)?).await?;
        let fields = [("event", Value::text(event.to_string())), ("duplicate", Value::Bool(duplicate))];
        Ok(Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
    }
}

fn emission(call: &Call) -> Result<Emission, ActionError> {
    let params: EmitParams = params::decode_without(&call.params, "body")?;
    let kind = kind(&params.kind)?;
    let depth = call.event.depth.saturating_add(1);
    if depth > DEPTH_LIMIT {
        let message = format!(
            "this run is number {DEPTH_LIMIT} in a chain of runs that started each other by events, and that is the \
             limit: let a rule that emits not listen to what it causes (`event.depth: 0` in its `match`)"
        );
        return Err(ActionError::fatal("emit_too_deep", message));
    }
    Ok(Emission {
        kind,
        // From the value itself: its numbers are exact, those of serde_json are not.
        body: match call.params.get("body") {
            Value::Null => Value::map(Map::new()),
            body => body.clone(),
        },
        keys: keys(params.keys.unwrap_or_default())?,
        app: call.app.as_ref().map(|app| app.subappid).or(call.event.subappid),
        cause: call.run,
        rule: call.rule.clone(),
        depth,
        dedupe_key: format!("emit:{}", call.key),
        deadline: call.deadline,
    })
}

/// The type of an event that is not Oncue's own.
pub(crate) fn kind(kind: &str) -> Result<EventType, ActionError> {
    if kind.is_empty() || kind.len() > TYPE_LIMIT || kind.chars().any(char::is_control) {
        return Err(invalid("type", &format!("a type is a name of at most {TYPE_LIMIT} bytes, such as OriginalDue")));
    }
    if RESERVED.contains(&kind) {
        return Err(invalid("type", &format!("only Oncue itself raises {kind}: use another name")));
    }
    Ok(EventType::from(kind))
}

/// Correlation keys by name, sorted; empty ones are left out.
pub(crate) fn keys(written: BTreeMap<String, Option<String>>) -> Result<Vec<CorrelationKey>, ActionError> {
    if written.len() > KEY_LIMIT {
        return Err(invalid("keys", &format!("an event has at most {KEY_LIMIT} correlation keys")));
    }
    let mut keys = Vec::new();
    for (name, value) in written {
        let is_name = name.len() <= 64
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_name {
            let problem = "a name of a key has small letters, digits and _, and begins with a letter";
            return Err(invalid(&format!("keys.{name}"), problem));
        }
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        if value.len() > KEY_VALUE_LIMIT {
            return Err(invalid(&format!("keys.{name}"), &format!("a key has at most {KEY_VALUE_LIMIT} bytes")));
        }
        keys.push(CorrelationKey { name, value });
    }
    keys.sort();
    Ok(keys)
}

#[cfg(test)]
pub(crate) mod tests;
