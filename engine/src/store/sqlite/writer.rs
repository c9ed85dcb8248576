//! The one writer: a thread that owns the write connection, takes commands from a bounded queue, and commits all that
//! wait together. Throughput rests on that: one commit costs a disk flush, however many commands it holds.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::ask::Ask;
use super::checkpoint::Gate;
use super::copy;
use super::fault::{Fault, Stop};
use super::tx::Tx;
use crate::store::Error;

/// Commands in one commit, at most.
const MOST_COMMANDS: usize = 512;
/// Bytes of commands in one commit, at most (the last one may go over).
const MOST_BYTES: usize = 8 << 20;
/// The budget of the queue is counted in units of so many bytes.
const UNIT: usize = 1024;

/// A command to the writer.
pub(super) trait Verb: Send + 'static {
    /// What comes back.
    type Answer: Send + 'static;
    /// What it does, for an error: "the store is not available: …".
    const DOING: &'static str;

    /// About how many bytes it holds.
    fn weight(&self) -> usize {
        UNIT
    }

    /// Tests first, then writes: a refusal must come before the first write. May be run again, after all it wrote was
    /// taken back.
    fn run(&self, tx: &Tx<'_>) -> Result<Self::Answer, Stop>;
}

/// How much the writer has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Commits made.
    pub commits: u64,
    /// Commands answered after a commit; divided by `commits`, the size of a group.
    pub commands: u64,
    /// Commands that failed for want of a store.
    pub failed: u64,
}

#[derive(Default)]
struct Counters {
    commits: AtomicU64,
    commands: AtomicU64,
    failed: AtomicU64,
}

/// The caller's end of the queue. Dropping it writes what is queued and ends the thread.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Message>>,
    budget: Arc<Semaphore>,
    most: u32,
    patience: Duration,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

/// The limits of the queue.
pub(super) struct QueueLimits {
    pub(super) commands: usize,
    pub(super) bytes: usize,
    /// How long a caller waits for a place.
    pub(super) patience: Duration,
}

impl Writer {
    pub(super) fn start(connection: Connection, gate: Arc<Gate>, limits: &QueueLimits) -> Result<Self, Error> {
        let (queue, jobs) = mpsc::channel(limits.commands.max(1));
        let most = u32::try_from(limits.bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 4).clamp(1, u32::MAX >> 4);
        let counters = Arc::new(Counters::default());
        let committer = Committer { connection, gate, counters: Arc::clone(&counters), turn: Cell::new(i64::MIN) };
        let worker = Worker { queue: Queue { messages: jobs, put_back: None }, committer };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || worker.work())
            .map_err(|error| unavailable("starting the writer", Some(error)))?;
        let budget = Arc::new(Semaphore::new(most as usize));
        Ok(Self { queue: Some(queue), budget, most, patience: limits.patience, counters, thread: Some(thread) })
    }

    /// Queues a command and waits until it is committed. Once queued it is done, whether or not the caller still waits.
    pub(super) async fn submit<V: Verb>(&self, verb: V) -> Result<V::Answer, Error> {
        let units = u32::try_from(verb.weight().div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.most);
        let (reply, answer) = oneshot::channel();
        let enter = async {
            let place = Arc::clone(&self.budget).acquire_many_owned(units).await.ok()?;
            let order = Order { verb, answer: None, reply, _place: place };
            self.queue.as_ref()?.send(Message::Job(Box::new(order))).await.ok()
        };
        match tokio::time::timeout(self.patience, enter).await {
            Ok(Some(())) => {}
            Ok(None) => return Err(unavailable("the writer has stopped", None)),
            Err(_) => return Err(unavailable("too many commands are waiting", None)),
        }
        let lost = Error::Unavailable { doing: "the writer has stopped", unknown: true, source: None };
        answer.await.unwrap_or(Err(lost))
    }

    /// Has the thread take part in a copy of the database, which is never in a hurry.
    pub(super) async fn tell(&self, turn: copy::Turn) -> Result<(), Error> {
        let stopped = || unavailable("the writer has stopped", None);
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(Message::Copy(turn)).await.map_err(|_| stopped())
    }

    /// Wakes the thread if it sleeps. When the queue is full it does not.
    pub(super) fn nudge(&self) {
        if let Some(queue) = &self.queue {
            queue.try_send(Message::Copy(copy::Turn::Look)).ok();
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            commits: self.counters.commits.load(Ordering::Relaxed),
            commands: self.counters.commands.load(Ordering::Relaxed),
            failed: self.counters.failed.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer ended in a panic");
        }
    }
}

fn unavailable(doing: &'static str, source: Option<std::io::Error>) -> Error {
    Error::Unavailable { doing, unknown: false, source: source.map(Into::into) }
}

/// What the thread is told.
pub(super) enum Message {
    /// A command, to be committed with those beside it.
    Job(Box<dyn Job>),
    /// Something to do between two commits.
    Copy(copy::Turn),
}

/// A command with the way back to its caller.
pub(super) trait Job: Send {
    /// Runs it; keeps the answer for [`Job::answer`].
    fn run(&mut self, tx: &Tx<'_>) -> Result<(), Fault>;
    /// Tells the caller, after the commit.
    fn answer(self: Box<Self>);
    /// Tells the caller that nothing came of it; whether it was committed is `unknown` or not at all.
    fn fail(self: Box<Self>, fault: &Fault, unknown: bool);
    fn weight(&self) -> usize;
}

struct Order<V: Verb> {
    verb: V,
    answer: Option<Result<V::Answer, Error>>,
    reply: oneshot::Sender<Result<V::Answer, Error>>,
    _place: OwnedSemaphorePermit,
}

impl<V: Verb> Job for Order<V> {
    fn run(&mut self, tx: &Tx<'_>) -> Result<(), Fault> {
        self.answer = Some(match self.verb.run(tx) {
            Ok(answer) => Ok(answer),
            Err(Stop::Refused(error)) => Err(error),
            Err(Stop::Failed(fault)) => return Err(fault),
        });
        Ok(())
    }

    fn answer(self: Box<Self>) {
        if let Some(answer) = self.answer {
            // The caller may be gone; the command is done all the same.
            drop(self.reply.send(answer));
        }
    }

    fn fail(self: Box<Self>, fault: &Fault, unknown: bool) {
        drop(self.reply.send(Err(fault.to_error(V::DOING, unknown))));
    }

    fn weight(&self) -> usize {
        self.verb.weight()
    }
}

struct Worker {
    queue: Queue,
    committer: Committer,
}

/// The thread's end of the queue.
pub(super) struct Queue {
    messages: mpsc::Receiver<Message>,
    /// Taken out too early.
    put_back: Option<Message>,
}

/// Commits what it is given.
pub(super) struct Committer {
    pub(super) connection: Connection,
    gate: Arc<Gate>,
    counters: Arc<Counters>,
    turn: Cell<i64>,
}

/// A batch that was not committed.
struct Aborted {
    fault: Fault,
    unknown: bool,
}

impl Worker {
    fn work(mut self) {
        while let Some(message) = self.queue.next() {
            match message {
                Message::Job(first) => self.committer.settle(self.queue.gather(first)),
                Message::Copy(turn) => copy::take_part(&mut self.queue, &self.committer, turn),
            }
        }
    }
}

impl Queue {
    /// Waits for a message; none when the store is being closed and nothing is left to do.
    pub(super) fn next(&mut self) -> Option<Message> {
        self.put_back.take().or_else(|| self.messages.blocking_recv())
    }

    /// A command with those that wait behind it.
    pub(super) fn gather(&mut self, first: Box<dyn Job>) -> Vec<Box<dyn Job>> {
        let mut bytes = first.weight();
        let mut batch = vec![first];
        while batch.len() < MOST_COMMANDS && bytes < MOST_BYTES {
            match self.messages.try_recv() {
                Ok(Message::Job(job)) => {
                    bytes += job.weight();
                    batch.push(job);
                }
                Ok(other) => {
                    self.put_back = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        batch
    }
}

impl Committer {
    /// Commits a batch. When one of several commands fails all are taken back, and each is tried once on its own, so
    /// that a bad one does not fail its neighbours. When it is the store that failed, all fail at once: a locked database
    /// would make each of them wait anew.
    pub(super) fn settle(&self, mut batch: Vec<Box<dyn Job>>) {
        match self.commit(&mut batch) {
            Ok(()) => self.answer(batch),
            Err(aborted) if batch.len() == 1 || aborted.unknown || aborted.fault.is_everybodys() => {
                self.fail(batch, &aborted);
            }
            Err(_) => {
                for job in batch {
                    let mut alone = vec![job];
                    match self.commit(&mut alone) {
                        Ok(()) => self.answer(alone),
                        Err(aborted) => self.fail(alone, &aborted),
                    }
                }
            }
        }
    }

    fn commit(&self, batch: &mut [Box<dyn Job>]) -> Result<(), Aborted> {
        let _turn = self.gate.write();
        let done = self.run(batch);
        if done.is_err() && !self.connection.is_autocommit() {
            // The rollback can only fail when there is nothing left to roll back.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        done
    }

    fn run(&self, batch: &mut [Box<dyn Job>]) -> Result<(), Aborted> {
        let known = |fault: Fault| Aborted { fault, unknown: false };
        self.connection.change("BEGIN IMMEDIATE", ()).map_err(known)?;
        let tx = Tx::new(&self.connection, &self.turn);
        for job in batch {
            job.run(&tx).map_err(known)?;
        }
        tx.write_gathered().map_err(known)?;
        self.connection
            .change("COMMIT", ())
            .map(drop)
            .map_err(|fault| Aborted { unknown: fault.leaves_commit_unknown(), fault })
    }

    fn answer(&self, batch: Vec<Box<dyn Job>>) {
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.commands.fetch_add(batch.len() as u64, Ordering::Relaxed);
        batch.into_iter().for_each(Job::answer);
    }

    fn fail(&self, batch: Vec<Box<dyn Job>>, aborted: &Aborted) {
        self.counters.failed.fetch_add(batch.len() as u64, Ordering::Relaxed);
        tracing::warn!(commands = batch.len(), fault = ?aborted.fault, unknown = aborted.unknown, "a commit failed");
        for job in batch {
            job.fail(&aborted.fault, aborted.unknown);
        }
    }
}
