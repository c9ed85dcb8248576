//! What a failed call means: the vendor's error codes, HTTP statuses and failures on the way, each with what to do.

mod table;

use std::time::Duration;

pub use table::{Entry, Errors, FEW, GENERAL, Verdict};

use crate::action::{ActionError, ErrorClass};
use crate::text::printable;
use crate::valve::Held;

/// How much of the vendor's sentence is kept, in characters.
const MESSAGE_LIMIT: usize = 300;

/// An error that the API answered: HTTP 200 with `Response.Error` (protocol section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// `Category` or `Category.Detail`.
    pub code: String,
    /// The vendor's sentence.
    pub message: String,
    /// What the vendor's support asks for; empty when the answer had none.
    pub request_id: String,
}

/// Why a call gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request cannot be made.
    #[error("the request cannot be made: {reason}")]
    Invalid {
        /// Why.
        reason: String,
    },
    /// It was not tried: the API is left alone at present, or has had its share.
    #[error("not sent: {what}")]
    Held {
        /// The API and why, for people.
        what: String,
        /// What held it back.
        held: Held,
    },
    /// It certainly took no effect: no connection, or its body never left.
    #[error("not sent: {reason}")]
    NotSent {
        /// Why.
        reason: String,
    },
    /// It left, and no answer that can be read came back: it may have taken effect.
    #[error("no usable answer: {reason}")]
    NoAnswer {
        /// Why.
        reason: String,
    },
    /// It left, and the answer is too large to be read: it may have taken effect.
    #[error("no usable answer: it is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// The answer is an HTTP error without an API error in it.
    #[error("HTTP status {status}")]
    Status {
        /// The status.
        status: u16,
        /// `Retry-After`.
        after: Option<Duration>,
    },
    /// The API answered an error.
    #[error("{}: {}", .error.code, .error.message)]
    Api {
        /// The error.
        error: ApiError,
        /// `Retry-After`.
        after: Option<Duration>,
    },
}

/// What an answer, or none, says of the API itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers, whatever it says.
    Well,
    /// It does not answer, or says that it is in trouble.
    Troubled,
    /// It answers that it has had too many requests, and may say how long it wants to be left alone.
    Limited(Option<Duration>),
    /// Nothing: what answered is not the API, or nothing was asked.
    Untold,
}

impl CallError {
    /// What it says of the API.
    #[must_use]
    pub fn health(&self, errors: Errors) -> Health {
        match self {
            Self::NotSent { .. } | Self::NoAnswer { .. } | Self::Status { status: 408 | 500..=599, .. } => {
                Health::Troubled
            }
            Self::TooLarge { .. } => Health::Well,
            Self::Status { status: 429, after } => Health::Limited(*after),
            Self::Invalid { .. } | Self::Held { .. } | Self::Status { .. } => Health::Untold,
            Self::Api { error, after } => match errors.verdict(&error.code).0 {
                Verdict::Limited => Health::Limited(*after),
                Verdict::Retry => Health::Troubled,
                Verdict::RetryUpTo(_) | Verdict::Done | Verdict::Fatal => Health::Well,
            },
        }
    }

    /// Whether the vendor says that it has this request already, which for the one who asked is success.
    #[must_use]
    pub fn is_duplicate(&self, errors: Errors) -> bool {
        matches!(self, Self::Api { error, .. } if errors.verdict(&error.code).0 == Verdict::Done)
    }

    /// The error of an attempt. `repeatable` says that sending the request again is safe even when the first one took
    /// effect, such as when it carried a `SessionId`.
    #[must_use]
    pub fn into_action_error(self, errors: Errors, attempt: u32, repeatable: bool) -> ActionError {
        let ambiguous = if repeatable { ErrorClass::Retry { after: None } } else { ErrorClass::Unknown };
        match self {
            Self::Invalid { reason } => ActionError::fatal("InvalidRequest", reason),
            Self::Held { what, held } => {
                let code = if matches!(held, Held::Open(_)) { "BreakerOpen" } else { "RateReached" };
                ActionError::held(code, &what, held.after())
            }
            Self::NotSent { reason } => ActionError::retry("NotSent", reason),
            Self::NoAnswer { reason } => no_answer(&reason, ambiguous),
            Self::TooLarge { limit } => no_answer(&format!("it is larger than {limit} bytes"), ambiguous),
            Self::Status { status, after } => status_error(status, after, ambiguous),
            Self::Api { error, after } => api_error(errors, &error, after, attempt),
        }
    }
}

fn no_answer(reason: &str, class: ErrorClass) -> ActionError {
    let message = format!("sent, but no usable answer came back: {reason}");
    ActionError { class, code: "NoAnswer".to_owned(), message }
}

fn status_error(status: u16, after: Option<Duration>, ambiguous: ErrorClass) -> ActionError {
    let code = format!("Http{status}");
    let (class, message) = match status {
        // These two say that the request was not taken.
        429 | 503 => (ErrorClass::Retry { after }, "the service asks for a pause"),
        408 | 500..=599 => {
            let class = if ambiguous == ErrorClass::Unknown { ambiguous } else { ErrorClass::Retry { after } };
            (class, "the service or something before it failed")
        }
        300..=399 => (ErrorClass::Fatal, "a redirect, which a signed request cannot follow: correct the endpoint"),
        _ => (ErrorClass::Fatal, "not an answer of the API: check that the endpoint is one of Tencent Cloud"),
    };
    ActionError { class, code, message: format!("HTTP status {status}: {message}") }
}

fn api_error(errors: Errors, error: &ApiError, after: Option<Duration>, attempt: u32) -> ActionError {
    let (verdict, advice) = errors.verdict(&error.code);
    let class = match verdict {
        Verdict::Retry | Verdict::Limited => ErrorClass::Retry { after },
        Verdict::RetryUpTo(attempts) if attempt <= attempts => ErrorClass::Retry { after },
        Verdict::RetryUpTo(_) | Verdict::Fatal | Verdict::Done => ErrorClass::Fatal,
    };
    let said = printable(&error.message, MESSAGE_LIMIT);
    let mut message = if said.is_empty() { advice.to_owned() } else { format!("{advice}; the vendor says {said:?}") };
    if !error.request_id.is_empty() {
        message = format!("{message} (request {})", printable(&error.request_id, 64));
    }
    ActionError { class, code: printable(&error.code, 100), message }
}

#[cfg(test)]
mod tests;
