//! JSON text as a tree with places, where a repeated key is still there twice.

use json_event_parser::JsonEvent;

use super::PatternError;
use crate::diagnostic::Span;
use crate::node::{Key, Node, NodeKind};
use crate::value::tokens::{Misplaced, Tokens};
use crate::value::{DEPTH_LIMIT, Number, Value};

enum Open {
    List { start: usize, items: Vec<Node> },
    Map { start: usize, entries: Vec<(Key, Node)>, key: Option<Key> },
}

/// The tree of a JSON text; spans are byte offsets into it.
pub(super) fn read(text: &str) -> Result<Node, PatternError> {
    let mut tokens = Tokens::new(text.as_bytes());
    let mut open: Vec<Open> = Vec::new();
    loop {
        let (event, place) = tokens.next().map_err(|problem| not_json(text, problem))?;
        let span = Span { start: place.start, end: place.end };
        if matches!(event, JsonEvent::StartArray | JsonEvent::StartObject) && open.len() >= DEPTH_LIMIT {
            return Err(error(span, format!("nested deeper than {DEPTH_LIMIT} levels"), "nest less deeply"));
        }
        let node = match event {
            JsonEvent::StartArray => {
                open.push(Open::List { start: span.start, items: Vec::new() });
                continue;
            }
            JsonEvent::StartObject => {
                open.push(Open::Map { start: span.start, entries: Vec::new(), key: None });
                continue;
            }
            JsonEvent::ObjectKey(name) => {
                if let Some(Open::Map { key, .. }) = open.last_mut() {
                    *key = Some(Key { span, text: name.into_owned() });
                }
                continue;
            }
            JsonEvent::EndArray | JsonEvent::EndObject => match open.pop() {
                Some(Open::List { start, items }) => {
                    Node { span: Span { start, end: span.end }, kind: NodeKind::List(items) }
                }
                Some(Open::Map { start, entries, .. }) => {
                    Node { span: Span { start, end: span.end }, kind: NodeKind::Map(entries) }
                }
                None => return Err(error(span, "a closing bracket without its opening one", "remove it")),
            },
            scalar => Node { span, kind: NodeKind::Scalar(scalar_value(scalar, span)?) },
        };
        match open.last_mut() {
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => entries.extend(key.take().map(|key| (key, node))),
            None => return tokens.end().map(|()| node).map_err(|problem| not_json(text, problem)),
        }
    }
}

fn scalar_value(event: JsonEvent<'_>, span: Span) -> Result<Value, PatternError> {
    match event {
        JsonEvent::String(text) => Ok(Value::text(&*text)),
        JsonEvent::Boolean(boolean) => Ok(Value::Bool(boolean)),
        JsonEvent::Null => Ok(Value::Null),
        JsonEvent::Number(literal) => {
            Number::parse(&literal).map(Value::Number).ok_or_else(|| error(span, "not a number", "write a JSON number"))
        }
        _ => Err(error(span, "the text ends before a value is complete", "write a JSON object")),
    }
}

fn error(span: Span, message: impl Into<String>, hint: &str) -> PatternError {
    PatternError { span, message: message.into(), hint: Some(hint.to_owned()) }
}

/// The parser counts bytes: what it names may begin or end within a character.
fn not_json(text: &str, Misplaced { place, message }: Misplaced) -> PatternError {
    let span = Span { start: text.floor_char_boundary(place.start), end: text.ceil_char_boundary(place.end) };
    error(span, format!("not JSON: {message}"), "write one JSON object")
}
