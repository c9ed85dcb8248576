//! Running again what has run.

use oncue_rules::ids::{EventId, RunId};
use oncue_rules::time::Timestamp;

use super::RunStatus;

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
