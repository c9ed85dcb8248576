//! How much may come, evenly spread, with some at once.

use std::time::{Duration, Instant};

/// Everything that comes costs time; more than the burst at once leaves a debt, which time pays.
#[derive(Debug)]
pub(super) struct Meter {
    burst: Duration,
    paid: Option<Instant>,
}

impl Meter {
    pub(super) fn new(burst: Duration) -> Self {
        Self { burst, paid: None }
    }

    /// When the debt is paid: not after `now` when there is none.
    pub(super) fn paid(&self, now: Instant) -> Instant {
        self.paid.unwrap_or(now)
    }

    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.paid(now) <= now
    }

    pub(super) fn charge(&mut self, cost: Duration, now: Instant) {
        // Some clocks begin when the machine did.
        let earliest = now.checked_sub(self.burst).unwrap_or(now);
        self.paid = Some(self.paid.unwrap_or(earliest).max(earliest) + cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_may_come_at_once_and_the_rest_in_time() {
        let start = Instant::now() + Duration::from_hours(1);
        let at = |millis| start + Duration::from_millis(millis);
        let mut meter = Meter::new(Duration::from_millis(30));
        let mut taken = |now| {
            let is_free = meter.is_free(now);
            if is_free {
                meter.charge(Duration::from_millis(10), now);
            }
            is_free
        };
        let at_once: Vec<_> = (0..6).map(|_| taken(at(0))).collect();
        assert_eq!(at_once, [true, true, true, true, false, false]);
        assert_eq!([taken(at(9)), taken(at(10)), taken(at(10))], [false, true, false]);
        assert_eq!([taken(at(1_000)), taken(at(1_000)), taken(at(1_000))], [true, true, true]);
    }
}
