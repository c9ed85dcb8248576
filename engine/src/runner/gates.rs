//! How many attempts of one application, action and lane are under way at once; the others wait in line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use oncue_rules::ids::{ActionName, SubAppId};
use tokio::sync::Semaphore;

/// How many lines there may be before those are forgotten in which nobody is.
const LINES: usize = 1_024;

/// Who waits in one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) app: Option<SubAppId>,
    pub(super) action: ActionName,
    /// What the action says that it waits for, such as the target of a webhook.
    pub(super) lane: Option<String>,
}

/// A place for an attempt, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _slot: tokio::sync::OwnedSemaphorePermit,
}

/// One line for each application, action and lane, so that a slow one holds up nothing else: a dead target of webhooks not
/// the other targets. Lines are first come, first served. There are about as many as are in use: one run in hand is in one
/// line, and what nobody is in is forgotten.
#[derive(Debug)]
pub(super) struct Gates {
    width: usize,
    gates: Mutex<HashMap<Line, Arc<Semaphore>>>,
}

impl Gates {
    pub(super) fn new(width: usize) -> Self {
        Self { width: width.max(1), gates: Mutex::default() }
    }

    /// Waits for a place.
    pub(super) async fn enter(&self, line: Line) -> Option<Place> {
        let gate = self.gate(line);
        // Gates are never closed.
        gate.acquire_owned().await.ok().map(|slot| Place { _slot: slot })
    }

    fn gate(&self, line: Line) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if gates.len() >= LINES && !gates.contains_key(&line) {
            // Whoever waits or has a place holds the gate too.
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        Arc::clone(gates.entry(line).or_insert_with(|| Arc::new(Semaphore::new(self.width))))
    }

    /// Resolves when nobody has a place in this line.
    #[cfg(test)]
    pub(super) async fn is_empty(&self, line: Line) {
        let gate = self.gate(line);
        let all = u32::try_from(self.width).unwrap();
        drop(gate.acquire_many(all).await.unwrap());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn line(lane: &str) -> Line {
        Line { app: Some(SubAppId(1)), action: "webhook".into(), lane: Some(lane.to_owned()) }
    }

    #[test]
    fn a_full_line_holds_up_itself_alone() {
        let gates = Gates::new(2);
        let _held = [line("dead"), line("dead")].map(|line| gates.enter(line).now_or_never().unwrap());
        assert!(gates.enter(line("dead")).now_or_never().is_none());
        assert!(gates.enter(line("well")).now_or_never().is_some());
    }

    #[test]
    fn lines_in_which_nobody_is_are_forgotten_and_no_others() {
        let gates = Gates::new(1);
        let held = gates.enter(line("held")).now_or_never().unwrap();
        for number in 0..10 * LINES {
            gates.enter(line(&number.to_string())).now_or_never().unwrap();
        }
        assert!(gates.gates.lock().unwrap().len() <= LINES);
        assert!(gates.enter(line("held")).now_or_never().is_none());
        drop(held);
        assert!(gates.enter(line("held")).now_or_never().is_some());
    }
}
