//! The matcher as a whole, beside the plain evaluator of each rule's match.

#[expect(unreachable_pub, reason = "what is shared with fuzz targets is public to them")]
#[path = "../../../tests/fuzzing/agreement.rs"]
mod agreement;
mod changes;
mod dice;
mod differential;
mod hostile;
mod vectors;

use self::agreement::{Came, matcher};
use super::{Found, Matcher};
use crate::event::Payload;
use crate::pattern::{Pattern, PatternError};
use crate::value::Value;

/// A match on the body of an event.
fn in_body(text: &str) -> Result<Pattern, Vec<PatternError>> {
    Pattern::from_json(&format!("{{\"body\":{text}}}"))
}

/// An event of which there is nothing but its body.
fn bare(body: &str) -> Came {
    Came { envelope: Value::Null, body: body.as_bytes().to_vec(), payload: Payload::None }
}

/// What it finds in the text of a body.
fn find(matcher: &Matcher, patterns: &[Pattern], body: &str) -> Found {
    let ask = |rule: u32, document: &Value, steps: &mut u64| patterns[rule as usize].decide(document, steps);
    bare(body).find(matcher, ask).unwrap()
}
