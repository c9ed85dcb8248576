//! What a simulator has done so far.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts since the start or the last reset.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Stats {
    /// Calls by action.
    pub(crate) calls: BTreeMap<String, u64>,
    /// Refused calls by code.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Events by what became of them.
    pub(crate) events: Events,
}

/// Counts of events.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Events {
    /// Callbacks that were answered.
    pub(crate) delivered: u64,
    /// Further attempts of callbacks.
    pub(crate) resent: u64,
    /// Callbacks that no attempt delivered.
    pub(crate) given_up: u64,
    /// Events that were put into a queue for pulling.
    pub(crate) queued: u64,
    /// Events that were pulled, each time.
    pub(crate) pulled: u64,
    /// Events that were confirmed.
    pub(crate) confirmed: u64,
    /// Events that nobody pulled in time.
    pub(crate) expired: u64,
    /// Callbacks lost on request.
    pub(crate) lost: u64,
    /// Events that had nowhere to go: no callback URL.
    pub(crate) without_url: u64,
    /// Events dropped because too many waited.
    pub(crate) dropped: u64,
}

/// Names of actions come from callers: this many are told apart, all others count as one.
const MAX_NAMES: usize = 100;

impl Stats {
    pub(crate) fn count_call(&mut self, action: &str) {
        count(&mut self.calls, action);
    }

    pub(crate) fn count_error(&mut self, code: &str) {
        count(&mut self.errors, code);
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    let known = counts.contains_key(name) || (counts.len() < MAX_NAMES && name.len() <= 100);
    *counts.entry(if known { name } else { "other" }.to_owned()).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_end_take_no_memory_without_end() {
        let mut stats = Stats::default();
        (0..1_000).for_each(|number| stats.count_call(&format!("Action{number}")));
        assert_eq!(stats.calls.len(), MAX_NAMES + 1);
        assert_eq!(stats.calls["other"], 900);
    }
}
