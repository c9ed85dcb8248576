//! What stands before another side: how much goes there, and whether anything does.

mod breaker;
mod pace;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use breaker::{Breaker, BreakerSettings, Pass};
pub use pace::{Pace, Rate, RateError};

/// How a valve is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ValveSettings {
    /// How much passes; any number where there is none.
    pub rate: Option<Rate>,
    /// When nothing passes.
    pub breaker: BreakerSettings,
}

/// Stands before one other side. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Valve {
    settings: ValveSettings,
    pace: Arc<Pace>,
    breaker: Arc<Breaker>,
}

/// Why a request may not go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The breaker is open for so long.
    Open(Duration),
    /// There is no room before the deadline, but after so long: the rate has none, or the other side asked for a pause.
    Full(Duration),
}

impl Held {
    /// In how long another try may be worth it.
    #[must_use]
    pub fn after(self) -> Duration {
        match self {
            Self::Open(after) | Self::Full(after) => after,
        }
    }
}

impl Valve {
    /// One before a side of which nothing is known yet.
    #[must_use]
    pub fn new(settings: ValveSettings) -> Self {
        let pace = settings.rate.map_or_else(Pace::unlimited, Pace::new);
        Self { settings, pace: Arc::new(pace), breaker: Arc::new(Breaker::new(settings.breaker)) }
    }

    /// This one in place of an earlier one: what is known goes on where the settings are the same.
    #[must_use]
    pub fn after(self, earlier: &Self) -> Self {
        let (now, before) = (self.settings, earlier.settings);
        let pace = if now.rate == before.rate { Arc::clone(&earlier.pace) } else { self.pace };
        let breaker = if now.breaker == before.breaker { Arc::clone(&earlier.breaker) } else { self.breaker };
        Self { settings: now, pace, breaker }
    }

    /// Waits until a request may go, at most until the deadline, and for a second of a pause.
    ///
    /// # Errors
    ///
    /// When it may not go by then; nothing was used up.
    pub async fn enter(&self, deadline: Instant) -> Result<Pass, Held> {
        self.breaker.is_closed(Instant::now()).map_err(Held::Open)?;
        loop {
            let now = Instant::now();
            let go = self.pace.reserve(now, deadline).map_err(Held::Full)?;
            if go > now {
                tokio::time::sleep_until(go.into()).await;
            }
            // Another request may have been told to pause meanwhile.
            if !self.pace.is_paused(Instant::now()) {
                break;
            }
        }
        self.breaker.admit(Instant::now()).map_err(Held::Open)
    }

    /// The other side has had too much: nothing goes for as long as it asked, or for longer each time that it says so again.
    pub fn pause(&self, now: Instant, asked: Option<Duration>) {
        self.pace.pause(now, asked);
    }

    /// The other side took a request.
    pub fn taken(&self) {
        self.pace.taken();
    }
}

#[cfg(test)]
mod tests;
