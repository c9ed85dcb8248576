//! How many webhooks a target takes: evenly spaced, first come, first served.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
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

/// Gives out moments that are far enough apart. Spacing keeps the rate in every window of time, which a bucket that may be
/// full does not.
#[derive(Debug)]
pub struct Pace {
    every: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Nothing was sent yet.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { every: rate.per / rate.count, next: Mutex::new(None) }
    }

    /// The moment at which the next request may go.
    ///
    /// # Errors
    ///
    /// When that is after `latest`: how long until then. The moment is left to others.
    pub fn reserve(&self, now: Instant, latest: Instant) -> Result<Instant, Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let go = next.map_or(now, |next| next.max(now));
        if go > latest {
            return Err(go.duration_since(now));
        }
        *next = Some(go + self.every);
        Ok(go)
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
}
