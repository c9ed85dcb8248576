//! Cases of a pattern, an event and the verdict, kept as data.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::pattern::evaluate::STEP_LIMIT;
use crate::pattern::{Match, Pattern, json};
use crate::value::Value;

const VECTORS: &str = include_str!("../../../tests/fixtures/matching/vectors.jsonl");

#[derive(Deserialize)]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) pattern: String,
    pub(crate) event: String,
    pub(crate) expected: serde_json::Value,
}

/// All of them.
pub(crate) fn vectors() -> Vec<Vector> {
    VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `true`, `false`, `invalid-pattern` or `invalid-event`, as the vectors write it.
fn verdict(pattern: &str, event: &str) -> serde_json::Value {
    let Ok(pattern) = Pattern::from_json(pattern) else { return "invalid-pattern".into() };
    let Ok(document @ Value::Map(_)) = Value::from_json(event.as_bytes()) else { return "invalid-event".into() };
    let matches = pattern.matches(&document);
    assert_eq!(matches, pattern.mismatch(&document).is_none());
    matches.into()
}

#[test]
fn every_vector_gets_the_verdict_that_it_expects() {
    let mut failures = String::new();
    let mut count = 0;
    for vector in vectors() {
        let actual = verdict(&vector.pattern, &vector.event);
        if actual != vector.expected {
            writeln!(failures, "{}: {actual}, expected {}", vector.id, vector.expected).unwrap();
        }
        count += 1;
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert_eq!(count, 382);
}

#[test]
fn a_match_that_is_kept_as_text_says_the_same_of_the_same_condition() {
    let documents: Vec<Value> =
        vectors().iter().filter_map(|vector| Value::from_json(vector.event.as_bytes()).ok()).collect();
    for vector in vectors() {
        let Ok(pattern) = Pattern::from_json(&vector.pattern) else { continue };
        let kept = Match::of(&json::read(&vector.pattern).unwrap());
        for document in &documents {
            assert_eq!(kept.mismatch(document), pattern.mismatch(document), "{} of {document:?}", vector.id);
            assert_eq!(kept.decide(document, &mut STEP_LIMIT.clone()), Ok(pattern.matches(document)), "{}", vector.id);
        }
    }
}
