//! `CloudEvents` 1.0 over HTTP, in its structured mode (JSON) and its binary mode.
//!
//! Facts are from the specifications of version 1.0.2: the core, its "JSON Event Format" and its "HTTP Protocol
//! Binding". An event in binary mode becomes the same event in structured mode, so that rules see one shape.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oncue_rules::event::{Body, Payload};
use oncue_rules::value::{Map, Value};
use percent_encoding::percent_decode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::{Refusal, Sent, recognise};

/// What the media types of structured events begin with.
const STRUCTURED: &str = "application/cloudevents";
const BATCHED: &str = "application/cloudevents-batch";
/// What headers of attributes begin with.
const PREFIX: &str = "ce-";
/// The member of a structured event that is its data.
const DATA: &str = "data";
const BASE64: &str = "data_base64";
const KIND: &str = "datacontenttype";
/// The one version that there is.
const VERSION: &str = "1.0";

/// A `CloudEvent`.
pub(super) struct CloudEvent {
    /// What names it, beside its source.
    pub(super) id: String,
    /// Its source, a URI or a part of one.
    pub(super) source: String,
    /// Its type.
    pub(super) kind: String,
    /// All of it, in structured mode.
    pub(super) body: Body,
}

/// The event that a request holds.
pub(super) fn read(sent: &Sent<'_>) -> Result<CloudEvent, Refusal> {
    let media = sent.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().trim();
    let is_structured = begins_with(media, STRUCTURED);
    if begins_with(media, BATCHED) {
        return Err(Refusal::Media { problem: "batches of CloudEvents are not taken: send them one by one" });
    }
    let body = if is_structured { structured(media, sent)? } else { binary(media, sent)?.into() };
    let whole = body.value();
    let attribute = |name: &'static str| match whole.get(name) {
        Value::Text(text) if !text.is_empty() => Ok(text.to_string()),
        _ => Err(invalid(format!("its `{name}` must be a text that is not empty"))),
    };
    if attribute("specversion")? != VERSION {
        return Err(invalid(format!("its `specversion` must be {VERSION}")));
    }
    let (id, source, kind) = (attribute("id")?, attribute("source")?, attribute("type")?);
    let is_moment = |time: &Value| time.as_text().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok());
    if Some(whole.get("time")).is_some_and(|time| *time != Value::Null && !is_moment(time)) {
        return Err(invalid("its `time` must be written as in RFC 3339".to_owned()));
    }
    let body = body.with_payload(Payload::Member(DATA.to_owned()));
    Ok(CloudEvent { id, source, kind, body })
}

fn structured(media: &str, sent: &Sent<'_>) -> Result<Body, Refusal> {
    let format = media.split(';').next().unwrap_or_default().trim();
    if !format.eq_ignore_ascii_case("application/cloudevents+json") {
        let problem = "of the structured formats of CloudEvents, application/cloudevents+json alone is taken";
        return Err(Refusal::Media { problem });
    }
    let body = recognise::read(sent)?;
    let whole = body.value();
    let Some(members) = whole.as_map() else { return Err(invalid(format!("the body is {}", whole.kind()))) };
    if members.contains_key(DATA) && members.contains_key(BASE64) {
        return Err(invalid(format!("it has both `{DATA}` and `{BASE64}`")));
    }
    Ok(body)
}

/// Attributes are headers, and data is the body.
fn binary(media: &str, sent: &Sent<'_>) -> Result<Value, Refusal> {
    let mut members = Map::new();
    for name in sent.headers.keys() {
        // The media type of the data is the `Content-Type`, and nothing else is.
        let Some(attribute) = name.as_str().strip_prefix(PREFIX).filter(|name| ![DATA, BASE64, KIND].contains(name))
        else {
            continue;
        };
        members.insert(attribute.to_owned(), Value::text(header(sent.headers, attribute)?));
    }
    if members.is_empty() {
        let problem =
            "this path takes CloudEvents: send application/cloudevents+json, or the attributes as ce- headers";
        return Err(Refusal::Media { problem });
    }
    if !media.is_empty() {
        members.insert(KIND.to_owned(), Value::text(media));
    }
    if !sent.body.is_empty() {
        let (name, data) = data(media, sent)?;
        members.insert(name.to_owned(), data);
    }
    Ok(Value::map(members))
}

/// The value of an attribute (HTTP Protocol Binding, section 3.1.3.2): quotes are taken off, then it is percent-decoded once.
fn header(headers: &HeaderMap, attribute: &str) -> Result<String, Refusal> {
    let wrong = |why: &str| invalid(format!("the header {PREFIX}{attribute} {why}"));
    let mut values = headers.get_all(format!("{PREFIX}{attribute}")).iter();
    let value = values.next().map(HeaderValue::as_bytes).unwrap_or_default();
    if values.next().is_some() {
        return Err(wrong("is there more than once"));
    }
    let unquoted = unquoted(value);
    let decoded = percent_decode(&unquoted).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| wrong("is no UTF-8"))
}

fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return value.to_vec();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        out.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    out
}

/// Data as a member of a structured event (JSON Event Format, section 3.1): JSON as it is, other text as a text, bytes in
/// base64.
fn data(media: &str, sent: &Sent<'_>) -> Result<(&'static str, Value), Refusal> {
    let kind = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || kind.ends_with("+json") {
        return Ok((DATA, recognise::read(sent)?.value().clone()));
    }
    if kind.is_empty()
        && let Ok(value) = Value::from_json(sent.body)
    {
        return Ok((DATA, value));
    }
    match std::str::from_utf8(sent.body) {
        Ok(text) => Ok((DATA, Value::text(text))),
        Err(_) => Ok((BASE64, Value::text(STANDARD.encode(sent.body)))),
    }
}

fn begins_with(media: &str, prefix: &str) -> bool {
    media.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn invalid(problem: String) -> Refusal {
    Refusal::CloudEvent { problem }
}
