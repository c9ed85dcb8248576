//! The write-ahead log stays within its limit under load.

use std::path::Path;

use super::*;
use crate::store::{Admin, EventFilter, Page, Store};

const LIMIT: u64 = 2 << 20;
/// As much again before the writer waits for it to start over, and one commit of 16 events with their pages.
const SLACK: u64 = LIMIT + (2 << 20);

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_bounded_while_many_write_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let options = Options { wal_bytes: LIMIT, ..Options::default() };
    let store = SqliteStore::open(&path, &options).unwrap();
    let log = folder.path().join("oncue.db-wal");
    let mut largest = 0;
    for round in 0..100 {
        let writers: Vec<_> = (0..16)
            .map(|n| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.accept(accept(round * 16 + n, 20_000)).await.unwrap() })
            })
            .collect();
        store.events(EventFilter::default(), Page { limit: 100, before: None }).await.unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        largest = largest.max(size(&log));
    }
    drop(store);
    let written = size(&path);
    assert!(written > 3 * (LIMIT + SLACK), "too little was written to tell: {written} bytes");
    assert!(largest < LIMIT + SLACK, "the log grew to {largest} bytes");
    assert_eq!(size(&log), 0, "closing writes the log back");
}
