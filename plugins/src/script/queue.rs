//! Scripts that wait for a thread: applications take turns, and none has more than its share of the threads.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use oncue_rules::ids::SubAppId;

use super::limits;

/// Scripts of one application that run at once.
const SHARE: usize = limits::THREADS / 2;

/// Jobs of applications, in line.
pub(super) struct Queue<T> {
    line: Mutex<Line<T>>,
    changed: Condvar,
}

struct Line<T> {
    lanes: BTreeMap<Option<SubAppId>, Lane<T>>,
    waiting: usize,
    /// Whose turn it was last.
    last: Option<SubAppId>,
    is_closed: bool,
}

struct Lane<T> {
    jobs: VecDeque<T>,
    running: usize,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let line = Line { lanes: BTreeMap::new(), waiting: 0, last: None, is_closed: false };
        Self { line: Mutex::new(line), changed: Condvar::new() }
    }

    /// Puts a job in line; gives it back when the line is full.
    pub(super) fn push(&self, app: Option<SubAppId>, job: T) -> Result<(), T> {
        let mut line = self.line();
        if line.waiting >= limits::WAITING || line.is_closed {
            return Err(job);
        }
        line.waiting += 1;
        line.lanes.entry(app).or_insert_with(|| Lane { jobs: VecDeque::new(), running: 0 }).jobs.push_back(job);
        drop(line);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the job whose turn it is; none once the queue is closed. [`Queue::done`] must follow.
    pub(super) fn take(&self) -> Option<(Option<SubAppId>, T)> {
        let mut line = self.line();
        loop {
            if line.is_closed {
                return None;
            }
            if let Some(next) = line.take() {
                return Some(next);
            }
            line = self.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Says that a job of this application has ended.
    pub(super) fn done(&self, app: Option<SubAppId>) {
        let mut line = self.line();
        if let Some(lane) = line.lanes.get_mut(&app) {
            lane.running = lane.running.saturating_sub(1);
            if lane.running == 0 && lane.jobs.is_empty() {
                line.lanes.remove(&app);
            }
        }
        drop(line);
        self.changed.notify_one();
    }

    /// Lets nobody in any more, and forgets who waits.
    pub(super) fn close(&self) {
        let mut line = self.line();
        line.is_closed = true;
        line.lanes.clear();
        drop(line);
        self.changed.notify_all();
    }

    fn line(&self) -> MutexGuard<'_, Line<T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Line<T> {
    fn take(&mut self) -> Option<(Option<SubAppId>, T)> {
        let may_run = |lane: &Lane<T>| !lane.jobs.is_empty() && lane.running < SHARE;
        let after = self.lanes.range((Bound::Excluded(self.last), Bound::Unbounded));
        let app = after.chain(self.lanes.iter()).find(|(_, lane)| may_run(lane)).map(|(app, _)| *app)?;
        let lane = self.lanes.get_mut(&app)?;
        let job = lane.jobs.pop_front()?;
        lane.running += 1;
        self.waiting -= 1;
        self.last = app;
        Some((app, job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_take_turns_and_one_has_at_most_half_of_the_threads() {
        let queue = Queue::new();
        let (busy, quiet) = (Some(SubAppId(1)), Some(SubAppId(2)));
        for job in 0..5 {
            queue.push(busy, job).unwrap();
        }
        assert_eq!(queue.take(), Some((busy, 0)));
        queue.push(quiet, 10).unwrap();
        queue.push(quiet, 11).unwrap();
        assert_eq!(queue.take(), Some((quiet, 10)));
        assert_eq!(queue.take(), Some((busy, 1)));
        assert_eq!(queue.take(), Some((quiet, 11)));
        queue.push(None, 20).unwrap();
        assert_eq!(queue.take(), Some((None, 20)), "the busy one has its share already");
        queue.done(busy);
        assert_eq!(queue.take(), Some((busy, 2)));
    }

    #[test]
    fn a_full_line_gives_the_job_back_and_a_closed_one_wakes_those_that_wait() {
        let queue = Queue::new();
        for job in 0..limits::WAITING {
            queue.push(None, job).unwrap();
        }
        assert_eq!(queue.push(None, 7), Err(7));
        queue.close();
        assert_eq!(queue.take(), None);
        assert_eq!(queue.push(None, 8), Err(8));
    }
}
