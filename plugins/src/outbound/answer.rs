//! What came back.

use std::time::Instant;

use jiff::Timestamp;
use oncue_rules::value::{Map, Value};
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap, SET_COOKIE};

use super::{Failure, pause, reason};
use crate::text::printable;

/// Bytes of headers that become outputs; what is beyond is left out.
const HEADER_BYTES: usize = 8 * 1024;
/// Bytes of JSON that the outputs of a step may have.
const OUTPUT_BYTES: usize = 64 * 1024;
/// How much of an answer is shown in an error, in characters.
const SHOWN: usize = 200;
/// The longest pause that another side is believed to want.
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_hours(24);

/// An answer, read to its end or to the limit.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Whether there was more than the limit.
    pub is_cut: bool,
}

/// Reads the body of an answer.
pub(super) async fn read(mut response: Response, limit: usize, deadline: Instant) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    loop {
        let chunk = match tokio::time::timeout_at(deadline.into(), response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Ok(Answer { status, headers, body, is_cut: false }),
            Ok(Err(error)) => return Err(Failure::Unfinished { status, reason: reason(error) }),
            Err(_elapsed) => return Err(Failure::Slow { status, bytes: body.len() }),
        };
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok(Answer { status, headers, body, is_cut: true });
        }
        body.extend_from_slice(&chunk);
    }
}

impl Answer {
    /// Whether the status says that it went well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// How long the other side asks to be left alone, up to a day.
    #[must_use]
    pub fn retry_after(&self) -> Option<std::time::Duration> {
        pause::retry_after(&self.headers, Timestamp::now(), LONGEST_PAUSE)
    }

    /// What `response` is in `expect`: status, headers, body.
    #[must_use]
    pub fn value(&self) -> Value {
        map([("status", self.status()), ("headers", self.header_values()), ("body", self.body_value())])
    }

    /// What the step gives: as [`Answer::value`], and `truncated`. A text that is too long for outputs is cut, any other
    /// body is null then.
    #[must_use]
    pub fn outputs(&self) -> Value {
        let headers = self.header_values();
        let room = OUTPUT_BYTES.saturating_sub(headers.to_json().len() + 128);
        let (body, is_cut) = fitted(self.body_value(), room);
        let truncated = Value::Bool(is_cut || self.is_cut);
        map([("status", self.status()), ("headers", headers), ("body", body), ("truncated", truncated)])
    }

    /// The beginning of the body on one line, for an error.
    #[must_use]
    pub fn beginning(&self) -> String {
        let part = self.body.get(..SHOWN * 4).unwrap_or(&self.body);
        printable(&String::from_utf8_lossy(part), SHOWN)
    }

    fn status(&self) -> Value {
        Value::Number(u64::from(self.status).into())
    }

    /// By name in lower case; several of one name are joined. Cookies are credentials and left out.
    fn header_values(&self) -> Value {
        let mut values = Map::new();
        let mut bytes = 0;
        for name in self.headers.keys().filter(|name| **name != SET_COOKIE) {
            let joined = self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            let joined = joined.collect::<Vec<_>>().join(", ");
            bytes += name.as_str().len() + joined.len();
            if bytes > HEADER_BYTES {
                break;
            }
            values.insert(name.as_str().to_owned(), Value::text(joined));
        }
        Value::map(values)
    }

    /// The parsed body where it is JSON, whatever its type says; else the text, or null when there is nothing.
    fn body_value(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let first = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        let may_be_json = kind.ends_with("/json") || kind.ends_with("+json") || matches!(first, Some(b'{' | b'['));
        let parsed = if may_be_json && !self.is_cut { Value::from_json(&self.body).ok() } else { None };
        parsed.unwrap_or_else(|| Value::text(String::from_utf8_lossy(&self.body).into_owned()))
    }
}

/// The value if it has at most so many bytes as JSON, else what of it can be kept; whether that is less.
fn fitted(value: Value, room: usize) -> (Value, bool) {
    let Value::Text(text) = &value else {
        return if value.to_json().len() <= room { (value, false) } else { (Value::Null, true) };
    };
    let mut kept = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
    loop {
        let bytes = Value::text(kept).to_json().len();
        if bytes <= room {
            let is_cut = kept.len() < text.len();
            return (Value::text(kept), is_cut);
        }
        // Escapes make a text longer: what is over is taken away, and looked at again.
        let end = kept.len().saturating_mul(room) / bytes;
        kept = kept.get(..kept.floor_char_boundary(end.saturating_sub(1))).unwrap_or_default();
    }
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
