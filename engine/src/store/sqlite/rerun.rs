//! Running again what has run.

use oncue_rules::ids::{EventId, RunId, StepPath};

use super::ask::Ask;
use super::fault::{Fault, Stop};
use super::inputs::is_stored;
use super::rows::Columns;
use super::tx::Tx;
use super::writer::Verb;
use crate::store::{Input, Retried, Retry, RunStatus};
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
        let awaited = match awaited(tx, run)? {
            Ok(awaited) => awaited,
            Err(gone) => return Ok(Retried::Gone(gone)),
        };
        let generation = next_generation(tx, event, &rule)?;
        tx.sql.change("UPDATE runs SET status = 'pending', updated_at = ?2 WHERE id = ?1", (id, at.0))?;
        tx.moved(status, RunStatus::Pending);
        tx.need(event, 1)?;
        for (path, event) in awaited {
            tx.hand(run, &path, event)?;
        }
        put_failure_aside(tx, run)?;
        tx.push(run, at, &Input::Retry { generation, new_key })?;
        Ok(Retried::Asked)
    }
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

/// The events that the ended steps of a run stand for, with their steps; or the first one that is not stored any more.
fn awaited(tx: &Tx<'_>, run: RunId) -> Result<Result<Vec<(StepPath, EventId)>, EventId>, Fault> {
    let steps = tx.sql.rows(
        "SELECT path, output FROM steps WHERE run = ?1 AND output IS NOT NULL",
        [run.as_bytes()],
        |row| {
            let columns = &mut Columns::of(row);
            Ok((columns.path()?, columns.take::<String>()?))
        },
    )?;
    let mut awaited = Vec::new();
    for (path, output) in steps {
        for event in referred(&output) {
            if !is_stored(tx, event.as_bytes())? {
                return Ok(Err(event));
            }
            awaited.push((path.clone(), event));
        }
    }
    Ok(Ok(awaited))
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
