//! Collections: runs that gather events before they begin.
//!
//! Whether a collection is open is one column, and every change of it is one commit of the one writer: an event is added
//! to the open collection of its key, or it opens another. What closes one (its moment, its last event, one that does not
//! fit) tells the run so in the same commit. The timer of a collection only sees to it that somebody looks: an event that
//! comes after the moment, before the timer was seen, finds the collection over.

use std::time::Duration;

use oncue_rules::ids::{EventId, RunId, StepPath};
use oncue_rules::time::Timestamp;
use rusqlite::Connection;

use super::advance::write_timer;
use super::ask::Ask;
use super::fault::Fault;
use super::rows::{Columns, app};
use super::tx::Tx;
use crate::store::{Gather, Input, NewEvent, NewRun, StoredEvent, Timer, TimerKind};

struct Open {
    run: RunId,
    closes_at: Timestamp,
    closes_by: Timestamp,
    quiet: i64,
    events: i64,
    max_events: i64,
    bytes: i64,
    max_bytes: i64,
}

/// Adds an event to the open collection that it is for. Says no when it is to open one itself, or none.
pub(super) fn joined(tx: &Tx<'_>, run: &NewRun, event: &NewEvent) -> Result<bool, Fault> {
    let Some(gather) = &run.gather else { return Ok(false) };
    let Some(open) = find(tx, run, gather, event)? else { return Ok(false) };
    let (at, size) = (event.received_at, bytes_of(event));
    if at >= open.closes_at || open.bytes.saturating_add(size) > open.max_bytes {
        close(tx, open.run, at)?;
        return Ok(false);
    }
    let events = open.events + 1;
    let closes_at = after(at, open.quiet).min(open.closes_by);
    tx.sql.change(
        "UPDATE collections SET events = ?2, bytes = bytes + ?3, closes_at = ?4 WHERE run = ?1",
        (open.run.as_bytes(), events, size, closes_at.0),
    )?;
    tx.sql.change(
        "INSERT INTO collected (run, number, event) VALUES (?1, ?2, ?3)",
        (open.run.as_bytes(), events, event.id.as_bytes()),
    )?;
    if events >= open.max_events {
        close(tx, open.run, at)?;
    } else {
        wake_at(tx, open.run, closes_at)?;
    }
    Ok(true)
}

fn find(tx: &Tx<'_>, run: &NewRun, gather: &Gather, event: &NewEvent) -> Result<Option<Open>, Fault> {
    tx.sql.first(
        "SELECT run, closes_at, closes_by, quiet, events, max_events, bytes, max_bytes FROM collections
         WHERE rule = ?1 AND app = ?2 AND key = ?3 AND open",
        (run.rule.as_str(), app(event.subappid), &gather.key),
        |row| {
            let columns = &mut Columns::of(row);
            Ok(Open {
                run: columns.run_id()?,
                closes_at: columns.time()?,
                closes_by: columns.time()?,
                quiet: columns.take()?,
                events: columns.take()?,
                max_events: columns.take()?,
                bytes: columns.take()?,
                max_bytes: columns.take()?,
            })
        },
    )
}

/// Opens the collection of a run that was created for an event.
pub(super) fn open(tx: &Tx<'_>, run: &NewRun, gather: &Gather, event: &NewEvent) -> Result<(), Fault> {
    let at = event.received_at;
    let (quiet, closes_by) = (millis(gather.quiet), after(at, millis(gather.max)));
    let closes_at = after(at, quiet).min(closes_by);
    tx.sql.change(
        "INSERT INTO collections
         (run, rule, app, key, open, closes_at, closes_by, quiet, events, max_events, bytes, max_bytes)
         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, 1, ?8, ?9, ?10)",
        (
            run.id.as_bytes(),
            run.rule.as_str(),
            app(event.subappid),
            &gather.key,
            closes_at.0,
            closes_by.0,
            quiet,
            gather.max_events,
            bytes_of(event),
            i64::try_from(gather.max_bytes).unwrap_or(i64::MAX),
        ),
    )?;
    if gather.max_events <= 1 { close(tx, run.id, at) } else { wake_at(tx, run.id, closes_at) }
}

/// Closes the collection of a run, which begins with what is in it.
pub(super) fn close(tx: &Tx<'_>, run: RunId, at: Timestamp) -> Result<(), Fault> {
    shut(tx, run)?;
    tx.sql.change("DELETE FROM timers WHERE run = ?1 AND path = '' AND kind = 'quiet'", [run.as_bytes()])?;
    tx.push(run, at, &Input::Collected)?;
    Ok(())
}

/// Nothing is added to the collection of a run any more.
pub(super) fn shut(tx: &Tx<'_>, run: RunId) -> Result<(), Fault> {
    tx.sql.change("UPDATE collections SET open = 0 WHERE run = ?1 AND open", [run.as_bytes()])?;
    Ok(())
}

/// Lets the events of an ended run go, besides its own. Which they were is kept as long as the run.
pub(super) fn end(tx: &Tx<'_>, run: RunId) -> Result<(), Fault> {
    shut(tx, run)?;
    for event in others(tx.sql, run)? {
        tx.need(event, -1)?;
    }
    Ok(())
}

/// The events of a collection; none when the run has none.
pub(super) fn events(sql: &Connection, run: RunId) -> Result<Vec<EventId>, Fault> {
    let own = "SELECT r.event FROM collections AS c JOIN runs AS r ON r.id = c.run WHERE c.run = ?1";
    let Some(own) = sql.first(own, [run.as_bytes()], |row| Columns::of(row).event_id())? else {
        return Ok(Vec::new());
    };
    let mut events = others(sql, run)?;
    events.insert(0, own);
    Ok(events)
}

/// The events of a collection besides that of its run.
pub(super) fn others(sql: &Connection, run: RunId) -> Result<Vec<EventId>, Fault> {
    let query = "SELECT event FROM collected WHERE run = ?1 ORDER BY number";
    sql.rows(query, [run.as_bytes()], |row| Columns::of(row).event_id())
}

/// [`crate::store::Store::collected`]. An event of an ended run may have gone.
pub(super) fn collected(sql: &Connection, run: RunId) -> Result<Vec<StoredEvent>, Fault> {
    let mut stored = Vec::new();
    for event in events(sql, run)? {
        stored.extend(super::show::event(sql, event)?);
    }
    Ok(stored)
}

/// Bytes of the bodies of a collection.
pub(super) fn bytes(sql: &Connection, run: RunId) -> Result<u64, Fault> {
    let found: Option<i64> =
        sql.first("SELECT bytes FROM collections WHERE run = ?1", [run.as_bytes()], |row| Ok(row.get(0)?))?;
    Ok(found.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0))
}

fn wake_at(tx: &Tx<'_>, run: RunId, due_at: Timestamp) -> Result<(), Fault> {
    write_timer(tx, run, &Timer { path: StepPath::new(""), kind: TimerKind::Quiet, due_at })
}

fn bytes_of(event: &NewEvent) -> i64 {
    i64::try_from(event.body.len()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn after(at: Timestamp, millis: i64) -> Timestamp {
    Timestamp(at.0.saturating_add(millis))
}
