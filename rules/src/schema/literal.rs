//! Kinds of values, and the bounds of texts and numbers.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::{Checker, Problem, counted, error, is_secret, list};
use crate::decode::did_you_mean;
use crate::diagnostic::Span;
use crate::node::{Node, NodeKind};
use crate::value::{Number, Value};

/// The values of `type`, which is one or a list.
pub(super) fn kinds(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(kind)) => vec![kind],
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn is_of_kind(kind: &str, node: &Node) -> bool {
    match (&node.kind, kind) {
        (NodeKind::Scalar(Value::Null), "null")
        | (NodeKind::Scalar(Value::Bool(_)), "boolean")
        | (NodeKind::Scalar(Value::Number(_)), "number")
        | (NodeKind::Scalar(Value::Text(_)), "string")
        | (NodeKind::List(_), "array")
        | (NodeKind::Map(_), "object") => true,
        (NodeKind::Scalar(Value::Number(number)), "integer") => is_integer(number),
        _ => false,
    }
}

fn is_integer(number: &Number) -> bool {
    number.as_i64().is_some() || number.as_u64().is_some()
}

/// Kinds as a person says them: "a text or a list".
pub(super) fn phrase(kinds: &[&str]) -> String {
    let words: Vec<&str> = kinds.iter().filter(|kind| **kind != "null").map(|kind| word(kind)).collect();
    if words.is_empty() { "empty".to_owned() } else { words.join(" or ") }
}

fn word(kind: &str) -> &str {
    match kind {
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a mapping",
        other => other,
    }
}

/// What a value is, as a person says it.
pub(super) fn found(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar(Value::Null) => "it is empty".to_owned(),
        NodeKind::Scalar(_) if is_secret(node) => "this is a secret, which is a text".to_owned(),
        NodeKind::Scalar(Value::Number(number)) => format!("this is {number}"),
        NodeKind::Scalar(value) => format!("this is {}", value.kind()),
        NodeKind::List(_) => "this is a list".to_owned(),
        NodeKind::Map(_) => "this is a mapping".to_owned(),
    }
}

pub(super) fn hint(kinds: &[&str], node: &Node) -> String {
    let wants = |kind: &str| kinds.contains(&kind);
    match &node.kind {
        NodeKind::Scalar(Value::Number(_) | Value::Bool(_)) if wants("string") => "quote it".to_owned(),
        NodeKind::Scalar(Value::Text(text)) if wants("integer") && text.parse::<u64>().is_ok() => {
            "write it without quotes".to_owned()
        }
        NodeKind::Scalar(Value::Null) => "write a value, or leave it out".to_owned(),
        NodeKind::Scalar(_) if wants("array") => "write it as a list: `[...]`".to_owned(),
        _ => format!("write {}", phrase(kinds)),
    }
}

impl<'c> Checker<'c> {
    /// What is wrong with a scalar of the right kind.
    pub(super) fn literal(&self, schema: &'c Json, value: &Value, span: Span, name: &str) -> Vec<Problem> {
        let allowed = allowed(schema);
        if !allowed.is_empty() && !allowed.iter().any(|json| from_json(json).as_ref() == Some(value)) {
            return vec![self.not_allowed(&allowed, value, span, name)];
        }
        match value {
            Value::Text(text) => self.length(schema, text, span, name).into_iter().collect(),
            Value::Number(number) => self.bounds(schema, number, span, name).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// What is wrong with a scalar that is none of the listed values.
    pub(super) fn not_allowed(&self, allowed: &[&Json], value: &Value, span: Span, name: &str) -> Problem {
        let texts: Vec<String> = allowed
            .iter()
            .filter(|json| !json.is_null())
            .map(|json| json.as_str().map_or_else(|| json.to_string(), str::to_owned))
            .collect();
        let written = value.as_text().map_or_else(|| value.to_json(), str::to_owned);
        let hint = did_you_mean(&written, "it takes", texts.iter().map(String::as_str));
        error(span, format!("{} cannot be `{written}`", self.subject(name)), hint)
    }

    fn length(&self, schema: &Json, text: &str, span: Span, name: &str) -> Option<Problem> {
        let count = text.chars().count() as u64;
        if let Some(least) = schema.get("minLength").and_then(Json::as_u64).filter(|least| count < *least) {
            let message =
                format!("{} needs at least {}, and this has {count}", self.subject(name), counted(least, "character"));
            return Some(error(span, message, "make it longer"));
        }
        let most = schema.get("maxLength").and_then(Json::as_u64).filter(|most| count > *most)?;
        let message =
            format!("{} takes at most {}, and this has {count}", self.subject(name), counted(most, "character"));
        Some(error(span, message, "shorten it"))
    }

    fn bounds(&self, schema: &Json, number: &Number, span: Span, name: &str) -> Option<Problem> {
        let rules = [
            ("minimum", "at least", Ordering::Less, true),
            ("exclusiveMinimum", "more than", Ordering::Less, false),
            ("maximum", "at most", Ordering::Greater, true),
            ("exclusiveMaximum", "less than", Ordering::Greater, false),
        ];
        rules.iter().find_map(|(key, words, past, may_equal)| {
            let bound = schema.get(key).and_then(|json| Number::parse(&json.to_string()))?;
            let order = number.cmp(&bound);
            if order != *past && (*may_equal || order != Ordering::Equal) {
                return None;
            }
            let message = format!("{} must be {words} {bound}, and this is {number}", self.subject(name));
            Some(error(span, message, format!("write a number that is {words} {bound}")))
        })
    }
}

/// The values that `enum` or `const` allow; none when there is neither.
pub(super) fn allowed(schema: &Json) -> Vec<&Json> {
    schema.get("const").map_or_else(|| list(schema, "enum").iter().collect(), |only| vec![only])
}

fn from_json(json: &Json) -> Option<Value> {
    Value::from_json(json.to_string().as_bytes()).ok()
}
