//! The writer's transaction: what every command writes through.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use oncue_rules::ids::{ContentHash, EventId, RunId, StepPath};
use oncue_rules::time::Timestamp;
use rusqlite::Connection;

use super::ask::Ask;
use super::fault::{Fault, Stop};
use super::rows::json;
use crate::store::{Error, Fence, Input, RunStatus};

/// What is counted as it is written; see the table `tallies`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tally {
    /// Stored events.
    Events,
    /// Duplicates of stored events.
    Duplicates,
    /// Runs that limits stopped, of stored events.
    Throttled,
    /// Stored bodies in quarantine.
    Quarantined,
    /// Stored runs of a status.
    Runs(&'static str),
}

impl Tally {
    /// Its word in the table.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Duplicates => "duplicates",
            Self::Throttled => "throttled",
            Self::Quarantined => "quarantined",
            Self::Runs(status) => status,
        }
    }
}

/// One transaction of the writer, shared by the commands of a batch. Counts that many of them change are gathered here
/// and written once.
pub(super) struct Tx<'c> {
    /// The connection that the transaction is open on.
    pub(super) sql: &'c Connection,
    /// The application that the next claim starts after.
    pub(super) turn: &'c Cell<i64>,
    tallies: RefCell<BTreeMap<Tally, i64>>,
    pins: RefCell<BTreeMap<ContentHash, i64>>,
}

impl<'c> Tx<'c> {
    pub(super) fn new(sql: &'c Connection, turn: &'c Cell<i64>) -> Self {
        Self { sql, turn, tallies: RefCell::default(), pins: RefCell::default() }
    }

    /// Counts.
    pub(super) fn tally(&self, tally: Tally, by: i64) {
        *self.tallies.borrow_mut().entry(tally).or_default() += by;
    }

    /// Counts a run that moved from one status to another.
    pub(super) fn moved(&self, from: RunStatus, to: RunStatus) {
        if from != to {
            self.tally(Tally::Runs(from.as_str()), -1);
            self.tally(Tally::Runs(to.as_str()), 1);
        }
    }

    /// Counts the runs that pin a content.
    pub(super) fn pin(&self, hash: &ContentHash, by: i64) {
        *self.pins.borrow_mut().entry(hash.clone()).or_default() += by;
    }

    /// How many there are of something, with what this transaction changed.
    pub(super) fn tallied(&self, tally: Tally) -> Result<i64, Fault> {
        let stored: Option<i64> =
            self.sql.first("SELECT n FROM tallies WHERE what = ?1", [tally.word()], |row| Ok(row.get(0)?))?;
        let changed = self.tallies.borrow().get(&tally).copied();
        Ok(stored.unwrap_or(0) + changed.unwrap_or(0))
    }

    /// Writes what was gathered; right before the commit.
    pub(super) fn write_gathered(&self) -> Result<(), Fault> {
        for (tally, by) in self.tallies.take().into_iter().filter(|(_, by)| *by != 0) {
            self.sql.change(
                "INSERT INTO tallies (what, n) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                (tally.word(), by),
            )?;
        }
        for (hash, by) in self.pins.take().into_iter().filter(|(_, by)| *by != 0) {
            self.sql.change(
                "INSERT INTO pins (hash, runs) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET runs = runs + excluded.runs",
                (hash.as_str(), by),
            )?;
        }
        Ok(())
    }

    /// Puts an input into the inbox of a run, and makes the run ready. Says no when the run has ended or is not there.
    pub(super) fn push(&self, run: RunId, at: Timestamp, input: &Input) -> Result<bool, Fault> {
        let number: Option<i64> = self.sql.first(
            "UPDATE runs SET inputs = inputs + 1, free_at = coalesce(free_at, ?2)
             WHERE id = ?1 AND status NOT IN ('succeeded', 'dead', 'cancelled') RETURNING inputs",
            (run.as_bytes(), at.0),
            |row| Ok(row.get(0)?),
        )?;
        let Some(number) = number else { return Ok(false) };
        self.sql.change(
            "INSERT INTO inbox (run, number, at, input) VALUES (?1, ?2, ?3, ?4)",
            (run.as_bytes(), number, at.0, json(input)?),
        )?;
        Ok(true)
    }

    /// Keeps an event for as long as the run lives. Says no when the step was handed it before.
    pub(super) fn hand(&self, run: RunId, path: &StepPath, event: EventId) -> Result<bool, Fault> {
        let new = self.sql.change(
            "INSERT OR IGNORE INTO handed (run, path, event) VALUES (?1, ?2, ?3)",
            (run.as_bytes(), path.as_str(), event.as_bytes()),
        )? > 0;
        if new {
            self.need(event, 1)?;
        }
        Ok(new)
    }

    /// Counts the live runs that need an event.
    pub(super) fn need(&self, event: EventId, by: i64) -> Result<bool, Fault> {
        let found =
            self.sql.change("UPDATE events SET needed_by = needed_by + ?2 WHERE id = ?1", (event.as_bytes(), by))?;
        Ok(found > 0)
    }

    /// The run, when its lease is the one that `fence` names.
    pub(super) fn leased(&self, run: RunId, fence: Fence) -> Result<Leased, Stop> {
        let found = self.sql.first(
            "SELECT fence, node IS NOT NULL, status, event, inputs > 0 FROM runs WHERE id = ?1",
            [run.as_bytes()],
            |row| {
                let columns = &mut super::rows::Columns::of(row);
                let lease = (columns.take::<i64>()?, columns.take::<bool>()?);
                let (status, event) = (columns.word(RunStatus::from_word)?, columns.event_id()?);
                Ok((lease, Leased { status, event, had_inputs: columns.take()? }))
            },
        )?;
        match found {
            None => Err(Stop::Refused(Error::NotFound { what: run.to_string() })),
            Some((lease, leased)) if lease == (fence.0, true) => Ok(leased),
            Some(_) => Err(Stop::Refused(Error::Fenced { run })),
        }
    }
}

/// A run whose lease was shown to be held.
pub(super) struct Leased {
    /// Its status so far.
    pub(super) status: RunStatus,
    /// Its event.
    pub(super) event: EventId,
    /// Whether it ever had an input; when not, nothing lies in its inbox and it was handed no event.
    pub(super) had_inputs: bool,
}
