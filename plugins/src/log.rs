//! The action `log`: writes a line to the log of Oncue.

use std::collections::BTreeMap;

use async_trait::async_trait;
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::params;

/// The target of the events that [`Log`] writes, for filters.
pub const TARGET: &str = "oncue::log";

/// The most bytes of a message, and of the fields together, that are kept.
pub const LIMIT: usize = 8 * 1024;

const SAMPLE: &str = "\
- uses: log
  with:
    message: ${{ event.file_id }} was uploaded
    fields: { category: \"${{ payload.MediaBasicInfo.Category }}\" }
";

/// What to write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogParams {
    /// The message: a text as it is, anything else as JSON. What is beyond 8 KiB is cut.
    #[serde(rename = "message")]
    _message: serde_json::Value,
    /// How much it matters. Left out: `info`.
    level: Option<Level>,
    /// More to write beside the message, as JSON. What is beyond 8 KiB is cut.
    #[serde(rename = "fields")]
    _fields: Option<BTreeMap<String, serde_json::Value>>,
}

/// What was written.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: outputs are built as values")]
struct LogOutputs {
    /// The message as text, cut like the line.
    message: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

/// Writes one `tracing` event of the target [`TARGET`] with the run, rule, step and event; a message with line breaks
/// stays on one line.
#[derive(Debug)]
pub struct Log {
    spec: Spec,
}

impl Log {
    /// The action.
    #[must_use]
    pub fn new() -> Self {
        let spec = Spec {
            name: ActionName::from("log"),
            summary: "Writes a line to the log of Oncue.".into(),
            parameters: params::schema::<LogParams>(),
            outputs: params::schema::<LogOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Yes,
            needs_credentials: false,
        };
        Self { spec }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Action for Log {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let params: LogParams = params::decode(&call.params)?;
        // From the values themselves: their numbers are exact, those of serde_json are not.
        let message = cut(match call.params.get("message") {
            Value::Text(text) => text.to_string(),
            other => other.to_json(),
        });
        let fields = match call.params.get("fields") {
            Value::Null => None,
            fields => Some(one_line(&cut(fields.to_json()))),
        };
        write(&call, params.level.unwrap_or_default(), &one_line(&message), fields.as_deref());
        Ok(Value::map([("message".to_owned(), Value::text(message))].into()))
    }
}

fn write(call: &Call, level: Level, message: &str, fields: Option<&str>) {
    // The level of an event is a constant of its call site.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: TARGET,
                tracing::Level::$level,
                run = %call.run,
                rule = %call.rule,
                step = %call.step,
                event = %call.event.id,
                fields,
                "{message}"
            )
        };
    }
    match level {
        Level::Trace => event!(TRACE),
        Level::Debug => event!(DEBUG),
        Level::Info => event!(INFO),
        Level::Warn => event!(WARN),
        Level::Error => event!(ERROR),
    }
}

fn cut(mut text: String) -> String {
    let length = text.len();
    if length <= LIMIT {
        return text;
    }
    text.truncate(text.floor_char_boundary(LIMIT));
    format!("{text}… [cut: {length} bytes in all]")
}

/// The text with all that would start a line, move the cursor or turn the direction of writing shown as an escape, so
/// that what an event holds cannot forge lines of the log.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(character.escape_unicode());
            }
            _ if character.is_control() => line.extend(character.escape_default()),
            _ => line.push(character),
        }
    }
    line
}

#[cfg(test)]
mod tests;
