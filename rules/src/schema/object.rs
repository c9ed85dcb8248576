//! The members of a mapping: unknown, missing, and each in itself.

use serde_json::Value as Json;

use super::{Checker, Problem, error, list};
use crate::decode::{did_you_mean, nearest};
use crate::diagnostic::{Severity, Span};
use crate::node::{Key, Node};

impl<'c> Checker<'c> {
    /// What is wrong with the members of a mapping.
    pub(super) fn members(
        &self,
        schema: &'c Json,
        entries: &[(Key, Node)],
        span: Span,
        name: &str,
        depth: usize,
    ) -> Vec<Problem> {
        let properties = schema.get("properties").and_then(Json::as_object);
        let known: Vec<&str> = properties.map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default();
        let others = schema.get("additionalProperties");
        let mut problems = Vec::new();
        for (key, node) in entries {
            let path = if name.is_empty() { key.text.clone() } else { format!("{name}.{}", key.text) };
            if let Some(property) = properties.and_then(|map| map.get(&key.text)) {
                problems.extend(self.value(property, node, &path, depth + 1));
            } else if others == Some(&Json::Bool(false)) {
                problems.push(self.unknown(key, &known, name));
            } else {
                problems.extend(self.slip(key, entries, &known, name));
                problems.extend(others.into_iter().flat_map(|schema| self.value(schema, node, &path, depth + 1)));
            }
        }
        let place = entries.first().filter(|_| !name.is_empty()).map_or(span, |(key, _)| key.span);
        for needed in list(schema, "required").iter().filter_map(Json::as_str) {
            if !entries.iter().any(|(key, _)| key.text == needed) {
                let summary = properties
                    .and_then(|map| map.get(needed))
                    .and_then(|property| property.get("description"))
                    .and_then(Json::as_str)
                    .and_then(|text| text.lines().next());
                let hint =
                    summary.map_or_else(|| format!("write `{needed}: ...`"), |text| format!("`{needed}`: {text}"));
                let place = if name.is_empty() { entries.first().map_or(span, |(key, _)| key.span) } else { place };
                problems.push(error(place, format!("{} needs `{needed}`", self.subject(name)), hint));
            }
        }
        problems
    }

    fn unknown(&self, key: &Key, known: &[&str], name: &str) -> Problem {
        let (what, group) = if name.is_empty() {
            (format!("`{}` has no parameter `{}`", self.action, key.text), format!("parameters of `{}`", self.action))
        } else {
            (format!("{} has no field `{}`", self.subject(name), key.text), format!("fields of `{name}`"))
        };
        error(key.span, what, did_you_mean(&key.text, &group, known.iter().copied()))
    }

    /// A member that may be given, and is probably another one with a slip of the pen.
    fn slip(&self, key: &Key, entries: &[(Key, Node)], known: &[&str], name: &str) -> Option<Problem> {
        let near = nearest(&key.text, known.iter().copied())?;
        if entries.iter().any(|(other, _)| other.text == near) {
            return None;
        }
        let message = format!("{} does not describe `{}`", self.subject(name), key.text);
        let hint = format!("did you mean `{near}`? if not, it is passed on as it is");
        Some(Problem { severity: Severity::Warning, span: key.span, message, hint })
    }
}
