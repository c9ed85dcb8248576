//! Inputs from outside a transition: deliveries, and timers that are due.

use oncue_rules::time::Timestamp;

use super::ask::Ask;
use super::fault::{Fault, Stop};
use super::gather;
use super::rows::{Columns, json};
use super::tx::Tx;
use super::writer::Verb;
use crate::store::{Delivered, Delivery, Due, Input, TimerKind};

/// [`crate::store::Store::deliver`].
pub(super) struct Deliver(pub(super) Delivery);

/// [`crate::store::Store::due`].
pub(super) struct FireTimers {
    pub(super) now: Timestamp,
    pub(super) limit: u32,
}

impl Verb for Deliver {
    type Answer = Delivered;
    const DOING: &'static str = "delivering an input";

    fn weight(&self) -> usize {
        1024 + json(&self.0.input).map_or(0, |text| text.len())
    }

    fn run(&self, tx: &Tx<'_>) -> Result<Delivered, Stop> {
        let Delivery { run, input, at } = &self.0;
        if !tx.push(*run, *at, input)? {
            let found = tx.sql.first("SELECT 1 FROM runs WHERE id = ?1", [run.as_bytes()], |_| Ok(()))?;
            return Ok(if found.is_some() { Delivered::Ended } else { Delivered::NoRun });
        }
        match input {
            Input::Event { path, event } if is_stored(tx, event.as_bytes())? => drop(tx.hand(*run, path, *event)?),
            // Nothing more is to be gathered for a run that is told to end.
            Input::Cancel { .. } => gather::shut(tx, *run)?,
            _ => {}
        }
        Ok(Delivered::Stored)
    }
}

pub(super) fn is_stored(tx: &Tx<'_>, event: &[u8; 16]) -> Result<bool, Fault> {
    Ok(tx.sql.first("SELECT 1 FROM events WHERE id = ?1", [event], |_| Ok(()))?.is_some())
}

impl Verb for FireTimers {
    type Answer = Due;
    const DOING: &'static str = "firing timers";

    fn run(&self, tx: &Tx<'_>) -> Result<Due, Stop> {
        let due = tx.sql.rows(
            "SELECT run, path, kind FROM timers WHERE due_at <= ?1 ORDER BY due_at, run, path, kind LIMIT ?2",
            (self.now.0, self.limit),
            |row| {
                let columns = &mut Columns::of(row);
                Ok((columns.run_id()?, columns.path()?, columns.word(TimerKind::from_word)?))
            },
        )?;
        let fired = u32::try_from(due.len()).unwrap_or(u32::MAX);
        for (run, path, kind) in due {
            tx.sql.change(
                "DELETE FROM timers WHERE run = ?1 AND path = ?2 AND kind = ?3",
                (run.as_bytes(), path.as_str(), kind.as_str()),
            )?;
            if kind == TimerKind::Quiet {
                gather::close(tx, run, self.now)?;
            } else {
                tx.push(run, self.now, &Input::Timer { path, kind })?;
            }
        }
        let next =
            tx.sql.first("SELECT due_at FROM timers ORDER BY due_at LIMIT 1", (), |row| Columns::of(row).time())?;
        Ok(Due { fired, next })
    }
}
