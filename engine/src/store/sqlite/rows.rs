//! How the engine's words are written in columns.

use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{ContentHash, EventId, EventType, RuleName, RunId, SourceName, StepPath, SubAppId};
use oncue_rules::time::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use crate::store::{
    ErrorRecord, EventRow, FailedAttempt, InboxRow, InputId, RunRow, RunStatus, StepOutcome, StepRow, StoredEvent,
    Timer, TimerKind,
};

/// The columns of an event, in the order in which [`event_row`] reads them.
pub(super) const EVENT: &str = "e.id, e.source, e.kind, e.app, e.dedupe_key, e.received_at, e.verdicts, e.duplicates";
/// The columns of a run, in the order in which [`run_row`] reads them.
pub(super) const RUN: &str = "id, rule, closure, event, app, status, created_at, updated_at, error, ended";
/// The columns of a step, in the order in which [`step_row`] reads them.
pub(super) const STEP: &str = "path, outcome, attempts, generation, key, output, error, started_at, ended_at";

/// An application as a number: the bits of its id, and -1 for none. Ids of applications have ten digits.
pub(super) fn app(subappid: Option<SubAppId>) -> i64 {
    subappid.map_or(-1, |id| id.0.cast_signed())
}

/// The application of such a number.
pub(super) fn subappid(app: i64) -> Option<SubAppId> {
    (app != -1).then(|| SubAppId(app.cast_unsigned()))
}

/// A JSON text for a column.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Damaged(format!("a value has no JSON: {error}")))
}

/// Correlation keys for a column.
pub(super) fn keys_json(keys: &[CorrelationKey]) -> Result<String, Fault> {
    json(&keys.iter().map(|key| (key.name.as_str(), key.value.as_str())).collect::<Vec<_>>())
}

/// Correlation keys of a column.
pub(super) fn keys(text: &str) -> Result<Vec<CorrelationKey>, Fault> {
    let pairs: Vec<(String, String)> = parse(text)?;
    Ok(pairs.into_iter().map(|(name, value)| CorrelationKey { name, value }).collect())
}

/// Reads a row from its first column to its last.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(super) fn take<T: FromSql>(&mut self) -> Result<T, Fault> {
        let index = self.next;
        self.next += 1;
        Ok(self.row.get(index)?)
    }

    pub(super) fn event_id(&mut self) -> Result<EventId, Fault> {
        self.take().map(EventId::from_bytes)
    }

    pub(super) fn run_id(&mut self) -> Result<RunId, Fault> {
        self.take().map(RunId::from_bytes)
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, Fault> {
        self.take().map(Timestamp)
    }

    pub(super) fn path(&mut self) -> Result<StepPath, Fault> {
        Ok(StepPath::new(self.take::<String>()?))
    }

    pub(super) fn subappid(&mut self) -> Result<Option<SubAppId>, Fault> {
        self.take().map(subappid)
    }

    /// A word that stands for one of a few things.
    pub(super) fn word<T>(&mut self, known: fn(&str) -> Option<T>) -> Result<T, Fault> {
        let word: String = self.take()?;
        known(&word).ok_or_else(|| Fault::Damaged(format!("{word:?} is no word of this column")))
    }

    /// A JSON text.
    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        parse(&self.take::<String>()?)
    }

    fn error(&mut self) -> Result<Option<ErrorRecord>, Fault> {
        self.take::<Option<String>>()?.as_deref().map(parse).transpose()
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Damaged(format!("a JSON column does not parse: {error}")))
}

pub(super) fn event_row(columns: &mut Columns<'_>) -> Result<EventRow, Fault> {
    Ok(EventRow {
        id: columns.event_id()?,
        source: SourceName::new(columns.take::<String>()?),
        kind: EventType::new(columns.take::<String>()?),
        subappid: columns.subappid()?,
        dedupe_key: columns.take()?,
        received_at: columns.time()?,
        verdicts: columns.json()?,
        duplicates: columns.take()?,
    })
}

/// Reads [`EVENT`], then `e.keys, e.envelope, b.unpacked, b.body`.
pub(super) fn stored_event(columns: &mut Columns<'_>) -> Result<StoredEvent, Fault> {
    let row = event_row(columns)?;
    let keys = keys(&columns.take::<String>()?)?;
    let envelope = columns.take()?;
    let unpacked = columns.take()?;
    let body = super::body::unpack(unpacked, columns.take()?)?;
    Ok(StoredEvent { row, keys, envelope, body: body.into() })
}

pub(super) fn run_row(columns: &mut Columns<'_>) -> Result<RunRow, Fault> {
    Ok(RunRow {
        id: columns.run_id()?,
        rule: RuleName::new(columns.take::<String>()?),
        closure: ContentHash::new(columns.take::<String>()?),
        event: columns.event_id()?,
        subappid: columns.subappid()?,
        status: columns.word(RunStatus::from_word)?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        error: columns.error()?,
        end: columns.take()?,
    })
}

pub(super) fn step_row(row: &Row<'_>) -> Result<StepRow, Fault> {
    let columns = &mut Columns::of(row);
    Ok(StepRow {
        path: columns.path()?,
        outcome: columns.word(StepOutcome::from_word)?,
        attempts: columns.take()?,
        generation: columns.take()?,
        key: columns.take()?,
        output: columns.take()?,
        error: columns.error()?,
        started_at: columns.time()?,
        ended_at: columns.take::<Option<i64>>()?.map(Timestamp),
    })
}

/// Reads `path, number, at, error`.
pub(super) fn failed_attempt(row: &Row<'_>) -> Result<FailedAttempt, Fault> {
    let columns = &mut Columns::of(row);
    Ok(FailedAttempt { path: columns.path()?, number: columns.take()?, at: columns.time()?, error: columns.json()? })
}

/// Reads `path, kind, due_at`.
pub(super) fn timer(row: &Row<'_>) -> Result<Timer, Fault> {
    let columns = &mut Columns::of(row);
    Ok(Timer { path: columns.path()?, kind: columns.word(TimerKind::from_word)?, due_at: columns.time()? })
}

/// Reads `number, at, input`.
pub(super) fn inbox_row(row: &Row<'_>) -> Result<InboxRow, Fault> {
    let columns = &mut Columns::of(row);
    Ok(InboxRow { id: InputId(columns.take()?), at: columns.time()?, input: columns.json()? })
}
