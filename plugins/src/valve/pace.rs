//! How much another side takes: evenly spaced, first come, first served, and nothing while it wants a pause.

use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many in a second, a minute or an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how long.
    pub per: Duration,
}

/// A text is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number from 1 to 100000 and one of `/s`, `/m`, `/h`, such as `50/s`")]
pub struct RateError;

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (count, unit) = text.split_once('/').ok_or(RateError)?;
        let per = match unit.trim() {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(RateError),
        };
        let count = count.trim().parse().map_err(|_| RateError)?;
        if (1..=100_000).contains(&count) { Ok(Self { count, per }) } else { Err(RateError) }
    }
}

/// The first pause of one that has had too much and does not say for how long; the next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// How much of a pause is waited for here. Whoever must wait for longer comes again, and is not under way meanwhile: a server
/// that stops would have to take it for sent.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Gives out moments that are far enough apart. Spacing keeps the rate in every window of time, which a bucket that may be
/// full does not.
#[derive(Debug)]
pub struct Pace {
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// From when on there is room.
    next: Option<Instant>,
    /// Until when nothing goes.
    paused: Option<Instant>,
    /// Pauses since the other side last took something.
    pauses: u32,
}

impl Pace {
    /// Nothing was sent yet.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { every: rate.per / rate.count, state: Mutex::default() }
    }

    /// One that only pauses.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { every: Duration::ZERO, state: Mutex::default() }
    }

    /// The moment at which the next request may go.
    ///
    /// # Errors
    ///
    /// When that is after `latest`, or after a pause of more than a second: how long until then. The moment is left to others.
    pub fn reserve(&self, now: Instant, latest: Instant) -> Result<Instant, Duration> {
        let mut state = self.state();
        let latest = if state.is_paused(now) { latest.min(now + LONGEST_WAIT) } else { latest };
        let go = [state.next, state.paused].into_iter().flatten().fold(now, Instant::max);
        // What need not wait is not late here.
        if go > now.max(latest) {
            return Err(go.duration_since(now));
        }
        state.next = Some(go + self.every);
        Ok(go)
    }

    /// The other side has had too much. Answers to what left before a pause do not make it longer, unless they ask for that.
    pub fn pause(&self, now: Instant, asked: Option<Duration>) {
        let mut state = self.state();
        let asked = asked.unwrap_or_default();
        let pause = if state.is_paused(now) {
            asked
        } else {
            state.pauses = state.pauses.saturating_add(1);
            let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(state.pauses - 1));
            asked.max(doubled.min(LONGEST_PAUSE))
        };
        state.paused = state.paused.max(Some(now + pause));
    }

    /// Whether nothing may go.
    #[must_use]
    pub fn is_paused(&self, now: Instant) -> bool {
        self.state().is_paused(now)
    }

    /// The other side took something: the next pause is short again.
    pub fn taken(&self) {
        self.state().pauses = 0;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_paused(&self, now: Instant) -> bool {
        self.paused.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_unit() {
        let rate = |count, seconds| Ok(Rate { count, per: Duration::from_secs(seconds) });
        assert_eq!("50/s".parse(), rate(50, 1));
        assert_eq!("20/m".parse(), rate(20, 60));
        assert_eq!(" 7 / h ".parse(), rate(7, 3600));
        for text in ["", "50", "0/s", "-1/s", "1.5/s", "50/d", "50/", "/s", "100001/s"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
    }

    #[test]
    fn requests_are_spaced_and_what_comes_too_late_takes_no_place() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let pace = Pace::new("10/s".parse().unwrap());
        assert_eq!(pace.reserve(at(0), at(1000)), Ok(at(0)));
        assert_eq!(pace.reserve(at(0), at(1000)), Ok(at(100)));
        assert_eq!(pace.reserve(at(10), at(150)), Err(Duration::from_millis(190)));
        assert_eq!(pace.reserve(at(10), at(1000)), Ok(at(200)));
        assert_eq!(pace.reserve(at(900), at(1000)), Ok(at(900)));
    }

    #[test]
    fn a_pause_is_as_long_as_was_asked_or_twice_the_one_before() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let pace = Pace::unlimited();
        let next = |now| {
            let go = pace.reserve(at(now), at(600_000)).unwrap_or_else(|wait| at(now) + wait);
            go.duration_since(start).as_millis()
        };
        assert_eq!(next(0), 0);
        pace.pause(at(0), None);
        pace.pause(at(10), None);
        assert_eq!(next(15), 20, "what left before the pause does not make it longer");
        pace.pause(at(20), None);
        assert_eq!(next(20), 60);
        pace.pause(at(60), Some(Duration::from_secs(7)));
        assert_eq!(next(60), 7_060);
        assert!(pace.reserve(at(6_059), at(600_000)).is_err() && pace.reserve(at(6_060), at(600_000)).is_ok());
        pace.pause(at(400), Some(Duration::from_secs(1)));
        assert_eq!(next(400), 7_060, "never shorter");
        pace.taken();
        pace.pause(at(8_000), None);
        assert_eq!((next(8_000), pace.is_paused(at(8_019)), pace.is_paused(at(8_020))), (8_020, true, false));
        for _ in 0..99 {
            let now = start + Duration::from_hours(1);
            pace.pause(now, None);
        }
        assert_eq!(pace.reserve(at(9_000), at(9_000)), Err(Duration::from_hours(1) - Duration::from_millis(8_960)));
    }
}
