//! Moves what was committed from the write-ahead log into the database, off the writer's thread.
//!
//! A passive checkpoint takes what it can while the writer goes on, but under steady load the log is never wholly
//! moved, and so never starts over. Past its limit the writer is held at a [`Gate`] for a moment, and all of it moved, so
//! that the next commit writes at its beginning. Its file is not cut: that would cost the writer its page cache, and
//! each of the next commits a change of the file's length.

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

/// Lets the checkpointer in between two commits; a plain mutex would let the writer take it again at once.
#[derive(Default)]
pub(super) struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
    busy: Mutex<()>,
}

impl Gate {
    /// Held by the writer while a transaction is open.
    pub(super) fn write(&self) -> MutexGuard<'_, ()> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self.opened.wait_while(closed, |closed| *closed).unwrap_or_else(PoisonError::into_inner);
        let turn = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        drop(open);
        turn
    }

    /// Runs `work` while the writer waits.
    fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let turn = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work();
        drop(turn);
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.opened.notify_all();
        done
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
        report_commits(writers, wake.clone(), Arc::clone(&log))?;
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker { own, gate, log, stop: Arc::clone(&stop), limit: limit / PAGE_SIZE, moved: 0 };
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

/// After each commit, notes how many pages the log holds. Replaces SQLite's own checkpoints inside commits.
fn report_commits(writers: &mut Connection, wake: SyncSender<()>, log: Arc<AtomicU64>) -> Result<(), Error> {
    let hook = move |_: &mut Wal, pages: std::ffi::c_int| {
        log.store(u64::try_from(pages).unwrap_or(0), Ordering::Release);
        // Full means that it is awake already.
        wake.try_send(()).ok();
        Ok(())
    };
    writers
        .wal_hook(Some(hook))
        .map_err(|error| super::fault::Fault::from(error).to_error("setting up checkpoints", false))
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
