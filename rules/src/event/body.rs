//! The body of an event: its text, and the value that it is once somebody needs it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::value::{JsonError, Outline, Value};

/// Which part of a body is about the happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// None that is known.
    None,
    /// This member.
    Member(String),
    /// The whole body.
    Whole,
}

impl Payload {
    /// The payload of a body; null when it is not there.
    #[must_use]
    pub fn of<'v>(&self, body: &'v Value) -> &'v Value {
        const NULL: &Value = &Value::Null;
        match self {
            Self::None => NULL,
            Self::Member(name) => body.get(name),
            Self::Whole => body,
        }
    }
}

/// The body of an event: a JSON text. The value that it is is made when it is asked for first, and kept.
#[derive(Clone)]
pub struct Body {
    /// JSON: it was read, or made from a value.
    text: Arc<[u8]>,
    payload: Payload,
    value: OnceLock<Value>,
}

impl Body {
    /// A body whose value will be needed. All of it is its payload, unless [another](Self::with_payload) is named.
    ///
    /// # Errors
    ///
    /// When the text is no JSON.
    pub fn read(text: impl Into<Arc<[u8]>>) -> Result<Self, JsonError> {
        let text = text.into();
        let value = Value::from_json(&text)?;
        Ok(Self { text, payload: Payload::Whole, value: value.into() })
    }

    /// A body of which only what an outline names is read; the rest is checked. As [`Body::read`] otherwise. The second value is
    /// what was read, with more members where the whole had to be read.
    ///
    /// # Errors
    ///
    /// When the text is no JSON.
    pub fn outlined(text: impl Into<Arc<[u8]>>, outline: &Outline) -> Result<(Self, Value), JsonError> {
        let text = text.into();
        if let Some(read) = outline.read(&text) {
            return Ok((Self { text, payload: Payload::Whole, value: OnceLock::new() }, read));
        }
        let body = Self::read(text)?;
        let whole = body.value().clone();
        Ok((body, whole))
    }

    /// This body with another payload.
    #[must_use]
    pub fn with_payload(self, payload: Payload) -> Self {
        Self { payload, ..self }
    }

    /// The text, to the byte.
    #[must_use]
    pub fn text(&self) -> &Arc<[u8]> {
        &self.text
    }

    /// The value that it is.
    #[must_use]
    pub fn value(&self) -> &Value {
        // What was checked is taken here too, so there is nothing to fail.
        self.value.get_or_init(|| Value::from_json(&self.text).unwrap_or_default())
    }

    /// The part of it that is about the happening; null when it is not there.
    #[must_use]
    pub fn payload(&self) -> &Value {
        self.payload.of(self.value())
    }

    /// Which part of it that is.
    #[must_use]
    pub fn payload_place(&self) -> &Payload {
        &self.payload
    }

    /// Whether the value was made already.
    #[must_use]
    pub fn has_value(&self) -> bool {
        self.value.get().is_some()
    }
}

impl From<Value> for Body {
    /// The body that a value is; all of it is its payload.
    fn from(value: Value) -> Self {
        Self { text: value.to_json().into_bytes().into(), payload: Payload::Whole, value: value.into() }
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.payload == other.payload
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.text);
        f.debug_struct("Body").field("text", &text).field("payload", &self.payload).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = br#"{ "a" : {"x":1}, "b": 2, "a":{"y":3} }"#;

    fn outline() -> Outline {
        let mut outline = Outline::default();
        outline.add(["b"]);
        outline
    }

    #[test]
    fn the_value_is_made_when_it_is_asked_for() {
        let (body, outline) = Body::outlined(TEXT, &outline()).unwrap();
        assert_eq!(outline.to_json(), r#"{"b":2}"#);
        assert!(!body.has_value());
        let body = body.with_payload(Payload::Member("a".to_owned()));
        assert_eq!(body.payload().to_json(), r#"{"y":3}"#);
        assert!(body.has_value());
        assert_eq!(body, Body::read(TEXT).unwrap().with_payload(Payload::Member("a".to_owned())));
        assert_eq!(&**body.text(), TEXT);
    }

    #[test]
    fn what_is_no_json_is_refused_with_the_same_words_however_much_is_read_of_it() {
        for text in ["", "{\"b\":}", "{\"x\":01}", "[1,\n2", "{\"x\":\"\u{1}\"}"] {
            let read = Body::read(text.as_bytes()).unwrap_err();
            assert_eq!(Body::outlined(text.as_bytes(), &outline()).unwrap_err(), read, "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let (body, read) = Body::outlined(b"\xef\xbb\xbf{\"a\":1,\"b\":2}".as_slice(), &outline()).unwrap();
        assert_eq!((read.get("b").to_json(), body.value().get("a").to_json()), ("2".to_owned(), "1".to_owned()));
    }

    #[test]
    fn a_payload_that_is_not_there_is_null() {
        let body = |payload| Body::read(TEXT).unwrap().with_payload(payload);
        assert_eq!(body(Payload::None).payload(), &Value::Null);
        assert_eq!(body(Payload::Member("c".to_owned())).payload(), &Value::Null);
        assert_eq!(body(Payload::Whole).payload().get("b").to_json(), "2");
        let list = Body::from(Value::list(Vec::new())).with_payload(Payload::Member("a".to_owned()));
        assert_eq!((list.payload(), &**list.text()), (&Value::Null, b"[]".as_slice()));
    }
}
