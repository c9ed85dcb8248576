//! Values from JSON text and back, with exact numbers.
//!
//! Strict RFC 8259: one value, nothing after it, no raw control characters, no lone surrogates. Of a repeated key the
//! last value counts.

use std::fmt::Write as _;

use json_event_parser::JsonEvent;

use super::secret_reference;
use super::tokens::{Misplaced, Tokens};
use super::{Map, Number, Value};

/// How deep lists and maps may lie in each other.
pub const DEPTH_LIMIT: usize = 128;

/// A text is not JSON that can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line}, column {column}")]
pub struct JsonError {
    /// What is wrong.
    pub message: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, in characters.
    pub column: u64,
}

impl JsonError {
    fn locate(text: &[u8], problem: Misplaced) -> Self {
        let before = text.get(..problem.place.start).unwrap_or(text);
        let lines = before.split(|b| *b == b'\n');
        let column = String::from_utf8_lossy(lines.clone().next_back().unwrap_or_default()).chars().count() + 1;
        let line = lines.count();
        Self { message: problem.message, line: line as u64, column: column as u64 }
    }
}

enum Open {
    List(Vec<Value>),
    Map(Map, Option<String>),
}

impl Value {
    /// The value that a JSON text means.
    ///
    /// # Errors
    ///
    /// When the text is not JSON, or nested deeper than [`DEPTH_LIMIT`].
    pub fn from_json(text: &[u8]) -> Result<Self, JsonError> {
        read(text).map_err(|problem| JsonError::locate(text, problem))
    }

    /// The value as JSON text without spaces; map entries in the order of their names.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    pub(crate) fn write_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => {
                // Writing to a String cannot fail.
                let _written = write!(out, "{number}");
            }
            Self::Text(text) => write_string(text, out),
            Self::Secret(name) => write_string(&secret_reference(name), out),
            Self::List(items) => write_list(items.iter(), out, Self::write_json),
            Self::Map(entries) => {
                write_map(entries.iter().map(|(name, value)| (name.as_str(), value)), out, Self::write_json);
            }
        }
    }
}

fn read(text: &[u8]) -> Result<Value, Misplaced> {
    let mut tokens = Tokens::new(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let (event, place) = tokens.next()?;
        let fail = |message: &str| Err(Misplaced { place: place.clone(), message: message.to_owned() });
        let value = match event {
            JsonEvent::StartArray | JsonEvent::StartObject if open.len() >= DEPTH_LIMIT => {
                return fail(&format!("nested deeper than {DEPTH_LIMIT} levels"));
            }
            JsonEvent::StartArray => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            JsonEvent::StartObject => {
                open.push(Open::Map(Map::new(), None));
                continue;
            }
            JsonEvent::ObjectKey(name) => {
                if let Some(Open::Map(_, key)) = open.last_mut() {
                    *key = Some(name.into_owned());
                }
                continue;
            }
            JsonEvent::EndArray | JsonEvent::EndObject => match open.pop() {
                Some(Open::List(items)) => Value::list(items),
                Some(Open::Map(entries, _)) => Value::map(entries),
                None => return fail("a closing bracket without its opening one"),
            },
            JsonEvent::String(string) => Value::text(&*string),
            JsonEvent::Number(literal) => match Number::parse(&literal) {
                Some(number) => Value::Number(number),
                None => return fail("not a number"),
            },
            JsonEvent::Boolean(boolean) => Value::Bool(boolean),
            JsonEvent::Null => Value::Null,
            JsonEvent::Eof => return fail("the text ends before a value is complete"),
        };
        match open.last_mut() {
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(entries, key)) => {
                if let Some(key) = key.take() {
                    entries.insert(key, value);
                }
            }
            None => return tokens.end().map(|()| value),
        }
    }
}

/// Writes a JSON array (RFC 8259 section 5) of what `write` writes of each item.
pub(crate) fn write_list<T>(items: impl Iterator<Item = T>, out: &mut String, mut write: impl FnMut(T, &mut String)) {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}

/// Writes a JSON object (RFC 8259 section 4) with these members, in this order.
pub(crate) fn write_map<'n, T>(
    members: impl Iterator<Item = (&'n str, T)>,
    out: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    out.push('{');
    for (index, (name, value)) in members.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

/// Writes a JSON string (RFC 8259 section 7).
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[plain_from..at]);
        plain_from = at + 1;
        if escape.is_empty() {
            let _written = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain_from..]);
    out.push('"');
}

#[cfg(test)]
mod tests;
