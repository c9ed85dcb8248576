//! Inputs of runs: what is waited for, what came, and what lies in an inbox.

use oncue_rules::ids::{EventId, RunId, StepPath};
use oncue_rules::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::TimerKind;

/// Names one input in an inbox; grows in the order of arrival within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputId(pub i64);

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// A timer was due.
    Timer {
        /// What it was about.
        path: StepPath,
        /// What it meant.
        kind: TimerKind,
    },
    /// An event came that a wait asked for.
    Event {
        /// The step that waited.
        path: StepPath,
        /// The event.
        event: EventId,
    },
    /// A person asked for the run, which is dead, to go on.
    Retry {
        /// A generation that no step for its event and rule has had.
        generation: u32,
        /// Whether what is repeated is to be a new request to the other side.
        new_key: bool,
    },
    /// The collection of the run was closed: it begins, with all that is in it.
    Collected,
    /// A person asked for the run to end.
    Cancel {
        /// Why.
        reason: String,
    },
}

/// An input as it lies in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxRow {
    /// Its name, for consuming it.
    pub id: InputId,
    /// When it came.
    pub at: Timestamp,
    /// The input.
    pub input: Input,
}

/// The command of [`crate::store::Store::deliver`].
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The run.
    pub run: RunId,
    /// The input.
    pub input: Input,
    /// When it came.
    pub at: Timestamp,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It lies in the inbox.
    Stored,
    /// The run has ended, and the input was dropped.
    Ended,
    /// There is no such run.
    NoRun,
}

/// What timers did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// How many became inputs.
    pub fired: u32,
    /// When the next one is due.
    pub next: Option<Timestamp>,
}
