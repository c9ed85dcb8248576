//! Copies of a store that is at work.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

use super::*;
use crate::store::{Admin, Copied, Error, EventFilter, Page, Store};

const LOG_LIMIT: u64 = 2 << 20;

async fn fill(store: &SqliteStore, events: std::ops::Range<u64>) {
    for number in events {
        store.accept(accept(number, 20_000)).await.unwrap();
    }
}

async fn events(store: &SqliteStore) -> Vec<String> {
    let mut all = Vec::new();
    let mut page = Page { limit: 1_000, before: None };
    loop {
        let rows = store.events(EventFilter::default(), page).await.unwrap();
        let Some(last) = rows.last() else { return all };
        page.before = Some(*last.id.as_bytes());
        all.extend(rows.into_iter().map(|row| row.dedupe_key));
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn quiet(_: Copied) {}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_made_under_load_has_all_that_came_before_and_the_log_stays_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { wal_bytes: LOG_LIMIT, ..Options::default() };
    let store = SqliteStore::open(&folder.path().join("oncue.db"), &options).unwrap();
    fill(&store, 0..300).await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..4_u64)
        .map(|writer| {
            let (store, stop, written) = (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&written));
            tokio::spawn(async move {
                let mut number = 1_000_000 * (writer + 1);
                while !stop.load(Ordering::Relaxed) {
                    store.accept(accept(number, 5_000)).await.unwrap();
                    number += 1;
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let beside = tempfile::tempdir().unwrap();
    let file = beside.path().join("copy.db");
    let (turns, largest) = (AtomicU64::new(0), AtomicU64::new(0));
    let log = folder.path().join("oncue.db-wal");
    let told = |_: Copied| {
        turns.fetch_add(1, Ordering::Relaxed);
        largest.fetch_max(size(&log), Ordering::Relaxed);
    };
    let before = written.load(Ordering::Relaxed);
    let copied = store.back_up(&file, &told).await.unwrap();
    let meanwhile = written.load(Ordering::Relaxed) - before;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(turns.load(Ordering::Relaxed) > 5 && meanwhile > 0, "{turns:?} turns, {meanwhile} commands meanwhile");
    assert!(largest.load(Ordering::Relaxed) < 3 * LOG_LIMIT, "the log grew to {largest:?} bytes");
    assert_eq!((copied.bytes, copied.of), (size(&file), size(&file)));
    assert_eq!(names(beside.path()), ["copy.db"], "nothing else is left");
    let copy = open(&file);
    let kept = events(&copy).await;
    assert!((0..300).all(|number| kept.contains(&format!("d{number}"))));
    assert!(kept.len() as u64 >= 300 + before);
    assert_eq!(copy.counts().await.unwrap().events, kept.len() as u64, "it is the state after some commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_replaces_no_file_and_one_is_made_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("oncue.db"));
    fill(&store, 0..200).await;
    let file = folder.path().join("copy.db");
    std::fs::write(&file, "mine").unwrap();
    let refused = store.back_up(&file, &quiet).await.unwrap_err();
    assert!(matches!(&refused, Error::Occupied { path } if *path == file.display().to_string()), "{refused}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let absent = store.back_up(&folder.path().join("no/such/copy.db"), &quiet).await.unwrap_err();
    assert!(matches!(absent, Error::Unavailable { .. }), "{absent}");

    let begun = Arc::new(Notify::new());
    let first = tokio::spawn({
        let (store, begun, file) = (Arc::clone(&store), Arc::clone(&begun), folder.path().join("first.db"));
        async move { store.back_up(&file, &|_| begun.notify_one()).await }
    });
    begun.notified().await;
    let second = store.back_up(&folder.path().join("second.db"), &quiet).await;
    assert!(matches!(&second, Err(Error::Unavailable { doing, .. }) if doing.contains("another copy")), "{second:?}");
    first.await.unwrap().unwrap();
    store.back_up(&folder.path().join("second.db"), &quiet).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_given_up_leaves_nothing_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("oncue.db"));
    fill(&store, 0..200).await;
    let beside = tempfile::tempdir().unwrap();
    let begun = Arc::new(Notify::new());
    let copy = tokio::spawn({
        let (store, begun, file) = (Arc::clone(&store), Arc::clone(&begun), beside.path().join("copy.db"));
        async move { store.back_up(&file, &|_| begun.notify_one()).await }
    });
    begun.notified().await;
    assert_eq!(names(beside.path()).len(), 1);
    copy.abort();
    assert!(copy.await.unwrap_err().is_cancelled());
    assert_eq!(names(beside.path()), [""; 0]);
    store.accept(accept(1_000, 10)).await.unwrap();
    store.back_up(&beside.path().join("copy.db"), &quiet).await.unwrap();
    drop(store);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_is_copied_as_it_is_and_an_open_one_only_by_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let store = open(&path);
    fill(&store, 0..20).await;
    let file = folder.path().join("copy.db");
    let refused = SqliteStore::copy_closed(&path, &file, &quiet).unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused}");
    drop(store);
    let copied = SqliteStore::copy_closed(&path, &file, &quiet).unwrap();
    assert_eq!(copied.bytes, size(&file));
    assert_eq!(events(&open(&file)).await, events(&open(&path)).await);
    let nothing = folder.path().join("empty.db");
    std::fs::write(&nothing, "").unwrap();
    let refused = SqliteStore::copy_closed(&nothing, &folder.path().join("more.db"), &quiet).unwrap_err();
    assert!(matches!(refused, Error::Corrupt { .. }), "{refused}");
}
