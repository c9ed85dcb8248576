//! An event: the envelope that Oncue gives to a notification, with its body.

mod body;

use crate::ids::{EventId, EventType, RunId, SourceName, SubAppId};
use crate::schedule;
use crate::time::Timestamp;
use crate::value::{Map, Value};

pub use body::{Body, Payload};

/// The names of the correlation keys that every source fills where it can.
pub mod key {
    /// The id of the media file that an event is about.
    pub const FILE_ID: &str = "file_id";
    /// The id of the vendor's task that an event is about.
    pub const TASK_ID: &str = "task_id";
    /// The `SessionId` of the request that caused an event.
    pub const SESSION_ID: &str = "session_id";
}

/// A name and a text by which a waiting run finds an event. A body may carry several of one name (`FileDeleted` names many files).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorrelationKey {
    /// `file_id`, `task_id`, `session_id`, or a name that an endpoint declares.
    pub name: String,
    /// The value, as text.
    pub value: String,
}

/// One notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Given on receipt: the vendor sends none (protocol section 1).
    pub id: EventId,
    /// Where it came from.
    pub source: SourceName,
    /// Its type.
    pub kind: EventType,
    /// The application that the receiver knows it is for; bodies do not say (protocol section 2).
    pub subappid: Option<SubAppId>,
    /// Equal for two deliveries of one happening, within one source and application (protocol section 3).
    pub dedupe_key: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// How many runs of ours led to it; 0 when none did.
    pub depth: u32,
    /// The run that led to it.
    pub cause: Option<RunId>,
    /// Correlation keys, sorted.
    pub keys: Vec<CorrelationKey>,
    /// `SessionContext` or `SourceContext` parsed, when it is the text of a JSON object; else null.
    pub context: Value,
    /// The body, with the part of it that is about the happening: for a generic source all of it.
    pub body: Body,
}

impl Event {
    /// The first value of a correlation key.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&str> {
        self.keys.iter().find(|key| key.name == name).map(|key| key.value.as_str())
    }

    /// The moment that a schedule meant, when this is its tick.
    #[must_use]
    pub fn scheduled_at(&self) -> Option<Timestamp> {
        if self.source.as_str() != schedule::SOURCE {
            return None;
        }
        let text = self.body.value().get("scheduled_at").as_text()?;
        Some(Timestamp(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()))
    }

    /// What `event` is in a match, an expression or a template.
    #[must_use]
    pub fn envelope(&self) -> Value {
        let text_or_null = |text: Option<&str>| text.map_or(Value::Null, Value::text);
        let mut keys = Map::new();
        for key in &self.keys {
            keys.entry(key.name.clone()).or_insert_with(|| Value::text(key.value.as_str()));
        }
        let fields = [
            ("id", Value::text(self.id.to_string())),
            ("type", Value::text(self.kind.as_str())),
            ("subappid", self.subappid.map_or(Value::Null, |id| Value::Number(id.0.into()))),
            ("source", Value::text(self.source.as_str())),
            ("file_id", text_or_null(self.key(key::FILE_ID))),
            ("task_id", text_or_null(self.key(key::TASK_ID))),
            ("session_id", text_or_null(self.key(key::SESSION_ID))),
            ("keys", Value::map(keys)),
            ("context", self.context.clone()),
            ("depth", Value::Number(u64::from(self.depth).into())),
            ("cause", self.cause.map_or(Value::Null, |run| Value::text(run.to_string()))),
            ("received_at", Value::text(self.received_at.to_string())),
        ];
        Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// What a `match` looks at: a map of `event`, `payload` and `body`.
    #[must_use]
    pub fn document(&self) -> Value {
        self.document_with(self.envelope())
    }

    /// The same, with the envelope at hand.
    pub(crate) fn document_with(&self, envelope: Value) -> Value {
        let (payload, body) = (self.body.payload().clone(), self.body.value().clone());
        let roots = [("event", envelope), ("payload", payload), ("body", body)];
        Value::map(roots.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
