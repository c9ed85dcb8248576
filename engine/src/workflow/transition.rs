//! The face of a run: how it begins, and what an input means for it.

use std::sync::Arc;

use oncue_rules::ids::{RunId, StepPath};
use oncue_rules::time::Timestamp;

use super::decision::Draft;
use super::record::{ErrorRecord, RunStatus, StepOutcome, TimerKind};
use super::state::Phase;
use super::view::View;
use super::walk::{Walk, error};
use super::{Cursor, Decision, Events, Facts, Input, Next, Program, Run, State};

impl Run {
    /// A new run with its first decision, for a run that goes on here at once: up to and with the first attempt
    /// counted, or to its end when it calls nothing.
    #[must_use]
    pub fn begin(program: Arc<Program>, facts: Facts, now: Timestamp) -> (Self, Decision) {
        let (mut run, _) = Self::defer(Arc::clone(&program), facts.clone(), now);
        let begun = run.transition(Input::Continue, now);
        // A new run has no place for an error or a wait, and is not parked: one that fails before its first call, or pauses,
        // does so in its second commit.
        let is_plain = begun.error.is_none() && begun.waits.is_empty() && begun.next != Next::Park;
        if is_plain { (run, begun) } else { Self::defer(program, facts, now) }
    }

    /// A new run that has done nothing, for any node to take up.
    #[must_use]
    pub fn defer(program: Arc<Program>, facts: Facts, now: Timestamp) -> (Self, Decision) {
        let view = View::new(&program, &facts);
        let state = State::initial(now);
        let decision = Decision { status: RunStatus::Pending, ..Draft::default().decide(&state, Next::Continue) };
        (Self { program, cursor: Cursor { facts, state, view, told: Events::new(), again: None } }, decision)
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

    /// What there is to do when nothing happens.
    #[must_use]
    pub fn rest(&self) -> Next {
        self.cursor.state.rest()
    }

    /// The attempts that are under way, by step and number.
    #[must_use]
    pub fn calling(&self) -> Vec<(StepPath, u32)> {
        let mut run = self.cursor.state.clone();
        super::fork::calling(&self.program.rule, &mut run)
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
            return match (input, self.cursor.again.take()) {
                (Input::Retry { generation, new_key }, Some(again)) => self.retry(*again, generation, new_key),
                (_, again) => {
                    self.cursor.again = again;
                    Next::End
                }
            };
        }
        if self.cursor.state.phase == Phase::Collecting {
            return self.while_collecting(input);
        }
        match input {
            Input::Resume => {
                self.for_strands(
                    |_| true,
                    |walk| {
                        let next = walk.resume();
                        walk.keep_calls(next);
                    },
                );
                self.go_all();
            }
            Input::Continue => self.go_all(),
            // It goes on already.
            Input::Retry { .. } | Input::Collected(_) => {}
            Input::Cancel { reason } => return self.cancel(&reason),
            Input::Attempt { path, number, result } => {
                self.at(&path, |walk, path| walk.attempt_ended(path, number, result));
            }
            Input::Unsent { path, number } => self.at(&path, |walk, path| walk.unsent(path, number)),
            Input::Timer { path, kind } => self.at(&path, |walk, path| match kind {
                TimerKind::Timeout => walk.timeout_due(path),
                TimerKind::Wake => walk.wake_due(path),
                TimerKind::Silence => walk.silence(path),
                TimerKind::Quiet => walk.rest(),
                TimerKind::Retry => match walk.place() {
                    Some(place) if place.path == path => walk.retry_due(),
                    _ => walk.rest(),
                },
            }),
            Input::Event { path, event } => self.at(&path, |walk, path| walk.event_came(path, &event)),
        }
        self.outcome()
    }

    /// Does something with the strand that a path lies in, then goes on with all that have something to do since. A path
    /// that nothing is at changes nothing.
    fn at(&mut self, path: &StepPath, work: impl FnOnce(&mut Self, &str) -> Next) {
        let before = self.cursor.state.rest();
        if self.focus_on(path.as_str()) {
            let next = work(self, path.as_str());
            self.keep_calls(next);
        }
        self.surface();
        // What stood before it did so for the next commit.
        if before != Next::Continue {
            self.go_all();
        }
    }

    pub(super) fn cancel(&mut self, reason: &str) -> Next {
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
        self.close_begun(ending);
        self.cursor.state.frames.clear();
    }
}
