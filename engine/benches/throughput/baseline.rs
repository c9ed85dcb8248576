//! What the same rows cost when nothing but SQLite is there: one thread, prepared statements, no HTTP, no rules, bodies
//! compressed beforehand. The same pragmas, group sizes and checkpoints as the store.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::{Connection, params};
use uuid::Uuid;

const SCHEMA: &str = include_str!("../../src/store/migrations/sqlite/V0001__first.sql");
const BODY: &str = include_str!("../../../tests/fixtures/protocol/events/02_new_file_upload_with_procedure.json");
const PRAGMAS: &str = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;";
const APP: i64 = 1_500_000_001;

/// What each turn of the loop writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Those of an accepted event.
    Event,
    /// Those of an accepted event and of the run of one step that it starts, in two commits as the engine does it.
    EventAndRun,
}

/// Writes rows for a time, so many events in a commit; events in a second.
///
/// # Errors
///
/// When SQLite fails.
pub(crate) fn measure(folder: &Path, rows: Rows, group: usize, time: Duration) -> Result<f64> {
    let mut connection = Connection::open(folder.join("baseline.db"))?;
    connection.execute_batch(PRAGMAS)?;
    connection.execute_batch(SCHEMA)?;
    let packed = zstd::bulk::compress(BODY.as_bytes(), 1)?;
    let started = Instant::now();
    let mut written = 0_u64;
    while started.elapsed() < time {
        let events: Vec<_> = (0..group).map(|index| Ids::new(written + index as u64)).collect();
        let transaction = connection.transaction()?;
        for event in &events {
            event.accept(&transaction, &packed)?;
            if rows == Rows::EventAndRun {
                event.start_run(&transaction)?;
            }
        }
        tally(&transaction, "events", group)?;
        transaction.commit()?;
        if rows == Rows::EventAndRun {
            let transaction = connection.transaction()?;
            for event in &events {
                event.end_run(&transaction)?;
            }
            tally(&transaction, "runs/succeeded", group)?;
            transaction.commit()?;
        }
        written += group as u64;
    }
    Ok(written as f64 / started.elapsed().as_secs_f64())
}

struct Ids {
    event: Uuid,
    run: Uuid,
    file_id: String,
    now: i64,
}

impl Ids {
    fn new(number: u64) -> Self {
        let file_id = (7_000_000_000_000_000_000 + number).to_string();
        Self { event: Uuid::now_v7(), run: Uuid::now_v7(), file_id, now: 1_764_000_000_000 + number as i64 / 10 }
    }

    fn accept(&self, connection: &Connection, body: &[u8]) -> Result<()> {
        let event = self.event.as_bytes();
        let task = format!("{APP}-procedurev2-{}tt0", self.event.simple());
        connection
            .prepare_cached("INSERT INTO dedupe (key, event, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")?
            .execute(params![self.run.as_bytes(), event, self.now + 604_800_000])?;
        connection
            .prepare_cached(
                "INSERT INTO events (id, source, kind, app, dedupe_key, received_at, keys, envelope, verdicts, needed_by)
                 VALUES (?, 'vod', 'NewFileUpload', ?, ?, ?, ?, ?, ?, 0)",
            )?
            .execute(params![
                event,
                APP,
                format!("NewFileUpload/{}", self.file_id),
                self.now,
                format!(r#"[["file_id","{}"],["task_id","{task}"]]"#, self.file_id),
                r#"{"payload":"FileUploadEvent","context":{"order":"A-1001","tenant":"t-17"},"depth":0}"#,
                r#"{"matched":[],"errors":[],"unmatched":1}"#,
            ])?;
        connection.prepare_cached("INSERT INTO bodies (event, unpacked, body) VALUES (?, ?, ?)")?.execute(params![
            event,
            BODY.len() as i64,
            body
        ])?;
        for (name, value) in [("file_id", &self.file_id), ("task_id", &task)] {
            connection
                .prepare_cached(
                    "INSERT INTO event_keys (value, name, app, kind, received_at, event)
                     VALUES (?, ?, ?, 'NewFileUpload', ?, ?)",
                )?
                .execute(params![value, name, APP, self.now, event])?;
        }
        Ok(())
    }

    fn start_run(&self, connection: &Connection) -> Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO runs (id, event, rule, closure, app, status, created_at, updated_at, fence, node, free_at, state)
                 VALUES (?, ?, 'log-uploads', ?, ?, 'running', ?, ?, 1, 'node', ?, ?)",
            )?
            .execute(params![
                self.run.as_bytes(),
                self.event.as_bytes(),
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                APP,
                self.now,
                self.now,
                self.now + 30_000,
                r#"{"version":1,"phase":"steps","frames":[{"block":"steps","index":0}],"attempt":1}"#,
            ])?;
        self.step(connection, "running", None)
    }

    fn end_run(&self, connection: &Connection) -> Result<()> {
        connection
            .prepare_cached("UPDATE runs SET status = 'succeeded', updated_at = ?, node = NULL, free_at = NULL, state = ? WHERE id = ? AND fence = 1")?
            .execute(params![self.now, r#"{"version":1,"phase":"done"}"#, self.run.as_bytes()])?;
        self.step(connection, "succeeded", Some(r#"{"message":"5000000000000000002 was uploaded"}"#))
    }

    fn step(&self, connection: &Connection, outcome: &str, output: Option<&str>) -> Result<()> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO steps (run, path, outcome, attempts, generation, started_at, output)
                 VALUES (?, '0', ?, 1, 0, ?, ?)",
            )?
            .execute(params![self.run.as_bytes(), outcome, self.now, output])?;
        Ok(())
    }
}

fn tally(connection: &Connection, what: &str, count: usize) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO tallies (what, n) VALUES (?, ?) ON CONFLICT (what) DO UPDATE SET n = n + excluded.n",
        )?
        .execute(params![what, count as i64])?;
    Ok(())
}
