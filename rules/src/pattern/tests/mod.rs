//! The language as a whole; what one file does alone is tested there.

mod definition;
mod errors;
pub(crate) mod hostile;
mod laws;
mod mismatches;
pub(crate) mod vectors;

use crate::pattern::Pattern;
use crate::value::Value;

fn document(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap()
}

fn pattern(json: &str) -> Pattern {
    Pattern::from_json(json).unwrap()
}

fn matches(pattern_json: &str, event: &str) -> bool {
    pattern(pattern_json).matches(&document(event))
}
