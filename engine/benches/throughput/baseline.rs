//! What the same rows cost when nothing but SQLite is there: one thread, prepared statements, no HTTP, no rules, bodies
//! compressed beforehand. The rows, the schema and the size of a group are those of the server that was just measured,
//! the settings and checkpoints those of its store.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, params_from_iter};
use uuid::Uuid;

use crate::checkpoints::Checkpoints;
use crate::rows::{Ids, Row, Sample};

const PRAGMAS: &str = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;";
const FIRST_FILE: u64 = 7_000_000_000_000_000_000;

/// What to write.
#[derive(Debug)]
pub(crate) struct Work {
    /// The statements that make the tables.
    pub schema: Vec<String>,
    /// The rows of an event in the commit that accepts it, with those of its run when it starts one.
    pub accepted: Sample,
    /// The same rows in the end.
    pub ended: Sample,
    /// Events, or ended runs, of one commit.
    pub group: usize,
}

/// Writes for a time; events in a second.
///
/// # Errors
///
/// When SQLite fails.
pub(crate) fn measure(folder: &Path, work: &Work, time: Duration) -> Result<f64> {
    let database = folder.join("baseline.db");
    let mut sql = Connection::open(&database)?;
    sql.execute_batch(PRAGMAS)?;
    sql.execute_batch(&work.schema.join(";\n"))?;
    sql.execute_batch("INSERT INTO tallies VALUES ('events', 0), ('running', 0); INSERT INTO pins VALUES ('', 0);")?;
    sql.set_prepared_statement_cache_capacity(64);
    let checkpoints = Checkpoints::start(&mut sql, &database)?;
    let Work { accepted, ended, .. } = work;
    let mut accept: Vec<_> =
        accepted.rows.iter().map(|row| Change::insert(&sql, row, &accepted.ids)).collect::<Result<_>>()?;
    let mut end: Vec<_> = accepted
        .rows
        .iter()
        .zip(&ended.rows)
        .filter(|(before, after)| before != after)
        .map(|(before, after)| Change::update(&sql, before, after, &accepted.ids))
        .collect::<Result<_>>()?;
    let started = Instant::now();
    let mut written = 0;
    while started.elapsed() < time {
        let events: Vec<_> =
            (written..written + work.group as u64).map(|number| another(&accepted.ids, number)).collect();
        commit(&sql, &mut accept, &events)?;
        if !end.is_empty() {
            commit(&sql, &mut end, &events)?;
        }
        checkpoints.bound(&sql)?;
        written += work.group as u64;
    }
    Ok(written as f64 / started.elapsed().as_secs_f64())
}

fn commit(sql: &Connection, changes: &mut [Change<'_>], events: &[Ids]) -> Result<()> {
    sql.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
    for ids in events {
        for change in &mut *changes {
            change.run(ids)?;
        }
    }
    // What the store counts as it writes.
    let count = i64::try_from(events.len())?;
    sql.prepare_cached("UPDATE tallies SET n = n + ?")?.execute([count])?;
    sql.prepare_cached("UPDATE pins SET runs = runs + ?")?.execute([count])?;
    sql.prepare_cached("COMMIT")?.execute(())?;
    Ok(())
}

fn another(ids: &Ids, number: u64) -> Ids {
    let id = || Uuid::now_v7().as_bytes().to_vec();
    Ids { event: id(), run: ids.run.as_ref().map(|_| id()), file: (FIRST_FILE + number).to_string() }
}

/// A statement with the values that it writes.
struct Change<'c> {
    statement: CachedStatement<'c>,
    values: Vec<Slot>,
}

/// A value, and what it is in another event.
struct Slot {
    value: Value,
    part: Part,
}

enum Part {
    Same,
    Event,
    Run,
    Hash,
    /// A text with the id of the file at these places.
    File(Vec<usize>),
}

impl<'c> Change<'c> {
    fn insert(sql: &'c Connection, row: &Row, ids: &Ids) -> Result<Self> {
        let names: Vec<_> = row.columns.iter().map(|(name, _)| name.as_str()).collect();
        let places = vec!["?"; names.len()].join(", ");
        let query = format!("INSERT INTO {} ({}) VALUES ({places})", row.table, names.join(", "));
        let values = row.values.iter().map(|value| Slot::new(value, ids)).collect();
        Ok(Self { statement: sql.prepare_cached(&query)?, values })
    }

    /// Writes the columns that changed.
    fn update(sql: &'c Connection, before: &Row, after: &Row, ids: &Ids) -> Result<Self> {
        let (mut set, mut keys, mut values, mut key_values) = (vec![], vec![], vec![], vec![]);
        for (((name, is_key), value), earlier) in after.columns.iter().zip(&after.values).zip(&before.values) {
            if *is_key {
                keys.push(format!("{name} = ?"));
                key_values.push(Slot::new(value, ids));
            } else if value != earlier {
                set.push(format!("{name} = ?"));
                values.push(Slot::new(value, ids));
            }
        }
        values.append(&mut key_values);
        let query = format!("UPDATE {} SET {} WHERE {}", after.table, set.join(", "), keys.join(" AND "));
        Ok(Self { statement: sql.prepare_cached(&query)?, values })
    }

    fn run(&mut self, ids: &Ids) -> Result<()> {
        self.values.iter_mut().for_each(|slot| slot.fill(ids));
        self.statement.execute(params_from_iter(self.values.iter().map(|slot| &slot.value)))?;
        Ok(())
    }
}

impl Slot {
    fn new(value: &Value, ids: &Ids) -> Self {
        let part = match value {
            Value::Blob(bytes) if *bytes == ids.event => Part::Event,
            Value::Blob(bytes) if Some(bytes) == ids.run.as_ref() => Part::Run,
            Value::Blob(bytes) if bytes.len() == 16 => Part::Hash,
            Value::Text(text) => Part::File(text.match_indices(&ids.file).map(|(at, _)| at).collect()),
            _ => Part::Same,
        };
        Self { value: value.clone(), part }
    }

    fn fill(&mut self, ids: &Ids) {
        match (&self.part, &mut self.value) {
            (Part::Event, Value::Blob(bytes)) => bytes.copy_from_slice(&ids.event),
            (Part::Run, Value::Blob(bytes)) => bytes.copy_from_slice(ids.run.as_deref().unwrap_or(&[0; 16])),
            (Part::Hash, Value::Blob(bytes)) => bytes.copy_from_slice(Uuid::new_v4().as_bytes()),
            (Part::File(places), Value::Text(text)) => {
                for at in places {
                    text.replace_range(*at..*at + ids.file.len(), &ids.file);
                }
            }
            _ => {}
        }
    }
}
