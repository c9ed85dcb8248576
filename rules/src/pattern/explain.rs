//! Why a document does not fulfil a match.

use super::Mismatch;
use super::compile::quoted;
use super::condition::{Condition, Either, Part};
use super::evaluate::{self, Answer, STEP_LIMIT};
use crate::path::FieldPath;
use crate::value::Value;

/// How many values or branches a report names.
const SHOWN: usize = 3;

/// The first part, in written order, that makes the match fail; `None` when it does not.
pub(super) fn mismatch(parts: &[Part], document: &Value) -> Option<Mismatch> {
    match evaluate::evaluate(parts, document) {
        Answer::Yes => return None,
        Answer::TooCostly => return Some(too_costly(parts)),
        Answer::No => {}
    }
    let alone = parts.iter().find(|part| !evaluate::possible(part, document));
    Some(alone.map_or_else(|| disagreement(parts, document), |part| explain(part, document)))
}

/// Every part holds alone: some part leaves no choice of elements together with those before it. Parts that ask for
/// absence come last, since the others say where absence is judged.
fn disagreement(parts: &[Part], document: &Value) -> Mismatch {
    let rank = |part: &&Part| match part {
        Part::Field(condition) if condition.absences.is_empty() => 0,
        Part::Field(condition) if condition.tests.is_empty() => 2,
        _ => 1,
    };
    let mut order: Vec<&Part> = parts.iter().collect();
    order.sort_by_key(rank);
    let Some(part) = order.get(evaluate::agreeing(&order, document)) else { return too_costly(parts) };
    let mut mismatch = explain(part, document);
    mismatch.actual.push_str(", but in no list element that fulfils the other conditions");
    mismatch
}

fn too_costly(parts: &[Part]) -> Mismatch {
    let path = parts.iter().flat_map(Part::conditions).next().map_or_else(String::new, |c| c.path.to_string());
    Mismatch {
        path,
        expected: format!("an answer after looking at {STEP_LIMIT} values"),
        actual: "lists too long for this match".to_owned(),
    }
}

fn explain(part: &Part, document: &Value) -> Mismatch {
    match part {
        Part::Field(condition) => Mismatch {
            path: condition.path.to_string(),
            expected: condition.written.to_string(),
            actual: found(condition, document),
        },
        Part::Either(either) => Mismatch {
            path: either.path.as_ref().map_or_else(|| "$or".to_owned(), |path| format!("{path}.$or")),
            expected: format!("one of {} alternatives", either.branches.len()),
            actual: branches(either, document),
        },
    }
}

/// What each branch of an `$or` fails on.
fn branches(either: &Either, document: &Value) -> String {
    let failing = either.branches.iter().filter_map(|branch| mismatch(branch, document)).take(SHOWN + 1);
    let reports: Vec<_> = failing.map(|mismatch| format!("{} is {}", mismatch.path, mismatch.actual)).collect();
    if reports.is_empty() {
        return "alternatives that hold alone".to_owned();
    }
    shortened(&reports, "; ")
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
