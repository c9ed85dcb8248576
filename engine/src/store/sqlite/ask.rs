//! The few ways in which this driver talks to SQLite: every statement is prepared once a connection and kept.

use rusqlite::{Connection, Params, Row};

use super::fault::Fault;

/// Statements kept prepared on a connection; more than there are.
pub(super) const KEPT_STATEMENTS: usize = 128;

/// Runs statements.
pub(super) trait Ask {
    /// Runs a statement that gives no rows; says how many rows it changed.
    fn change(&self, sql: &str, params: impl Params) -> Result<usize, Fault>;

    /// The first row, if there is one.
    fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault>;

    /// All rows.
    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault>;
}

impl Ask for Connection {
    fn change(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        note(sql);
        Ok(self.prepare_cached(sql)?.execute(params)?)
    }

    fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        note(sql);
        let mut statement = self.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(&mut read).transpose()
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        note(sql);
        let mut statement = self.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }
}

#[cfg(not(test))]
fn note(_sql: &str) {}

#[cfg(test)]
use seen::note;

/// Every statement that the tests of this crate ran, so that a test can look at their plans.
#[cfg(test)]
pub(super) mod seen {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    pub(super) fn note(sql: &str) {
        let mut seen = SEEN.lock().unwrap();
        if !seen.contains(sql) {
            seen.insert(sql.to_owned());
        }
    }

    pub(in crate::store::sqlite) fn all() -> Vec<String> {
        SEEN.lock().unwrap().iter().cloned().collect()
    }
}
