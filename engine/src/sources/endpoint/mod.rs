//! Events from anyone else over HTTP: who may send them, and what a request means. Pure.
//!
//! An [`Endpoint`] is what the configuration says of one path. [`Verify`] proves the sender over the bytes as they came;
//! [`Endpoint::recognise`] makes an event of a proven request.

mod cloud_event;
mod path;
mod recognise;
mod refusal;
mod schema;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use oncue_plugins::emit::RESERVED;
use oncue_rules::expression::Names;
use oncue_rules::ids::{EventType, SourceName, SubAppId};
use oncue_rules::schedule;
use oncue_rules::template::Template;

use super::vod;

pub use path::{Path, PathError};
pub use recognise::{Received, Sent};
pub use refusal::{Fault, Refusal};
pub use schema::Schema;
pub use verify::{Claim, Encoding, TOLERANCE, Verify, VerifyError};

/// The member of an event's envelope that holds what the path of its status ends with.
pub const STATUS_TOKEN: &str = "status_token";
/// The most correlation keys that an endpoint may declare.
pub const MOST_KEYS: usize = 16;
/// Sources that are not an endpoint's: what they tell is not for others to say.
const OTHER_SOURCES: [&str; 3] = ["vod", "oncue", schedule::SOURCE];
/// How long a type may be, in bytes.
const TYPE_LIMIT: usize = 128;
/// How long a source may be, in bytes.
const SOURCE_LIMIT: usize = 256;

/// One path that takes events.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where it is.
    pub path: Path,
    /// What its requests hold.
    pub format: Format,
    /// Their correlation keys.
    pub keys: Vec<(String, Template)>,
    /// What the body, or the data of a `CloudEvent`, must fit.
    pub schema: Option<Schema>,
    /// What is equal for two deliveries of one happening; none: source and id of a `CloudEvent`, the id of Standard Webhooks, or
    /// else the whole request.
    pub dedupe: Option<Template>,
    /// How long a second delivery is a duplicate; none: 7 days where an id tells, 10 minutes where only the content does.
    pub dedupe_for: Option<Duration>,
    /// The application that they are for.
    pub app: Application,
    /// How senders are known.
    pub verify: Verify,
    /// Whether senders are answered what became of an event, and where to ask again.
    pub follows: bool,
}

/// What the requests of an endpoint hold.
#[derive(Debug, Clone)]
pub enum Format {
    /// JSON of any kind.
    Json {
        /// The source of the events.
        source: SourceName,
        /// Their type.
        kind: Template,
    },
    /// `CloudEvents`, whose own source and type count where none are given.
    CloudEvents {
        /// The source of the events.
        source: Option<SourceName>,
        /// Their type.
        kind: Option<Template>,
    },
}

/// The application that the events of an endpoint are for.
#[derive(Debug, Clone)]
pub enum Application {
    /// None.
    None,
    /// Always this one.
    One(SubAppId),
    /// The one that each request names.
    Named(Template, Arc<Applications>),
}

/// The configured applications, by what a request may call them.
#[derive(Debug, Clone, Default)]
pub struct Applications(HashMap<String, SubAppId>);

impl Applications {
    /// These applications, with their names. Each goes by its number too, unless another is called like that.
    #[must_use]
    pub fn new<'a>(apps: impl Iterator<Item = (SubAppId, &'a str)> + Clone) -> Self {
        let numbers = apps.clone().map(|(id, _)| (id.to_string(), id));
        Self(numbers.chain(apps.map(|(id, name)| (name.to_owned(), id))).collect())
    }

    /// The application of this name or number.
    #[must_use]
    pub fn find(&self, called: &str) -> Option<SubAppId> {
        self.0.get(called).copied()
    }
}

/// The names that the expressions of an endpoint may use.
#[must_use]
pub fn names() -> Names {
    ["body", "headers", "query"].into_iter().fold(Names::default(), Names::with_root)
}

/// A source of this name.
///
/// # Errors
///
/// When no event can have it that comes through an endpoint.
pub fn source(name: &str) -> Result<SourceName, SourceError> {
    if OTHER_SOURCES.contains(&name) {
        Err(SourceError::Reserved)
    } else if name.len() > SOURCE_LIMIT || name.chars().any(char::is_control) {
        Err(SourceError::NotShown)
    } else {
        Ok(SourceName::from(name))
    }
}

/// A text that cannot be the source of an endpoint's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It is Oncue's own, or the vendor's.
    #[error("the sources `vod`, `oncue` and `schedule` are not for endpoints")]
    Reserved,
    /// It is too long, or cannot be shown.
    #[error("a source has at most {SOURCE_LIMIT} bytes, and no control characters")]
    NotShown,
}

/// A type of this name.
///
/// # Errors
///
/// When no event can have it that comes through an endpoint.
pub fn kind(name: &str) -> Result<EventType, TypeError> {
    if name.is_empty() {
        Err(TypeError::Empty)
    } else if name.len() > TYPE_LIMIT {
        Err(TypeError::Long)
    } else if name.chars().any(char::is_control) {
        Err(TypeError::Control)
    } else if RESERVED.contains(&name) || vod::is_known(name) {
        Err(TypeError::Reserved { name: name.to_owned() })
    } else {
        Ok(EventType::from(name))
    }
}

/// A text that cannot be the type of an endpoint's event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is too long.
    #[error("is longer than {TYPE_LIMIT} bytes")]
    Long,
    /// It cannot be shown.
    #[error("has control characters")]
    Control,
    /// Rules take it for something that only the vendor, or Oncue itself, tells.
    #[error("is `{name}`, which only Tencent Cloud VOD and Oncue itself send")]
    Reserved {
        /// The type.
        name: String,
    },
}
