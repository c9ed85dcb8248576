//! Scripts that wait for a thread: lanes, such as applications, take turns, and none has more than its share of the threads.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::limits;

/// Jobs in lanes, in line.
pub(crate) struct Queue<K, T> {
    line: Mutex<Line<K, T>>,
    changed: Condvar,
}

struct Line<K, T> {
    lanes: BTreeMap<K, Lane<T>>,
    waiting: usize,
    /// Whose turn it was last.
    last: Option<K>,
    /// Jobs of one lane that run at once.
    share: usize,
    is_closed: bool,
}

struct Lane<T> {
    jobs: VecDeque<T>,
    running: usize,
}

impl<K: Ord + Clone, T> Queue<K, T> {
    /// An empty one, of which each lane has at most this share of the threads.
    pub(crate) fn new(share: usize) -> Self {
        let line = Line { lanes: BTreeMap::new(), waiting: 0, last: None, share, is_closed: false };
        Self { line: Mutex::new(line), changed: Condvar::new() }
    }

    /// Puts a job in line; gives it back when the line is full.
    pub(crate) fn push(&self, of: K, job: T) -> Result<(), T> {
        let mut line = self.line();
        if line.waiting >= limits::WAITING || line.is_closed {
            return Err(job);
        }
        line.waiting += 1;
        line.lanes.entry(of).or_insert_with(|| Lane { jobs: VecDeque::new(), running: 0 }).jobs.push_back(job);
        drop(line);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the job whose turn it is; none once the queue is closed. [`Queue::done`] must follow.
    pub(crate) fn take(&self) -> Option<(K, T)> {
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

    /// Says that a job of this lane has ended.
    pub(crate) fn done(&self, of: &K) {
        let mut line = self.line();
        if let Some(lane) = line.lanes.get_mut(of) {
            lane.running = lane.running.saturating_sub(1);
            if lane.running == 0 && lane.jobs.is_empty() {
                line.lanes.remove(of);
            }
        }
        drop(line);
        self.changed.notify_one();
    }
}

impl<K, T> Queue<K, T> {
    /// Lets nobody in any more, and forgets who waits.
    pub(crate) fn close(&self) {
        let mut line = self.line();
        line.is_closed = true;
        line.lanes.clear();
        drop(line);
        self.changed.notify_all();
    }

    fn line(&self) -> MutexGuard<'_, Line<K, T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Clone, T> Line<K, T> {
    fn take(&mut self) -> Option<(K, T)> {
        let may_run = |lane: &Lane<T>| !lane.jobs.is_empty() && lane.running < self.share;
        let from = self.last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let after = self.lanes.range((from, Bound::Unbounded));
        let next = after.chain(self.lanes.iter()).find(|(_, lane)| may_run(lane)).map(|(next, _)| next.clone())?;
        let lane = self.lanes.get_mut(&next)?;
        let job = lane.jobs.pop_front()?;
        lane.running += 1;
        self.waiting -= 1;
        self.last = Some(next.clone());
        Some((next, job))
    }
}

#[cfg(test)]
mod tests {
    use oncue_rules::ids::SubAppId;

    use super::*;

    #[test]
    fn lanes_take_turns_and_one_has_at_most_its_share_of_the_threads() {
        let queue = Queue::new(2);
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
        queue.done(&busy);
        assert_eq!(queue.take(), Some((busy, 2)));
    }

    #[test]
    fn a_full_line_gives_the_job_back_and_a_closed_one_wakes_those_that_wait() {
        let queue = Queue::new(2);
        for job in 0..limits::WAITING {
            queue.push(1, job).unwrap();
        }
        assert_eq!(queue.push(1, 7), Err(7));
        queue.close();
        assert_eq!(queue.take(), None);
        assert_eq!(queue.push(1, 8), Err(8));
    }
}
