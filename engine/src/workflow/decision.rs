//! What a transition decides, to be committed whole.

use oncue_rules::ids::StepPath;
use oncue_rules::time::Timestamp;

use super::record::{ErrorRecord, FailedAttempt, RunStatus, StepOutcome, StepRow, Timer, TimerKind, Wait};
use super::{Ask, Call, Next, State};

/// What a transition decided. It is to be committed before anything is done about `next`.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The new status.
    pub status: RunStatus,
    /// The new cursor, as JSON.
    pub state: String,
    /// Why the run failed, once it has.
    pub error: Option<ErrorRecord>,
    /// The word of the `end` that it ended well with.
    pub end: Option<String>,
    /// Step rows to write, one for a path.
    pub steps: Vec<StepRow>,
    /// Attempts that failed.
    pub failed_attempts: Vec<FailedAttempt>,
    /// Timers to set; none is for a path in `settled`.
    pub timers: Vec<Timer>,
    /// Paths whose timers and waits are void.
    pub settled: Vec<StepPath>,
    /// Events to wait for.
    pub waits: Vec<Wait>,
    /// Questions to ask after the commit, whose answers are events. They may get lost: they are asked again.
    pub asks: Vec<Ask>,
    /// What to do after the commit.
    pub next: Next,
}

impl Decision {
    /// This decision and a later one as one commit.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        let mut draft = Draft {
            steps: self.steps,
            failed_attempts: self.failed_attempts,
            timers: self.timers,
            settled: self.settled,
            waits: self.waits,
            asks: self.asks,
        };
        let next = later.next.after(self.next, &later.steps);
        draft.waits.extend(later.waits);
        draft.asks.extend(later.asks);
        draft.failed_attempts.extend(later.failed_attempts);
        later.steps.into_iter().for_each(|row| draft.step(row));
        later.settled.into_iter().for_each(|path| draft.settle(path));
        later.timers.into_iter().for_each(|timer| draft.timer(timer.path, timer.kind, timer.due_at));
        let Draft { steps, failed_attempts, timers, settled, waits, asks } = draft;
        Self {
            status: later.status,
            state: later.state,
            error: later.error,
            end: later.end,
            steps,
            failed_attempts,
            timers,
            settled,
            waits,
            asks,
            next,
        }
    }
}

impl Next {
    /// What is next after two decisions: the calls of the first are still to be made, unless the second, which wrote these
    /// steps, ended theirs.
    #[must_use]
    pub fn after(self, earlier: Self, steps: &[StepRow]) -> Self {
        let Self::Call(calls) = earlier else { return self };
        let mut calls = still_wanted(calls, steps);
        match self {
            Self::Call(more) => calls.extend(more),
            Self::Await | Self::Continue if !calls.is_empty() => {}
            other => return other,
        }
        Self::Call(calls)
    }
}

/// The calls whose steps have not ended in these rows.
#[must_use]
pub fn still_wanted(mut calls: Vec<Call>, steps: &[StepRow]) -> Vec<Call> {
    let ended = |call: &Call| {
        let row = steps.iter().rfind(|row| row.path == call.path);
        row.is_some_and(|row| row.outcome != StepOutcome::Running || row.attempts != call.attempt)
    };
    calls.retain(|call| !ended(call));
    calls
}

/// A decision in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    steps: Vec<StepRow>,
    failed_attempts: Vec<FailedAttempt>,
    timers: Vec<Timer>,
    settled: Vec<StepPath>,
    waits: Vec<Wait>,
    asks: Vec<Ask>,
}

impl Draft {
    pub(super) fn steps(&self) -> &[StepRow] {
        &self.steps
    }

    /// Writes a step row in place of an earlier one of its path.
    pub(super) fn step(&mut self, row: StepRow) {
        match self.steps.iter_mut().rfind(|earlier| earlier.path == row.path) {
            Some(earlier) => *earlier = row,
            None => self.steps.push(row),
        }
    }

    pub(super) fn failed_attempt(&mut self, attempt: FailedAttempt) {
        self.failed_attempts.push(attempt);
    }

    pub(super) fn timer(&mut self, path: StepPath, kind: TimerKind, due_at: Timestamp) {
        self.timers.retain(|timer| timer.path != path || timer.kind != kind);
        self.timers.push(Timer { path, kind, due_at });
    }

    pub(super) fn wait(&mut self, wait: Wait) {
        self.waits.push(wait);
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        self.asks.push(ask);
    }

    pub(super) fn settle(&mut self, path: StepPath) {
        self.timers.retain(|timer| timer.path != path);
        self.waits.retain(|wait| wait.path != path);
        self.settled.push(path);
    }

    pub(super) fn decide(self, state: &State, next: Next) -> Decision {
        let Self { steps, failed_attempts, timers, settled, waits, asks } = self;
        Decision {
            status: state.status(next == Next::Park),
            state: state.to_json(),
            error: state.error.clone(),
            end: state.end.clone(),
            steps,
            failed_attempts,
            timers,
            settled,
            waits,
            asks,
            next,
        }
    }
}
