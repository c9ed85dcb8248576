//! A match that is asked alone.

use std::convert::Infallible;

use super::{Builder, Document, Matcher, Subject};
use crate::pattern::{Pattern, TooCostly};
use crate::value::Value;

/// A match that is asked alone, and says what a rule would say that has it and is the only one of its set.
#[derive(Debug, Clone)]
pub struct Single {
    pattern: Pattern,
    matcher: Matcher,
}

impl Single {
    /// One of this match.
    #[must_use]
    pub fn new(pattern: Pattern) -> Self {
        let in_body = pattern.within("body");
        let add = |builder: &mut Builder| builder.add(0, Subject::new(None, None, Some(&in_body)));
        let mut builder = Builder::new();
        add(&mut builder);
        let matcher = builder.finish(add);
        Self { pattern, matcher }
    }

    /// The match.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Whether a document fulfils the match, which is given as JSON text and as the value of that text.
    ///
    /// # Errors
    ///
    /// [`TooCostly`] when that was not found out.
    pub fn decide(&self, text: &[u8], document: &Value) -> Result<bool, TooCostly> {
        let asked = Document { kind: None, app: None, event: None, body: text, payload: None };
        let tree = || Ok::<_, Infallible>(document);
        let Ok(found) = self.matcher.find(asked, tree, |_, steps| self.pattern.decide(document, steps));
        found.says(0)
    }
}
