//! Why a document does not fulfil a match.

use super::Mismatch;
use super::compile::quoted;
use super::condition::{Condition, Either, Part};
use super::evaluate::{self, Answer, STEP_LIMIT};
use crate::path::FieldPath;
use crate::value::Value;

/// How many values or branches a report names.
const SHOWN: usize = 3;

/// How many steps may be taken to say why: it takes several evaluations.
const LIMIT: u64 = 5 * STEP_LIMIT;

/// The first part, in written order, that makes the match fail; `None` when it does not.
pub(super) fn mismatch(parts: &[Part], document: &Value) -> Option<Mismatch> {
    Explaining { document, left: LIMIT }.mismatch(parts)
}

struct Explaining<'d> {
    document: &'d Value,
    left: u64,
}

impl Explaining<'_> {
    fn mismatch(&mut self, parts: &[Part]) -> Option<Mismatch> {
        if evaluate::evaluate(parts, self.document, &mut self.left) == Answer::Yes {
            return None;
        }
        let mut position = 0;
        for part in parts {
            if evaluate::possible(part, self.document, &mut self.left) == Answer::No {
                return Some(Mismatch { position, ..self.explain(part) });
            }
            position += part.conditions().count();
        }
        Some(self.disagreement(parts, position))
    }

    /// Every part holds alone: some part leaves no choice of elements together with those before it. Parts that ask for
    /// absence come last, since the others say where absence is judged.
    fn disagreement(&mut self, parts: &[Part], position: usize) -> Mismatch {
        let rank = |part: &&Part| match part {
            Part::Field(condition) if condition.absences.is_empty() => 0,
            Part::Field(condition) if condition.tests.is_empty() => 2,
            _ => 1,
        };
        let mut order: Vec<&Part> = parts.iter().collect();
        order.sort_by_key(rank);
        let agreeing = evaluate::agreeing(&order, self.document, &mut self.left);
        let Some(part) = agreeing.and_then(|agreeing| order.get(agreeing)) else { return too_costly(parts) };
        let mut mismatch = self.explain(part);
        mismatch.actual.push_str(", but in no list element that fulfils the other conditions");
        Mismatch { position, ..mismatch }
    }

    fn explain(&mut self, part: &Part) -> Mismatch {
        let (path, expected, actual) = match part {
            Part::Field(condition) => {
                (condition.path.to_string(), condition.written.to_string(), found(condition, self.document))
            }
            Part::Either(either) => (
                either.path.as_ref().map_or_else(|| "$or".to_owned(), |path| format!("{path}.$or")),
                format!("one of {} alternatives", either.branches.len()),
                self.branches(either),
            ),
        };
        Mismatch { path, expected, actual, position: 0 }
    }

    /// What each branch of an `$or` fails on.
    fn branches(&mut self, either: &Either) -> String {
        let failing = either.branches.iter().filter_map(|branch| self.mismatch(branch)).take(SHOWN + 1);
        let reports: Vec<_> = failing.map(|mismatch| format!("{} is {}", mismatch.path, mismatch.actual)).collect();
        if reports.is_empty() {
            return "alternatives that hold alone".to_owned();
        }
        shortened(&reports, "; ")
    }
}

/// Which part it is was not found out.
fn too_costly(parts: &[Part]) -> Mismatch {
    let path = parts.iter().flat_map(Part::conditions).next().map_or_else(String::new, |c| c.path.to_string());
    Mismatch {
        path,
        expected: format!("an answer after looking at {STEP_LIMIT} values"),
        actual: "lists too long for this match".to_owned(),
        position: 0,
    }
}

/// What is at the path of a condition.
fn found(condition: &Condition, document: &Value) -> String {
    let mut values = Vec::new();
    collect(&condition.path, document, 0, &mut values);
    if values.is_empty() { "nothing".to_owned() } else { shortened(&values, ", ") }
}

fn collect(path: &FieldPath, value: &Value, depth: usize, values: &mut Vec<String>) {
    if values.len() > SHOWN {
        return;
    }
    match (path.segment(depth), value) {
        (None, _) => values.push(shown(value)),
        (Some(_), Value::List(items)) => items.iter().for_each(|item| collect(path, item, depth, values)),
        (Some(name), Value::Map(entries)) => {
            if let Some(inner) = entries.get(name) {
                collect(path, inner, depth + 1, values);
            }
        }
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Map(entries) if !entries.is_empty() => format!("a map of {}", entries.len()),
        Value::List(items)
            if items.len() > SHOWN || items.iter().any(|item| matches!(item, Value::List(_) | Value::Map(_))) =>
        {
            format!("a list of {}", items.len())
        }
        _ => quoted(value),
    }
}

fn shortened(texts: &[String], separator: &str) -> String {
    let (shown, more) = texts.split_at_checked(SHOWN).unwrap_or((texts, &[]));
    let mut joined = shown.join(separator);
    if !more.is_empty() {
        joined.push_str(separator);
        joined.push('…');
    }
    joined
}
