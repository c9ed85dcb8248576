//! The key by which a second delivery of one happening is known (protocol section 3). The vendor sends no event id.

use std::time::Duration;

use oncue_rules::value::{Map, Value};
use sha2::{Digest, Sha256};

use super::recognise::{DELIVERY_MEMBERS, items, text_at};
use super::table::{Identity, Kind};

/// Where a task or a file names the happening.
const NAMED: Duration = Duration::from_hours(7 * 24);
/// Where only the content does: the same content later is likely to be a new happening.
const CONTENT: Duration = Duration::from_mins(10);

/// Ids longer than this many bytes enter a key as their hash.
const ID_LIMIT: usize = 160;

pub(super) struct Known {
    pub key: String,
    pub lifetime: Duration,
}

pub(super) fn identify(name: &str, known: Option<&Kind>, payload: &Value, body: &Value) -> Known {
    let identity = known.map(|kind| kind.identity);
    let by_task = text_at(payload, &["TaskId"]).filter(|_| matches!(identity, Some(Identity::Task) | None));
    let by_file = text_at(payload, &["FileId"]).filter(|_| identity == Some(Identity::File));
    let (what, lifetime) = match (by_task, by_file, identity) {
        // What else tells two events of an unknown type apart is unknown too, so all of it counts.
        (Some(task), _, None) => (format!("{}:{}", short(task), hash(&canonical(payload))), NAMED),
        (Some(task), ..) => (task_and_status(task, payload), NAMED),
        (_, Some(file), _) => (short(file), NAMED),
        (_, _, Some(Identity::Deleted)) => deleted(payload),
        _ => (hash(&canonical(&happening(payload, body))), CONTENT),
    };
    Known { key: format!("{name}:{what}"), lifetime }
}

/// Whether the [outline](super::outline) of a payload has all of it that is asked for here.
pub(super) fn is_told_by_outline(kind: &Kind, payload: &Value) -> bool {
    match kind.identity {
        Identity::File => true,
        Identity::Task => text_at(payload, &["TaskId"]).is_some() && is_finished(payload),
        Identity::Deleted | Identity::Content => false,
    }
}

fn is_finished(payload: &Value) -> bool {
    text_at(payload, &["Status"]) == Some("FINISH")
}

fn task_and_status(task: &str, payload: &Value) -> String {
    let status = text_at(payload, &["Status"]).unwrap_or_default();
    let key = format!("{}:{}", short(task), short(status));
    // Before the end, a task in mode `Change` is reported again whenever a sub-task moves on.
    if is_finished(payload) { key } else { format!("{key}:{}", hash(&sub_task_statuses(payload))) }
}

/// One line a sub-task, sorted: result set, type, definition, status.
fn sub_task_statuses(payload: &Value) -> String {
    let mut lines: Vec<String> = Vec::new();
    for name in payload.as_map().into_iter().flat_map(Map::keys).filter(|name| name.ends_with("Set")) {
        for item in items(payload, name) {
            let Some(task) = sub_task(item) else { continue };
            let kind = text_at(item, &["Type"]).or_else(|| text_at(item, &["TaskType"])).unwrap_or_default();
            let definition = task.get("Input").get("Definition").to_json();
            lines.push(format!("{name} {kind} {definition} {}", task.get("Status").to_json()));
        }
    }
    lines.sort();
    lines.join("\n")
}

/// The object that has the status: the item itself, or the one task object in it.
fn sub_task(item: &Value) -> Option<&Value> {
    let has_status = |value: &&Value| *value.get("Status") != Value::Null;
    Some(item).filter(has_status).or_else(|| item.as_map()?.values().find(has_status))
}

/// Files are deleted once, but parts of a file can be made and deleted again.
fn deleted(payload: &Value) -> (String, Duration) {
    let mut results: Vec<String> = items(payload, "FileDeleteResultInfo")
        .map(|info| {
            let mut parts: Vec<String> = items(info, "DeleteParts").map(canonical).collect();
            parts.sort();
            format!("{} {}", info.get("FileId").to_json(), parts.join(" "))
        })
        .collect();
    let partial = items(payload, "FileDeleteResultInfo").any(|info| items(info, "DeleteParts").next().is_some());
    if results.is_empty() {
        results = items(payload, "FileIdSet").map(Value::to_json).collect();
    }
    let named = !results.is_empty() && !partial;
    results.sort();
    (hash(&results.join("\n")), if named { NAMED } else { CONTENT })
}

/// The payload, or the body without what is about its delivery where there is no payload.
fn happening(payload: &Value, body: &Value) -> Value {
    match (payload, body.as_map()) {
        (Value::Null, Some(members)) => {
            let kept = members.iter().filter(|(name, _)| !DELIVERY_MEMBERS.contains(&name.as_str()));
            Value::map(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        _ => payload.clone(),
    }
}

/// JSON text with members in the order of their names and without null members, which mean "absent" (protocol section 1).
fn canonical(value: &Value) -> String {
    without_nulls(value).to_json()
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Map(members) => {
            let kept = members.iter().filter(|(_, member)| **member != Value::Null);
            Value::map(kept.map(|(name, member)| (name.clone(), without_nulls(member))).collect())
        }
        Value::List(items) => Value::list(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn short(id: &str) -> String {
    if id.len() > ID_LIMIT { format!("sha256-{}", hash(id)) } else { id.to_owned() }
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
