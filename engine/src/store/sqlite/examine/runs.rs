//! Every run can be gone on with, has ended or will wake, and its steps keep their keys.

use oncue_rules::ids::{EventId, RunId};
use rusqlite::Connection;

use super::super::ask::Ask;
use super::super::fault::Fault;
use super::super::rows::{Columns, STEP, step_row};
use super::{Findings, count};
use crate::store::{ErrorRecord, RunStatus, StepRow};
use crate::workflow::State;

struct Row {
    id: RunId,
    event: EventId,
    rule: String,
    closure: String,
    status: String,
    state: String,
    error: Option<String>,
    held: bool,
    free: bool,
    inputs: i64,
}

/// What may still happen to a run, by table.
const WAKING: [(&str, &str); 5] = [
    ("timers", "SELECT count(*) FROM timers WHERE run = ?1"),
    ("waits", "SELECT count(*) FROM waits WHERE run = ?1"),
    ("inputs", "SELECT count(*) FROM inbox WHERE run = ?1"),
    ("open collections", "SELECT count(*) FROM collections WHERE run = ?1 AND open"),
    ("events handed to it", "SELECT count(*) FROM handed WHERE run = ?1"),
];

pub(super) fn examine(sql: &Connection, after: &[u8], limit: u32, found: &mut Findings) -> Result<(), Fault> {
    let query = "SELECT id, event, rule, closure, status, state, error, node IS NOT NULL, free_at IS NOT NULL, inputs
                 FROM runs WHERE id > ?1 ORDER BY id LIMIT ?2";
    let rows = sql.rows(query, (after, limit), |row| {
        let c = &mut Columns::of(row);
        let (id, event, rule, closure) = (c.run_id()?, c.event_id()?, c.take()?, c.take()?);
        let (status, state, error) = (c.take()?, c.take()?, c.take()?);
        let (held, free, inputs) = (c.take()?, c.take()?, c.take()?);
        Ok(Row { id, event, rule, closure, status, state, error, held, free, inputs })
    })?;
    for row in rows {
        found.rows += 1;
        found.after = row.id.as_bytes().to_vec();
        found.count(row.status.clone(), 1);
        found.count(format!("pins of {}", row.closure), 1);
        belongings(sql, &row, found)?;
        match RunStatus::from_word(&row.status) {
            None => found.report("run_status", &row.id, format!("{:?} is no status", row.status)),
            Some(status) if status.is_final() => ended(sql, &row, found)?,
            Some(status) => live(sql, &row, status, found)?,
        }
        steps(sql, &row, found)?;
    }
    Ok(())
}

fn belongings(sql: &Connection, row: &Row, found: &mut Findings) -> Result<(), Fault> {
    if count(sql, "SELECT count(*) FROM events WHERE id = ?1", row.event.as_bytes())? == 0 {
        found.report("run_without_event", &row.id, format!("its event {} is not stored", row.event));
    }
    if sql.first("SELECT 1 FROM contents WHERE hash = ?1", [&row.closure], |_| Ok(()))?.is_none() {
        found.report("run_without_content", &row.id, format!("its rule closure {} is not stored", row.closure));
    }
    match serde_json::from_str::<State>(&row.state) {
        Ok(state) if state.v > State::VERSION => {
            found.report("run_state", &row.id, format!("its state has the version {} of a newer Oncue", state.v));
        }
        Ok(_) => {}
        Err(error) => found.report("run_state", &row.id, format!("its state does not open: {error}")),
    }
    if let Some(Err(error)) = row.error.as_deref().map(serde_json::from_str::<ErrorRecord>) {
        found.report("run_error", &row.id, format!("its error cannot be read: {error}"));
    }
    Ok(())
}

fn ended(sql: &Connection, row: &Row, found: &mut Findings) -> Result<(), Fault> {
    if row.held || row.free {
        found.report("ended_run_leased", &row.id, format!("it is {} and may be claimed", row.status));
    }
    for (what, query) in WAKING {
        let left = count(sql, query, row.id.as_bytes())?;
        if left > 0 {
            found.report("ended_run_wakes", &row.id, format!("it is {} and has {left} {what}", row.status));
        }
    }
    Ok(())
}

/// A lease, or being free to be claimed, is a date in `free_at`. Inputs alone wake nobody: they come with one. A paused run
/// waits for a person.
fn live(sql: &Connection, row: &Row, status: RunStatus, found: &mut Findings) -> Result<(), Fault> {
    let [timers, waits, inputs, ..] = WAKING.map(|(_, query)| count(sql, query, row.id.as_bytes()));
    let (timers, waits, inputs) = (timers?, waits?, inputs?);
    if row.held && !row.free {
        found.report("lease_without_end", &row.id, "its lease never ends");
    }
    if !row.free && inputs > 0 {
        found.report("run_asleep", &row.id, format!("it has {inputs} inputs and nobody may claim it"));
    } else if !row.free && timers + waits == 0 && status != RunStatus::Paused {
        let message = format!("it is {} and has no lease, timer, wait or input: nothing will wake it", row.status);
        found.report("run_asleep", &row.id, message);
    }
    let highest = count(sql, "SELECT coalesce(max(number), 0) FROM inbox WHERE run = ?1", row.id.as_bytes())?;
    if highest > row.inputs {
        let message = format!("an input has the number {highest}, and it was given {}", row.inputs);
        found.report("run_inputs", &row.id, message);
    }
    Ok(())
}

fn steps(sql: &Connection, row: &Row, found: &mut Findings) -> Result<(), Fault> {
    let query = format!("SELECT {STEP} FROM steps WHERE run = ?1 ORDER BY path");
    let read = sql.rows(&query, [row.id.as_bytes()], step_row);
    for step in found.check("step", &row.id, read)?.unwrap_or_default() {
        step_fits(row, &step, found);
        if let Some(key) = &step.key {
            keys(sql, row, &step, key, found)?;
        }
    }
    Ok(())
}

fn step_fits(row: &Row, step: &StepRow, found: &mut Findings) {
    let mut wrong = |message: String| found.report("step", &row.id, format!("step {}: {message}", step.path));
    if let Some(Err(error)) = step.output.as_deref().map(serde_json::from_str::<serde_json::Value>) {
        wrong(format!("its output cannot be read: {error}"));
    }
    if let Some(ended_at) = step.ended_at.filter(|ended_at| *ended_at < step.started_at) {
        wrong(format!("it ended at {ended_at}, before it began at {}", step.started_at));
    }
}

/// One key for each event, rule, step and generation, and one such for each key. A replay has the key of the run that it
/// repeats.
fn keys(sql: &Connection, row: &Row, step: &StepRow, key: &str, found: &mut Findings) -> Result<(), Fault> {
    let (path, generation) = (step.path.as_str(), i64::from(step.generation));
    let shared = "SELECT 1 FROM steps AS s JOIN runs AS r ON r.id = s.run WHERE s.key = ?1
                  AND (r.event <> ?2 OR r.rule <> ?3 OR s.path <> ?4 OR s.generation <> ?5)";
    let params = (key, row.event.as_bytes(), &row.rule, path, generation);
    if sql.first(shared, params, |_| Ok(()))?.is_some() {
        found.report("key_shared", &row.id, format!("step {path}: another step has its key {key}"));
    }
    let split = "SELECT 1 FROM runs AS r JOIN steps AS s ON s.run = r.id WHERE s.key <> ?1
                 AND r.event = ?2 AND r.rule = ?3 AND s.path = ?4 AND s.generation = ?5";
    if sql.first(split, params, |_| Ok(()))?.is_some() {
        let message = format!("step {path}: it has the key {key}, and another in another run for the same event");
        found.report("key_split", &row.id, message);
    }
    Ok(())
}
