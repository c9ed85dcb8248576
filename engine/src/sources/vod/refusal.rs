//! Why a body is not a VOD notification, in words that name the fix.

use oncue_rules::value::{JsonError, Value};

/// A body that cannot be taken. Sending it again does not help; the text says what does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not JSON.
    #[error("the body is not JSON: {source}")]
    Malformed {
        /// What is wrong, with line and column.
        #[source]
        source: JsonError,
    },
    /// JSON, but not an object.
    #[error("the body is {found}, and a notification is a JSON object")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// Format 2.0 (protocol section 5).
    #[error(
        "the body has the old format 2.0 ({event:?}): in the VOD console set this address as the 3.0 callback URL of the \
         application, and clear its 2.0 callback URL, else every event comes twice"
    )]
    Legacy {
        /// Its `eventType`.
        event: String,
    },
    /// A body of another product, or an answer of an API.
    #[error("the body is {what}: {fix}")]
    OtherProduct {
        /// What it is.
        what: &'static str,
        /// What to do.
        fix: &'static str,
    },
    /// No usable `EventType`.
    #[error("EventType {problem}: a VOD notification (format 3.0) names its type in this top-level text")]
    EventType {
        /// What is wrong with it.
        problem: String,
    },
    /// A known type whose payload is not there.
    #[error("{event} without its payload: {field} {problem}")]
    Payload {
        /// The type.
        event: &'static str,
        /// Where the payload belongs.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// An upload that does not say of which file.
    #[error("NewFileUpload without a file: FileUploadEvent.FileId {problem}")]
    FileId {
        /// What is wrong with it.
        problem: String,
    },
}

impl Refusal {
    /// A word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed_json",
            Self::NotAnObject { .. } => "not_an_object",
            Self::Legacy { .. } => "legacy_format",
            Self::OtherProduct { .. } => "other_product",
            Self::EventType { .. } => "no_event_type",
            Self::Payload { .. } => "no_payload",
            Self::FileId { .. } => "no_file_id",
        }
    }

    /// Whether the body is at least meant as a VOD notification of format 3.0, so that it could be signed as one.
    #[must_use]
    pub fn is_meant_for_us(&self) -> bool {
        matches!(self, Self::EventType { .. } | Self::Payload { .. } | Self::FileId { .. })
    }
}

/// What is wrong with a member that should be a text or an object: `is missing`, or `is a list`.
pub(super) fn problem(found: &Value) -> String {
    match found {
        Value::Null => "is missing".to_owned(),
        Value::Text(text) if text.is_empty() => "is empty".to_owned(),
        other => format!("is {}", other.kind()),
    }
}

/// Recognises bodies that reach a VOD door by mistake (protocol sections 4 and 5).
pub(super) fn foreign(body: &Value) -> Option<Refusal> {
    let has = |name: &str| *body.get(name) != Value::Null;
    let event_type = body.get("EventType");
    if let (Value::Null, Some(event), true) =
        (event_type, body.get("eventType").as_text(), has("version") || body.get("data").as_map().is_some())
    {
        return Some(Refusal::Legacy { event: event.chars().take(64).collect() });
    }
    let (what, fix) = match event_type {
        Value::Text(name) if matches!(&**name, "WorkflowTask" | "EditMediaTask" | "ScheduleTask") => (
            "a callback of Media Processing Service (MPS)",
            "set this address in VOD's event notification, not in TaskNotifyConfig of an MPS request",
        ),
        Value::Number(_) if has("EventGroupId") || has("EventInfo") => {
            ("a callback of Real-Time Communication (TRTC)", "set another address in the TRTC console")
        }
        Value::Null if has("CallbackCommand") => {
            ("a callback of Instant Messaging (IM)", "set another address in the IM console")
        }
        Value::Null if has("event_type") && (has("stream_id") || has("appid") || has("t")) => (
            "a callback of Cloud Streaming Services (CSS, Live)",
            "set another address in the callback template of the live domain",
        ),
        Value::Null if body.get("Response").as_map().is_some() => (
            "the answer of an API call, not a notification",
            "of a PullEvents answer, send each item of Response.EventSet as a body of its own",
        ),
        _ => return None,
    };
    Some(Refusal::OtherProduct { what, fix })
}
