//! What a run does next: pure and total.
//!
//! A [`Run`] in hand is a [`Program`], the [`Facts`] of the run, its [`State`] (the stored cursor) and what its ended
//! steps gave. [`Run::begin`] decides the first state before the event is committed, [`Run::restore`] takes a stored
//! run up again, and [`Run::transition`] says what an [`Input`] means for it: a [`Decision`] to be committed whole, and
//! then one thing to do ([`Next`]). Nothing here reads a clock, draws a random number, waits, or fails: any input in
//! any state has an answer, and what comes late or is meant for another step changes nothing.

mod again;
mod application;
mod attempt;
mod collect;
mod completion;
mod decision;
mod ending;
mod fork;
mod key;
mod limits;
mod place;
mod program;
mod record;
mod replay;
mod restore;
mod rounds;
mod sought;
mod state;
mod transition;
mod view;
mod wait;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;

use oncue_plugins::action::{ActionError, Repeatable};
use oncue_rules::event::Event;
use oncue_rules::ids::{ActionName, StepPath, SubAppId};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;

pub use again::{Doubt, Repeat};
pub use collect::Gathered;
pub use decision::{Decision, still_wanted};
pub use fork::{Fork, Strand};
pub use key::{idempotency_key, jitter};
pub use limits::{ITEM_LIMIT, OUTPUT_LIMIT, PARAMS_LIMIT, RUN_LIMIT, STEPS_PER_COMMIT};
pub use program::{Facts, Manner, Program, UnknownAction};
pub use record::{ErrorRecord, FailedAttempt, RunStatus, StepOutcome, StepRow, Timer, TimerKind, Wait};
pub use replay::{Begun, NoBeginning, Redone};
pub use restore::{Damaged, Events};
pub use state::{Active, Earlier, Frame, Phase, State};

pub use wait::referred;

use again::Again;
use view::View;

/// A run in hand. What it decided counts once it is committed; a run whose commit was refused is to be dropped.
#[derive(Debug, Clone)]
pub struct Run {
    program: Arc<Program>,
    cursor: Cursor,
}

/// The part of a run that moves.
#[derive(Debug, Clone)]
struct Cursor {
    facts: Facts,
    state: State,
    view: View,
    /// The events that told of the ends of earlier rounds of steps that are under way.
    told: Events,
    /// Where it goes on when it is dead and retried.
    again: Option<Box<Again>>,
}

/// Something that happened to a run.
#[derive(Debug, Clone)]
pub enum Input {
    /// The run was taken up from the store. An attempt that was counted and has no result is lost: it is repeated with
    /// the same key where that is safe, and else its step fails as `unknown`.
    Resume,
    /// The commit is done; go on ([`Next::Continue`]).
    Continue,
    /// An attempt ended.
    Attempt {
        /// The step.
        path: StepPath,
        /// Which attempt.
        number: u32,
        /// Its outputs, or why it failed.
        result: Result<Value, ActionError>,
    },
    /// An attempt was counted and certainly not sent: it is taken back and becomes due again at once.
    Unsent {
        /// The step.
        path: StepPath,
        /// Which attempt.
        number: u32,
    },
    /// A timer was due.
    Timer {
        /// What it was about.
        path: StepPath,
        /// What it meant.
        kind: TimerKind,
    },
    /// Its collection was closed, with this in it.
    Collected(Gathered),
    /// A person asked for the run to end.
    Cancel {
        /// Why.
        reason: String,
    },
    /// A person asked for a dead run to go on from what failed. Of a dead run that was not taken up from the store it asks
    /// in vain.
    Retry {
        /// A generation that no step for its event and rule has had.
        generation: u32,
        /// Whether what is repeated is to be a new request to the other side.
        new_key: bool,
    },
    /// An event came that carries a key which a step waits for. Whether it is the awaited one is for the step to say.
    Event {
        /// The step that waited.
        path: StepPath,
        /// The event.
        event: Arc<Event>,
    },
}

/// What to do once a decision is committed.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Make these calls, at the same time, and give their results to the run. There may be more to do at once: what
    /// [`Run::standing`] says is next.
    Call(Vec<Call>),
    /// Nothing: attempts that were called for before are still under way.
    Await,
    /// Give the run [`Input::Continue`]: there was more to do than one commit should hold.
    Continue,
    /// Nothing until an input comes.
    Park,
    /// Nothing ever again.
    End,
}

impl Next {
    /// One call.
    fn of(call: Call) -> Self {
        Self::Call(vec![call])
    }
}

/// An attempt to make; it is counted in the commit that comes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The step.
    pub path: StepPath,
    /// What it uses.
    pub action: ActionName,
    /// The application that it is made for; decided with the first attempt, and the same for all.
    pub app: Option<SubAppId>,
    /// Whether calling it again is safe.
    pub repeatable: Repeatable,
    /// The rendered parameters, a map.
    pub params: Value,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The idempotency key.
    pub key: String,
    /// When the first `timeout` around the step is over.
    pub deadline: Option<Timestamp>,
}

/// Work of which nothing was heard for a while: what became of it?
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The call that started it, which is not to be made again.
    pub call: Call,
    /// The task, where it is known.
    pub task: Option<String>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {} of {} ({})", self.attempt, self.path, self.action)
    }
}
