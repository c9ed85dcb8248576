//! A copy of the whole database, made while it is written to.
//!
//! SQLite's backup runs on the writer's own connection, a few pages between two commits. Each page that a later commit
//! changes is written to the copy as well, so that the copy is whole once the last page was reached, however much is
//! written meanwhile; on another connection every commit would make it begin anew. No snapshot is held between two
//! turns, so the log starts over as it does without a copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::PAGE_SIZE;
use super::draft::Draft;
use super::fault::Fault;
use super::writer::{Committer, Message, Queue, Writer};
use crate::store::{Copied, Error};

/// Pages of one turn: 1 MiB, some milliseconds.
const PAGES: i32 = 128;
/// How many times as long as a turn took the writer is left to the others.
const REST: u32 = 3;
const SHORTEST_REST: Duration = Duration::from_millis(1);
const LONGEST_REST: Duration = Duration::from_millis(200);
/// Turns after which what was written goes to the disk, so that the end does not flood it.
const TURNS_A_SYNC: u32 = 64;

const DOING: &str = "copying the database";

/// What the writer's thread is told about a copy.
pub(super) enum Turn {
    /// Begin one.
    Begin {
        /// An empty file.
        file: PathBuf,
        /// Set when nobody waits for it any more.
        given_up: Arc<AtomicBool>,
        /// Whether it began.
        reply: oneshot::Sender<Result<(), Error>>,
    },
    /// Copy the next pages.
    Next {
        /// What came of it.
        reply: oneshot::Sender<Result<Stage, Error>>,
    },
    /// Look whether it was given up.
    Look,
}

/// How far a copy is after a turn.
pub(super) struct Stage {
    copied: Copied,
    is_whole: bool,
    took: Duration,
}

/// [`crate::store::Admin::back_up`].
pub(super) async fn open(writer: &Writer, file: &Path, told: &(dyn Fn(Copied) + Send + Sync)) -> Result<Copied, Error> {
    let draft = Draft::new(file)?;
    let copying = Copying::begin(writer, draft.path()).await?;
    let mut turns = 0_u32;
    let copied = loop {
        let Stage { copied, is_whole, took } = copying.next().await?;
        told(copied);
        if is_whole {
            break copied;
        }
        turns += 1;
        if turns.is_multiple_of(TURNS_A_SYNC) {
            draft.sync().await?;
        }
        tokio::time::sleep((took * REST).clamp(SHORTEST_REST, LONGEST_REST)).await;
    };
    drop(copying);
    tokio::task::spawn_blocking(move || draft.keep()).await.unwrap_or_else(|_| Err(unavailable("keeping the copy")))?;
    Ok(copied)
}

/// [`super::SqliteStore::copy_closed`].
pub(super) fn closed(from: &Connection, file: &Path, told: &dyn Fn(Copied)) -> Result<Copied, Error> {
    let draft = Draft::new(file)?;
    let mut to = target(draft.path()).map_err(failed)?;
    let backup = Backup::new(from, &mut to).map_err(|error| failed(error.into()))?;
    let copied = loop {
        let Stage { copied, is_whole, .. } = step(&backup)?;
        told(copied);
        if is_whole {
            break copied;
        }
    };
    drop(backup);
    drop(to);
    draft.keep()?;
    Ok(copied)
}

/// A copy under way, for the one who waits for it. Dropping it gives it up.
struct Copying<'w> {
    writer: &'w Writer,
    given_up: Arc<AtomicBool>,
}

impl<'w> Copying<'w> {
    async fn begin(writer: &'w Writer, file: &Path) -> Result<Self, Error> {
        let copying = Self { writer, given_up: Arc::default() };
        let (reply, began) = oneshot::channel();
        let (file, given_up) = (file.to_owned(), Arc::clone(&copying.given_up));
        writer.tell(Turn::Begin { file, given_up, reply }).await?;
        began.await.unwrap_or_else(|_| Err(unavailable("the writer has stopped")))?;
        Ok(copying)
    }

    async fn next(&self) -> Result<Stage, Error> {
        let (reply, stage) = oneshot::channel();
        self.writer.tell(Turn::Next { reply }).await?;
        stage.await.unwrap_or_else(|_| Err(unavailable("the writer has stopped")))
    }
}

impl Drop for Copying<'_> {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Release);
        self.writer.nudge();
    }
}

/// On the writer's thread: commits go on, and between them a copy does, until it is whole, fails or is given up.
pub(super) fn take_part(queue: &mut Queue, committer: &Committer, turn: Turn) {
    // Another turn belongs to a copy that has ended; its caller finds that nobody answers.
    let Turn::Begin { file, given_up, reply } = turn else { return };
    let mut to = match target(&file) {
        Ok(to) => to,
        Err(fault) => return drop(reply.send(Err(failed(fault)))),
    };
    let backup = match Backup::new(&committer.connection, &mut to) {
        Ok(backup) => backup,
        Err(error) => return drop(reply.send(Err(failed(error.into())))),
    };
    drop(reply.send(Ok(())));
    while !given_up.load(Ordering::Acquire)
        && let Some(message) = queue.next()
    {
        match message {
            Message::Job(first) => committer.settle(queue.gather(first)),
            Message::Copy(Turn::Look) => {}
            Message::Copy(Turn::Begin { reply, .. }) => {
                drop(reply.send(Err(unavailable("another copy is being made: wait until it is whole"))));
            }
            Message::Copy(Turn::Next { reply }) => {
                let stage = step(&backup);
                if stage.as_ref().is_ok_and(|stage| !stage.is_whole) {
                    drop(reply.send(stage));
                    continue;
                }
                drop(backup);
                drop(to);
                return drop(reply.send(stage));
            }
        }
    }
}

/// The database that becomes the copy. Nothing of it counts before it is whole, so it takes no care of its own.
fn target(file: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let to = Connection::open_with_flags(file, flags)?;
    to.pragma_update(None, "journal_mode", "OFF")?;
    to.pragma_update(None, "synchronous", "OFF")?;
    Ok(to)
}

fn step(backup: &Backup<'_, '_>) -> Result<Stage, Error> {
    let started = Instant::now();
    let result = backup.step(PAGES).map_err(|error| failed(error.into()))?;
    let progress = backup.progress();
    let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0) * PAGE_SIZE;
    let copied = Copied { bytes: bytes(progress.pagecount - progress.remaining), of: bytes(progress.pagecount) };
    // Busy and locked mean: not now.
    Ok(Stage { copied, is_whole: result == StepResult::Done, took: started.elapsed() })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
fn failed(fault: Fault) -> Error {
    fault.to_error(DOING, false)
}

fn unavailable(doing: &'static str) -> Error {
    Error::Unavailable { doing, unknown: false, source: None }
}
