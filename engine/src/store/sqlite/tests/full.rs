//! A store that has no room, or may not write.

use super::*;
use crate::store::{Accepted, Admin, Error, Retention, Store};

/// Room for the schema and some events.
const ROOM: u64 = 1 << 20;

async fn fill(store: &SqliteStore) -> (Vec<EventId>, Error) {
    let mut stored = Vec::new();
    for n in 0..10_000 {
        let accept = accept(n, 4_000);
        let id = accept.event.id;
        match store.accept(accept).await {
            Ok(accepted) => {
                assert!(matches!(accepted, Accepted::New { .. }));
                stored.push(id);
            }
            Err(error) => return (stored, error),
        }
    }
    panic!("it never was full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_says_so_loses_nothing_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let small = Options { max_bytes: Some(ROOM), ..Options::default() };
    let store = SqliteStore::open(&path, &small).unwrap();
    let (stored, error) = fill(&store).await;
    assert!(matches!(error, Error::Unavailable { unknown: false, source: Some(_), .. }), "{error:?}");
    assert!(stored.len() > 50, "{}", stored.len());
    for id in &stored {
        assert!(store.event(*id).await.unwrap().is_some());
    }
    assert_eq!(store.counts().await.unwrap().events, stored.len() as u64);
    drop(store);
    let store = open(&path);
    assert_eq!(store.counts().await.unwrap().events, stored.len() as u64);
    let refused_before = accept(stored.len() as u64, 4_000);
    assert!(matches!(store.accept(refused_before).await.unwrap(), Accepted::New { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_can_be_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let small = Options { max_bytes: Some(ROOM), ..Options::default() };
    let store = SqliteStore::open(&folder.path().join("oncue.db"), &small).unwrap();
    for n in 0..50 {
        store.accept(Accept { event: event(100_000 + n, 4_000), runs: vec![] }).await.unwrap();
    }
    let (stored, _) = fill(&store).await;
    let retention = Retention { events_before: at(1), keep_contents: vec![] };
    let expired = store.expire(retention, at(700_000), 1_000).await.unwrap();
    assert_eq!(expired.events, 50);
    assert!(matches!(store.accept(accept(stored.len() as u64, 4_000)).await.unwrap(), Accepted::New { .. }));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("a file");
    std::fs::write(&blocked, b"").unwrap();
    let missing_folder = SqliteStore::open(&blocked.join("oncue.db"), &Options::default());
    assert!(matches!(missing_folder, Err(Error::Unavailable { unknown: false, source: Some(_), .. })));
    let a_folder = folder.path().join("folder");
    std::fs::create_dir(&a_folder).unwrap();
    let a_folder = SqliteStore::open(&a_folder, &Options::default());
    assert!(matches!(a_folder, Err(Error::Unavailable { unknown: false, source: Some(_), .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_somebody_locks_says_so_and_goes_on_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let store = open(&path);
    let first = accept(1, 10);
    let id = first.event.id;
    store.accept(first).await.unwrap();
    let intruder = rusqlite::Connection::open(&path).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.accept(accept(2, 10)).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { unknown: false, source: Some(_), .. }), "{error:?}");
    assert!(store.event(id).await.unwrap().is_some());
    drop(intruder);
    assert!(matches!(store.accept(accept(2, 10)).await.unwrap(), Accepted::New { .. }));
}
