//! Why there was no whole answer.

use crate::action::{ActionError, ErrorClass};
use crate::guard::Refused;

/// Why there was no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request cannot be made.
    #[error("the request cannot be made: {reason}")]
    Invalid {
        /// Why.
        reason: String,
    },
    /// The place stands inside.
    #[error("{refused}")]
    Refused {
        /// Which one.
        #[from]
        refused: Refused,
    },
    /// It certainly took no effect: no connection, or its body never left.
    #[error("not sent: {reason}")]
    NotSent {
        /// Why.
        reason: String,
    },
    /// It left and nothing came back: it may have taken effect.
    #[error("sent, but no answer came back: {reason}")]
    NoAnswer {
        /// Why.
        reason: String,
    },
    /// The head of an answer came, and its body broke off.
    #[error("the answer with status {status} broke off: {reason}")]
    Unfinished {
        /// Its status.
        status: u16,
        /// Why.
        reason: String,
    },
    /// The head of an answer came, and its body was not there in time.
    #[error("the answer with status {status} is too slow: {bytes} bytes of its body came in time")]
    Slow {
        /// Its status.
        status: u16,
        /// How much of the body came.
        bytes: usize,
    },
    /// It led where nobody follows.
    #[error("{reason}")]
    Redirect {
        /// Where, and what to do.
        reason: String,
    },
}

impl Failure {
    /// The error of an attempt. `repeatable` says that sending it again is safe even when it took effect, `fix` where
    /// `allow_private` is to be written.
    #[must_use]
    pub fn into_action_error(self, repeatable: bool, fix: &str) -> ActionError {
        let retry = ErrorClass::Retry { after: None };
        let ambiguous = if repeatable { retry } else { ErrorClass::Unknown };
        let message = self.to_string();
        let (class, code) = match self {
            Self::Invalid { .. } => (ErrorClass::Fatal, "InvalidRequest"),
            Self::Refused { .. } => {
                let message = format!("{message}: if it is meant, write `allow_private: true` {fix}");
                return ActionError::fatal("AddressRefused", message);
            }
            Self::NotSent { .. } => (retry, "NotSent"),
            Self::NoAnswer { .. } | Self::Unfinished { .. } => (ambiguous, "NoAnswer"),
            Self::Slow { .. } => (ambiguous, "SlowAnswer"),
            Self::Redirect { .. } => (if repeatable { retry } else { ErrorClass::Fatal }, "Redirect"),
        };
        ActionError { class, code: code.to_owned(), message }
    }

    /// Whether it says that the other side is in trouble.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        !matches!(self, Self::Invalid { .. } | Self::Refused { .. } | Self::Redirect { .. })
    }
}
