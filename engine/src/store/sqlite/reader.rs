//! A small pool of read-only connections. A read holds one snapshot and ends after a set time: a snapshot that stays
//! keeps the write-ahead log from starting over.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::ask::KEPT_STATEMENTS;
use super::fault::{Fault, Stop};
use crate::store::Error;

/// SQLite looks at the time once in so many of its instructions; some tens of microseconds.
const INSTRUCTIONS: i32 = 1_000;

pub(super) struct Readers {
    pool: Arc<Pool>,
    free: Arc<Semaphore>,
    limit: Duration,
}

struct Pool {
    path: PathBuf,
    cache: i64,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn open(path: &Path, count: usize, cache: i64, limit: Duration) -> Result<Self, Fault> {
        let count = count.max(1);
        let idle = (0..count).map(|_| open_one(path, cache)).collect::<Result<Vec<_>, _>>()?;
        let pool = Pool { path: path.to_owned(), cache, idle: Mutex::new(idle) };
        Ok(Self { pool: Arc::new(pool), free: Arc::new(Semaphore::new(count)), limit })
    }

    /// Runs a read on one snapshot, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, Error> {
        let stopped = || Error::Unavailable { doing, unknown: false, source: None };
        let place = Arc::clone(&self.free).acquire_owned().await.map_err(|_| stopped())?;
        let (pool, limit) = (Arc::clone(&self.pool), self.limit);
        let work = move || {
            let _place = place;
            let mut connection = pool.take().map_err(|fault| fault.to_error(doing, false))?;
            let done = within(&mut connection, limit, read);
            pool.lock().push(connection);
            done.map_err(|stop| explain(stop, doing))
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Pool {
    /// An idle connection; a new one in the place of one that went down with its read.
    fn take(&self) -> Result<Connection, Fault> {
        let idle = self.lock().pop();
        idle.map_or_else(|| open_one(&self.path, self.cache), Ok)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_one(path: &Path, cache: i64) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(1))?;
    connection.pragma_update(None, "cache_size", cache)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    super::open::keep_plans(&connection)?;
    Ok(connection)
}

fn within<T>(
    connection: &mut Connection,
    limit: Duration,
    read: impl FnOnce(&Connection) -> Result<T, Stop>,
) -> Result<T, Stop> {
    let end = Instant::now() + limit;
    connection.progress_handler(INSTRUCTIONS, Some(move || Instant::now() >= end))?;
    let done = connection.unchecked_transaction().map_err(Stop::from).and_then(|snapshot| read(&snapshot));
    connection.progress_handler(0, None::<fn() -> bool>)?;
    done
}

fn explain(stop: Stop, doing: &'static str) -> Error {
    match stop {
        Stop::Failed(fault) if fault.is_interrupt() => {
            fault.to_error("a read took too long and was ended: ask for less, or narrow it by a key or a time", false)
        }
        other => other.into_error(doing),
    }
}
