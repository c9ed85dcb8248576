//! What plugins keep.

use rusqlite::Connection;

use super::ask::Ask;
use super::fault::Stop;
use super::tx::Tx;
use super::writer::Verb;
use crate::store::{Keep, Kept, MOST_KEPT};

/// [`crate::store::Shelf::keep`].
pub(super) struct KeepValue(pub(super) Keep);

impl Verb for KeepValue {
    type Answer = Kept;
    const DOING: &'static str = "keeping a value";

    fn weight(&self) -> usize {
        256 + self.0.plugin.len() + self.0.key.len() + self.0.value.as_ref().map_or(0, String::len)
    }

    fn run(&self, tx: &Tx<'_>) -> Result<Kept, Stop> {
        let Keep { plugin, key, value, now } = &self.0;
        let Some(value) = value else {
            tx.sql.change("DELETE FROM kept WHERE plugin = ?1 AND key = ?2", (plugin, key))?;
            return Ok(Kept::Done);
        };
        let changed = tx.sql.change(
            "UPDATE kept SET value = ?3, changed_at = ?4 WHERE plugin = ?1 AND key = ?2",
            (plugin, key, value, now.0),
        )?;
        if changed > 0 {
            return Ok(Kept::Done);
        }
        let count: Option<i64> =
            tx.sql.first("SELECT count(*) FROM kept WHERE plugin = ?1", [plugin], |row| Ok(row.get(0)?))?;
        if count.unwrap_or_default() >= i64::from(MOST_KEPT) {
            return Ok(Kept::Full);
        }
        tx.sql.change(
            "INSERT INTO kept (plugin, key, value, changed_at) VALUES (?1, ?2, ?3, ?4)",
            (plugin, key, value, now.0),
        )?;
        Ok(Kept::Done)
    }
}

/// [`crate::store::Shelf::kept`].
pub(super) fn kept(sql: &Connection, plugin: &str, key: &str) -> Result<Option<String>, Stop> {
    let found =
        sql.first("SELECT value FROM kept WHERE plugin = ?1 AND key = ?2", (plugin, key), |row| Ok(row.get(0)?))?;
    Ok(found)
}
