//! From an event to its receivers: the misbehaviour of callbacks, then the queue or the outbox of the application.

use std::sync::Arc;

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value};

use super::State;
use super::life::Due;
use super::outbox::{self, Batch, Outgoing, Sent};
use crate::simulator::misbehaviour::{Fault, Occasion};
use crate::simulator::options::Mode;

impl State {
    /// Sends events that belong together, or does with them what misbehaviour wants.
    pub(super) fn emit(
        &mut self,
        subappid: u64,
        mut events: Vec<Map<String, Value>>,
        task: Option<Arc<str>>,
        now: Timestamp,
    ) {
        let occasion = Occasion { subappid: Some(subappid), ..Occasion::default() };
        if self.mischief.strikes(Fault::CallbackLost, &occasion).is_some() {
            self.stats.events.lost += count(&events);
            return;
        }
        if self.mischief.strikes(Fault::CallbackDuplicated, &occasion).is_some() {
            events = events.into_iter().flat_map(|event| [event.clone(), event]).collect();
        }
        let batch = Batch { events, tasks: task.into_iter().collect() };
        if let Some(trouble) = self.mischief.strikes(Fault::CallbackLate, &occasion) {
            if self.defer(&batch) {
                self.schedule(now.after(trouble.delay()), Due::Callbacks { subappid, batch });
            }
        } else if let Some(trouble) = self.mischief.strikes(Fault::CallbackReordered, &occasion) {
            if self.defer(&batch) {
                self.apps.entry(subappid).and_modify(|app| app.held.push(batch));
                self.schedule(now.after(trouble.delay()), Due::Release { subappid });
            }
        } else {
            self.dispatch(subappid, batch, now);
        }
    }

    /// Whether one more batch may be held back; counts it as held, or as dropped.
    fn defer(&mut self, batch: &Batch) -> bool {
        let room = self.deferred < self.options.limits.events;
        if room {
            self.deferred += 1;
        } else {
            self.stats.events.dropped += count(&batch.events);
        }
        room
    }

    /// Sends a batch, and after it, in the same breath, those that were held back for it.
    pub(super) fn dispatch(&mut self, subappid: u64, mut batch: Batch, now: Timestamp) {
        let Some(app) = self.apps.get_mut(&subappid) else { return };
        for held in app.held.drain(..) {
            self.deferred = self.deferred.saturating_sub(1);
            batch.events.extend(held.events);
            batch.tasks.extend(held.tasks);
        }
        self.send(subappid, batch, now);
    }

    /// Sends what was held back for a callback that did not come.
    pub(super) fn release(&mut self, subappid: u64, now: Timestamp) {
        let Some(app) = self.apps.get_mut(&subappid) else { return };
        for batch in std::mem::take(&mut app.held) {
            self.deferred = self.deferred.saturating_sub(1);
            self.send(subappid, batch, now);
        }
    }

    fn send(&mut self, subappid: u64, batch: Batch, now: Timestamp) {
        let limit = self.options.limits.events;
        let Some(app) = self.apps.get_mut(&subappid) else { return };
        match app.config.mode {
            Mode::Pull => {
                self.stats.events.expired += widen(app.queue.expire(self.options.event_retention, now));
                for event in batch.events {
                    if app.queue.len() < limit {
                        app.queue.push(event, now);
                        self.stats.events.queued += 1;
                    } else {
                        self.stats.events.dropped += 1;
                    }
                }
            }
            Mode::Push if app.config.callback_url.is_none() => self.stats.events.without_url += count(&batch.events),
            Mode::Push if app.outbox.waiting.len() >= limit => self.stats.events.dropped += count(&batch.events),
            Mode::Push => {
                for task in &batch.tasks {
                    *self.unsent.entry(task.clone()).or_default() += 1;
                }
                app.outbox.waiting.push_back(batch);
            }
        }
    }

    /// The callbacks that may go now; each must come back to [`State::sent`].
    pub(crate) fn take_outgoing(&mut self, now: Timestamp) -> Vec<Outgoing> {
        let limit = self.options.limits.callbacks_in_flight.max(1);
        let mut outgoing = Vec::new();
        for (subappid, app) in &mut self.apps {
            while app.outbox.in_flight < limit
                && let Some(batch) = app.outbox.waiting.pop_front()
            {
                app.outbox.in_flight += 1;
                let key = app.config.sign_key.as_deref();
                outgoing.push(Outgoing {
                    subappid: *subappid,
                    url: app.config.callback_url.clone().unwrap_or_default(),
                    bodies: batch.events.into_iter().map(|event| outbox::body(event, key, now)).collect(),
                    tasks: batch.tasks,
                });
            }
        }
        outgoing
    }

    /// Notes what became of callbacks.
    pub(crate) fn sent(&mut self, subappid: u64, tasks: &[Arc<str>], sent: Sent) {
        if let Some(app) = self.apps.get_mut(&subappid) {
            app.outbox.in_flight = app.outbox.in_flight.saturating_sub(1);
        }
        for task in tasks {
            if let Some(unsent) = self.unsent.get_mut(task) {
                *unsent -= 1;
                if *unsent == 0 {
                    self.unsent.remove(task);
                }
            }
        }
        self.stats.events.delivered += sent.delivered;
        self.stats.events.resent += sent.resent;
        self.stats.events.given_up += sent.given_up;
    }

    /// When an application's next event can be pulled.
    pub(crate) fn next_visible(&self, subappid: u64) -> Option<Timestamp> {
        self.apps.get(&subappid)?.queue.next_visible()
    }

    /// Whether a callback about the task is on its way.
    pub(crate) fn is_unsent(&self, task_id: &str) -> bool {
        self.unsent.contains_key(task_id)
    }
}

fn count(events: &[Map<String, Value>]) -> u64 {
    widen(events.len())
}

pub(crate) fn widen(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
