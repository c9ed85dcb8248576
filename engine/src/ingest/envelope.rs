//! What is stored of an event besides its body and its keys, and the event that both make again.

use oncue_rules::event::Event;
use oncue_rules::value::{Map, Number, Value};

use super::Incoming;
use crate::store::StoredEvent;

const PAYLOAD: &str = "payload";
const CONTEXT: &str = "context";
const DEPTH: &str = "depth";
const CAUSE: &str = "cause";
const MARKS: &str = "marks";

/// Which part of a body is about the happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    /// None that is known.
    None,
    /// This member.
    Member(String),
    /// The whole body.
    Whole,
}

impl Payload {
    /// The payload of a body.
    pub(super) fn of(&self, body: &Value) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Member(name) => body.get(name).clone(),
            Self::Whole => body.clone(),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::None => Value::Null,
            Self::Member(name) => Value::text(name.as_str()),
            Self::Whole => Value::Bool(true),
        }
    }

    fn from_value(value: &Value) -> Self {
        match value {
            Value::Text(name) => Self::Member(name.to_string()),
            Value::Bool(true) => Self::Whole,
            _ => Self::None,
        }
    }
}

/// The envelope of an event. What is null or empty is left out.
pub(super) fn write(incoming: &Incoming) -> String {
    let depth = (incoming.depth > 0).then(|| Value::Number(u64::from(incoming.depth).into()));
    let marks = incoming.marks.iter().map(|mark| Value::text(mark.as_str())).collect::<Vec<_>>();
    let parts = [
        (PAYLOAD, incoming.payload.to_value()),
        (CONTEXT, incoming.context.clone()),
        (DEPTH, depth.unwrap_or_default()),
        (CAUSE, incoming.cause.as_ref().map_or(Value::Null, |(run, _)| Value::text(run.to_string()))),
        (MARKS, if marks.is_empty() { Value::Null } else { Value::list(marks) }),
    ];
    let there = parts.into_iter().filter(|(_, value)| *value != Value::Null);
    Value::map(there.map(|(name, value)| (name.to_owned(), value)).collect::<Map>()).to_json()
}

/// How deep in a chain of runs and events the event of this envelope is.
pub(super) fn depth_of(envelope: &str) -> u32 {
    Value::from_json(envelope.as_bytes()).map_or(0, |envelope| depth(&envelope))
}

fn depth(envelope: &Value) -> u32 {
    let number = match envelope.get(DEPTH) {
        Value::Number(number) => Number::as_u64(number),
        _ => None,
    };
    number.and_then(|depth| u32::try_from(depth).ok()).unwrap_or(0)
}

/// A stored event as it was when it was received.
pub(super) fn read(stored: &StoredEvent) -> Result<Event, String> {
    let envelope = Value::from_json(stored.envelope.as_bytes()).map_err(|error| format!("its envelope: {error}"))?;
    let body = Value::from_json(&stored.body).map_err(|error| format!("its body: {error}"))?;
    let payload = Payload::from_value(envelope.get(PAYLOAD)).of(&body);
    let row = &stored.row;
    Ok(Event {
        id: row.id,
        source: row.source.clone(),
        kind: row.kind.clone(),
        subappid: row.subappid,
        dedupe_key: row.dedupe_key.clone(),
        received_at: row.received_at,
        depth: depth(&envelope),
        cause: envelope.get(CAUSE).as_text().and_then(|run| run.parse().ok()),
        keys: stored.keys.clone(),
        context: envelope.get(CONTEXT).clone(),
        body,
        payload,
    })
}
