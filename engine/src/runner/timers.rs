//! Turns timers that are due into inputs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oncue_rules::time::Timestamp;
use tokio::sync::Notify;

use super::Shared;
use crate::clock;

/// How many timers one command turns.
const BATCH: u32 = 500;
/// The longest sleep: timers that other nodes set are looked for this often.
const POLL: Duration = Duration::from_secs(5);
/// The shortest sleep, so that a timer that cannot be turned does not keep the loop busy.
const LEAST: Duration = Duration::from_millis(2);
/// The pause after the store did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells the loop of timers that a nearer one was set.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    next: Mutex<Option<Timestamp>>,
    nearer: Notify,
}

impl Alarm {
    /// Sees to it that the loop looks at `due_at`, or before.
    pub(super) fn set(&self, due_at: Timestamp) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.is_none_or(|next| due_at < next) {
            *next = Some(due_at);
            self.nearer.notify_one();
        }
    }

    /// As [`Alarm::set`], by the loop itself.
    fn note(&self, due_at: Timestamp) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Some(next.map_or(due_at, |next| next.min(due_at)));
    }

    fn begin(&self) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn sleep(&self, now: Timestamp) -> Duration {
        let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.map_or(POLL, |next| next.since(now).clamp(LEAST, POLL))
    }
}

/// Fires timers until the task is ended.
pub(super) async fn fire(shared: Arc<Shared>) {
    loop {
        // What is set from here on is seen by the sleep below, whether or not the question to the store sees it.
        shared.alarm.begin();
        match shared.store.due(clock::now(), BATCH).await {
            Ok(due) => {
                if due.fired > 0 {
                    shared.bell.notify_one();
                }
                if due.fired >= BATCH {
                    continue;
                }
                if let Some(next) = due.next {
                    shared.alarm.note(next);
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "timers could not be read");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        }
        // A notice may be left over from the time before; then the loop asks once more than needed.
        tokio::select! {
            () = tokio::time::sleep(shared.alarm.sleep(clock::now())) => {}
            () = shared.alarm.nearer.notified() => {}
        }
    }
}
