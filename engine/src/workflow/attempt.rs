//! What becomes of attempts: results, retries, losses and time-outs.

use std::borrow::Cow;
use std::time::Duration;

use oncue_plugins::action::{ActionError, ErrorClass, Repeatable};
use oncue_rules::rule::Retry;
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;

use super::ending::Ending;
use super::limits::INTERRUPTION_LIMIT;
use super::place::Place;
use super::record::{ErrorRecord, FailedAttempt, StepOutcome, TimerKind};
use super::state::Active;
use super::walk::{Walk, error};
use super::{Next, jitter};

/// The longest that another side may ask to be left alone.
const AFTER_LIMIT: Duration = Duration::from_hours(24);
/// A step that lost so few attempts is repeated without a pause: what ended the process was probably something else.
const LOSSES_AT_ONCE: u32 = 2;
const AFTER_LOSSES: Retry = Retry {
    max_attempts: INTERRUPTION_LIMIT,
    initial: Duration::from_secs(1),
    max: Duration::from_mins(1),
    within: None,
};
/// What there is to do about an attempt that may have had its effect and must not be made twice.
const IN_DOUBT: &str = "whether it took effect is not known, so it is not made again: look there, and if it did not, have the \
                        dead run go on with `oncue runs retry RUN --again`";
/// How long a step is held back at most that has neither `within` nor a `timeout`.
const HELD_LIMIT: Duration = Duration::from_hours(72);
/// How far the next tries of attempts are spread that were held back until the same moment.
const HELD_SPREAD: Duration = Duration::from_secs(10);

impl<'p> Walk<'p> {
    /// What there is to do when an input changed nothing.
    pub(super) fn rest(&self) -> Next {
        self.cursor.state.rest()
    }

    /// The innermost place, when attempt `number` of `path` is under way there.
    fn under_way(&self, path: &str, number: u32) -> Option<Place<'p>> {
        let place = self.place().filter(|place| place.path == path)?;
        match &self.cursor.state.active {
            Some(Active::Call { attempts, retry_at: None, .. }) if *attempts == number => Some(place),
            _ => None,
        }
    }

    pub(super) fn attempt_ended(&mut self, path: &str, number: u32, result: Result<Value, ActionError>) -> Next {
        let Some(place) = self.under_way(path, number) else { return self.rest() };
        match result {
            Ok(outputs) => match self.called(&place, outputs) {
                Some(next) => next,
                None => self.go(),
            },
            Err(failure) => self.attempt_failed(&place, number, &failure),
        }
    }

    fn attempt_failed(&mut self, place: &Place<'p>, number: u32, failure: &ActionError) -> Next {
        let class = match failure.class {
            ErrorClass::Held { after } => return self.held(place, number, after, failure),
            ErrorClass::Retry { .. } => "retry",
            ErrorClass::Fatal => "fatal",
            ErrorClass::Unknown => "unknown",
        };
        let message = match failure.class {
            ErrorClass::Unknown => Cow::Owned(format!("{}; {IN_DOUBT}", failure.message)),
            _ => Cow::Borrowed(&failure.message),
        };
        let error = error(&place.path, &failure.code, &message, class);
        self.draft.failed_attempt(FailedAttempt { path: place.path(), number, at: self.now, error: error.clone() });
        if let Some(depth) = self.overdue() {
            return self.time_out(depth, class);
        }
        let ErrorClass::Retry { after } = failure.class else { return self.give_up(error) };
        match self.retry_at(place, after) {
            Some(due_at) => self.retry_later(place, due_at),
            None => self.give_up(error),
        }
    }

    fn retry_later(&mut self, place: &Place<'p>, due_at: Timestamp) -> Next {
        let Some(Active::Call { retry_at, held_since, .. }) = &mut self.cursor.state.active else {
            return self.rest();
        };
        (*retry_at, *held_since) = (Some(due_at), None);
        self.draft.timer(place.path(), TimerKind::Retry, due_at);
        Next::Park
    }

    /// Takes back an attempt that was not made because of how the other side is, until it may be. However often that happens,
    /// one row tells of it.
    fn held(&mut self, place: &Place<'p>, number: u32, after: Duration, failure: &ActionError) -> Next {
        let error = error(&place.path, &failure.code, &failure.message, "held");
        let overdue = self.overdue();
        let due_at = self.held_until(place, after);
        let now = self.now;
        let Some(Active::Call { attempts, retry_at, held_since, .. }) = &mut self.cursor.state.active else {
            return self.rest();
        };
        *attempts = attempts.saturating_sub(1);
        *retry_at = due_at;
        let at = *held_since.get_or_insert(now);
        self.draft.failed_attempt(FailedAttempt { path: place.path(), number, at, error: error.clone() });
        match (overdue, due_at) {
            (Some(depth), _) => self.time_out(depth, "held"),
            (None, None) => self.give_up(error),
            (None, Some(due_at)) => {
                self.draft.timer(place.path(), TimerKind::Retry, due_at);
                Next::Park
            }
        }
    }

    /// When an attempt is made that is held back for so long; none when that is too late.
    fn held_until(&self, place: &Place<'p>, after: Duration) -> Option<Timestamp> {
        let Some(Active::Call { generation, started_at, earlier, .. }) = &self.cursor.state.active else { return None };
        let since = earlier.as_ref().map_or(*started_at, |earlier| earlier.since);
        let has_timeout = self.places().iter().any(|place| place.deadline().is_some());
        let within = self.program.retry(place.step).within.or((!has_timeout).then_some(HELD_LIMIT));
        let after = after.min(AFTER_LIMIT);
        // Another moment each time: else the same one of many would always be the first.
        let draw = u32::try_from(self.now.0.rem_euclid(i64::from(u32::MAX))).unwrap_or_default();
        let spread = after.min(HELD_SPREAD).mul_f64(jitter(&self.key(place, *generation), draw));
        let due_at = self.now.after(after + spread);
        let too_late = within.is_some_and(|within| due_at > since.after(within));
        (!too_late).then_some(due_at)
    }

    fn give_up(&mut self, error: ErrorRecord) -> Next {
        self.end(Ending::failed(StepOutcome::Failed, error));
        self.go()
    }

    /// When the next attempt is due; none when there is to be none.
    fn retry_at(&self, place: &Place<'p>, after: Option<Duration>) -> Option<Timestamp> {
        let Some(Active::Call { attempts, lost, generation, started_at, earlier, .. }) = &self.cursor.state.active
        else {
            return None;
        };
        let (attempts, generation) = (*attempts, *generation);
        let (before, since) = earlier.as_ref().map_or((0, *started_at), |earlier| (earlier.attempts, earlier.since));
        let retry = self.program.retry(place.step);
        let failures = attempts.saturating_sub(*lost).saturating_sub(before);
        if failures >= retry.max_attempts {
            return None;
        }
        let wait = back_off(&retry, failures, jitter(&self.key(place, generation), attempts));
        let due_at = self.now.after(wait.max(after.unwrap_or_default().min(AFTER_LIMIT)));
        let too_late = retry.within.is_some_and(|within| due_at > since.after(within));
        (!too_late).then_some(due_at)
    }

    /// Takes back an attempt that was never sent.
    pub(super) fn unsent(&mut self, path: &str, number: u32) -> Next {
        let Some(place) = self.under_way(path, number) else { return self.rest() };
        let Some(Active::Call { attempts, .. }) = &mut self.cursor.state.active else { return self.rest() };
        *attempts = attempts.saturating_sub(1);
        self.retry_later(&place, self.now)
    }

    /// Goes on with a strand of a run that was taken up from the store.
    pub(super) fn resume(&mut self) -> Next {
        if let Some(depth) = self.overdue() {
            return self.time_out(depth, "unknown");
        }
        match self.cursor.state.active.clone() {
            None => self.go(),
            Some(Active::Call { retry_at: Some(_), .. }) => self.retry_due(),
            Some(Active::Call { attempts, .. }) => self.lost(attempts),
            Some(Active::Sleep { .. }) => match self.place() {
                Some(place) => self.wake(&place),
                None => self.rest(),
            },
            Some(Active::Wait { .. } | Active::Completion { .. } | Active::Fork(_)) => self.rest(),
        }
    }

    /// Begins the attempt that was waited for, or waits on when it is too early: clocks of nodes differ.
    pub(super) fn retry_due(&mut self) -> Next {
        let Some(Active::Call { retry_at: Some(due_at), .. }) = self.cursor.state.active else { return self.rest() };
        let Some(place) = self.place() else { return self.rest() };
        if self.now < due_at {
            self.draft.timer(place.path(), TimerKind::Retry, due_at);
            return Next::Park;
        }
        self.call_or_go(&place)
    }

    fn call_or_go(&mut self, place: &Place<'p>) -> Next {
        match self.call(place) {
            Some(call) => Next::of(call),
            None => self.go(),
        }
    }

    fn lost(&mut self, number: u32) -> Next {
        let Some(place) = self.place() else { return self.rest() };
        let is_once = self.repeatable(&place) == Repeatable::No;
        let stopped = "Oncue stopped while this attempt was under way";
        let fix = if is_once { IN_DOUBT } else { "whether it took effect is not known" };
        let error = error(&place.path, "interrupted", &format!("{stopped}; {fix}"), "unknown");
        self.draft.failed_attempt(FailedAttempt { path: place.path(), number, at: self.now, error: error.clone() });
        let Some(Active::Call { lost, .. }) = &mut self.cursor.state.active else { return self.rest() };
        *lost += 1;
        let losses = *lost;
        if losses > INTERRUPTION_LIMIT || is_once {
            return self.give_up(error);
        }
        let Some(pause) = pause_after(losses) else { return self.call_or_go(&place) };
        self.retry_later(&place, self.now.after(pause))
    }

    /// The outermost place whose `timeout` is over.
    pub(super) fn overdue(&self) -> Option<usize> {
        self.places().iter().position(|place| place.deadline().is_some_and(|deadline| deadline <= self.now))
    }

    /// A `timeout` timer was due.
    pub(super) fn timeout_due(&mut self, path: &str) -> Next {
        let places = self.places();
        let Some(place) = places.iter().find(|place| place.path == path && !place.is_item) else { return self.rest() };
        let Some(deadline) = place.deadline() else { return self.rest() };
        if let Some(depth) = self.overdue() {
            let class = match self.cursor.state.active {
                Some(Active::Call { retry_at: Some(_), .. }) => "retry",
                _ if self.cursor.state.is_calling() => "unknown",
                _ => "fatal",
            };
            return self.time_out(depth, class);
        }
        self.draft.timer(place.path(), TimerKind::Timeout, deadline);
        self.rest()
    }

    /// Ends the place at `depth` and all inside it as timed out.
    pub(super) fn time_out(&mut self, depth: usize, class: &str) -> Next {
        let places = self.places();
        let Some(place) = places.get(depth) else { return self.rest() };
        let after = place.step.timeout.unwrap_or_default();
        let error = error(&place.path, "timeout", &format!("not done within {after:?}"), class);
        let ending = self.unwind(depth, StepOutcome::TimedOut, &error);
        self.end(ending);
        self.go()
    }

    /// Ends everything inside the place at `depth`; what comes back ends that place itself.
    pub(super) fn unwind(&mut self, depth: usize, outcome: StepOutcome, error: &ErrorRecord) -> Ending {
        self.climb(depth);
        let mut ending = self.cut(outcome, error).unwrap_or_else(|| Ending::failed(outcome, error.clone()));
        while self.cursor.state.frames.len() > depth + 1 {
            self.close_begun(ending);
            ending = self.leave(outcome, Some(error.clone()));
        }
        ending
    }

    /// Ends the innermost place. A cursor may stand before a step, which then was never begun and has no end.
    pub(super) fn close_begun(&mut self, ending: Ending) {
        if let Some(place) = self.place().filter(|place| place.started_at.is_some() || ending.has_begun()) {
            self.close(&place, ending);
        }
    }
}

/// How long a step is left alone that lost so many attempts to crashes, when it is more than once or twice. A step that ends the
/// process does not end the next one at once, and a step that only shares its process with such a one outlives a storm of
/// crashes: its limit takes minutes to reach.
fn pause_after(losses: u32) -> Option<Duration> {
    let later = losses.checked_sub(LOSSES_AT_ONCE).filter(|later| *later > 0)?;
    Some(back_off(&AFTER_LOSSES, later, 1.0))
}

/// How long to wait after so many failures: a fraction of the bound that doubles each time.
pub(super) fn back_off(retry: &Retry, failures: u32, fraction: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(63);
    let bound = retry.initial.saturating_mul(2_u32.checked_pow(doublings).unwrap_or(u32::MAX)).min(retry.max);
    bound.mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_the_wait_doubles_up_to_max() {
        let retry =
            Retry { max_attempts: 99, initial: Duration::from_secs(1), max: Duration::from_mins(1), within: None };
        let bounds: Vec<u64> = (1..=8).map(|failures| back_off(&retry, failures, 1.0).as_secs()).collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(back_off(&retry, u32::MAX, 1.0).as_secs(), 60);
        assert_eq!(back_off(&retry, 3, 0.5).as_secs(), 2);
        assert_eq!(back_off(&retry, 3, 0.0), Duration::ZERO);
    }

    #[test]
    fn the_pause_after_a_loss_doubles_from_the_third_one_on() {
        let pauses: Vec<_> = (1..=10).map(|losses| pause_after(losses).map(|pause| pause.as_secs())).collect();
        assert_eq!(pauses, [None, None, Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), Some(60), Some(60)]);
    }
}
