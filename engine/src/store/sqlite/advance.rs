//! Writing what a transition decided: apply and park.

use oncue_rules::ids::{EventId, RunId};

use super::accept::AcceptEvent;
use super::ask::Ask;
use super::fault::{Fault, Stop};
use super::gather;
use super::rows::{Columns, app, inbox_row, json};
use super::tx::{Leased, Tx};
use super::writer::Verb;
use crate::store::{Advance, Error, InboxRow, Input, StepRow, Timer, Wait};

/// Stored events that one wait takes in at once; the rest are found when the run parks again.
const MOST_FOUND: u32 = 1_000;

/// [`crate::store::Store::apply`].
pub(super) struct Apply(Change);

/// [`crate::store::Store::park`].
pub(super) struct Park(Change);

/// [`Advance`] with all that can be made before the writer's turn.
struct Change {
    advance: Advance,
    raised: Option<AcceptEvent>,
}

impl Apply {
    pub(super) fn new(advance: Advance) -> Result<Self, Error> {
        Change::new(advance).map(Self)
    }
}

impl Park {
    pub(super) fn new(advance: Advance) -> Result<Self, Error> {
        Change::new(advance).map(Self)
    }
}

impl Change {
    fn new(mut advance: Advance) -> Result<Self, Error> {
        let raised = advance.raised.take().map(|accept| AcceptEvent::new(*accept)).transpose()?;
        Ok(Self { advance, raised })
    }

    fn weight(&self) -> usize {
        weight(&self.advance) + self.raised.as_ref().map_or(0, Verb::weight)
    }

    /// Writes all of it; what lies in the run's inbox then.
    fn write(&self, tx: &Tx<'_>) -> Result<Vec<InboxRow>, Stop> {
        let before = tx.leased(self.advance.run, self.advance.fence)?;
        write(tx, &self.advance, &before)?;
        let inputs = came(tx, &self.advance, &before)?;
        if let Some(raised) = &self.raised {
            raised.run(tx)?;
        }
        Ok(inputs)
    }
}

impl Verb for Apply {
    type Answer = Vec<InboxRow>;
    const DOING: &'static str = "advancing a run";

    fn weight(&self) -> usize {
        self.0.weight()
    }

    fn run(&self, tx: &Tx<'_>) -> Result<Vec<InboxRow>, Stop> {
        self.0.write(tx)
    }
}

impl Verb for Park {
    type Answer = Vec<InboxRow>;
    const DOING: &'static str = "parking a run";

    fn weight(&self) -> usize {
        self.0.weight()
    }

    fn run(&self, tx: &Tx<'_>) -> Result<Vec<InboxRow>, Stop> {
        let inputs = self.0.write(tx)?;
        let advance = &self.0.advance;
        if inputs.is_empty() && !advance.status.is_final() {
            tx.sql.change("UPDATE runs SET node = NULL, free_at = NULL WHERE id = ?1", [advance.run.as_bytes()])?;
        }
        Ok(inputs)
    }
}

/// Sets the waits of a run, and says what lies in its inbox then.
fn came(tx: &Tx<'_>, advance: &Advance, before: &Leased) -> Result<Vec<InboxRow>, Stop> {
    if advance.status.is_final() {
        return Ok(Vec::new());
    }
    for wait in &advance.waits {
        write_wait(tx, advance.run, wait)?;
        find_stored(tx, advance, wait, before.event)?;
    }
    let none = !before.had_inputs && advance.waits.is_empty();
    Ok(if none { Vec::new() } else { inbox(tx, advance.run)? })
}

fn weight(advance: &Advance) -> usize {
    let steps: usize = advance.steps.iter().map(|step| 256 + step.output.as_ref().map_or(0, String::len)).sum();
    let rest = advance.failed_attempts.len() + advance.timers.len() + advance.waits.len();
    1024 + advance.state.len() + steps + 256 * rest
}

fn write(tx: &Tx<'_>, advance: &Advance, before: &Leased) -> Result<(), Fault> {
    let Advance {
        run, now, consumed, status, state, error, end: word, steps, failed_attempts, timers, settled, ..
    } = advance;
    let id = run.as_bytes();
    let error = error.as_ref().map(json).transpose()?;
    let update = if status.is_final() {
        "UPDATE runs SET status = ?2, state = ?3, error = ?4, updated_at = ?5, ended = ?6, node = NULL, free_at = NULL
         WHERE id = ?1"
    } else {
        "UPDATE runs SET status = ?2, state = ?3, error = ?4, updated_at = ?5, ended = ?6 WHERE id = ?1"
    };
    tx.sql.change(update, (id, status.as_str(), state, error, now.0, word))?;
    tx.moved(before.status, *status);
    for input in consumed {
        tx.sql.change("DELETE FROM inbox WHERE run = ?1 AND number = ?2", (id, input.0))?;
    }
    for path in settled {
        tx.sql.change("DELETE FROM timers WHERE run = ?1 AND path = ?2", (id, path.as_str()))?;
        tx.sql.change("DELETE FROM waits WHERE run = ?1 AND path = ?2", (id, path.as_str()))?;
    }
    for step in steps {
        write_step(tx, *run, step)?;
    }
    for failed in failed_attempts {
        tx.sql.change(
            "INSERT OR REPLACE INTO failed_attempts (run, at, path, number, error) VALUES (?1, ?2, ?3, ?4, ?5)",
            (id, failed.at.0, failed.path.as_str(), failed.number, json(&failed.error)?),
        )?;
    }
    if status.is_final() {
        return end(tx, *run, before);
    }
    for timer in timers {
        write_timer(tx, *run, timer)?;
    }
    Ok(())
}

/// Takes away all by which something could still happen to a run, and lets its events go.
fn end(tx: &Tx<'_>, run: RunId, before: &Leased) -> Result<(), Fault> {
    let id = [run.as_bytes()];
    tx.sql.change("DELETE FROM timers WHERE run = ?1", id)?;
    tx.sql.change("DELETE FROM waits WHERE run = ?1", id)?;
    if before.had_inputs {
        tx.sql.change("DELETE FROM inbox WHERE run = ?1", id)?;
        let handed = tx.sql.rows("SELECT event FROM handed WHERE run = ?1", id, |row| Columns::of(row).event_id())?;
        tx.sql.change("DELETE FROM handed WHERE run = ?1", id)?;
        for event in handed {
            tx.need(event, -1)?;
        }
        gather::end(tx, run)?;
    }
    tx.need(before.event, -1)?;
    Ok(())
}

pub(super) fn write_step(tx: &Tx<'_>, run: RunId, step: &StepRow) -> Result<(), Fault> {
    let error = step.error.as_ref().map(json).transpose()?;
    tx.sql.change(
        "INSERT OR REPLACE INTO steps
         (run, path, outcome, attempts, generation, started_at, ended_at, key, error, output)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            run.as_bytes(),
            step.path.as_str(),
            step.outcome.as_str(),
            step.attempts,
            step.generation,
            step.started_at.0,
            step.ended_at.map(|at| at.0),
            &step.key,
            error,
            &step.output,
        ),
    )?;
    Ok(())
}

pub(super) fn write_timer(tx: &Tx<'_>, run: RunId, timer: &Timer) -> Result<(), Fault> {
    tx.sql.change(
        "INSERT OR REPLACE INTO timers (run, path, kind, due_at) VALUES (?1, ?2, ?3, ?4)",
        (run.as_bytes(), timer.path.as_str(), timer.kind.as_str(), timer.due_at.0),
    )?;
    Ok(())
}

fn write_wait(tx: &Tx<'_>, run: RunId, wait: &Wait) -> Result<(), Fault> {
    tx.sql.change(
        "INSERT OR REPLACE INTO waits (value, name, app, kind, run, path, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            &wait.key.value,
            &wait.key.name,
            app(wait.subappid),
            wait.kind.as_str(),
            run.as_bytes(),
            wait.path.as_str(),
            wait.since.0,
        ),
    )?;
    Ok(())
}

/// Hands the run the events that came before it waited for them: a completion may be faster than the reply to the
/// request that caused it.
fn find_stored(tx: &Tx<'_>, advance: &Advance, wait: &Wait, own: EventId) -> Result<(), Fault> {
    let found = tx.sql.rows(
        "SELECT event FROM event_keys AS k
         WHERE value = ?1 AND name = ?2 AND app = ?3 AND kind = ?4 AND received_at >= ?5 AND event <> ?6
         AND NOT EXISTS (SELECT 1 FROM handed AS h WHERE h.run = ?7 AND h.path = ?8 AND h.event = k.event)
         ORDER BY received_at, event LIMIT ?9",
        (
            &wait.key.value,
            &wait.key.name,
            app(wait.subappid),
            wait.kind.as_str(),
            wait.since.0,
            own.as_bytes(),
            advance.run.as_bytes(),
            wait.path.as_str(),
            MOST_FOUND,
        ),
        |row| Columns::of(row).event_id(),
    )?;
    for event in found {
        tx.hand(advance.run, &wait.path, event)?;
        tx.push(advance.run, advance.now, &Input::Event { path: wait.path.clone(), event })?;
    }
    Ok(())
}

/// What lies in a run's inbox, oldest first.
fn inbox(tx: &Tx<'_>, run: RunId) -> Result<Vec<InboxRow>, Fault> {
    tx.sql.rows("SELECT number, at, input FROM inbox WHERE run = ?1 ORDER BY number", [run.as_bytes()], inbox_row)
}
