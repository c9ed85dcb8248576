//! What is stored of an event besides its body and its keys, and the event that both make again.

use oncue_rules::event::Event;
use oncue_rules::ids::RunId;
use oncue_rules::value::{Map, Number, Value};

use crate::sources::vod::Recognised;
use crate::store::StoredEvent;

const PAYLOAD: &str = "payload";
const CONTEXT: &str = "context";
const DEPTH: &str = "depth";
const CAUSE: &str = "cause";
const MARKS: &str = "marks";

/// The envelope of a notification that some run of ours may have caused. What is null or empty is left out.
pub(super) fn write(recognised: &Recognised, depth: u32, cause: Option<RunId>) -> String {
    let mut envelope = Map::new();
    let mut put = |name: &str, value: Value| {
        envelope.insert(name.to_owned(), value);
    };
    if let Some(field) = &recognised.payload_field {
        put(PAYLOAD, Value::text(field.as_str()));
    }
    if recognised.context != Value::Null {
        put(CONTEXT, recognised.context.clone());
    }
    if depth > 0 {
        put(DEPTH, Value::Number(u64::from(depth).into()));
    }
    if let Some(run) = cause {
        put(CAUSE, Value::text(run.to_string()));
    }
    if !recognised.marks.is_empty() {
        put(MARKS, Value::list(recognised.marks.iter().map(|mark| Value::text(mark.to_string())).collect()));
    }
    Value::map(envelope).to_json()
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
    let payload = envelope.get(PAYLOAD).as_text().map_or(Value::Null, |field| body.get(field).clone());
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
