//! Reads are bounded in time.

use std::time::Duration;

use super::*;
use crate::store::{Admin, Error, EventFilter, Page, Store};

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_takes_too_long_is_ended_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { read_limit: Duration::ZERO, readers: 1, ..Options::default() };
    let store = SqliteStore::open(&folder.path().join("oncue.db"), &options).unwrap();
    for n in 0..500 {
        store.accept(accept(n, 10)).await.unwrap();
    }
    let rare = EventFilter { kind: Some(EventType::from("Rare")), ..EventFilter::default() };
    let page = Page { limit: 1, before: None };
    let error = store.events(rare, page).await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable { unknown: false, .. }));
    assert!(error.to_string().contains("ask for less"), "{error}");
    assert_eq!(store.events(EventFilter::default(), page).await.unwrap().len(), 1, "the connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_readers_than_connections_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { readers: 2, ..Options::default() };
    let store = SqliteStore::open(&folder.path().join("oncue.db"), &options).unwrap();
    store.accept(accept(1, 10)).await.unwrap();
    let reads: Vec<_> = (0..100)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.counts().await.unwrap().events })
        })
        .collect();
    for read in reads {
        assert_eq!(read.await.unwrap(), 1);
    }
}
