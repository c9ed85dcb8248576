//! The matcher as a whole, beside the plain evaluator of each rule's match.

mod changes;
mod dice;
mod differential;
mod hostile;
mod vectors;

use std::cell::OnceCell;

use super::{Builder, Document, Found, Matcher, Subject};
use crate::event::Payload;
use crate::pattern::{Pattern, PatternError};
use crate::value::{JsonError, Value};

/// A matcher of these matches alone.
fn matcher(patterns: &[Pattern]) -> Matcher {
    let mut builder = Builder::new();
    for (number, pattern) in (0..).zip(patterns) {
        builder.add(number, Subject::new(None, None, Some(pattern)));
    }
    builder.finish(|_| unreachable!("there was none before"))
}

/// A match on the body of an event.
fn in_body(text: &str) -> Result<Pattern, Vec<PatternError>> {
    Pattern::from_json(&format!("{{\"body\":{text}}}"))
}

/// An event as it came.
#[derive(Debug)]
struct Came {
    envelope: Value,
    body: String,
    payload: Payload,
}

impl Came {
    /// An event of which there is nothing but its body.
    fn bare(body: &str) -> Self {
        Self { envelope: Value::Null, body: body.to_owned(), payload: Payload::None }
    }

    /// What a match looks at, when its body is this value.
    fn document(&self, body: &Value) -> Value {
        let roots = [("event", &self.envelope), ("payload", self.payload.of(body)), ("body", body)];
        Value::map(roots.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }

    /// What a matcher finds, when `ask` gives the answer of a rule on the whole document.
    fn find(&self, matcher: &Matcher, ask: impl Fn(u32, &Value) -> bool) -> Result<Found, JsonError> {
        let value = OnceCell::new();
        let tree = || value.get_or_init(|| Value::from_json(self.body.as_bytes())).as_ref().map_err(JsonError::clone);
        let document = Document {
            kind: None,
            app: None,
            event: Some(&self.envelope),
            body: self.body.as_bytes(),
            payload: Some(&self.payload),
        };
        matcher.find(document, tree, |rule| ask(rule, &self.document(tree().unwrap())))
    }
}

/// What it finds in the text of a body.
fn find(matcher: &Matcher, patterns: &[Pattern], body: &str) -> Found {
    Came::bare(body).find(matcher, |rule, document| patterns[rule as usize].matches(document)).unwrap()
}
