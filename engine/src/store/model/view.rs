//! What the admin port asks for and shows.

use std::sync::Arc;

use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{ContentHash, EventId, EventType, RuleName, RunId, SourceName, SubAppId};
use oncue_rules::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ErrorRecord, FailedAttempt, ReplayOf, RunStatus, StepRow, Timer, Verdicts};

/// A part of a list that is ordered newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many at most; 1 to 1,000.
    pub limit: u32,
    /// Only what came before this one, by its id's 16 bytes; for quarantine its row number, big-endian in the last 8.
    pub before: Option<[u8; 16]>,
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of this type.
    pub kind: Option<EventType>,
    /// Of this application.
    pub subappid: Option<SubAppId>,
    /// With this correlation key.
    pub key: Option<CorrelationKey>,
    /// Received at or after this moment. Looks no further back than ten minutes of ids, which are made on receipt.
    pub since: Option<Timestamp>,
    /// Received before this moment; looks as far as for `since`.
    pub until: Option<Timestamp>,
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// In this status.
    pub status: Option<RunStatus>,
    /// Of this rule.
    pub rule: Option<RuleName>,
    /// Of this application.
    pub subappid: Option<SubAppId>,
    /// Of this event: started by it, or gathering it.
    pub event: Option<EventId>,
    /// Created at or after this moment. Ids are made then, give or take ten minutes.
    pub since: Option<Timestamp>,
    /// Created before this moment.
    pub until: Option<Timestamp>,
}

/// An event in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its id.
    pub id: EventId,
    /// Its source.
    pub source: SourceName,
    /// Its type.
    pub kind: EventType,
    /// Its application.
    pub subappid: Option<SubAppId>,
    /// Its dedupe key, without source and application.
    pub dedupe_key: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// What the rules said to it.
    pub verdicts: Verdicts,
    /// How many duplicates of it came.
    pub duplicates: u32,
}

/// An event with everything that was stored of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The row.
    pub row: EventRow,
    /// Its correlation keys, sorted.
    pub keys: Vec<CorrelationKey>,
    /// The rest of its envelope, as JSON.
    pub envelope: String,
    /// The body, to the byte as received.
    pub body: Arc<[u8]>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Its rule.
    pub rule: RuleName,
    /// The content that it pins.
    pub closure: ContentHash,
    /// Its event.
    pub event: EventId,
    /// Its application.
    pub subappid: Option<SubAppId>,
    /// How it stands.
    pub status: RunStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Why it failed.
    pub error: Option<ErrorRecord>,
    /// The word of the `end` that it ended well with.
    pub end: Option<String>,
}

/// A run with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDetail {
    /// The row.
    pub row: RunRow,
    /// Its steps, in the order in which they started.
    pub steps: Vec<StepRow>,
    /// Its failed attempts, oldest first.
    pub failed_attempts: Vec<FailedAttempt>,
    /// Its timers.
    pub timers: Vec<Timer>,
    /// Its cursor, as JSON.
    pub state: String,
    /// What it repeats, when a person had it started.
    pub replay_of: Option<ReplayOf>,
    /// The events that it has gathered, in the order of reception, its own first; none when it does not gather.
    pub collected: Vec<EventId>,
}

/// A body in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    /// Its number; later ones are larger.
    pub number: i64,
    /// When it came.
    pub received_at: Timestamp,
    /// The application whose door it came through.
    pub subappid: Option<SubAppId>,
    /// Why it was not taken.
    pub reason: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// How much is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Duplicates that came of them.
    pub duplicates: u64,
    /// Runs by status.
    pub runs: Vec<(RunStatus, u64)>,
    /// Runs that limits stopped, of stored events.
    pub throttled: u64,
    /// Bodies in quarantine.
    pub quarantined: u64,
}

/// What one process wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Written {
    /// Commits made.
    pub commits: u64,
    /// Commands answered after a commit; divided by `commits`, the size of a group.
    pub commands: u64,
}

/// How far a copy of a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Bytes that are copied.
    pub bytes: u64,
    /// Bytes that there are.
    pub of: u64,
}

/// What is kept how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Events, and the ended runs that they started, received before this moment may go.
    pub events_before: Timestamp,
    /// Contents that stay although no run pins them: those that the next runs will pin.
    pub keep_contents: Vec<ContentHash>,
}

/// What [`crate::store::Admin::expire`] removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Dedupe keys past their time.
    pub dedupe_keys: u32,
    /// Events, with the ended runs that they started.
    pub events: u32,
    /// Contents that no run pins and that are not named again.
    pub contents: u32,
}
