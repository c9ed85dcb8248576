//! The events of an application in pull mode (protocol section 3).

use std::collections::VecDeque;
use std::time::Duration;

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value};

/// The most events that one call pulls or confirms.
pub(crate) const BATCH: usize = 16;

#[derive(Debug)]
struct Queued {
    event: Map<String, Value>,
    since: Timestamp,
    visible_at: Timestamp,
    /// Given anew by each pull, so that a confirmation of an earlier pull is known to be late.
    handle: Option<u64>,
}

/// Events that wait for being pulled and confirmed.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: VecDeque<Queued>,
    handles: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, event: Map<String, Value>, now: Timestamp) {
        self.events.push_back(Queued { event, since: now, visible_at: now, handle: None });
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Drops what nobody pulled in time; says how many went.
    pub(crate) fn expire(&mut self, retention: Duration, now: Timestamp) -> usize {
        let before = self.events.len();
        while self.events.front().is_some_and(|first| now.since(first.since) > retention) {
            self.events.pop_front();
        }
        before - self.events.len()
    }

    /// The oldest visible events, [`BATCH`] at most, hidden for `visibility` from now on.
    pub(crate) fn pull(&mut self, visibility: Duration, now: Timestamp) -> Vec<Value> {
        let mut pulled = Vec::new();
        for queued in self.events.iter_mut().filter(|queued| queued.visible_at <= now).take(BATCH) {
            self.handles += 1;
            let handle = 8_000_000_000_000_000_000 + self.handles;
            queued.handle = Some(handle);
            queued.visible_at = now.after(visibility);
            let mut event = Map::from_iter([("EventHandle".to_owned(), Value::from(handle.to_string()))]);
            event.extend(queued.event.clone());
            pulled.push(Value::Object(event));
        }
        pulled
    }

    /// Removes pulled events, all or, when a handle is unknown or too late, none: that handle is the error.
    pub(crate) fn confirm<'a>(&mut self, handles: &[&'a str], now: Timestamp) -> Result<(), &'a str> {
        let known = |handle: &str| {
            let handle = handle.parse().ok();
            handle.is_some() && self.events.iter().any(|queued| queued.handle == handle && now < queued.visible_at)
        };
        if let Some(late) = handles.iter().find(|handle| !known(handle)) {
            return Err(late);
        }
        let confirmed: Vec<Option<u64>> = handles.iter().map(|handle| handle.parse().ok()).collect();
        self.events.retain(|queued| queued.handle.is_none() || !confirmed.contains(&queued.handle));
        Ok(())
    }

    /// When the first of them becomes visible.
    pub(crate) fn next_visible(&self) -> Option<Timestamp> {
        self.events.iter().map(|queued| queued.visible_at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VISIBILITY: Duration = Duration::from_secs(30);

    fn event(number: usize) -> Map<String, Value> {
        Map::from_iter([("EventType".to_owned(), Value::from(format!("E{number}")))])
    }

    fn handles(events: &[Value]) -> Vec<&str> {
        events.iter().map(|event| event["EventHandle"].as_str().unwrap()).collect()
    }

    #[test]
    fn sixteen_events_at_most_come_in_order_and_are_hidden_for_thirty_seconds() {
        let mut queue = Queue::default();
        (0..20).for_each(|number| queue.push(event(number), Timestamp(0)));
        let first = queue.pull(VISIBILITY, Timestamp(0));
        assert_eq!(first.len(), 16);
        assert_eq!(first[0]["EventType"], "E0");
        let second = queue.pull(VISIBILITY, Timestamp(1));
        assert_eq!(second.len(), 4);
        assert!(queue.pull(VISIBILITY, Timestamp(29_999)).is_empty());
        assert_eq!(queue.pull(VISIBILITY, Timestamp(30_000)).len(), 16);
    }

    #[test]
    fn a_confirmed_event_never_comes_again() {
        let mut queue = Queue::default();
        (0..2).for_each(|number| queue.push(event(number), Timestamp(0)));
        let pulled = queue.pull(VISIBILITY, Timestamp(0));
        queue.confirm(&handles(&pulled)[..1], Timestamp(29_999)).unwrap();
        let again = queue.pull(VISIBILITY, Timestamp(30_001));
        assert_eq!(again.len(), 1);
        assert_eq!(again[0]["EventType"], "E1");
    }

    #[test]
    fn a_late_or_unknown_handle_confirms_nothing() {
        let mut queue = Queue::default();
        (0..2).for_each(|number| queue.push(event(number), Timestamp(0)));
        let pulled = queue.pull(VISIBILITY, Timestamp(0));
        let good = handles(&pulled)[0];
        assert_eq!(queue.confirm(&[good, "17"], Timestamp(1)), Err("17"));
        assert_eq!(queue.confirm(&[good, "x"], Timestamp(1)), Err("x"));
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.confirm(&[good], Timestamp(30_000)), Err(good));
        let again = queue.pull(VISIBILITY, Timestamp(30_000));
        assert_ne!(handles(&again)[0], good);
        assert_eq!(queue.confirm(&[good], Timestamp(30_001)), Err(good));
    }

    #[test]
    fn events_expire() {
        let mut queue = Queue::default();
        queue.push(event(0), Timestamp(0));
        queue.push(event(1), Timestamp(10_000));
        assert_eq!(queue.expire(Duration::from_secs(5), Timestamp(5_001)), 1);
        assert_eq!(queue.len(), 1);
    }
}
