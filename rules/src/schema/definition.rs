//! JSON Schemas that people write, in the manifests of plugins: read with their places, and only with what is checked.

use serde_json::Value as Json;

use crate::decode::{Field, did_you_mean};
use crate::node::NodeKind;
use crate::value::Value;

/// How deep schemas may lie in each other.
const DEPTH_LIMIT: usize = 32;
const PAGE: &str = "see https://json-schema.org/understanding-json-schema for the keywords";

/// Keywords that only tell people something.
const NOTES: [&str; 9] =
    ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format", "$comment"];
/// Keywords that are checked.
const CHECKED: [&str; 21] = [
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
    "$defs",
    "$schema",
];
/// Keywords of JSON Schema that nobody here checks: one who writes them would rely on what does not happen.
const UNCHECKED: [&str; 22] = [
    "pattern",
    "multipleOf",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "prefixItems",
    "unevaluatedItems",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "dependentRequired",
    "dependentSchemas",
    "not",
    "if",
    "then",
    "else",
    "$id",
    "$anchor",
    "$dynamicRef",
];
const KINDS: [&str; 7] = ["string", "integer", "number", "boolean", "array", "object", "null"];

/// The schema of a mapping that a field must hold. `type: object` may be left out. Every problem is reported; `None` when
/// there is one.
#[must_use]
pub fn read(field: &Field<'_>) -> Option<Json> {
    if !matches!(field.node().kind, NodeKind::Map(_)) {
        let hint = "write a JSON Schema, such as `{ properties: { text: { type: string } }, required: [text] }`";
        field.mismatch("a JSON Schema, which is a mapping", hint);
        return None;
    }
    let mut json: Json = serde_json::from_str(&field.node().to_value().to_json()).ok()?;
    let reader = Reader { root: &json };
    let is_right = reader.schema(field, 0);
    let members = json.as_object_mut()?;
    let kind = members.entry("type").or_insert_with(|| "object".into());
    if *kind != "object" {
        field.error(format!("`{}` must describe a mapping", field.name()), "write `type: object`");
        return None;
    }
    is_right.then_some(json)
}

struct Reader<'j> {
    root: &'j Json,
}

impl Reader<'_> {
    /// Whether a schema is one. Every part is asked: each reports its own problems.
    fn schema(&self, field: &Field<'_>, depth: usize) -> bool {
        if depth > DEPTH_LIMIT {
            field.error(format!("a schema is nested deeper than {DEPTH_LIMIT}"), "make it flatter");
            return false;
        }
        if matches!(field.node().kind, NodeKind::Scalar(Value::Bool(_))) {
            return true;
        }
        let Some(entries) = field.entries("write a schema, such as `{ type: string }`") else { return false };
        let wrong = entries.iter().filter(|(key, child)| !self.keyword(field, key, child, depth)).count();
        wrong == 0 && names_its_members(field)
    }

    fn keyword(&self, schema: &Field<'_>, key: &crate::node::Key, field: &Field<'_>, depth: usize) -> bool {
        let deeper = |field: &Field<'_>| self.schema(field, depth + 1);
        match key.text.as_str() {
            "type" => kinds(field),
            "enum" => filled(field, |_| true),
            "required" => each(field, |item| item.some_text().is_some()),
            "properties" | "$defs" => {
                let entries = field.entries("write each as `name: { type: string }`");
                entries.is_some_and(|entries| entries.iter().filter(|(_, child)| !deeper(child)).count() == 0)
            }
            "items" | "additionalProperties" => deeper(field),
            "anyOf" | "oneOf" | "allOf" => filled(field, deeper),
            "minItems" | "maxItems" | "minLength" | "maxLength" => field.integer(0..=u64::from(u32::MAX)).is_some(),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                let is_number = matches!(field.node().kind, NodeKind::Scalar(Value::Number(_)));
                if !is_number {
                    field.mismatch("a number", "write a number");
                }
                is_number
            }
            "readOnly" | "writeOnly" | "deprecated" => field.boolean().is_some(),
            "title" | "description" | "format" | "$comment" | "$schema" => field.text().is_some(),
            "const" | "default" | "examples" => true,
            "$ref" => self.reference(field),
            unknown => {
                let findings = schema.findings();
                if UNCHECKED.contains(&unknown) {
                    let message = format!("`{unknown}` of JSON Schema is not checked by Oncue");
                    findings.error(key.span, message, "leave it out, and check the value in the code of the action");
                } else {
                    let known = CHECKED.iter().chain(&NOTES).copied();
                    let hint = did_you_mean(unknown, "keywords", known);
                    findings.error(key.span, format!("a schema has no keyword `{unknown}`"), hint);
                }
                false
            }
        }
    }

    fn reference(&self, field: &Field<'_>) -> bool {
        let Some(path) = field.some_text() else { return false };
        let is_there = path.strip_prefix('#').is_some_and(|path| self.root.pointer(path).is_some());
        if !is_there {
            let hint = "write `#/$defs/NAME`, and describe it below `$defs` of the same schema";
            field.error(format!("`{path}` leads to no schema"), hint);
        }
        is_there
    }
}

/// Whether a value is one kind or a list of kinds.
fn kinds(field: &Field<'_>) -> bool {
    let kinds = field.one_or_many();
    let wrong = kinds.iter().filter(|kind| {
        let Some(word) = kind.text() else { return true };
        let is_known = KINDS.contains(&word);
        if !is_known {
            kind.error(format!("there is no type `{word}`"), did_you_mean(word, "types", KINDS));
        }
        !is_known
    });
    wrong.count() == 0
}

fn each(field: &Field<'_>, fits: impl Fn(&Field<'_>) -> bool) -> bool {
    let Some(items) = field.items("write a list: `[...]`") else { return false };
    items.iter().filter(|item| !fits(item)).count() == 0
}

fn filled(field: &Field<'_>, fits: impl Fn(&Field<'_>) -> bool) -> bool {
    if matches!(&field.node().kind, NodeKind::List(items) if items.is_empty()) {
        field.error(format!("`{}` is empty, so nothing could ever fit", field.name()), PAGE);
        return false;
    }
    each(field, fits)
}

/// Whether what must be there can be there.
fn names_its_members(field: &Field<'_>) -> bool {
    let NodeKind::Map(entries) = &field.node().kind else { return true };
    let member = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
    let (Some(required), Some(properties)) = (member("required"), member("properties")) else { return true };
    let NodeKind::Map(known) = &properties.kind else { return true };
    let NodeKind::List(names) = &required.kind else { return true };
    let missing = names.iter().filter(|name| {
        let NodeKind::Scalar(Value::Text(text)) = &name.kind else { return false };
        let is_there = known.iter().any(|(key, _)| key.text == **text);
        if !is_there {
            let hint = did_you_mean(text, "properties", known.iter().map(|(key, _)| key.text.as_str()));
            field.findings().error(name.span, format!("`required` names `{text}`, which is not described"), hint);
        }
        !is_there
    });
    missing.count() == 0
}
