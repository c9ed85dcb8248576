//! Checks the literal parts of a step's parameters against the action's JSON Schema, and whole values when a step runs.
//!
//! What a template gives is known only when it runs, so every text that holds one fits here. Understood is what
//! schemars 1 writes: `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, the bounds of
//! numbers, texts and lists, `$ref` into `$defs`, `anyOf`, `oneOf`, `allOf`. Anything else is taken to fit.

mod choice;
mod definition;
mod literal;
mod object;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use serde_json::Value as Json;

use crate::decode::Findings;
use crate::diagnostic::{Severity, SourceFile, Span};
use crate::node::{Node, NodeKind};
use crate::template::secret_reference;
use crate::value::Value;

pub use definition::read;

/// How deep values and references are followed.
const DEPTH_LIMIT: usize = 64;
/// How many parts are compared for one step: a schema whose references lead in circles costs no more than this.
const WORK_LIMIT: u32 = 200_000;

/// Reports every literal of `with` that the parameters of `action` cannot take; whether all fit.
pub fn check(findings: &Findings<'_>, action: &str, schema: &Json, with: &Node) -> bool {
    let checker = Checker { findings, action, root: schema, is_rendered: false, work: Cell::new(0) };
    let found = checker.value(schema, with, "", 0);
    checker.deliver(found)
}

/// The same for a step without parameters, which points at `place`.
pub(crate) fn check_absent(findings: &Findings<'_>, action: &str, schema: &Json, place: Span) -> bool {
    check(findings, action, schema, &Node { span: place, kind: NodeKind::Map(Vec::new()) })
}

/// What is wrong with a value that is there, and what to do about it; none when the schema fits it. `name` is how the
/// message calls what the value belongs to.
#[must_use]
pub fn misfit(name: &str, schema: &Json, value: &Value) -> Option<String> {
    let file = SourceFile { name: "".into(), text: "".into() };
    let findings = Findings::new(&file);
    let checker = Checker { findings: &findings, action: name, root: schema, is_rendered: true, work: Cell::new(0) };
    let found = checker.value(schema, &Node::from_value(value), "", 0);
    let error = found.into_iter().find(|problem| problem.severity == Severity::Error)?;
    Some(format!("{}; {}", error.message, error.hint))
}

/// A finding, not yet delivered: a choice may drop it.
struct Problem {
    severity: Severity,
    span: Span,
    message: String,
    hint: String,
}

struct Checker<'c> {
    findings: &'c Findings<'c>,
    action: &'c str,
    root: &'c Json,
    /// Whether the value is what templates gave, and holds none itself.
    is_rendered: bool,
    work: Cell<u32>,
}

impl<'c> Checker<'c> {
    fn deliver(&self, problems: Vec<Problem>) -> bool {
        let mut fits = true;
        for problem in problems {
            fits &= problem.severity != Severity::Error;
            self.findings.push(problem.severity, problem.span, problem.message, Some(problem.hint));
        }
        fits
    }

    /// What is wrong with a value; `name` is its path within the parameters, empty for all of them.
    fn value(&self, schema: &'c Json, node: &Node, name: &str, depth: usize) -> Vec<Problem> {
        self.work.set(self.work.get().saturating_add(1));
        if (!self.is_rendered && is_dynamic(node)) || depth > DEPTH_LIMIT || self.work.get() > WORK_LIMIT {
            return Vec::new();
        }
        if schema == &Json::Bool(false) {
            return vec![error(node.span, format!("{} cannot be given", self.subject(name)), "remove it")];
        }
        let mut problems = Vec::new();
        if let Some(target) = schema.get("$ref").and_then(Json::as_str).and_then(|path| self.resolve(path)) {
            problems.extend(self.value(target, node, name, depth + 1));
        }
        for part in list(schema, "allOf") {
            problems.extend(self.value(part, node, name, depth + 1));
        }
        for choice in ["anyOf", "oneOf"] {
            problems.extend(self.choice(list(schema, choice), node, name, depth));
        }
        if !problems.is_empty() {
            return problems;
        }
        let kinds = literal::kinds(schema);
        if !kinds.is_empty() && !kinds.iter().any(|kind| literal::is_of_kind(kind, node)) {
            return vec![self.wrong_kind(&kinds, node, name)];
        }
        match &node.kind {
            NodeKind::Scalar(_) if !self.is_rendered && is_secret(node) => {}
            NodeKind::Scalar(value) => problems.extend(self.literal(schema, value, node.span, name)),
            NodeKind::List(items) => problems.extend(self.items(schema, items, node.span, name, depth)),
            NodeKind::Map(entries) => problems.extend(self.members(schema, entries, node.span, name, depth)),
        }
        problems
    }

    fn items(&self, schema: &'c Json, items: &[Node], span: Span, name: &str, depth: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        let count = items.len() as u64;
        if let Some(least) = schema.get("minItems").and_then(Json::as_u64).filter(|least| count < *least) {
            let message =
                format!("{} needs at least {}, and this has {count}", self.subject(name), counted(least, "item"));
            problems.push(error(span, message, "add items"));
        }
        if let Some(most) = schema.get("maxItems").and_then(Json::as_u64).filter(|most| count > *most) {
            let message =
                format!("{} takes at most {}, and this has {count}", self.subject(name), counted(most, "item"));
            problems.push(error(span, message, "remove items"));
        }
        if let Some(item_schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                problems.extend(self.value(item_schema, item, &format!("{name}[{index}]"), depth + 1));
            }
        }
        problems
    }

    fn resolve(&self, path: &str) -> Option<&'c Json> {
        self.root.pointer(path.strip_prefix('#')?)
    }

    /// How messages call a parameter.
    fn subject(&self, name: &str) -> String {
        if name.is_empty() { format!("`{}`", self.action) } else { format!("`{name}` of `{}`", self.action) }
    }

    fn wrong_kind(&self, kinds: &[&str], node: &Node, name: &str) -> Problem {
        let expected = literal::phrase(kinds);
        let found = literal::found(node);
        let message = format!("{} must be {expected}, and {found}", self.subject(name));
        error(node.span, message, literal::hint(kinds, node))
    }
}

fn error(span: Span, message: String, hint: impl Into<String>) -> Problem {
    Problem { severity: Severity::Error, span, message, hint: hint.into() }
}

fn list<'j>(schema: &'j Json, key: &str) -> &'j [Json] {
    schema.get(key).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether the value is known only when it runs.
fn is_dynamic(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Scalar(Value::Text(text)) if text.contains("${{")) && !is_secret(node)
}

/// Whether the value is a reference to a secret: a text whose content nobody knows.
fn is_secret(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Scalar(Value::Text(text)) if secret_reference(text).is_some())
}

/// `1 item`, `2 items`.
fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("{number} {what}") } else { format!("{number} {what}s") }
}
