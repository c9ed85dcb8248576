//! Running again what has run.

use oncue_rules::ids::{EventId, RunId, StepPath};

use super::accept::write_run;
use super::ask::Ask;
use super::fault::{Fault, Stop};
use super::gather;
use super::inputs::is_stored;
use super::rows::{Columns, STEP, step_row};
use super::tx::Tx;
use super::writer::Verb;
use crate::store::{Input, Replay, Replayed, Retried, Retry, RunStatus, StepRow};
use crate::workflow::referred;

/// Generations from one round of runs to the next: rounds within a run count on from its own, and never come so far.
const GENERATIONS: u32 = 1_000;

/// [`crate::store::Admin::retry`].
pub(super) struct RetryRun(pub(super) Retry);

impl Verb for RetryRun {
    type Answer = Retried;
    const DOING: &'static str = "retrying a run";

    fn run(&self, tx: &Tx<'_>) -> Result<Retried, Stop> {
        let Retry { run, new_key, at } = self.0;
        let id = run.as_bytes();
        let found = tx.sql.first("SELECT status, event, rule FROM runs WHERE id = ?1", [id], |row| {
            let columns = &mut Columns::of(row);
            Ok((columns.word(RunStatus::from_word)?, columns.event_id()?, columns.take::<String>()?))
        })?;
        let Some((status, event, rule)) = found else { return Ok(Retried::NoRun) };
        if status != RunStatus::Dead {
            return Ok(Retried::NotDead(status));
        }
        if let Some(later) = last_run(tx, event, &rule)?.filter(|last| *last > run) {
            return Ok(Retried::Replayed(later));
        }
        let awaited = match stored_events(tx, &steps(tx, run)?)? {
            Ok(awaited) => awaited,
            Err(gone) => return Ok(Retried::Gone(gone)),
        };
        let gathered = gather::others(tx.sql, run)?;
        for event in &gathered {
            if !is_stored(tx, event.as_bytes())? {
                return Ok(Retried::Gone(*event));
            }
        }
        let generation = next_generation(tx, event, &rule)?;
        tx.sql.change("UPDATE runs SET status = 'pending', updated_at = ?2 WHERE id = ?1", (id, at.0))?;
        tx.moved(status, RunStatus::Pending);
        tx.need(event, 1)?;
        for event in gathered {
            tx.need(event, 1)?;
        }
        for (path, event) in awaited {
            tx.hand(run, &path, event)?;
        }
        put_failure_aside(tx, run)?;
        tx.push(run, at, &Input::Retry { generation, new_key })?;
        Ok(Retried::Asked)
    }
}

/// [`crate::store::Admin::replay`].
pub(super) struct ReplayRun(pub(super) Replay);

impl Verb for ReplayRun {
    type Answer = Replayed;
    const DOING: &'static str = "replaying";

    fn weight(&self) -> usize {
        1024 + self.0.steps.iter().map(|step| 256 + step.output.as_ref().map_or(0, String::len)).sum::<usize>()
    }

    fn run(&self, tx: &Tx<'_>) -> Result<Replayed, Stop> {
        let Replay { request, event, of, last, run, rule, closure, steps, at, .. } = &self.0;
        if let Some(before) = started_by(tx, request, *event, rule.as_str())? {
            return Ok(Replayed::Already(before));
        }
        let app = tx.sql.first("SELECT app FROM events WHERE id = ?1", [event.as_bytes()], |row| Ok(row.get(0)?))?;
        let Some(app) = app else { return Ok(Replayed::NoEvent) };
        let stored = "SELECT 1 FROM contents WHERE hash = ?1";
        if tx.sql.first(stored, [closure.as_str()], |_| Ok(()))?.is_none() {
            return Ok(Replayed::NoContent);
        }
        let newest = last_run(tx, *event, rule.as_str())?;
        if let Some(live) = newest
            && !status(tx, live)?.is_some_and(RunStatus::is_final)
        {
            return Ok(Replayed::Live(live));
        }
        if newest != *last {
            return Ok(Replayed::Changed);
        }
        let awaited = match stored_events(tx, steps)? {
            Ok(awaited) => awaited,
            Err(gone) => return Ok(Replayed::Gone(gone)),
        };
        let generation = if newest.is_some() { next_generation(tx, *event, rule.as_str())? } else { 0 };
        write_run(tx, *event, app, *at, &self.0.new_run(generation))?;
        tx.need(*event, 1)?;
        for (path, event) in &awaited {
            tx.hand(*run, path, *event)?;
        }
        if !awaited.is_empty() {
            // What a run was handed is let go at its end only when it had inputs.
            tx.sql.change("UPDATE runs SET inputs = 1 WHERE id = ?1", [run.as_bytes()])?;
        }
        tx.sql.change(
            "INSERT INTO replays (run, request, event, rule, of) VALUES (?1, ?2, ?3, ?4, ?5)",
            (run.as_bytes(), request, event.as_bytes(), rule.as_str(), of.as_ref().map(RunId::as_bytes)),
        )?;
        Ok(Replayed::Started(*run))
    }
}

fn started_by(tx: &Tx<'_>, request: &[u8; 16], event: EventId, rule: &str) -> Result<Option<RunId>, Fault> {
    tx.sql.first(
        "SELECT run FROM replays WHERE request = ?1 AND event = ?2 AND rule = ?3",
        (request, event.as_bytes(), rule),
        |row| Columns::of(row).run_id(),
    )
}

fn status(tx: &Tx<'_>, run: RunId) -> Result<Option<RunStatus>, Fault> {
    tx.sql.first("SELECT status FROM runs WHERE id = ?1", [run.as_bytes()], |row| {
        Columns::of(row).word(RunStatus::from_word)
    })
}

/// The events that steps stand for, with the steps; or the first one that is not stored any more.
fn stored_events(tx: &Tx<'_>, steps: &[StepRow]) -> Result<Result<Vec<(StepPath, EventId)>, EventId>, Fault> {
    let mut found = Vec::new();
    for step in steps {
        for event in step.output.as_deref().map(referred).unwrap_or_default() {
            if !is_stored(tx, event.as_bytes())? {
                return Ok(Err(event));
            }
            found.push((step.path.clone(), event));
        }
    }
    Ok(Ok(found))
}

/// The run that was started last for an event and a rule. Ids grow.
fn last_run(tx: &Tx<'_>, event: EventId, rule: &str) -> Result<Option<RunId>, Fault> {
    tx.sql.first(
        "SELECT id FROM runs WHERE event = ?1 AND rule = ?2 ORDER BY id DESC LIMIT 1",
        (event.as_bytes(), rule),
        |row| Columns::of(row).run_id(),
    )
}

/// A generation past all that steps for an event and a rule have had.
fn next_generation(tx: &Tx<'_>, event: EventId, rule: &str) -> Result<u32, Fault> {
    let highest: Option<u32> = tx.sql.first(
        "SELECT coalesce(max(s.generation), 0) FROM runs AS r CROSS JOIN steps AS s ON s.run = r.id
         WHERE r.event = ?1 AND r.rule = ?2",
        (event.as_bytes(), rule),
        |row| Columns::of(row).take(),
    )?;
    Ok((highest.unwrap_or(0) / GENERATIONS).saturating_add(1).saturating_mul(GENERATIONS))
}

fn steps(tx: &Tx<'_>, run: RunId) -> Result<Vec<StepRow>, Fault> {
    tx.sql.rows(&format!("SELECT {STEP} FROM steps WHERE run = ?1 ORDER BY path"), [run.as_bytes()], step_row)
}

/// The steps of `on_failure` were about the failure before. Those whose keys went out stay, under another path, so that
/// what comes back is known to be of this run.
fn put_failure_aside(tx: &Tx<'_>, run: RunId) -> Result<(), Fault> {
    let id = [run.as_bytes()];
    tx.sql.change(
        "DELETE FROM steps WHERE run = ?1 AND path >= 'on_failure:' AND path < 'on_failure;' AND key IS NULL",
        id,
    )?;
    tx.sql.change(
        "UPDATE steps SET path = 'earlier:' || generation || ':' || path
         WHERE run = ?1 AND path >= 'on_failure:' AND path < 'on_failure;'",
        id,
    )?;
    Ok(())
}
