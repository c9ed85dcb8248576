//! What is stored of an event besides its body and its keys, and the event that both make again.

use std::sync::Arc;

use oncue_rules::event::{Body, Event, Payload};
use oncue_rules::value::{Map, Number, Value};

use super::Incoming;
use crate::sources::endpoint::STATUS_TOKEN;
use crate::store::StoredEvent;

const PAYLOAD: &str = "payload";
const CONTEXT: &str = "context";
const DEPTH: &str = "depth";
const CAUSE: &str = "cause";
const MARKS: &str = "marks";

fn of_payload(payload: &Payload) -> Value {
    match payload {
        Payload::None => Value::Null,
        Payload::Member(name) => Value::text(name.as_str()),
        Payload::Whole => Value::Bool(true),
    }
}

fn payload(value: &Value) -> Payload {
    match value {
        Value::Text(name) => Payload::Member(name.to_string()),
        Value::Bool(true) => Payload::Whole,
        _ => Payload::None,
    }
}

/// The envelope of an event. What is null or empty is left out.
pub(super) fn write(incoming: &Incoming) -> String {
    let depth = (incoming.depth > 0).then(|| Value::Number(u64::from(incoming.depth).into()));
    let marks = incoming.marks.iter().map(|mark| Value::text(mark.as_str())).collect::<Vec<_>>();
    let parts = [
        (PAYLOAD, of_payload(incoming.body.payload_place())),
        (CONTEXT, incoming.context.clone()),
        (DEPTH, depth.unwrap_or_default()),
        (CAUSE, incoming.cause.as_ref().map_or(Value::Null, |(run, _)| Value::text(run.to_string()))),
        (STATUS_TOKEN, incoming.status_token.as_deref().map_or(Value::Null, Value::text)),
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
    let body = Body::read(Arc::clone(&stored.body)).map_err(|error| format!("its body: {error}"))?;
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
        body: body.with_payload(payload(envelope.get(PAYLOAD))),
    })
}
