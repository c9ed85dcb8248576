//! What is stored of a run besides its cursor, in the words that database, API and command line use.

use std::fmt;

use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{EventType, StepPath, SubAppId};
use oncue_rules::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The state of a run (DESIGN section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Nothing was done yet.
    Pending,
    /// A step is under way.
    Running,
    /// Parked until an input comes.
    Waiting,
    /// Stopped until a person acts.
    Paused,
    /// Ended well.
    Succeeded,
    /// A step failed for good; `on_failure` is under way.
    Failed,
    /// Failed for good; a dead letter.
    Dead,
    /// Ended by a person.
    Cancelled,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Dead,
        Self::Cancelled,
    ];

    /// Whether nothing can happen to the run any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Dead | Self::Cancelled)
    }

    /// Its word in YAML, database and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// An attempt is under way or waits for its turn.
    Running,
    /// Done.
    Succeeded,
    /// Failed for good.
    Failed,
    /// Its `if` or `where` was false.
    Skipped,
    /// It took longer than its `timeout`.
    TimedOut,
}

impl StepOutcome {
    /// Its word in YAML, database and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
        }
    }

    /// The outcome of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed, Self::Skipped, Self::TimedOut]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

/// An error as it is stored and as `error` and `steps.ID.error` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// The step that failed.
    pub step: StepPath,
    /// A word for machines, such as `InvalidParameterValue.FileId` or `timeout`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// `retry` (attempts ran out), `fatal`, `unknown` (sent, and no answer came), or `held` (not sent: the other side was left
    /// alone, or had its share, for too long).
    pub class: String,
}

/// How one step of a run stands; one row per path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// Its path.
    pub path: StepPath,
    /// How it stands.
    pub outcome: StepOutcome,
    /// Attempts counted so far; an attempt is counted before it is sent.
    pub attempts: u32,
    /// Raised when the step is to be a new request to the other side.
    pub generation: u32,
    /// The idempotency key, for steps that call an action.
    pub key: Option<String>,
    /// Its outputs, as JSON.
    pub output: Option<String>,
    /// Why it failed.
    pub error: Option<ErrorRecord>,
    /// When its first attempt was counted.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// An attempt that failed, kept so that a person can see all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The step.
    pub path: StepPath,
    /// Which attempt, from 1.
    pub number: u32,
    /// When it ended.
    pub at: Timestamp,
    /// How it failed.
    pub error: ErrorRecord,
}

/// Something that becomes an input of its run at a time. One per path and kind; setting it again moves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// What it is about.
    pub path: StepPath,
    /// What it means.
    pub kind: TimerKind,
    /// When.
    pub due_at: Timestamp,
}

/// What a parked run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The step that waits.
    pub path: StepPath,
    /// The application of the awaited event.
    pub subappid: Option<SubAppId>,
    /// The type of the awaited event.
    pub kind: EventType,
    /// The correlation key that the awaited event carries.
    pub key: CorrelationKey,
    /// Events received at or after this moment count, also those already stored. The run's own event never does.
    pub since: Timestamp,
}

/// What a timer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// The next attempt is due.
    Retry,
    /// The step's `timeout` is over.
    Timeout,
    /// A `sleep` is over.
    Wake,
    /// Nothing was heard of work for a while.
    Silence,
    /// A collection was open, or got nothing more, for long enough. It is about no step: its path is empty.
    Quiet,
}

impl TimerKind {
    /// Its word in database and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Timeout => "timeout",
            Self::Wake => "wake",
            Self::Silence => "silence",
            Self::Quiet => "quiet",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Retry, Self::Timeout, Self::Wake, Self::Silence, Self::Quiet]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}
