//! How many runs this node holds at once: a share for each application, and a bound for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oncue_rules::ids::SubAppId;
use tokio::sync::Notify;

use super::Settings;

/// What one run takes besides its event.
const RUN_BYTES: usize = 8 * 1024;
/// How many times its bytes an event takes once parsed.
const PARSED: usize = 4;

/// The places for runs in hand.
#[derive(Debug)]
pub(super) struct Room {
    per_app: usize,
    total: usize,
    bytes: usize,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    runs: usize,
    bytes: usize,
    by_app: HashMap<Option<SubAppId>, usize>,
}

/// A place for one run; free again when dropped.
#[derive(Debug)]
pub struct Permit {
    room: Arc<Room>,
    app: Option<SubAppId>,
    bytes: usize,
}

impl Room {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            per_app: settings.runs_per_app,
            total: settings.runs,
            bytes: settings.run_bytes,
            held: Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// A place for a run of this application whose event has so many bytes; none while there is no room.
    pub(super) fn reserve(self: &Arc<Self>, app: Option<SubAppId>, event_bytes: usize) -> Option<Permit> {
        let bytes = weight(event_bytes);
        let mut held = self.held();
        let fits = held.runs < self.total
            && held.bytes.saturating_add(bytes) <= self.bytes
            && held.by_app.get(&app).is_none_or(|runs| *runs < self.per_app);
        if !fits {
            return None;
        }
        held.runs += 1;
        held.bytes += bytes;
        *held.by_app.entry(app).or_default() += 1;
        Some(Permit { room: Arc::clone(self), app, bytes })
    }

    /// How many more runs there is room for, whatever their application.
    pub(super) fn left(&self) -> usize {
        let held = self.held();
        if held.bytes >= self.bytes { 0 } else { self.total.saturating_sub(held.runs) }
    }

    /// How many runs are held.
    pub(super) fn held_runs(&self) -> usize {
        self.held().runs
    }

    /// Resolves when a place becomes free.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Resolves when places have become free since, and an application has so many, or all of its own.
    pub(super) async fn places(&self, app: Option<SubAppId>, runs: usize) {
        loop {
            self.freed().await;
            let held = self.held().by_app.get(&app).copied().unwrap_or(0);
            if held + runs.min(self.per_app) <= self.per_app {
                return;
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(event_bytes: usize) -> usize {
    event_bytes.saturating_mul(PARSED).saturating_add(RUN_BYTES)
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.room.held();
        held.runs = held.runs.saturating_sub(1);
        held.bytes = held.bytes.saturating_sub(self.bytes);
        if let Some(runs) = held.by_app.get_mut(&self.app) {
            *runs = runs.saturating_sub(1);
            if *runs == 0 {
                held.by_app.remove(&self.app);
            }
        }
        drop(held);
        self.room.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn room(runs_per_app: usize, runs: usize, run_bytes: usize) -> Arc<Room> {
        Arc::new(Room::new(&Settings { runs_per_app, runs, run_bytes, ..Settings::default() }))
    }

    const A: Option<SubAppId> = Some(SubAppId(1));
    const B: Option<SubAppId> = Some(SubAppId(2));

    #[test]
    fn a_full_application_leaves_room_for_another() {
        let room = room(1, 10, usize::MAX);
        let first = room.reserve(A, 0);
        assert!(first.is_some());
        assert!(room.reserve(A, 0).is_none());
        assert!(room.reserve(B, 0).is_some());
        drop(first);
        assert!(room.reserve(A, 0).is_some());
    }

    #[test]
    fn the_bounds_for_all_hold_over_applications() {
        let by_count = room(10, 1, usize::MAX);
        let _first = by_count.reserve(A, 0);
        assert!(by_count.reserve(B, 0).is_none());
        assert_eq!(by_count.left(), 0);
        let by_bytes = room(10, 10, 2 * RUN_BYTES);
        let _first = by_bytes.reserve(A, 0);
        assert!(by_bytes.reserve(B, 1).is_none());
        assert!(by_bytes.reserve(B, 0).is_some());
    }

    #[tokio::test]
    async fn places_are_waited_for_until_there_are_enough() {
        let room = room(3, 10, usize::MAX);
        let mut held: Vec<_> = (0..3).map(|_| room.reserve(A, 0)).collect();
        let mut waiting = std::pin::pin!(room.places(A, 2));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        held.pop();
        assert!(waiting.as_mut().poll(&mut context).is_pending(), "one is too few");
        held.pop();
        waiting.await;
    }

    #[test]
    fn a_dropped_place_leaves_nothing_behind() {
        let room = room(10, 10, usize::MAX);
        drop(room.reserve(A, 1_000));
        let held = room.held();
        assert_eq!((held.runs, held.bytes, held.by_app.len()), (0, 0, 0));
    }
}
