//! What the server writes for one event, read from its own database, so that the loop that writes the same rows is
//! right by construction, whatever the schema.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// How long one event whose run is under way is looked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The ids of one event and its run: what is new in each event that a loop writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ids {
    pub event: Vec<u8>,
    pub run: Option<Vec<u8>>,
    pub file: String,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub table: String,
    /// Each with whether it belongs to the primary key.
    pub columns: Vec<(String, bool)>,
    pub values: Vec<Value>,
}

/// All rows about one event.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub ids: Ids,
    pub rows: Vec<Row>,
}

/// Opens the database of a server that may be at work.
///
/// # Errors
///
/// When SQLite fails.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// The rows of an event as they stand in the commit that accepted it; one whose run is under way, when events start
/// runs.
///
/// # Errors
///
/// When there is none in time.
pub(crate) fn accepted(connection: &Connection, with_run: bool) -> Result<Sample> {
    let end = Instant::now() + PATIENCE;
    let query = if with_run {
        "SELECT event, id FROM runs WHERE status = 'running' ORDER BY id DESC LIMIT 1"
    } else {
        "SELECT id, NULL FROM events ORDER BY id DESC LIMIT 1"
    };
    while Instant::now() < end {
        let snapshot = connection.unchecked_transaction()?;
        if let Ok((event, run)) = snapshot.query_row(query, (), |row| Ok((row.get(0)?, row.get(1)?))) {
            let file = "SELECT value FROM event_keys WHERE event = ? AND name = 'file_id'";
            let file = snapshot.query_row(file, [&event], |row| row.get(0))?;
            let ids = Ids { event, run, file };
            return Ok(Sample { rows: rows_about(&snapshot, &ids)?, ids });
        }
    }
    bail!("no event was seen in the commit that accepts it")
}

/// The same rows as they stand now.
///
/// # Errors
///
/// When SQLite fails.
pub(crate) fn now(connection: &Connection, ids: &Ids) -> Result<Sample> {
    Ok(Sample { rows: rows_about(connection, ids)?, ids: ids.clone() })
}

/// The tables and indexes, as statements.
///
/// # Errors
///
/// When SQLite fails.
pub(crate) fn schema(connection: &Connection) -> Result<Vec<String>> {
    let query = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    let mut statement = connection.prepare(query)?;
    let statements = statement.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(statements)
}

/// The rows that name the event or the run in any column.
fn rows_about(connection: &Connection, ids: &Ids) -> Result<Vec<Row>> {
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")?;
    let tables: Vec<String> = tables.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    for table in tables {
        let columns = columns(connection, &table)?;
        let has = |column: &str| columns.iter().any(|(name, _)| name == column);
        let (column, id) = match table.as_str() {
            "events" => ("id", Some(&ids.event)),
            "runs" => ("id", ids.run.as_ref()),
            _ if has("event") => ("event", Some(&ids.event)),
            _ if has("run") => ("run", ids.run.as_ref()),
            _ => continue,
        };
        let Some(id) = id else { continue };
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} WHERE {column} = ?"))?;
        let mut found = statement.query([id])?;
        while let Some(row) = found.next()? {
            let values = (0..columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            rows.push(Row { table: table.clone(), columns: columns.clone(), values });
        }
    }
    Ok(rows)
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<(String, bool)>> {
    let mut statement = connection.prepare("SELECT name, pk > 0 FROM pragma_table_info(?)")?;
    let columns = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>();
    columns.context("no columns")
}
