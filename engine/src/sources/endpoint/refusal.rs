//! Why a request of a known sender makes no event, in words that name the fix.

use oncue_rules::value::JsonError;

use super::{SourceError, TypeError};

/// A request that makes no event. Sending it again does not help; the text says what does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not JSON.
    #[error("the body is not JSON: {source}{hint}")]
    Malformed {
        /// What is wrong, with line and column.
        #[source]
        source: JsonError,
        /// What may be the cause.
        hint: &'static str,
    },
    /// A media type that is not taken.
    #[error("{problem}")]
    Media {
        /// What to send.
        problem: &'static str,
    },
    /// No `CloudEvent` of version 1.0.
    #[error("this is no CloudEvent: {problem}")]
    CloudEvent {
        /// What is wrong with it.
        problem: String,
    },
    /// The source cannot be one.
    #[error("the source of the event cannot be taken: {source}")]
    Source {
        /// Why.
        #[source]
        source: SourceError,
    },
    /// It does not fit the schema.
    #[error("the body does not fit the schema of this path: {problems}")]
    Schema {
        /// Where, and how.
        problems: String,
    },
    /// An expression of the configuration cannot be answered.
    #[error("`{what}` of this path cannot be made of the request: {message}")]
    Expression {
        /// What it is for.
        what: String,
        /// What is wrong.
        message: String,
    },
    /// A value is not of the kind that it must be.
    #[error("`{what}` of this path needs a text or a number of the request, and there is {found}")]
    Kind {
        /// What it is for.
        what: String,
        /// What is there.
        found: &'static str,
    },
    /// The type cannot be one.
    #[error("the type of the event {source}")]
    Type {
        /// Why.
        #[source]
        source: TypeError,
    },
    /// There is no such application.
    #[error("there is no application {named:?} here")]
    Application {
        /// What the request calls it.
        named: String,
    },
    /// There are more values of correlation keys than an event has.
    #[error("the request has more than {most} values for `keys`")]
    Keys {
        /// How many there may be.
        most: usize,
    },
    /// A correlation key is too long.
    #[error("`keys.{name}` has more than {most} bytes")]
    LongKey {
        /// The key.
        name: String,
        /// How many there may be.
        most: usize,
    },
}

impl Refusal {
    /// A word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed_json",
            Self::Media { .. } => "unsupported_media_type",
            Self::CloudEvent { .. } => "no_cloud_event",
            Self::Source { .. } => "wrong_source",
            Self::Schema { .. } => "schema",
            Self::Expression { .. } | Self::Kind { .. } => "not_usable",
            Self::Type { .. } => "wrong_type",
            Self::Application { .. } => "unknown_application",
            Self::Keys { .. } | Self::LongKey { .. } => "wrong_keys",
        }
    }

    /// What is wrong, in kind.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Media { .. } => Fault::Media,
            Self::Malformed { .. } | Self::CloudEvent { .. } => Fault::Form,
            _ => Fault::Meaning,
        }
    }
}

/// What is wrong with a request, in kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is of a kind that is not taken.
    Media,
    /// It cannot be read.
    Form,
    /// It does not say what it must.
    Meaning,
}
