//! What a value that is there already holds at named fields.

use std::borrow::Cow;

use super::fields::{FieldId, Fields};
use super::scaled::Exact;
use super::scan::Roots;
use super::sightings::{NONE, Seen, Sightings};
use crate::value::Value;

/// Looks through the value of a body.
pub(super) fn walk_body<'e>(body: &'e Value, fields: &Fields, roots: Roots<'_>, seen: &mut Sightings<'e>) {
    if let Some(root) = roots.body {
        walk(body, fields, root, seen);
    }
    if let Some((root, payload)) = roots.payload {
        walk(payload.of(body), fields, root, seen);
    }
}

/// Looks through a value that stands at `root`.
pub(super) fn walk<'e>(value: &'e Value, fields: &Fields, root: FieldId, seen: &mut Sightings<'e>) {
    visit(value, fields, root, NONE, seen);
}

fn visit<'e>(value: &'e Value, fields: &Fields, field: FieldId, element: u32, seen: &mut Sightings<'e>) {
    if fields.is_named(field) {
        seen.add(field, element, see(value));
    }
    match value {
        Value::Map(entries) if fields.has_inner(field) => {
            for (name, inner) in entries.iter() {
                if let Some(child) = fields.child(field, name) {
                    visit(inner, fields, child, element, seen);
                }
            }
        }
        Value::List(items) => {
            let (list, mut containers) = (seen.begin_list(), 0);
            for item in items.iter() {
                let inner = match item {
                    Value::List(_) | Value::Map(_) => {
                        containers += 1;
                        seen.element(list, containers - 1, element)
                    }
                    _ => element,
                };
                visit(item, fields, field, inner, seen);
            }
            if containers > 1 {
                seen.note_choice(field);
            }
        }
        _ => {}
    }
}

fn see(value: &Value) -> Seen<'_> {
    match value {
        // A secret is no part of an event; where one should ever be, it is nothing that a rule can see.
        Value::Null | Value::Secret(_) => Seen::Null,
        Value::Bool(bool) => Seen::Bool(*bool),
        Value::Number(number) => Seen::Number(Exact::of(number)),
        Value::Text(text) => Seen::Text(Cow::Borrowed(text)),
        Value::List(_) => Seen::List,
        Value::Map(entries) => Seen::Map { is_empty: entries.is_empty() },
    }
}
