//! What belongs to a run or an event: the other end is there.

use oncue_rules::ids::{EventId, RunId};
use oncue_rules::time::Timestamp;
use rusqlite::Connection;

use super::super::ask::Ask;
use super::super::fault::Fault;
use super::super::rows::Columns;
use super::{Findings, events};
use crate::store::Place;

/// Reads the owners in a table that have no run.
macro_rules! owners {
    ($table:literal) => {
        concat!(
            "SELECT t.run, EXISTS (SELECT 1 FROM runs WHERE id = t.run) FROM
             (SELECT DISTINCT run FROM ",
            $table,
            " WHERE run > ?1 ORDER BY run LIMIT ?2) AS t"
        )
    };
}

/// The tables whose rows belong to runs, with the order in which their owners are read.
const OF_RUNS: [(&str, &str); 9] = [
    ("steps", owners!("steps")),
    ("failed attempts", owners!("failed_attempts")),
    ("timers", owners!("timers")),
    ("waits", owners!("waits")),
    ("inputs", owners!("inbox")),
    ("handed events", owners!("handed")),
    ("replays", owners!("replays")),
    ("collections", owners!("collections")),
    ("collected events", owners!("collected")),
];

/// Says how many tables there are to go through.
pub(super) fn examine(sql: &Connection, place: &Place, limit: u32, found: &mut Findings) -> Result<usize, Fault> {
    match OF_RUNS.get(place.table) {
        Some((what, query)) => of_runs(sql, what, query, &place.after, limit, found)?,
        None if place.table == OF_RUNS.len() => bodies(sql, &place.after, limit, found)?,
        None => handed(sql, &place.after, limit, found)?,
    }
    Ok(OF_RUNS.len() + 2)
}

fn of_runs(
    sql: &Connection,
    what: &str,
    query: &str,
    after: &[u8],
    limit: u32,
    found: &mut Findings,
) -> Result<(), Fault> {
    for (run, is_there) in sql.rows(query, (after, limit), |row| {
        let columns = &mut Columns::of(row);
        Ok((columns.run_id()?, columns.take::<bool>()?))
    })? {
        found.rows += 1;
        found.after = run.as_bytes().to_vec();
        if !is_there {
            found.report("rows_without_run", &run, format!("there are {what} of it, and the run is not stored"));
        }
    }
    Ok(())
}

fn bodies(sql: &Connection, after: &[u8], limit: u32, found: &mut Findings) -> Result<(), Fault> {
    let query = "SELECT b.event, EXISTS (SELECT 1 FROM events WHERE id = b.event) FROM bodies AS b
                 WHERE b.event > ?1 ORDER BY b.event LIMIT ?2";
    for (event, is_there) in sql.rows(query, (after, limit), |row| {
        let columns = &mut Columns::of(row);
        Ok((columns.event_id()?, columns.take::<bool>()?))
    })? {
        found.rows += 1;
        found.after = event.as_bytes().to_vec();
        if !is_there {
            found.report("body_without_event", &event, "its body is stored, and the event is not");
        }
    }
    Ok(())
}

/// Goes by run: one was handed no more events than it may wait for.
fn handed(sql: &Connection, after: &[u8], limit: u32, found: &mut Findings) -> Result<(), Fault> {
    let query = "SELECT run, event FROM handed WHERE run IN
                 (SELECT DISTINCT run FROM handed WHERE run > ?1 ORDER BY run LIMIT ?2) ORDER BY run";
    let rows: Vec<(RunId, EventId)> = sql.rows(query, (after, limit), |row| {
        let columns = &mut Columns::of(row);
        Ok((columns.run_id()?, columns.event_id()?))
    })?;
    let mut last = None;
    for (run, event) in rows {
        found.rows += u32::from(last != Some(run));
        last = Some(run);
        found.after = run.as_bytes().to_vec();
        if !events::counts_handed(sql, event.as_bytes())? {
            let message = format!("{run} was handed it, and needed_by does not count that");
            found.report("event_needed_by", &event, message);
        }
    }
    Ok(())
}

/// A key outlives its event only when events are kept for less time than their keys.
pub(super) fn dedupe(
    sql: &Connection,
    after: &[u8],
    kept_since: Timestamp,
    limit: u32,
    found: &mut Findings,
) -> Result<(), Fault> {
    let query = "SELECT d.key, d.event, EXISTS (SELECT 1 FROM events WHERE id = d.event) FROM dedupe AS d
                 WHERE d.key > ?1 ORDER BY d.key LIMIT ?2";
    for (key, event, is_there) in sql.rows(query, (after, limit), |row| {
        let columns = &mut Columns::of(row);
        Ok((columns.take::<[u8; 16]>()?, columns.event_id()?, columns.take::<bool>()?))
    })? {
        found.rows += 1;
        found.after = key.to_vec();
        if !is_there && made_at(event) >= kept_since {
            found.report("dedupe_without_event", &event, "its dedupe key is stored, and the event is not");
        }
    }
    Ok(())
}

/// The first 48 bits of an id are milliseconds (RFC 9562).
fn made_at(event: EventId) -> Timestamp {
    let millis = u128::from_be_bytes(*event.as_bytes()) >> 80;
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
}
