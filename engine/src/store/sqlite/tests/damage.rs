//! A damaged database is an error, never a panic and never a hang.

use std::path::Path;

use super::*;
use crate::store::{Admin, Claim, Error, EventFilter, Page, Retention, RunFilter, Store};

const ALL: Page = Page { limit: 1_000, before: None };

async fn made(path: &Path) {
    let store = open(path);
    for n in 0..40 {
        store.accept(accept(n, 3_000)).await.unwrap();
    }
}

/// Uses a store in every way; says whether anything was noticed. What fails must fail with the right kind of error.
async fn use_it(path: &Path) -> bool {
    let mut noticed = false;
    let mut note = |error: Option<Error>| {
        if let Some(error) = error {
            assert!(matches!(error, Error::Corrupt { .. } | Error::Unavailable { .. }), "{error:?}");
            noticed = true;
        }
    };
    match SqliteStore::open(path, &Options::default()) {
        Err(error) => note(Some(error)),
        Ok(store) => {
            let claim =
                Claim { node: NodeId("b".into()), now: at(70_000), until: at(80_000), limit: 100, per_app: 100 };
            note(store.claim(claim).await.err());
            note(store.accept(accept(1_000, 100)).await.err());
            note(store.due(at(0), 10).await.err());
            note(store.counts().await.err());
            note(store.runs(RunFilter::default(), ALL).await.err());
            match store.events(EventFilter::default(), ALL).await {
                Err(error) => note(Some(error)),
                Ok(rows) => {
                    for row in rows {
                        note(store.event(row.id).await.err());
                    }
                }
            }
            let retention = Retention { events_before: at(1), keep_contents: vec![] };
            note(store.expire(retention, at(700_000), 100).await.err());
        }
    }
    noticed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "not a database, but long enough to have a header. ".repeat(100)).unwrap();
    let refused = SqliteStore::open(&text, &Options::default());
    assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    let refused = SqliteStore::open(&other, &Options::default());
    assert!(matches!(&refused, Err(Error::Corrupt { what }) if what.contains("something else")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_pages_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    made(&path).await;
    let good = std::fs::read(&path).unwrap();
    let pages = good.len() / 8_192;
    assert!(pages > 20);
    let mut noticed = 0;
    for page in 0..pages {
        let mut bad = good.clone();
        for byte in &mut bad[page * 8_192 + 100..(page + 1) * 8_192] {
            *byte ^= 0x5a;
        }
        std::fs::write(&path, bad).unwrap();
        std::fs::remove_file(folder.path().join("oncue.db-wal")).ok();
        std::fs::remove_file(folder.path().join("oncue.db-shm")).ok();
        noticed += usize::from(use_it(&path).await);
    }
    // Bytes of a body that was stored as it is can be anything; all else has a shape.
    assert!(noticed > 10, "{noticed} of {pages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_database_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    made(&path).await;
    let good = std::fs::read(&path).unwrap();
    for part in [1, 50, 99, 100, 8_192, 8_192 * 5, good.len() / 2] {
        std::fs::write(&path, &good[..part]).unwrap();
        assert!(use_it(&path).await, "cut to {part} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_values_are_errors_and_do_not_keep_other_runs_from_going_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    made(&path).await;
    let connection = rusqlite::Connection::open(&path).unwrap();
    for damage in [
        "UPDATE events SET verdicts = '{' WHERE dedupe_key = 'd1'",
        "UPDATE bodies SET unpacked = 77 WHERE event = (SELECT id FROM events WHERE dedupe_key = 'd2')",
        "UPDATE runs SET status = 'confused' WHERE event = (SELECT id FROM events WHERE dedupe_key = 'd3')",
    ] {
        assert_eq!(connection.execute(damage, ()).unwrap(), 1);
    }
    drop(connection);
    let store = open(&path);
    let claim = Claim { node: NodeId("b".into()), now: at(70_000), until: at(80_000), limit: 100, per_app: 100 };
    assert_eq!(store.claim(claim).await.unwrap().len(), 37);
    assert!(matches!(store.events(EventFilter::default(), ALL).await, Err(Error::Corrupt { .. })));
    assert!(matches!(store.runs(RunFilter::default(), ALL).await, Err(Error::Corrupt { .. })));
}
