//! Why a call of a process failed.

use std::time::Duration;

use crate::action::{ActionError, ErrorClass, Repeatable};

/// A call failed. Texts of the process are in it, cut, and not scrubbed of secrets: that is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// What to do about it.
    pub kind: FailureKind,
    /// A word for machines.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// What to do about a call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It did not take effect: try again, not before this long.
    Retry {
        /// How long the process asked to wait.
        after: Option<Duration>,
    },
    /// Nothing was tried: the process is started again after this long.
    Held {
        /// How long.
        after: Duration,
    },
    /// Trying again cannot help.
    Fatal,
    /// It may have taken effect.
    InDoubt,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, code: &str, message: impl Into<String>) -> Self {
        Self { kind, code: code.to_owned(), message: message.into() }
    }

    pub(super) fn retry(code: &str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Retry { after: None }, code, message)
    }

    pub(super) fn fatal(code: &str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::Fatal, code, message)
    }

    pub(super) fn in_doubt(code: &str, message: impl Into<String>) -> Self {
        Self::new(FailureKind::InDoubt, code, message)
    }

    /// The error of an action that can be repeated so.
    #[must_use]
    pub fn into_error(self, repeatable: Repeatable) -> ActionError {
        let Self { kind, code, message } = self;
        let class = match (kind, repeatable) {
            (FailureKind::Held { after }, _) => return ActionError::held(code, &message, after),
            (FailureKind::Retry { after }, _) => ErrorClass::Retry { after },
            (FailureKind::Fatal, _) => ErrorClass::Fatal,
            (FailureKind::InDoubt, Repeatable::Yes | Repeatable::Keyed) => ErrorClass::Retry { after: None },
            (FailureKind::InDoubt, Repeatable::No) => ErrorClass::Unknown,
        };
        ActionError { class, code, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_doubt_is_repeated_where_that_is_safe() {
        let class = |failure: Failure, repeatable| failure.into_error(repeatable).class;
        let again = ErrorClass::Retry { after: None };
        for (repeatable, expected) in
            [(Repeatable::Yes, again), (Repeatable::Keyed, again), (Repeatable::No, ErrorClass::Unknown)]
        {
            assert_eq!(class(Failure::in_doubt("c", "m"), repeatable), expected);
            assert_eq!(class(Failure::retry("c", "m"), repeatable), again);
            assert_eq!(class(Failure::fatal("c", "m"), repeatable), ErrorClass::Fatal);
            let after = Duration::from_secs(7);
            let held = Failure::new(FailureKind::Held { after }, "c", "m");
            assert_eq!(class(held, repeatable), ErrorClass::Held { after });
        }
    }
}
