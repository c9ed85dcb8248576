//! The store inside: one SQLite file, one process.
//!
//! ```text
//! accept, apply, …  -> queue -> writer thread: one transaction for all that wait -> answers after the commit
//! events, run, …    -> a few read-only connections, one snapshot a read
//!                      checkpoint thread: log -> database
//! ```
//!
//! | file | idea |
//! |---|---|
//! | `open` | lock, settings, schema |
//! | `writer`, `tx` | the queue and its thread; what commands write through |
//! | `accept`, `advance`, `inputs`, `lease`, `contents`, `calendar`, `kept`, `rerun`, `expire` | the commands, by what they are about |
//! | `copy`, `draft` | a copy of the whole store, made while it is written to |
//! | `reader`, `list`, `show`, `examine` | reads |
//! | `checkpoint` | the write-ahead log |
//! | `ask`, `rows`, `body`, `fault` | statements, columns, packed bytes, errors |

mod accept;
mod advance;
mod ask;
mod body;
mod calendar;
mod checkpoint;
mod contents;
mod copy;
mod draft;
mod examine;
mod expire;
mod fault;
mod gather;
mod inputs;
mod kept;
mod lease;
mod limit;
mod list;
mod open;
mod reader;
mod rerun;
mod rows;
mod show;
mod tx;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oncue_rules::ids::{ContentHash, EventId, RuleName, RunId};
use oncue_rules::time::Timestamp;

pub use writer::Stats;

use self::writer::{QueueLimits, Writer};
use super::{
    Accept, Accepted, Admin, Advance, Calendar, Claim, ClaimedRun, Content, Copied, Counts, Delivered, Delivery, Due,
    Error, EventFilter, EventRow, Examined, Expired, Fence, InboxRow, Joined, Keep, Kept, NodeId, Origin, Page, Place,
    Quarantine, QuarantineRow, Replay, Replayed, Retention, Retried, Retry, RunDetail, RunFilter, RunRow, Shelf, Store,
    StoredEvent, Written,
};

/// Bytes of a page; fixed when a database is made.
const PAGE_SIZE: u64 = 8_192;

/// The limits of a store. The defaults suit a machine with 1 GiB of memory or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many reads run at once.
    pub readers: usize,
    /// Memory for pages of the writer, in bytes; all readers together take as much again.
    pub cache_bytes: u64,
    /// Size of the write-ahead log, in bytes, at which the writer waits until it can start over. It may go over by one
    /// commit, and while a read holds it up.
    pub wal_bytes: u64,
    /// Size that the database may grow to, in bytes; then commands that need room fail. `None`: to the end of the disk.
    pub max_bytes: Option<u64>,
    /// Commands that may wait for the writer.
    pub queue_commands: usize,
    /// Bytes of commands that may wait for the writer.
    pub queue_bytes: usize,
    /// How long a command waits for a place in the queue before it fails.
    pub patience: Duration,
    /// How long a read may take before it is ended.
    pub read_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            cache_bytes: 64 << 20,
            wal_bytes: 64 << 20,
            max_bytes: None,
            queue_commands: 4_096,
            queue_bytes: 64 << 20,
            patience: Duration::from_secs(10),
            read_limit: Duration::from_secs(1),
        }
    }
}

/// A store in one SQLite file. Dropping it writes what is queued, and blocks until that is done.
///
/// Its verbs must be called within a tokio runtime.
pub struct SqliteStore {
    // Dropped in this order: the last connection to close writes the log back, and readers cannot write.
    readers: reader::Readers,
    writer: Writer,
    _checkpointer: checkpoint::Checkpointer,
    _lock: open::Lock,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the database at `path`, or makes it and the folders above it; on Unix its owner alone may read it.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it open, [`Error::TooNew`] when a newer Oncue made it,
    /// [`Error::Corrupt`] when it is no database of ours, [`Error::Unavailable`] when it cannot be read or written.
    pub fn open(path: &Path, options: &Options) -> Result<Arc<Self>, Error> {
        let opening = |fault: fault::Fault| fault.to_error("opening the database", false);
        let lock = open::lock(path)?;
        let mut connection = open::writer(path, options)?;
        let gate = Arc::new(checkpoint::Gate::default());
        let own = open::connect(path, options).map_err(opening)?;
        let checkpointer = checkpoint::Checkpointer::start(own, &mut connection, Arc::clone(&gate), options.wal_bytes)?;
        let cache = open::kibibytes(options.cache_bytes / options.readers.max(1) as u64);
        let readers = reader::Readers::open(path, options.readers, cache, options.read_limit).map_err(opening)?;
        let limits =
            QueueLimits { commands: options.queue_commands, bytes: options.queue_bytes, patience: options.patience };
        let writer = Writer::start(connection, gate, &limits)?;
        Ok(Arc::new(Self { readers, writer, _checkpointer: checkpointer, _lock: lock }))
    }

    /// Writes a copy of a store that no process has open to a new file. Its schema is left as it is. Blocks.
    ///
    /// # Errors
    /// As [`Admin::back_up`], and [`Error::InUse`] when a process has the store open.
    pub fn copy_closed(database: &Path, file: &Path, told: &dyn Fn(Copied)) -> Result<Copied, Error> {
        let _lock = open::lock(database)?;
        copy::closed(&open::existing(database)?, file, told)
    }

    /// How much the writer has done since the store was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.writer.stats()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn join(&self, node: &NodeId, _now: Timestamp) -> Result<Joined, Error> {
        self.writer.submit(lease::Join { node: node.clone() }).await
    }

    async fn accept(&self, accept: Accept) -> Result<Accepted, Error> {
        self.writer.submit(accept::AcceptEvent::new(accept)?).await
    }

    async fn quarantine(&self, quarantine: Quarantine) -> Result<(), Error> {
        self.writer.submit(contents::PutQuarantine::new(quarantine)).await
    }

    async fn put_contents(&self, contents: Vec<Content>) -> Result<(), Error> {
        self.writer.submit(contents::PutContents::new(contents)).await
    }

    async fn content(&self, hash: &ContentHash) -> Result<Option<String>, Error> {
        let hash = hash.clone();
        self.readers.read("reading a content", move |sql| contents::content(sql, &hash)).await
    }

    async fn origin(&self, key: &str) -> Result<Option<Origin>, Error> {
        let key = key.to_owned();
        self.readers.read("finding what caused an event", move |sql| Ok(show::origin(sql, &key)?)).await
    }

    async fn awaited(&self, event: EventId) -> Result<Option<StoredEvent>, Error> {
        self.readers.read("reading an awaited event", move |sql| Ok(show::event(sql, event)?)).await
    }

    async fn collected(&self, run: RunId) -> Result<Vec<StoredEvent>, Error> {
        self.readers.read("reading a collection", move |sql| Ok(gather::collected(sql, run)?)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<ClaimedRun>, Error> {
        let leased = self.writer.submit(lease::Lease(claim)).await?;
        if leased.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = leased.clone();
        let read = self.readers.read("reading claimed runs", move |sql| show::claimed(sql, &wanted)).await;
        if read.is_err() {
            // Else nobody would go on with them until the leases run out; when this fails too, that is what happens.
            drop(self.writer.submit(lease::Release(leased)).await);
        }
        read
    }

    async fn apply(&self, advance: Advance) -> Result<Vec<InboxRow>, Error> {
        self.writer.submit(advance::Apply::new(advance)?).await
    }

    async fn park(&self, advance: Advance) -> Result<Vec<InboxRow>, Error> {
        self.writer.submit(advance::Park::new(advance)?).await
    }

    async fn deliver(&self, delivery: Delivery) -> Result<Delivered, Error> {
        self.writer.submit(inputs::Deliver(delivery)).await
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Due, Error> {
        self.writer.submit(inputs::FireTimers { now, limit }).await
    }

    async fn renew(&self, leases: Vec<(RunId, Fence)>, until: Timestamp) -> Result<Vec<RunId>, Error> {
        self.writer.submit(lease::Renew { leases, until }).await
    }

    async fn release(&self, leases: Vec<(RunId, Fence)>) -> Result<(), Error> {
        self.writer.submit(lease::Release(leases)).await
    }
}

#[async_trait]
impl Admin for SqliteStore {
    async fn events(&self, filter: EventFilter, page: Page) -> Result<Vec<EventRow>, Error> {
        self.readers.read("listing events", move |sql| list::events(sql, &filter, page)).await
    }

    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, Error> {
        self.readers.read("reading an event", move |sql| Ok(show::event(sql, id)?)).await
    }

    async fn runs(&self, filter: RunFilter, page: Page) -> Result<Vec<RunRow>, Error> {
        self.readers.read("listing runs", move |sql| list::runs(sql, &filter, page)).await
    }

    async fn run(&self, id: RunId) -> Result<Option<RunDetail>, Error> {
        self.readers.read("reading a run", move |sql| show::run(sql, id)).await
    }

    async fn quarantined(&self, page: Page) -> Result<Vec<QuarantineRow>, Error> {
        self.readers.read("listing the quarantine", move |sql| list::quarantined(sql, page)).await
    }

    async fn counts(&self) -> Result<Counts, Error> {
        self.readers.read("counting", show::counts).await
    }

    async fn examine(&self, place: Place, kept_since: Timestamp, limit: u32) -> Result<Examined, Error> {
        self.readers.read("examining the store", move |sql| examine::examine(sql, &place, kept_since, limit)).await
    }

    async fn sums(&self) -> Result<Vec<(String, i64)>, Error> {
        self.readers.read("reading sums", examine::sums).await
    }

    async fn retry(&self, retry: Retry) -> Result<Retried, Error> {
        self.writer.submit(rerun::RetryRun(retry)).await
    }

    async fn replay(&self, replay: Replay) -> Result<Replayed, Error> {
        self.writer.submit(rerun::ReplayRun(replay)).await
    }

    async fn back_up(&self, file: &Path, told: &(dyn Fn(Copied) + Send + Sync)) -> Result<Copied, Error> {
        copy::open(&self.writer, file, told).await
    }

    fn written(&self) -> Option<Written> {
        let Stats { commits, commands, .. } = self.stats();
        Some(Written { commits, commands })
    }

    async fn expire(&self, retention: Retention, now: Timestamp, batch: u32) -> Result<Expired, Error> {
        expire::expire(&self.writer, retention, now, batch).await
    }
}

#[async_trait]
impl Shelf for SqliteStore {
    async fn kept(&self, plugin: &str, key: &str) -> Result<Option<String>, Error> {
        let (plugin, key) = (plugin.to_owned(), key.to_owned());
        self.readers.read("reading a kept value", move |sql| kept::kept(sql, &plugin, &key)).await
    }

    async fn keep(&self, keep: Keep) -> Result<Kept, Error> {
        self.writer.submit(kept::KeepValue(keep)).await
    }
}

#[async_trait]
impl Calendar for SqliteStore {
    async fn ticked(&self, rules: Vec<RuleName>, now: Timestamp) -> Result<Vec<Timestamp>, Error> {
        self.writer.submit(calendar::Ticked { rules, now }).await
    }

    async fn tick(&self, rule: RuleName, until: Timestamp) -> Result<(), Error> {
        self.writer.submit(calendar::Tick { rule, until }).await
    }
}
