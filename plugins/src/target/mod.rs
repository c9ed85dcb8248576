//! Targets: the named places that webhooks go to. They are live: each attempt looks its target up anew.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use reqwest::Url;
use reqwest::header::HeaderMap;

use crate::outbound::Expect;
use crate::valve::{Valve, ValveSettings};
use crate::webhook::Sign;

pub use crate::valve::{BreakerSettings, Held, Pass, Rate};

/// A named place.
#[derive(Clone)]
pub struct Target {
    /// Where it is; may hold a secret, and is never shown.
    pub url: Url,
    /// How webhooks to it are signed.
    pub sign: Sign,
    /// Headers that every webhook to it has.
    pub headers: HeaderMap,
    /// What its answers must be like; a status of 2xx when not given.
    pub expect: Option<Expect>,
    /// How many webhooks it takes.
    pub rate: Option<Rate>,
    /// When it is left alone.
    pub breaker: BreakerSettings,
    /// Whether it may stand inside.
    pub allow_private: bool,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("sign", &self.sign).field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// A target with what is known of it at present. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Place {
    /// The target.
    pub target: Arc<Target>,
    valve: Valve,
}

impl Place {
    fn new(target: Target) -> Self {
        let valve = Valve::new(ValveSettings { rate: target.rate, breaker: target.breaker });
        Self { target: Arc::new(target), valve }
    }

    /// This target in place of an earlier one of its name: what is known goes on where its settings are the same.
    fn after(self, earlier: &Self) -> Self {
        Self { target: self.target, valve: self.valve.after(&earlier.valve) }
    }

    /// Waits until a request may go, at most until the deadline.
    ///
    /// # Errors
    ///
    /// When it may not go by then; nothing was used up.
    pub async fn enter(&self, deadline: Instant) -> Result<Pass, Held> {
        self.valve.enter(deadline).await
    }
}

/// All targets by name. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Targets(Arc<ArcSwap<BTreeMap<String, Place>>>);

impl Targets {
    /// These targets.
    #[must_use]
    pub fn new(targets: BTreeMap<String, Target>) -> Self {
        let all = Self::default();
        all.replace(targets);
        all
    }

    /// From now on there are these. What is known of a target whose settings stay the same goes on.
    pub fn replace(&self, targets: BTreeMap<String, Target>) {
        let before = self.0.load();
        let now = targets.into_iter().map(|(name, target)| {
            let place = Place::new(target);
            let place = match before.get(&name) {
                Some(earlier) => place.after(earlier),
                None => place,
            };
            (name, place)
        });
        self.0.store(Arc::new(now.collect()));
    }

    /// The target of this name at present.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Place> {
        self.0.load().get(name).cloned()
    }

    /// All names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.load().keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
