//! Opening: the lock, the file, its settings, its schema.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use refinery::{Migration, Runner};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::ask::KEPT_STATEMENTS;
use super::fault::Fault;
use super::{Options, PAGE_SIZE};
use crate::store::Error;

/// Every migration, in order; the schema number of a store is the number of the last one that it has.
const MIGRATIONS: [(&str, &str); 7] = [
    ("V0001__first", include_str!("../migrations/sqlite/V0001__first.sql")),
    ("V0002__schedules", include_str!("../migrations/sqlite/V0002__schedules.sql")),
    ("V0003__replays", include_str!("../migrations/sqlite/V0003__replays.sql")),
    ("V0004__ends", include_str!("../migrations/sqlite/V0004__ends.sql")),
    ("V0005__collections", include_str!("../migrations/sqlite/V0005__collections.sql")),
    ("V0006__limits", include_str!("../migrations/sqlite/V0006__limits.sql")),
    ("V0007__kept", include_str!("../migrations/sqlite/V0007__kept.sql")),
];

const DOING: &str = "opening the database";

/// Holds the store for this process alone, until it is dropped or the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Closing the file is not enough: a child of this process has it open too, from the moment at which it is forked until it
    /// runs its own program, and would hold the lock so long.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the lock of the store could not be given back");
        }
    }
}

/// Takes the lock file beside the database. It stays behind when the store closes: removing it would let two processes
/// hold two files of one name.
pub(super) fn lock(database: &Path) -> Result<Lock, Error> {
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| io_error("creating the folder of the database", error))?;
    }
    let file = private(&beside(database, ".lock")).map_err(|error| io_error("opening the lock file", error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { file }),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: database.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(io_error("locking the lock file", error)),
    }
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Opens or makes a file that its owner alone may read and write; SQLite gives its other files the same mode.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn io_error(doing: &'static str, error: io::Error) -> Error {
    Error::Unavailable { doing, unknown: false, source: Some(error.into()) }
}

/// The connection that writes, on a database with the newest schema.
pub(super) fn writer(database: &Path, options: &Options) -> Result<Connection, Error> {
    let size = private(database).and_then(|file| file.metadata()).map_err(|error| io_error(DOING, error))?.len();
    if (1..PAGE_SIZE).contains(&size) && !beside(database, "-journal").exists() {
        // SQLite would take so short a file for an empty database.
        return Err(Error::Corrupt { what: format!("{} is cut short: restore it from a copy", database.display()) });
    }
    let mut connection = connect(database, options).map_err(|fault| fault.to_error(DOING, false))?;
    migrate(&mut connection)?;
    limit_size(&connection, options.max_bytes).map_err(|fault| fault.to_error(DOING, false))?;
    Ok(connection)
}

/// A connection to a database of ours that is there, whatever its schema.
pub(super) fn existing(database: &Path) -> Result<Connection, Error> {
    let connection = connect(database, &Options::default()).map_err(|fault| fault.to_error(DOING, false))?;
    match schema(&connection).map_err(|fault| fault.to_error("reading the schema number", false))? {
        Some(_) => Ok(connection),
        None => Err(Error::Corrupt { what: format!("{} is empty", database.display()) }),
    }
}

/// A connection that may write; the settings that the file keeps are made before its first table.
pub(super) fn connect(database: &Path, options: &Options) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    keep_plans(&connection)?;
    connection.pragma_update(None, "page_size", PAGE_SIZE.cast_signed())?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // What a long read made the log grow beyond its limit is given back once it starts over.
    connection.pragma_update(None, "journal_size_limit", options.wal_bytes.cast_signed())?;
    // Rows that belong together are written and removed together by the commands; a check of each would cost a look-up.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "cache_size", kibibytes(options.cache_bytes))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// A statement stays as it was prepared. Else SQLite plans some anew for each value that they are given, which costs
/// more than running them.
pub(super) fn keep_plans(connection: &Connection) -> Result<(), Fault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// A cache size as SQLite takes it: negative for KiB.
pub(super) fn kibibytes(bytes: u64) -> i64 {
    -i64::try_from(bytes / 1024).unwrap_or(i64::MAX).max(64)
}

fn limit_size(connection: &Connection, max_bytes: Option<u64>) -> Result<(), Fault> {
    if let Some(bytes) = max_bytes {
        let pages = i64::try_from(bytes / PAGE_SIZE).unwrap_or(i64::MAX).min(i64::from(u32::MAX - 1));
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |_| Ok(()))?;
    }
    Ok(())
}

fn migrate(connection: &mut Connection) -> Result<(), Error> {
    migrate_by(&MIGRATIONS, connection)
}

fn migrate_by(migrations: &[(&str, &str)], connection: &mut Connection) -> Result<(), Error> {
    let refused = |error: refinery::Error| Error::Corrupt { what: format!("bringing the schema up to date: {error}") };
    let migrations =
        migrations.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect::<Result<Vec<_>, _>>();
    let migrations = migrations.map_err(refused)?;
    let known = migrations.iter().map(Migration::version).max().unwrap_or(0);
    let found = schema(connection).map_err(|fault| fault.to_error("reading the schema number", false))?;
    match found {
        Some(found) if found > known => Err(Error::TooNew { found, known }),
        Some(found) if found == known => Ok(()),
        _ => run(&Runner::new(&migrations).set_grouped(true), connection, refused),
    }
}

fn run(runner: &Runner, connection: &mut Connection, refused: impl Fn(refinery::Error) -> Error) -> Result<(), Error> {
    match runner.run(connection) {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.kind() {
            refinery::error::Kind::Connection(..) => Error::Unavailable {
                doing: "bringing the schema up to date",
                unknown: false,
                source: Some(Box::new(error)),
            },
            _ => refused(error),
        }),
    }
}

/// The number of the last migration that the database has. Read before the migration library looks: it panics on a
/// history that it cannot read.
fn schema(connection: &Connection) -> Result<Option<i32>, Fault> {
    let tables = "SELECT count(*), count(*) FILTER (WHERE name = 'refinery_schema_history') FROM sqlite_schema";
    match connection.query_row(tables, (), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))? {
        (0, _) => return Ok(None),
        (_, 0) => return Err(Fault::Damaged("it is a database of something else".to_owned())),
        _ => {}
    }
    Ok(connection.query_row("SELECT max(version) FROM refinery_schema_history", (), |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_of_the_folder_is_listed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations/sqlite");
        let mut found: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, MIGRATIONS.map(|(name, _)| format!("{name}.sql")));
    }

    #[test]
    fn a_database_of_every_earlier_version_is_brought_up_to_date_with_what_it_holds() {
        for earlier in 1..MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate_by(&MIGRATIONS[..earlier], &mut connection).unwrap();
            connection.execute("INSERT INTO contents (hash, body) VALUES ('kept', x'00')", ()).unwrap();
            migrate(&mut connection).unwrap();
            let known = i32::try_from(MIGRATIONS.len()).unwrap();
            assert_eq!(schema(&connection).unwrap(), Some(known));
            let kept: String = connection.query_row("SELECT hash FROM contents", (), |row| row.get(0)).unwrap();
            assert_eq!(kept, "kept");
            migrate(&mut connection).unwrap();
        }
    }
}
