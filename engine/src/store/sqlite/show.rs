//! One event, one run, and the counts of all.

use oncue_rules::ids::{EventId, RuleName, RunId};
use rusqlite::Connection;

use super::ask::Ask;
use super::fault::{Fault, Stop};
use super::gather;
use super::rows::{Columns, EVENT, RUN, STEP, failed_attempt, inbox_row, run_row, step_row, stored_event, timer};
use crate::store::{ClaimedRun, Counts, Fence, Origin, ReplayOf, RunDetail, RunRow, RunStatus, StepRow, StoredEvent};

/// [`crate::store::Admin::event`].
pub(super) fn event(sql: &Connection, id: EventId) -> Result<Option<StoredEvent>, Fault> {
    sql.first(
        &format!(
            "SELECT {EVENT}, e.keys, e.envelope, b.unpacked, b.body
             FROM events AS e JOIN bodies AS b ON b.event = e.id WHERE e.id = ?1"
        ),
        [id.as_bytes()],
        |row| stored_event(&mut Columns::of(row)),
    )
}

/// [`crate::store::Admin::run`].
pub(super) fn run(sql: &Connection, id: RunId) -> Result<Option<RunDetail>, Stop> {
    let query = format!("SELECT {RUN}, state FROM runs WHERE id = ?1");
    let found = sql.first(&query, [id.as_bytes()], |row| {
        let columns = &mut Columns::of(row);
        Ok((run_row(columns)?, columns.take()?))
    })?;
    let Some((row, state)) = found else { return Ok(None) };
    let failed_attempts = sql.rows(
        "SELECT path, number, at, error FROM failed_attempts WHERE run = ?1 ORDER BY at, path, number",
        [id.as_bytes()],
        failed_attempt,
    )?;
    let timers =
        sql.rows("SELECT path, kind, due_at FROM timers WHERE run = ?1 ORDER BY path, kind", [id.as_bytes()], timer)?;
    let (replay_of, collected) = (replay_of(sql, id)?, gather::events(sql, id)?);
    Ok(Some(RunDetail { row, steps: steps(sql, id)?, failed_attempts, timers, state, replay_of, collected }))
}

fn replay_of(sql: &Connection, id: RunId) -> Result<Option<ReplayOf>, Fault> {
    sql.first("SELECT request, of FROM replays WHERE run = ?1", [id.as_bytes()], |row| {
        let columns = &mut Columns::of(row);
        let (request, run) = (columns.take()?, columns.take::<Option<[u8; 16]>>()?);
        Ok(ReplayOf { request, run: run.map(RunId::from_bytes) })
    })
}

/// Steps in the order in which they started; those that started together, by path.
fn steps(sql: &Connection, run: RunId) -> Result<Vec<StepRow>, Fault> {
    let query = format!("SELECT {STEP} FROM steps WHERE run = ?1 ORDER BY started_at, path");
    sql.rows(&query, [run.as_bytes()], step_row)
}

/// [`crate::store::Store::origin`].
pub(super) fn origin(sql: &Connection, key: &str) -> Result<Option<Origin>, Fault> {
    sql.first(
        "SELECT r.id, r.rule, e.envelope FROM steps AS s JOIN runs AS r ON r.id = s.run JOIN events AS e ON e.id = r.event
         WHERE s.key = ?1",
        [key],
        |row| {
            let columns = &mut Columns::of(row);
            Ok(Origin { run: columns.run_id()?, rule: RuleName::new(columns.take::<String>()?), envelope: columns.take()? })
        },
    )
}

/// The reading half of [`crate::store::Store::claim`]: what was leased, without those whose lease is gone again. One
/// that cannot be read is left out too, so that it does not keep the others from going on.
pub(super) fn claimed(sql: &Connection, leased: &[(RunId, Fence)]) -> Result<Vec<ClaimedRun>, Stop> {
    let mut claimed = Vec::with_capacity(leased.len());
    for (run, fence) in leased {
        match claimed_run(sql, *run, *fence) {
            Ok(found) => claimed.extend(found),
            Err(Fault::Damaged(what)) => tracing::error!(%run, what, "a run cannot be read, and waits until it can"),
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(claimed)
}

fn claimed_run(sql: &Connection, id: RunId, fence: Fence) -> Result<Option<ClaimedRun>, Fault> {
    let query = format!("SELECT {RUN}, state FROM runs WHERE id = ?1 AND fence = ?2 AND node IS NOT NULL");
    let found = sql.first(&query, (id.as_bytes(), fence.0), |row| {
        let columns = &mut Columns::of(row);
        let row = run_row(columns)?;
        Ok((row, columns.take::<String>()?))
    })?;
    let Some((run, state)) = found else { return Ok(None) };
    let event = stored(sql, &run)?;
    let inbox =
        sql.rows("SELECT number, at, input FROM inbox WHERE run = ?1 ORDER BY number", [id.as_bytes()], inbox_row)?;
    let gathered_bytes = gather::bytes(sql, id)?;
    Ok(Some(ClaimedRun { fence, state, event, gathered_bytes, steps: steps(sql, id)?, inbox, run }))
}

fn stored(sql: &Connection, run: &RunRow) -> Result<StoredEvent, Fault> {
    event(sql, run.event)?.ok_or_else(|| Fault::Damaged(format!("{} of a live run is not stored", run.event)))
}

/// [`crate::store::Admin::counts`].
pub(super) fn counts(sql: &Connection) -> Result<Counts, Stop> {
    let mut counts = Counts { runs: RunStatus::ALL.map(|status| (status, 0)).to_vec(), ..Counts::default() };
    let rows = sql.rows("SELECT what, n FROM tallies", (), |row| {
        let columns = &mut Columns::of(row);
        Ok((columns.take::<String>()?, columns.take::<i64>()?))
    })?;
    for (what, n) in rows {
        let n = u64::try_from(n).unwrap_or(0);
        match what.as_str() {
            "events" => counts.events = n,
            "duplicates" => counts.duplicates = n,
            "throttled" => counts.throttled = n,
            "quarantined" => counts.quarantined = n,
            status => {
                counts.runs.iter_mut().filter(|(known, _)| known.as_str() == status).for_each(|(_, count)| *count = n);
            }
        }
    }
    Ok(counts)
}
