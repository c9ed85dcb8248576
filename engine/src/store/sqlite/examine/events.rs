//! Every event has a verdict, a body, its keys, and is kept for those that need it.

use oncue_rules::ids::EventId;
use rusqlite::Connection;

use super::super::ask::Ask;
use super::super::body::unpack;
use super::super::fault::Fault;
use super::super::rows::{Columns, keys, subappid};
use super::{Findings, count};
use crate::store::{Identity, Verdicts};

/// Live runs that an event started.
const STARTED: &str = "SELECT count(*) FROM runs WHERE event = ?1 AND status NOT IN ('succeeded', 'dead', 'cancelled')";
/// Live runs that have gathered it besides their own event.
const COLLECTED: &str = "SELECT count(*) FROM collected AS c JOIN runs AS r ON r.id = c.run
                         WHERE c.event = ?1 AND r.status NOT IN ('succeeded', 'dead', 'cancelled')";
const HANDED: &str = "SELECT count(*) FROM handed WHERE event = ?1";

struct Row {
    id: EventId,
    needed_by: i64,
    keys: String,
    envelope: String,
    verdicts: String,
}

pub(super) fn examine(sql: &Connection, after: &[u8], limit: u32, found: &mut Findings) -> Result<(), Fault> {
    let query = "SELECT id, app, dedupe_key, duplicates, needed_by, keys, envelope, verdicts
                 FROM events WHERE id > ?1 ORDER BY id LIMIT ?2";
    let rows = sql.rows(query, (after, limit), |row| {
        let columns = &mut Columns::of(row);
        let (id, app) = (columns.event_id()?, columns.take::<i64>()?);
        let identity = Identity { id, subappid: subappid(app), dedupe_key: columns.take()? };
        let duplicates = columns.take::<i64>()?;
        let (needed_by, keys) = (columns.take()?, columns.take()?);
        Ok((identity, duplicates, Row { id, needed_by, keys, envelope: columns.take()?, verdicts: columns.take()? }))
    })?;
    for (identity, duplicates, row) in rows {
        found.rows += 1;
        found.after = row.id.as_bytes().to_vec();
        found.count("events".to_owned(), 1);
        found.count("duplicates".to_owned(), duplicates);
        found.events.push(identity);
        verdict_and_envelope(&row, found);
        body(sql, &row, found)?;
        key_rows(sql, &row, found)?;
        needed(sql, &row, found)?;
    }
    Ok(())
}

fn verdict_and_envelope(row: &Row, found: &mut Findings) {
    match serde_json::from_str::<Verdicts>(&row.verdicts) {
        Ok(verdicts) => {
            found.count("throttled".to_owned(), i64::try_from(verdicts.throttled.len()).unwrap_or(i64::MAX));
        }
        Err(error) => {
            found.report("event_without_verdict", &row.id, format!("its verdicts cannot be read: {error}"));
        }
    }
    if let Err(error) = serde_json::from_str::<serde_json::Value>(&row.envelope) {
        found.report("event_envelope", &row.id, format!("its envelope cannot be read: {error}"));
    }
}

fn body(sql: &Connection, row: &Row, found: &mut Findings) -> Result<(), Fault> {
    let query = "SELECT unpacked, body FROM bodies WHERE event = ?1";
    let read = sql.first(query, [row.id.as_bytes()], |row| {
        let columns = &mut Columns::of(row);
        let unpacked = columns.take()?;
        unpack(unpacked, columns.take()?)
    });
    if found.check("event_body", &row.id, read)? == Some(None) {
        found.report("event_without_body", &row.id, "its body is not stored");
    }
    Ok(())
}

fn key_rows(sql: &Connection, row: &Row, found: &mut Findings) -> Result<(), Fault> {
    let Some(keys) = found.check("event_keys", &row.id, keys(&row.keys))? else { return Ok(()) };
    for key in keys {
        let query = "SELECT 1 FROM event_keys AS k JOIN events AS e ON e.id = ?3 WHERE k.value = ?1 AND k.name = ?2
                     AND k.app = e.app AND k.kind = e.kind AND k.received_at = e.received_at AND k.event = e.id";
        if sql.first(query, (&key.value, &key.name, row.id.as_bytes()), |_| Ok(()))?.is_none() {
            let message = format!("no wait finds it by its {} {:?}", key.name, key.value);
            found.report("event_keys", &row.id, message);
        }
    }
    Ok(())
}

/// The events that were handed to runs are few, but not indexed by event: they are counted only where the runs that an
/// event started are not the whole answer. One that is handed out and not counted is found from the other side
/// ([`super::orphans`]).
fn needed(sql: &Connection, row: &Row, found: &mut Findings) -> Result<(), Fault> {
    let started = count(sql, STARTED, row.id.as_bytes())? + count(sql, COLLECTED, row.id.as_bytes())?;
    if row.needed_by == started {
        return Ok(());
    }
    let counted = started + count(sql, HANDED, row.id.as_bytes())?;
    if row.needed_by != counted {
        let message = format!("needed_by is {} and {counted} live runs need it", row.needed_by);
        found.report("event_needed_by", &row.id, message);
    }
    Ok(())
}

/// Whether an event that was handed to a run is counted as needed by more than the runs that it started or that gathered
/// it.
pub(super) fn counts_handed(sql: &Connection, event: &[u8]) -> Result<bool, Fault> {
    let started = count(sql, STARTED, event)? + count(sql, COLLECTED, event)?;
    Ok(count(sql, "SELECT needed_by FROM events WHERE id = ?1", event)? > started)
}
