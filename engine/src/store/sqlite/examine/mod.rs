//! Looking for what breaks a promise, a page of rows at a time.

mod contents;
mod events;
mod orphans;
mod runs;

use oncue_rules::time::Timestamp;
use rusqlite::Connection;

use super::ask::Ask;
use super::fault::{Fault, Stop};
use super::rows::Columns;
use crate::store::{Examined, Identity, Part, Place, Violation};

/// Rows of a page, at most.
const MOST_ROWS: u32 = 1_000;

/// What a page gave so far.
#[derive(Default)]
struct Findings {
    rows: u32,
    after: Vec<u8>,
    events: Vec<Identity>,
    counted: Vec<(String, i64)>,
    violations: Vec<Violation>,
}

impl Findings {
    fn count(&mut self, what: String, by: i64) {
        self.counted.push((what, by));
    }

    fn report(&mut self, code: &'static str, of: &impl ToString, message: impl Into<String>) {
        self.violations.push(Violation { code, of: of.to_string(), message: message.into() });
    }

    /// Reports when what was read makes no sense; other faults end the examination.
    fn check<T>(&mut self, code: &'static str, of: &impl ToString, read: Result<T, Fault>) -> Result<Option<T>, Fault> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Fault::Damaged(what)) => {
                self.report(code, of, what);
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }
}

/// [`crate::store::Admin::examine`].
pub(super) fn examine(sql: &Connection, place: &Place, kept_since: Timestamp, limit: u32) -> Result<Examined, Stop> {
    let limit = limit.clamp(1, MOST_ROWS);
    let found = &mut Findings::default();
    let tables = match place.part {
        Part::Events => events::examine(sql, &place.after, limit, found).map(|()| 1)?,
        Part::Runs => runs::examine(sql, &place.after, limit, found).map(|()| 1)?,
        Part::Orphans => orphans::examine(sql, place, limit, found)?,
        Part::Dedupe => orphans::dedupe(sql, &place.after, kept_since, limit, found).map(|()| 1)?,
        Part::Contents => contents::examine(sql, &place.after, limit, found).map(|()| 1)?,
    };
    let Findings { rows, after, events, counted, violations } = std::mem::take(found);
    let next = if rows >= limit {
        Some(Place { after, ..place.clone() })
    } else if place.table + 1 < tables {
        Some(Place { table: place.table + 1, after: Vec::new(), ..*place })
    } else {
        place.part.next().map(Place::of)
    };
    Ok(Examined { rows: rows.into(), events, counted, violations, next })
}

/// [`crate::store::Admin::sums`].
pub(super) fn sums(sql: &Connection) -> Result<Vec<(String, i64)>, Stop> {
    let read = |row: &rusqlite::Row<'_>| {
        let columns = &mut Columns::of(row);
        Ok((columns.take()?, columns.take()?))
    };
    let pins = "SELECT 'pins of ' || hash, runs FROM pins WHERE runs <> 0";
    let mut sums = sql.rows("SELECT what, n FROM tallies WHERE n <> 0 AND what <> 'quarantined'", (), read)?;
    sums.extend(sql.rows(pins, (), read)?);
    Ok(sums)
}

fn count(sql: &Connection, query: &str, id: &[u8]) -> Result<i64, Fault> {
    Ok(sql.first(query, [id], |row| Ok(row.get(0)?))?.unwrap_or(0))
}
