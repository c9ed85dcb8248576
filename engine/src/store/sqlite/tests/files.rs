//! The lock, the file's mode and settings, and a process that is killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;
use crate::store::{Accepted, Admin, Error, Store};

/// Where the process that is to be killed opens its store.
const PATH: &str = "ONCUE_TEST_STORE_TO_KILL";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opening_is_refused_until_the_first_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/oncue.db");
    let store = open(&path);
    let refused = SqliteStore::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(&refused, Error::InUse { path: named } if *named == path.display().to_string()));
    drop(store);
    open(&path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    drop(open(&path));
    let insert = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (9, 'x', '?', '?')";
    rusqlite::Connection::open(&path).unwrap().execute_batch(insert).unwrap();
    let refused = SqliteStore::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(refused, Error::TooNew { found: 9, known: 7 }), "{refused:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("oncue.db"));
    store.accept(accept(1, 10)).await.unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["oncue.db", "oncue.db-shm", "oncue.db-wal", "oncue.db.lock"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_that_the_file_keeps_are_made_before_its_first_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    drop(open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    let setting = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((setting("page_size"), setting("auto_vacuum")), (8_192, 2));
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test(flavor = "multi_thread")]
async fn free_pages_go_back_to_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let store = open(&path);
    for n in 0..200 {
        store.accept(Accept { event: event(n, 20_000), runs: vec![] }).await.unwrap();
    }
    let pages = async || {
        let count = |sql: &rusqlite::Connection| Ok(sql.pragma_query_value(None, "page_count", |row| row.get(0))?);
        store.readers.read("counting", count).await.unwrap()
    };
    let before: i64 = pages().await;
    let retention = crate::store::Retention { events_before: at(1), keep_contents: vec![] };
    assert_eq!(store.expire(retention, at(1), 1_000).await.unwrap().events, 200);
    assert!(pages().await < before / 4, "{} of {before} pages are left", pages().await);
}

/// Not a test: the process that the next test kills. Names each event once its commit is answered.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_killed_process_loses_nothing_and_frees_the_lock"]
async fn a_process_to_kill() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let store = open(path.as_ref());
    for n in 0.. {
        let accept = accept(n, 2_000);
        let id = accept.event.id;
        assert!(matches!(store.accept(accept).await.unwrap(), Accepted::New { .. }));
        writeln!(std::io::stdout(), "\n{id}").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_and_frees_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact", "store::sqlite::tests::files::a_process_to_kill"])
        .env(PATH, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut events = Vec::new();
    while events.len() < 50 {
        let line = lines.next().expect("the process ended by itself").unwrap();
        events.extend(line.parse::<EventId>());
        if events.len() == 10 {
            let refused = SqliteStore::open(&path, &Options::default());
            assert!(matches!(refused, Err(Error::InUse { .. })));
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    events.extend(lines.map_while(Result::ok).filter_map(|line| line.parse::<EventId>().ok()));
    let store = open(&path);
    for id in &events {
        assert!(store.event(*id).await.unwrap().is_some(), "{id} was answered and is lost");
    }
    assert!(store.counts().await.unwrap().events >= events.len() as u64);
    assert!(store.join(&NodeId("b".into()), at(0)).await.unwrap().freed >= events.len() as u64);
}
