//! Leaves another side alone that is in trouble: it recovers sooner, and nobody waits for what will not come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When another side is left alone, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// After so many failures in a row.
    pub failures: u32,
    /// For so long; then one request tries it.
    pub open: Duration,
}

impl Default for BreakerSettings {
    /// After 10 failures in a row, for 30 s.
    fn default() -> Self {
        Self { failures: 10, open: Duration::from_secs(30) }
    }
}

/// What is known of the health of another side.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// Its time is over and one request is on its way.
    Trying,
}

/// Leave for one request. Dropped without a word, it changes nothing.
#[derive(Debug)]
#[must_use]
pub struct Pass {
    breaker: Arc<Breaker>,
    is_trial: bool,
}

impl Breaker {
    /// One of which nothing bad is known.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a request may go, without taking leave for one.
    ///
    /// # Errors
    ///
    /// When it may not: for how long.
    pub fn is_closed(&self, now: Instant) -> Result<(), Duration> {
        match *self.state() {
            State::Open { until } if now < until => Err(until.duration_since(now)),
            State::Trying => Err(self.settings.open),
            State::Open { .. } | State::Closed { .. } => Ok(()),
        }
    }

    /// Leave for a request. The first one after an open time is a trial; the others wait for how it ends.
    ///
    /// # Errors
    ///
    /// When it may not go: for how long.
    pub fn admit(self: &Arc<Self>, now: Instant) -> Result<Pass, Duration> {
        self.is_closed(now)?;
        let mut state = self.state();
        let is_trial = matches!(*state, State::Open { .. });
        if is_trial {
            *state = State::Trying;
        }
        Ok(Pass { breaker: Arc::clone(self), is_trial })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// It answered, whatever it said.
    pub fn well(mut self) {
        let breaker = Arc::clone(&self.breaker);
        let mut state = breaker.state();
        // A late answer to a request from before it opened does not close it: the trial does.
        if self.is_trial || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
        self.is_trial = false;
    }

    /// It did not answer, or said that it is in trouble.
    pub fn badly(mut self, now: Instant) {
        let breaker = Arc::clone(&self.breaker);
        let BreakerSettings { failures: most, open } = breaker.settings;
        let mut state = breaker.state();
        *state = match *state {
            State::Closed { failures } if failures + 1 < most => State::Closed { failures: failures + 1 },
            State::Closed { .. } => State::Open { until: now + open },
            State::Trying if self.is_trial => State::Open { until: now + open },
            other => other,
        };
        self.is_trial = false;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_trial {
            // Nobody heard how it ended, so the next request is the trial.
            *self.breaker.state() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(30);

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker::new(BreakerSettings { failures: 3, open: OPEN }))
    }

    fn fail(breaker: &Arc<Breaker>, times: u32, at: Instant) {
        for _ in 0..times {
            breaker.admit(at).unwrap().badly(at);
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_tries_once_when_its_time_is_over() {
        let (breaker, start) = (breaker(), Instant::now());
        fail(&breaker, 2, start);
        breaker.admit(start).unwrap().well();
        fail(&breaker, 3, start);
        assert_eq!(breaker.admit(start + Duration::from_secs(10)).unwrap_err(), Duration::from_secs(20));
        let trial = breaker.admit(start + OPEN).unwrap();
        assert_eq!(breaker.admit(start + OPEN).unwrap_err(), OPEN, "one trial at a time");
        trial.well();
        fail(&breaker, 2, start + OPEN);
        breaker.admit(start + OPEN).unwrap().well();
    }

    #[test]
    fn a_trial_that_fails_opens_it_again() {
        let (breaker, start) = (breaker(), Instant::now());
        fail(&breaker, 3, start);
        breaker.admit(start + OPEN).unwrap().badly(start + OPEN);
        assert_eq!(breaker.is_closed(start + OPEN), Err(OPEN));
    }

    #[test]
    fn a_trial_of_which_nobody_hears_leaves_the_next_one_to_try() {
        let (breaker, start) = (breaker(), Instant::now());
        fail(&breaker, 3, start);
        drop(breaker.admit(start + OPEN).unwrap());
        breaker.admit(Instant::now()).unwrap().well();
        assert_eq!(breaker.is_closed(start), Ok(()));
    }

    #[test]
    fn a_late_answer_does_not_close_it() {
        let (breaker, start) = (breaker(), Instant::now());
        let early = breaker.admit(start).unwrap();
        fail(&breaker, 3, start);
        early.well();
        assert!(breaker.is_closed(start).is_err());
    }
}
