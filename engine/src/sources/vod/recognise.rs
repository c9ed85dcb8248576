//! From a body to what the engine needs to know of it.

use std::time::Duration;

use oncue_rules::event::{Body, CorrelationKey, Payload, key};
use oncue_rules::ids::{EventType, SubAppId};
use oncue_rules::value::{Map, Value};

use super::application::{self, Mark};
use super::dedupe;
use super::outline::OUTLINE;
use super::refusal::{Refusal, foreign, problem};
use super::table::{self, FilePlace, Kind};

/// How long an `EventType` may be, in bytes. Real ones have up to 44.
const TYPE_LIMIT: usize = 128;

/// Top-level members that are about the delivery, not about the happening.
pub(super) const DELIVERY_MEMBERS: [&str; 5] = ["EventHandle", "Sign", "T", "sign", "t"];

/// A body that is a VOD notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// Its type.
    pub kind: EventType,
    /// The body; a type that is not known and has no single object has no payload.
    pub body: Body,
    /// Correlation keys, sorted, each once.
    pub keys: Vec<CorrelationKey>,
    /// Equal for two deliveries of one happening, within one application (protocol section 3).
    pub dedupe_key: String,
    /// How long a second body with the same key is a duplicate: 7 days where a task or a file names the happening, 10
    /// minutes where only its content does.
    pub dedupe_for: Duration,
    /// `SessionContext` or `SourceContext` parsed, when it is the text of a JSON object; else null.
    pub context: Value,
    /// What is odd about the body although it was taken.
    pub marks: Vec<Mark>,
}

/// A body that is JSON, with what of it is looked at first.
#[derive(Debug, Clone)]
pub struct Opened {
    pub(super) body: Body,
    pub(super) outline: Value,
}

impl Opened {
    /// What stands at the top of the body; of members that are objects there is only a part.
    #[must_use]
    pub fn outline(&self) -> &Value {
        &self.outline
    }

    /// The body itself.
    #[must_use]
    pub fn into_body(self) -> Body {
        self.body
    }
}

/// Reads the bytes of a body as far as it takes to recognise it, and checks the rest.
///
/// # Errors
///
/// [`Refusal::Malformed`] when they are not JSON.
pub fn parse(raw: &[u8]) -> Result<Opened, Refusal> {
    let (body, outline) = Body::outlined(raw, &OUTLINE).map_err(|mut source| {
        // It may quote the body, and goes into an answer, a log and the quarantine.
        source.message = source.message.chars().take(200).collect();
        Refusal::Malformed { source }
    })?;
    Ok(Opened { body, outline })
}

/// Recognises a body that came through the door of `app`; bodies themselves do not say (protocol section 2).
///
/// # Errors
///
/// A [`Refusal`] when it is no VOD notification of format 3.0, or lacks what its type must have. A type that is not in
/// the table is no reason: the vendor adds types often.
pub fn recognise(opened: &Opened, app: SubAppId) -> Result<Recognised, Refusal> {
    let Opened { body, outline } = opened;
    if outline.as_map().is_none() {
        return Err(Refusal::NotAnObject { found: outline.kind() });
    }
    if let Some(refusal) = foreign(outline) {
        return Err(refusal);
    }
    let name = event_type(outline)?;
    let known = table::find(name);
    let field = match known {
        Some(kind) => Some(known_field(kind, outline)?),
        None => body.value().as_map().and_then(single_object),
    };
    let place = field.map_or(Payload::None, |field| Payload::Member(field.to_owned()));
    let is_told = known.is_some_and(|kind| dedupe::is_told_by_outline(kind, place.of(outline)));
    let seen = if is_told { outline } else { body.value() };
    let payload = place.of(seen);

    let mut marks = application::marks(payload, app);
    if known.is_none() {
        marks.push(Mark::UnknownType);
    }
    let identity = dedupe::identify(name, known, payload, seen);
    Ok(Recognised {
        kind: EventType::new(name),
        keys: correlation_keys(known, payload),
        dedupe_key: identity.key,
        dedupe_for: identity.lifetime,
        context: context(payload),
        marks,
        body: body.clone().with_payload(place),
    })
}

fn event_type(body: &Value) -> Result<&str, Refusal> {
    let refuse = |problem: String| Err(Refusal::EventType { problem });
    match body.get("EventType") {
        Value::Text(name) if name.len() > TYPE_LIMIT => refuse(format!("is longer than {TYPE_LIMIT} bytes")),
        Value::Text(name) if name.chars().any(char::is_control) => refuse("has control characters".to_owned()),
        Value::Text(name) if !name.is_empty() => Ok(name),
        other => refuse(problem(other)),
    }
}

fn known_field(kind: &'static Kind, body: &Value) -> Result<&'static str, Refusal> {
    let found = kind.fields.iter().map(|field| (*field, body.get(field))).find(|(_, value)| **value != Value::Null);
    let (field, payload) = found.unwrap_or((kind.fields.first().copied().unwrap_or_default(), &Value::Null));
    if payload.as_map().is_none() {
        return Err(Refusal::Payload { event: kind.name, field, problem: problem(payload) });
    }
    if kind.identity == table::Identity::File && text_at(payload, &["FileId"]).is_none() {
        return Err(Refusal::FileId { problem: problem(payload.get("FileId")) });
    }
    Ok(field)
}

fn single_object(members: &Map) -> Option<&str> {
    let mut objects = members.iter().filter(|(_, value)| value.as_map().is_some());
    let (name, _) = objects.next()?;
    objects.next().is_none().then_some(name.as_str())
}

/// The text at a path; `None` when there is none or it is empty, which is the vendor's other way of saying null.
pub(super) fn text_at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter().fold(value, |value, name| value.get(name)).as_text().filter(|text| !text.is_empty())
}

fn correlation_keys(known: Option<&Kind>, payload: &Value) -> Vec<CorrelationKey> {
    let files: Vec<&str> = match known.map_or(FilePlace::At(&["FileId"]), |kind| kind.file) {
        FilePlace::At(path) => text_at(payload, path).into_iter().collect(),
        FilePlace::Texts(member) => items(payload, member).filter_map(|item| text_at(item, &[])).collect(),
        FilePlace::Each(member, path) => items(payload, member).filter_map(|item| text_at(item, path)).collect(),
    };
    let files = files.into_iter().map(|file| (key::FILE_ID, file));
    let task = text_at(payload, &["TaskId"]).map(|task| (key::TASK_ID, task));
    let session = text_at(payload, &["SessionId"]).map(|session| (key::SESSION_ID, session));
    let mut keys: Vec<_> = files
        .chain(task)
        .chain(session)
        .map(|(name, value)| CorrelationKey { name: name.to_owned(), value: value.to_owned() })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

pub(super) fn items<'a>(payload: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    payload.get(member).as_list().unwrap_or_default().iter()
}

/// What the business sent along with an upload.
pub(super) const SOURCE_CONTEXT: &[&str] = &["MediaBasicInfo", "SourceInfo", "SourceContext"];

fn context(payload: &Value) -> Value {
    [&["SessionContext"] as &[&str], SOURCE_CONTEXT]
        .into_iter()
        .filter_map(|path| text_at(payload, path))
        .filter_map(|text| Value::from_json(text.as_bytes()).ok())
        .find(|value| value.as_map().is_some())
        .unwrap_or_default()
}
