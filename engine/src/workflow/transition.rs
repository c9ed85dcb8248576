//! The face of a run: how it begins, and what an input means for it.

use std::sync::Arc;

use oncue_rules::ids::RunId;
use oncue_rules::time::Timestamp;

use super::decision::Draft;
use super::record::{ErrorRecord, RunStatus, StepOutcome, TimerKind};
use super::state::Phase;
use super::view::View;
use super::walk::{Walk, error};
use super::{Cursor, Decision, Facts, Input, Next, Program, Run, State};

impl Run {
    /// A new run with its first decision, for a run that goes on here at once: up to and with the first attempt
    /// counted, or to its end when it calls nothing.
    #[must_use]
    pub fn begin(program: Arc<Program>, facts: Facts, now: Timestamp) -> (Self, Decision) {
        let (mut run, _) = Self::defer(Arc::clone(&program), facts.clone(), now);
        let begun = run.transition(Input::Continue, now);
        // A new run has no place for an error, and is not parked: one that fails before its first call, or pauses, does so
        // in its second commit.
        let is_plain = begun.error.is_none() && begun.next != Next::Park;
        if is_plain { (run, begun) } else { Self::defer(program, facts, now) }
    }

    /// A new run that has done nothing, for any node to take up.
    #[must_use]
    pub fn defer(program: Arc<Program>, facts: Facts, now: Timestamp) -> (Self, Decision) {
        let view = View::new(&program, &facts);
        let state = State::initial(now);
        let decision = Decision { status: RunStatus::Pending, ..Draft::default().decide(&state, Next::Continue) };
        (Self { program, cursor: Cursor { facts, state, view } }, decision)
    }

    /// What an input means for the run.
    pub fn transition(&mut self, input: Input, now: Timestamp) -> Decision {
        let mut walk = Walk::new(&self.program, &mut self.cursor, now);
        let next = walk.take(input);
        walk.draft.decide(&walk.cursor.state, next)
    }

    /// The run as it stands: a decision that changes nothing.
    #[must_use]
    pub fn standing(&self) -> Decision {
        let state = &self.cursor.state;
        Draft::default().decide(state, state.rest())
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.cursor.facts.run
    }

    /// What it was told at its beginning.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.cursor.facts
    }

    /// What it runs.
    #[must_use]
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.cursor.state
    }
}

impl Walk<'_> {
    fn take(&mut self, input: Input) -> Next {
        if self.cursor.state.phase.is_final() {
            return Next::End;
        }
        match input {
            Input::Resume => self.resume(),
            Input::Continue if self.cursor.state.active.is_none() => self.go(),
            Input::Attempt { path, number, result } => self.attempt_ended(path.as_str(), number, result),
            Input::Unsent { path, number } => self.unsent(path.as_str(), number),
            Input::Timer { path, kind: TimerKind::Timeout } => self.timeout_due(path.as_str()),
            Input::Timer { path, kind: TimerKind::Retry } => match self.place() {
                Some(place) if place.path == path.as_str() => self.retry_due(),
                _ => self.rest(),
            },
            Input::Timer { path, kind: TimerKind::Wake } => self.wake_due(path.as_str()),
            Input::Event { path, event } => self.event_came(path.as_str(), &event),
            Input::Cancel { reason } => self.cancel(&reason),
            Input::Continue => self.rest(),
        }
    }

    fn cancel(&mut self, reason: &str) -> Next {
        let path = self.place().map_or_else(String::new, |place| place.path);
        let in_flight = self.cursor.state.is_calling();
        let error = error(&path, "cancelled", reason, if in_flight { "unknown" } else { "fatal" });
        self.unwind_all(&error);
        let state = &mut self.cursor.state;
        state.phase = Phase::Cancelled;
        state.error = Some(error);
        Next::End
    }

    fn unwind_all(&mut self, error: &ErrorRecord) {
        let ending = self.unwind(0, StepOutcome::Failed, error);
        if let Some(place) = self.place().filter(|place| place.started_at.is_some() || ending.has_begun()) {
            self.close(&place, ending);
        }
        self.cursor.state.frames.clear();
    }
}
