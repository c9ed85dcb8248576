//! The match of one of very many rules, which is rarely asked itself: its text, a fraction of what it compiles to.

use std::sync::OnceLock;

use super::{Mismatch, Pattern, TooCostly};
use crate::node::Node;
use crate::value::Value;

/// The match of a rule that is loaded. A matcher finds and checks the rule in a form of its own; the match is kept as the text
/// that it was compiled from, and compiled again when it is asked for.
#[derive(Debug, Clone)]
pub struct Match {
    /// JSON, its keys in the order in which they were written.
    text: Box<str>,
    compiled: OnceLock<Box<Pattern>>,
}

impl Match {
    /// The match that is written here, which has been compiled without an error.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        Self { text: node.to_json().into(), compiled: OnceLock::new() }
    }

    /// Compiles it. `None` only for what was no match to begin with.
    #[must_use]
    pub fn compile(&self) -> Option<Pattern> {
        Pattern::from_json(&self.text).ok()
    }

    /// Whether a document fulfils it, as [`Pattern::decide`]. From here on its compiled form is kept: what is asked once is
    /// asked again.
    ///
    /// # Errors
    ///
    /// [`TooCostly`] when that was not found out.
    pub fn decide(&self, document: &Value, steps_left: &mut u64) -> Result<bool, TooCostly> {
        if let Some(pattern) = self.compiled.get() {
            return pattern.decide(document, steps_left);
        }
        let Some(pattern) = self.compile() else { return Ok(false) };
        self.compiled.get_or_init(|| Box::new(pattern)).decide(document, steps_left)
    }

    /// What makes it fail, as [`Pattern::mismatch`].
    #[must_use]
    pub fn mismatch(&self, document: &Value) -> Option<Mismatch> {
        match self.compiled.get() {
            Some(pattern) => pattern.mismatch(document),
            None => self.compile()?.mismatch(document),
        }
    }
}
