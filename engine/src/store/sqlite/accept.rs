//! Taking an event.

use std::borrow::Cow;

use oncue_rules::ids::{EventId, RuleName, RunId, StepPath};
use oncue_rules::time::Timestamp;
use sha2::{Digest, Sha256};

use super::advance::{write_step, write_timer};
use super::ask::Ask;
use super::body::{Packed, pack};
use super::fault::{Fault, Stop};
use super::rows::{Columns, app, json, keys_json};
use super::tx::{Tally, Tx};
use super::writer::Verb;
use super::{gather, limit};
use crate::store::{Accept, Accepted, Error, Fence, Input, NewEvent, NewRun, Verdicts};

/// [`Accept`] with all that can be made before the writer's turn.
pub(super) struct AcceptEvent {
    event: NewEvent,
    runs: Vec<NewRun>,
    dedupe: [u8; 16],
    keys: String,
    verdicts: String,
    body: Packed<'static>,
}

impl AcceptEvent {
    pub(super) fn new(accept: Accept) -> Result<Self, Error> {
        let Accept { event, runs } = accept;
        let written = |fault: Fault| fault.to_error(Self::DOING, false);
        Ok(Self {
            dedupe: dedupe_hash(&event.scoped_dedupe_key()),
            keys: keys_json(&event.keys).map_err(written)?,
            verdicts: json(&event.verdicts).map_err(written)?,
            body: pack(&event.body).into_owned(),
            event,
            runs,
        })
    }
}

/// Half of the SHA-256: short rows, and still no two keys that meet by chance.
fn dedupe_hash(key: &str) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(Sha256::digest(key)).for_each(|(to, from)| *to = from);
    half
}

impl Verb for AcceptEvent {
    type Answer = Accepted;
    const DOING: &'static str = "storing an event";

    fn weight(&self) -> usize {
        let runs: usize = self.runs.iter().map(|run| 512 + run.state.len() + run.steps.len() * 256).sum();
        1024 + self.body.bytes.len() + self.event.envelope.len() + self.keys.len() + self.verdicts.len() + runs
    }

    fn run(&self, tx: &Tx<'_>) -> Result<Accepted, Stop> {
        if let Some(first) = self.duplicate_of(tx)? {
            let counted =
                tx.sql.change("UPDATE events SET duplicates = duplicates + 1 WHERE id = ?1", [first.as_bytes()])?;
            if counted > 0 {
                tx.tally(Tally::Duplicates, 1);
            }
            return Ok(Accepted::Duplicate(first));
        }
        let at = self.event.received_at;
        let (mut created, mut throttled) = (Vec::with_capacity(self.runs.len()), Vec::new());
        // Those that have gathered the event need it, and those that are created while they live.
        let mut needed_by = 0;
        for run in &self.runs {
            if gather::joined(tx, run, &self.event)? {
                needed_by += 1;
            } else if limit::allows(tx, run, at)? {
                needed_by += usize::from(!run.status.is_final());
                created.push(run);
            } else {
                throttled.push(run.rule.clone());
            }
        }
        self.write_event(tx, needed_by, throttled)?;
        let fences = created.into_iter().map(|run| self.start(tx, run)).collect::<Result<_, Fault>>()?;
        let mut woken: Vec<RunId> = Vec::new();
        for (run, path) in self.waits(tx)? {
            if tx.hand(run, &path, self.event.id)? && tx.push(run, at, &Input::Event { path, event: self.event.id })? {
                woken.push(run);
            }
        }
        woken.sort();
        woken.dedup();
        Ok(Accepted::New { fences, woken: u32::try_from(woken.len()).unwrap_or(u32::MAX) })
    }
}

impl AcceptEvent {
    fn duplicate_of(&self, tx: &Tx<'_>) -> Result<Option<EventId>, Fault> {
        let found = tx.sql.first("SELECT event, until FROM dedupe WHERE key = ?1", [self.dedupe], |row| {
            let columns = &mut Columns::of(row);
            Ok((columns.event_id()?, columns.time()?))
        })?;
        Ok(found.filter(|(_, until)| self.event.received_at < *until).map(|(event, _)| event))
    }

    fn write_event(&self, tx: &Tx<'_>, needed_by: usize, throttled: Vec<RuleName>) -> Result<(), Fault> {
        let event = &self.event;
        tx.tally(Tally::Throttled, i64::try_from(throttled.len()).unwrap_or(i64::MAX));
        let verdicts = self.verdicts(throttled)?;
        let (id, app) = (event.id.as_bytes(), app(event.subappid));
        tx.sql.change(
            "INSERT INTO events (id, source, kind, app, dedupe_key, received_at, keys, envelope, verdicts, needed_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (
                id,
                event.source.as_str(),
                event.kind.as_str(),
                app,
                &event.dedupe_key,
                event.received_at.0,
                &self.keys,
                &event.envelope,
                &*verdicts,
                i64::try_from(needed_by).unwrap_or(i64::MAX),
            ),
        )?;
        tx.sql.change(
            "INSERT INTO bodies (event, unpacked, body) VALUES (?1, ?2, ?3)",
            (id, self.body.unpacked, &self.body),
        )?;
        tx.sql.change(
            "INSERT OR REPLACE INTO dedupe (key, event, until) VALUES (?1, ?2, ?3)",
            (self.dedupe, id, event.dedupe_until.0),
        )?;
        for key in &event.keys {
            tx.sql.change(
                "INSERT OR IGNORE INTO event_keys (value, name, app, kind, received_at, event)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (&key.value, &key.name, app, event.kind.as_str(), event.received_at.0, id),
            )?;
        }
        tx.tally(Tally::Events, 1);
        Ok(())
    }

    /// What the rules said, with what limits say to that.
    fn verdicts(&self, throttled: Vec<RuleName>) -> Result<Cow<'_, str>, Fault> {
        if throttled.is_empty() {
            return Ok(Cow::Borrowed(&self.verdicts));
        }
        let mut verdicts = self.event.verdicts.clone();
        verdicts.collected.retain(|rule| !throttled.contains(rule));
        json(&Verdicts { throttled, ..verdicts }).map(Cow::Owned)
    }

    fn start(&self, tx: &Tx<'_>, run: &NewRun) -> Result<(RunId, Fence), Fault> {
        let event = &self.event;
        let started = write_run(tx, event.id, app(event.subappid), event.received_at, run)?;
        if let Some(gather) = run.gather.as_ref().filter(|_| !run.status.is_final()) {
            gather::open(tx, run, gather, event)?;
        }
        Ok(started)
    }

    /// The steps of runs that wait for this event.
    fn waits(&self, tx: &Tx<'_>) -> Result<Vec<(RunId, StepPath)>, Fault> {
        let event = &self.event;
        let Timestamp(at) = event.received_at;
        let mut found = Vec::new();
        for key in &event.keys {
            found.extend(tx.sql.rows(
                "SELECT run, path FROM waits WHERE value = ?1 AND name = ?2 AND app = ?3 AND kind = ?4 AND since <= ?5",
                (&key.value, &key.name, app(event.subappid), event.kind.as_str(), at),
                |row| {
                    let columns = &mut Columns::of(row);
                    Ok((columns.run_id()?, columns.path()?))
                },
            )?);
        }
        Ok(found)
    }
}

/// Writes a new run for an event of this application, begun at a moment.
pub(super) fn write_run(
    tx: &Tx<'_>,
    event: EventId,
    app: i64,
    at: Timestamp,
    run: &NewRun,
) -> Result<(RunId, Fence), Fault> {
    let NewRun { id, rule, closure, status, state, end, steps, timers, lease, gather, limit: _ } = run;
    let live = !status.is_final();
    let lease = lease.as_ref().filter(|_| live);
    let is_free = live && gather.is_none();
    let fence = Fence(i64::from(lease.is_some()));
    tx.sql.change(
        "INSERT INTO runs
             (id, event, rule, closure, app, status, created_at, updated_at, fence, node, free_at, state, ended)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?12)",
        (
            id.as_bytes(),
            event.as_bytes(),
            rule.as_str(),
            closure.as_str(),
            app,
            status.as_str(),
            at.0,
            fence.0,
            lease.map(|(node, _)| &*node.0),
            is_free.then(|| lease.map_or(at, |(_, until)| *until).0),
            state,
            end,
        ),
    )?;
    for step in steps {
        write_step(tx, *id, step)?;
    }
    for timer in timers.iter().filter(|_| live) {
        write_timer(tx, *id, timer)?;
    }
    tx.tally(Tally::Runs(status.as_str()), 1);
    tx.pin(closure, 1);
    Ok((*id, fence))
}
