//! Running again what has run.

use oncue_rules::ids::{ContentHash, EventId, RuleName, RunId};
use oncue_rules::time::Timestamp;

use super::{NewRun, RunStatus, StepRow};
use crate::workflow::State;

/// The command of [`crate::store::Admin::retry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The run.
    pub run: RunId,
    /// Whether what is repeated is to be a new request to the other side.
    pub new_key: bool,
    /// When it was asked for.
    pub at: Timestamp,
}

/// What became of a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// The run may be claimed, and finds the retry in its inbox.
    Asked,
    /// It is not dead.
    NotDead(RunStatus),
    /// Another run was started later for its event and rule.
    Replayed(RunId),
    /// An event that a step of it ended with is not stored any more.
    Gone(EventId),
    /// There is no such run.
    NoRun,
}

/// The command of [`crate::store::Admin::replay`]: a new run for an event that is stored.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Names the request: another one with the same name, event and rule starts nothing.
    pub request: [u8; 16],
    /// The event.
    pub event: EventId,
    /// The run that it repeats; none when all that the event starts was to be repeated.
    pub of: Option<RunId>,
    /// The last run for this event and rule that is known of; the one that consent was asked for.
    pub last: Option<RunId>,
    /// The id of the new run.
    pub run: RunId,
    /// Its rule.
    pub rule: RuleName,
    /// The content that it pins.
    pub closure: ContentHash,
    /// Its first state. Its generation is given to it: past those of all runs for this event and rule.
    pub state: State,
    /// The steps that it takes over.
    pub steps: Vec<StepRow>,
    /// When it was asked for.
    pub at: Timestamp,
}

/// What became of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// The run is there, and may be claimed.
    Started(RunId),
    /// The same request started this one before.
    Already(RunId),
    /// The last run for the event and rule has not ended.
    Live(RunId),
    /// The last run for the event and rule is not the one that is known of.
    Changed,
    /// An event that a step ended with is not stored any more.
    Gone(EventId),
    /// The event itself is not stored any more.
    NoEvent,
    /// The content that it is to pin is not stored.
    NoContent,
}

impl Replay {
    /// The run to write, in a generation.
    #[must_use]
    pub fn new_run(&self, generation: u32) -> NewRun {
        NewRun {
            id: self.run,
            rule: self.rule.clone(),
            closure: self.closure.clone(),
            status: RunStatus::Pending,
            state: State { generation, ..self.state.clone() }.to_json(),
            steps: self.steps.clone(),
            timers: Vec::new(),
            end: None,
            lease: None,
            gather: None,
            limit: None,
        }
    }
}

/// What a run repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayOf {
    /// The request that started it.
    pub request: [u8; 16],
    /// The run; none when all that the event starts was to be repeated.
    pub run: Option<RunId>,
}
