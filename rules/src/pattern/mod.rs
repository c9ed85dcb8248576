//! The `match` of a rule: conditions on the fields of an event.
//!
//! A match is a mapping of paths to alternatives; all keys must hold, and one alternative of each is enough. An
//! alternative is a scalar or an operator. Lists in the event vanish from paths: any element may match, but all fields
//! of one match must agree on the elements that they come from, and absence is judged within those.
//!
//! A match is parsed once, with every problem reported, and asked often. What it costs is bounded: [`STEP_LIMIT`],
//! [`OR_LIMIT`]. What is not found out within the bounds is [`TooCostly`]: neither a match nor none.

pub(crate) mod address;
mod compile;
pub(crate) mod condition;
mod evaluate;
mod explain;
pub(crate) mod fold;
mod json;
mod kept;
mod operator;
pub(crate) mod text;

#[cfg(test)]
pub(crate) mod tests;

pub use compile::OR_LIMIT;
pub use evaluate::STEP_LIMIT;
pub use kept::Match;
pub use operator::{REGEX_LENGTH_LIMIT, REGEX_SIZE_LIMIT};

use self::condition::Part;
use self::evaluate::Answer;
use crate::diagnostic::Span;
use crate::node::Node;
use crate::path::FieldPath;
use crate::value::Value;

/// A compiled match.
#[derive(Debug, Clone)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// One problem of a written match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// The offending part.
    pub span: Span,
    /// What is wrong, a fragment in lower case.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Whether a match holds was not found out: the event holds too many values for what is asked of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "whether it matches was not found out within {} steps for one match and {} for all rules: the event holds too many values, \
     or too long texts, for what is asked of them",
    STEP_LIMIT,
    crate::matcher::STEP_LIMIT
)]
pub struct TooCostly;

/// The condition that makes a match fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The path of its field; of an `$or`, the path of its mapping with `$or` behind it.
    pub path: String,
    /// The alternatives as written, cut when they are long.
    pub expected: String,
    /// What is at the path: up to three values, or `nothing`.
    pub actual: String,
    /// How many conditions are written before it, those in `$or`s each for itself; all that there are, when each would hold
    /// alone and they do not hold together.
    pub position: usize,
}

impl Pattern {
    /// Compiles a written match.
    ///
    /// # Errors
    ///
    /// Every problem that was found, in written order, with its place and a hint.
    pub fn compile(node: &Node) -> Result<Self, Vec<PatternError>> {
        compile::compile(node).map(|parts| Self { parts })
    }

    /// Compiles a match that is written as JSON text.
    ///
    /// # Errors
    ///
    /// As [`Pattern::compile`]; spans are byte offsets into the text. A text that is no JSON gives one problem.
    pub fn from_json(text: &str) -> Result<Self, Vec<PatternError>> {
        json::read(text).map_err(|error| vec![error]).and_then(|node| Self::compile(&node))
    }

    /// Whether a document fulfils the match. Takes at most [`STEP_LIMIT`] of the steps that are left, and counts them off.
    ///
    /// # Errors
    ///
    /// [`TooCostly`] when that was not found out.
    pub fn decide(&self, document: &Value, steps_left: &mut u64) -> Result<bool, TooCostly> {
        match evaluate::evaluate(&self.parts, document, steps_left) {
            Answer::Yes => Ok(true),
            Answer::No => Ok(false),
            Answer::TooCostly => Err(TooCostly),
        }
    }

    /// Whether it is known of a document that it fulfils the match: as [`Pattern::decide`], where nothing can be done about
    /// what is not found out.
    #[must_use]
    pub fn matches(&self, document: &Value) -> bool {
        self.decide(document, &mut { STEP_LIMIT }) == Ok(true)
    }

    /// The first condition in written order that makes the match fail; `None` when it matches. Where [`Pattern::decide`] does
    /// not find that out, it is the first of which it is known, or a report that says that none is.
    ///
    /// When each condition would hold alone and only no choice of list elements suits all, it is the first for which
    /// none suits it and those before it, conditions on absence coming last.
    #[must_use]
    pub fn mismatch(&self, document: &Value) -> Option<Mismatch> {
        explain::mismatch(&self.parts, document)
    }

    /// The same match, of documents in which this name stands for what it is a match of.
    #[must_use]
    pub fn within(&self, name: &str) -> Self {
        let outer = FieldPath::literal(name);
        Self { parts: self.parts.iter().map(|part| part.within(&outer)).collect() }
    }

    /// What must hold, all of it.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The paths that the match names, in written order, each with the key that its outermost name is written in.
    #[must_use]
    pub fn paths(&self) -> Vec<(FieldPath, Span)> {
        self.parts.iter().flat_map(Part::conditions).map(|condition| (condition.path.clone(), condition.span)).collect()
    }
}
