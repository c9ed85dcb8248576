//! Moves what was committed from the write-ahead log into the database, off the writer's thread.
//!
//! A passive checkpoint takes what it can while the writer goes on, but under steady load the log is never wholly
//! moved, and so never starts over. Past its limit the writer is held at a [`Gate`] for a moment, and all of it moved, so
//! that the next commit writes at its beginning. Its file is not cut: that would cost the writer its page cache, and
//! each of the next commits a change of the file's length.
//!
//! A machine may be too busy to let this thread run while the writer commits. At twice the limit the writer therefore
//! stops at the gate by itself, until the log was looked at; so the log never holds more than that and one commit, unless a
//! reader keeps it from starting over.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::PAGE_SIZE;
use crate::store::Error;

/// New pages in the log that make a passive checkpoint worth its disk flushes.
const WORTHWHILE: u64 = 1_000;

/// How many times its limit the log may reach before the writer waits for the checkpointer.
const PATIENCE: u64 = 2;

/// Lets the checkpointer in between two commits; a plain mutex would let the writer take it again at once.
#[derive(Default)]
pub(super) struct Gate {
    door: Mutex<Door>,
    opened: Condvar,
    busy: Mutex<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Door {
    #[default]
    Open,
    Closed,
    /// Nobody is there to open it again: it stays open.
    Unattended,
}

impl Gate {
    /// Held by the writer while a transaction is open.
    pub(super) fn write(&self) -> MutexGuard<'_, ()> {
        let is_closed = |door: &mut Door| *door == Door::Closed;
        let open = self.opened.wait_while(self.door(), is_closed).unwrap_or_else(PoisonError::into_inner);
        let turn = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        drop(open);
        turn
    }

    /// Runs `work` while the writer waits.
    fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        self.close();
        let turn = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work();
        drop(turn);
        self.set(Door::Open);
        done
    }

    /// Has the writer wait for what the checkpointer does next.
    fn close(&self) {
        self.set(Door::Closed);
    }

    fn set(&self, to: Door) {
        let mut door = self.door();
        if *door != Door::Unattended {
            *door = to;
        }
        self.opened.notify_all();
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread; dropping it ends it.
pub(super) struct Checkpointer {
    stop: Arc<AtomicBool>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts on a connection of its own, and has the writer's connection report each commit.
    pub(super) fn start(own: Connection, writers: &mut Connection, gate: Arc<Gate>, limit: u64) -> Result<Self, Error> {
        let (wake, woken) = sync_channel(1);
        let log = Arc::new(AtomicU64::new(0));
        let limit = limit / PAGE_SIZE;
        let report = Report { wake: wake.clone(), log: Arc::clone(&log), gate: Arc::clone(&gate), limit };
        report.commits_of(writers)?;
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker { own, gate, log, stop: Arc::clone(&stop), limit, moved: 0 };
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || worker.work(&woken))
            .map_err(|error| Error::Unavailable {
                doing: "starting the checkpointer",
                unknown: false,
                source: Some(error.into()),
            })?;
        Ok(Self { stop, wake: Some(wake), thread: Some(thread) })
    }
}

/// What the writer's thread says after each commit.
struct Report {
    wake: SyncSender<()>,
    log: Arc<AtomicU64>,
    gate: Arc<Gate>,
    limit: u64,
}

impl Report {
    /// Replaces SQLite's own checkpoints inside commits.
    fn commits_of(self, writers: &mut Connection) -> Result<(), Error> {
        let hook = move |_: &mut Wal, pages: std::ffi::c_int| {
            self.commit(u64::try_from(pages).unwrap_or(0));
            Ok(())
        };
        writers
            .wal_hook(Some(hook))
            .map_err(|error| super::fault::Fault::from(error).to_error("setting up checkpoints", false))
    }

    /// Notes how many pages the log holds.
    fn commit(&self, pages: u64) {
        self.log.store(pages, Ordering::Release);
        if pages >= self.limit.saturating_mul(PATIENCE) {
            self.gate.close();
        }
        // Full means that it is awake already.
        self.wake.try_send(()).ok();
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(wake) = self.wake.take() {
            wake.try_send(()).ok();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's checkpointer ended in a panic");
        }
    }
}

struct Worker {
    own: Connection,
    gate: Arc<Gate>,
    log: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    /// Pages of log at which it has to start over.
    limit: u64,
    /// Pages of the log that were moved when it was last looked at.
    moved: u64,
}

/// However the thread ends, the writer waits for it no more.
impl Drop for Worker {
    fn drop(&mut self) {
        self.gate.set(Door::Unattended);
    }
}

impl Worker {
    fn work(mut self, woken: &Receiver<()>) {
        while woken.recv().is_ok() && !self.stop.load(Ordering::Acquire) {
            self.tend();
        }
    }

    fn tend(&mut self) {
        let pages = self.log.load(Ordering::Acquire);
        // The log started over: it holds fewer pages than were moved of it before.
        if pages < self.moved {
            self.moved = 0;
        }
        if pages - self.moved >= WORTHWHILE.min(self.limit) {
            self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)");
        }
        if self.log.load(Ordering::Acquire) >= self.limit {
            let gate = Arc::clone(&self.gate);
            gate.hold(|| self.start_over());
        }
    }

    fn start_over(&mut self) {
        if self.checkpoint("PRAGMA wal_checkpoint(RESTART)") {
            // The next commit will say so too, but only it.
            self.moved = 0;
            self.log.store(0, Ordering::Release);
        }
    }

    /// Says whether all of the log was moved.
    fn checkpoint(&mut self, pragma: &str) -> bool {
        // Gives: whether it was kept from finishing, the pages in the log, and those moved.
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(2)?));
        match self.own.query_row(pragma, (), read) {
            Ok((kept, moved)) => {
                self.moved = u64::try_from(moved).unwrap_or(0);
                !kept
            }
            Err(error) => {
                tracing::warn!(%error, pragma, "a checkpoint failed; the log grows until one succeeds");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(gate: &Arc<Gate>) -> (Report, Receiver<()>) {
        let (wake, woken) = sync_channel(1);
        (Report { wake, log: Arc::default(), gate: Arc::clone(gate), limit: 100 }, woken)
    }

    #[test]
    fn at_twice_the_limit_no_commit_goes_by_before_the_log_was_looked_at() {
        let gate = Arc::<Gate>::default();
        let (report, woken) = report(&gate);
        report.commit(199);
        drop(gate.write());
        report.commit(200);
        let went_by = Arc::new(AtomicBool::new(false));
        let writer = std::thread::spawn({
            let (gate, went_by) = (Arc::clone(&gate), Arc::clone(&went_by));
            move || {
                let _turn = gate.write();
                went_by.store(true, Ordering::Release);
            }
        });
        woken.recv().unwrap();
        gate.hold(|| assert!(!went_by.load(Ordering::Acquire)));
        writer.join().unwrap();
        assert!(went_by.load(Ordering::Acquire));
    }

    #[test]
    fn a_checkpointer_that_has_ended_keeps_no_commit_waiting() {
        let gate = Arc::<Gate>::default();
        let (report, _woken) = report(&gate);
        report.commit(1_000);
        let own = Connection::open_in_memory().unwrap();
        let (log, stop) = (Arc::clone(&report.log), Arc::default());
        drop(Worker { own, gate: Arc::clone(&gate), log, stop, limit: 100, moved: 0 });
        report.commit(1_000);
        drop(gate.write());
    }
}
