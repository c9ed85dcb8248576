//! The writer: groups, neighbours, limits, callers that go away.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;
use std::time::Duration;

use super::*;
use crate::store::sqlite::ask::Ask;
use crate::store::sqlite::fault::{Fault, Stop};
use crate::store::sqlite::tx::Tx;
use crate::store::sqlite::writer::Verb;
use crate::store::{Accepted, Admin, Error, Store};

/// Keeps the writer busy until the other end of the channel is dropped.
struct Hold {
    begun: Sender<()>,
    until: Mutex<Receiver<()>>,
}

impl Verb for Hold {
    type Answer = ();
    const DOING: &'static str = "holding the writer";

    fn run(&self, _tx: &Tx<'_>) -> Result<(), Stop> {
        self.begun.send(()).ok();
        self.until.lock().unwrap().recv().ok();
        Ok(())
    }
}

/// Writes, then fails.
struct Bad;

impl Verb for Bad {
    type Answer = ();
    const DOING: &'static str = "failing";

    fn run(&self, tx: &Tx<'_>) -> Result<(), Stop> {
        tx.sql.change("INSERT INTO pins (hash, runs) VALUES ('bad', 1)", ())?;
        Err(Stop::Failed(Fault::Sql(Arc::new(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
            None,
        )))))
    }
}

/// Returns once the writer is in a transaction; dropping the sender lets it go on.
fn hold(store: &Arc<SqliteStore>) -> Sender<()> {
    let (begun, has_begun) = channel();
    let (release, until) = channel();
    let store = Arc::clone(store);
    tokio::spawn(async move { store.writer.submit(Hold { begun, until: Mutex::new(until) }).await });
    tokio::task::block_in_place(|| has_begun.recv().unwrap());
    release
}

/// Starts tasks one after the other, each polled once, so that they are queued in order.
async fn queued<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    let mut task = Box::pin(task);
    let first = std::future::poll_fn(|context| Poll::Ready(task.as_mut().poll(context))).await;
    assert!(first.is_pending());
    tokio::spawn(task)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_wait_share_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("oncue.db"));
    let release = hold(&store);
    let mut tasks = Vec::new();
    for n in 0..100 {
        let store = Arc::clone(&store);
        tasks.push(queued(async move { store.accept(accept(n, 10)).await.unwrap() }).await);
    }
    drop(release);
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Accepted::New { .. }));
    }
    let stats = store.stats();
    assert_eq!((stats.commits, stats.commands, stats.failed), (2, 101, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_command_does_not_fail_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("oncue.db"));
    let release = hold(&store);
    let (before, bad, after) = (Arc::clone(&store), Arc::clone(&store), Arc::clone(&store));
    let before = queued(async move { before.accept(accept(1, 10)).await }).await;
    let bad = queued(async move { bad.writer.submit(Bad).await }).await;
    let after = queued(async move { after.accept(accept(2, 10)).await }).await;
    drop(release);
    assert!(matches!(before.await.unwrap(), Ok(Accepted::New { .. })));
    assert!(matches!(after.await.unwrap(), Ok(Accepted::New { .. })));
    let error = bad.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unavailable { doing: "failing", unknown: false, source: Some(_) }), "{error:?}");
    assert_eq!(store.stats().failed, 1);
    let left: i64 = store
        .readers
        .read("counting", |sql| {
            let query = "SELECT count(*) FROM pins WHERE hash = 'bad'";
            Ok(sql.query_row(query, (), |row| row.get(0))?)
        })
        .await
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(store.counts().await.unwrap().events, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_in_the_end() {
    for (queue_commands, queue_bytes) in [(1, 1 << 20), (100, 8_192)] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { queue_commands, queue_bytes, patience: Duration::ZERO, ..Options::default() };
        let store = SqliteStore::open(&folder.path().join("oncue.db"), &options).unwrap();
        let release = hold(&store);
        let waiting = Arc::clone(&store);
        let waiting = queued(async move { waiting.accept(accept(1, 3_000)).await }).await;
        let refused = store.accept(accept(2, 3_000)).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable { unknown: false, .. }), "{refused:?}");
        drop(release);
        assert!(matches!(waiting.await.unwrap(), Ok(Accepted::New { .. })));
        assert!(store.event(event(2, 0).id).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_larger_than_the_queue_still_passes() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { queue_bytes: 4_096, ..Options::default() };
    let store = SqliteStore::open(&folder.path().join("oncue.db"), &options).unwrap();
    assert!(matches!(store.accept(accept(1, 100_000)).await.unwrap(), Accepted::New { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_is_written_although_callers_and_store_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let store = open(&path);
    let release = hold(&store);
    for n in 0..20 {
        let queueing = Arc::clone(&store);
        let caller = queued(async move { queueing.accept(accept(n, 10)).await }).await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
    }
    drop(release);
    while Arc::strong_count(&store) > 1 {
        tokio::task::yield_now().await;
    }
    drop(store);
    assert_eq!(open(&path).counts().await.unwrap().events, 20);
}

#[test]
fn only_a_failed_write_leaves_a_commit_unknown() {
    let fault = |code| Fault::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
    assert!(fault(rusqlite::ffi::SQLITE_IOERR_FSYNC).leaves_commit_unknown());
    for code in [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_BUSY, rusqlite::ffi::SQLITE_READONLY] {
        assert!(!fault(code).leaves_commit_unknown());
        assert!(matches!(fault(code).to_error("x", false), Error::Unavailable { .. }));
    }
    for code in [rusqlite::ffi::SQLITE_CORRUPT, rusqlite::ffi::SQLITE_NOTADB] {
        assert!(matches!(fault(code).to_error("x", false), Error::Corrupt { .. }));
    }
}
