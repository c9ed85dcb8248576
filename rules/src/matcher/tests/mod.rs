//! The matcher as a whole, beside the plain evaluator of each rule's match.

mod changes;
mod dice;
mod differential;
mod hostile;
mod vectors;

use super::{Builder, Envelope, Found, Matcher, Subject};
use crate::pattern::Pattern;

/// A matcher of these matches alone.
fn matcher(patterns: &[Pattern]) -> Matcher {
    let mut builder = Builder::new();
    for (number, pattern) in (0..).zip(patterns) {
        builder.add(number, Subject::new(None, None, Some(pattern)));
    }
    builder.finish(|_| unreachable!("there was none before"))
}

/// What it finds in an event's text.
fn find(matcher: &Matcher, patterns: &[Pattern], event: &str) -> Found {
    let ask = |rule: u32, document: &_| patterns[rule as usize].matches(document);
    matcher.find_in_json(Envelope::default(), event.as_bytes(), ask).unwrap()
}
