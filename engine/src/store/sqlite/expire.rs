//! Removing what is past its time, in commits small enough that nobody waits for one.

use oncue_rules::closure::Closure;
use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{ContentHash, EventId, RunId};
use oncue_rules::time::Timestamp;

use super::ask::Ask;
use super::contents::content;
use super::fault::{Fault, Stop};
use super::rows::{Columns, keys};
use super::tx::{Tally, Tx};
use super::writer::{Verb, Writer};
use crate::store::{Error, Expired, Retention, RunStatus, Verdicts};

/// Events of one commit: each takes its runs with it.
const EVENTS: u32 = 32;
/// Dedupe keys of one commit.
const KEYS: u32 = 256;
/// Free pages given back to the file system by one commit, and commits that do so after a round.
const PAGES: u32 = 128;
const VACUUMS: u32 = 16;

/// [`crate::store::Admin::expire`].
pub(super) async fn expire(
    writer: &Writer,
    retention: Retention,
    now: Timestamp,
    batch: u32,
) -> Result<Expired, Error> {
    let Retention { events_before, keep_contents } = retention;
    let dedupe_keys = rounds(batch, KEYS, |limit| writer.submit(ExpireDedupe { now, limit })).await?;
    let events = rounds(batch, EVENTS, |limit| writer.submit(ExpireEvents { before: events_before, limit })).await?;
    let contents = writer.submit(ExpireContents { keep: keep_contents, limit: batch }).await?;
    for _ in 0..VACUUMS {
        if !writer.submit(Vacuum).await? {
            break;
        }
    }
    Ok(Expired { dedupe_keys, events, contents })
}

/// Removes up to `batch` rows in commits of `most`, other commands coming between them.
async fn rounds<F>(batch: u32, most: u32, remove: impl Fn(u32) -> F) -> Result<u32, Error>
where
    F: Future<Output = Result<u32, Error>>,
{
    let mut gone = 0;
    while gone < batch {
        let limit = most.min(batch - gone);
        let removed = remove(limit).await?;
        gone += removed;
        if removed < limit {
            break;
        }
    }
    Ok(gone)
}

struct ExpireDedupe {
    now: Timestamp,
    limit: u32,
}

impl Verb for ExpireDedupe {
    type Answer = u32;
    const DOING: &'static str = "removing old dedupe keys";

    fn run(&self, tx: &Tx<'_>) -> Result<u32, Stop> {
        let gone = tx.sql.change(
            "DELETE FROM dedupe WHERE key IN (SELECT key FROM dedupe WHERE until <= ?1 ORDER BY until LIMIT ?2)",
            (self.now.0, self.limit),
        )?;
        tx.sql.change(
            "DELETE FROM limits WHERE (rule, key) IN
             (SELECT rule, key FROM limits WHERE until <= ?1 ORDER BY until LIMIT ?2)",
            (self.now.0, self.limit),
        )?;
        Ok(u32::try_from(gone).unwrap_or(u32::MAX))
    }
}

struct ExpireEvents {
    before: Timestamp,
    limit: u32,
}

/// An event that may go.
struct Old {
    id: EventId,
    keys: Vec<CorrelationKey>,
    app: i64,
    kind: String,
    received_at: i64,
    duplicates: i64,
    throttled: i64,
}

impl Verb for ExpireEvents {
    type Answer = u32;
    const DOING: &'static str = "removing old events";

    fn run(&self, tx: &Tx<'_>) -> Result<u32, Stop> {
        let old = tx.sql.rows(
            "SELECT id, keys, app, kind, received_at, duplicates, verdicts FROM events
             WHERE needed_by = 0 AND received_at < ?1 ORDER BY received_at LIMIT ?2",
            (self.before.0, self.limit),
            |row| {
                let columns = &mut Columns::of(row);
                Ok(Old {
                    id: columns.event_id()?,
                    keys: keys(&columns.take::<String>()?)?,
                    app: columns.take()?,
                    kind: columns.take()?,
                    received_at: columns.take()?,
                    duplicates: columns.take()?,
                    throttled: throttled(&columns.take::<String>()?),
                })
            },
        )?;
        for event in &old {
            remove_runs(tx, event.id)?;
            remove_event(tx, event)?;
        }
        Ok(u32::try_from(old.len()).unwrap_or(u32::MAX))
    }
}

fn remove_event(tx: &Tx<'_>, event: &Old) -> Result<(), Fault> {
    let id = event.id.as_bytes();
    for key in &event.keys {
        tx.sql.change(
            "DELETE FROM event_keys
             WHERE value = ?1 AND name = ?2 AND app = ?3 AND kind = ?4 AND received_at = ?5 AND event = ?6",
            (&key.value, &key.name, event.app, &event.kind, event.received_at, id),
        )?;
    }
    tx.sql.change("DELETE FROM bodies WHERE event = ?1", [id])?;
    tx.sql.change("DELETE FROM events WHERE id = ?1", [id])?;
    tx.tally(Tally::Events, -1);
    tx.tally(Tally::Duplicates, -event.duplicates);
    tx.tally(Tally::Throttled, -event.throttled);
    Ok(())
}

/// How many rules were throttled; what cannot be read keeps no event from going.
fn throttled(verdicts: &str) -> i64 {
    let read: Result<Verdicts, _> = serde_json::from_str(verdicts);
    read.map_or(0, |verdicts| i64::try_from(verdicts.throttled.len()).unwrap_or(i64::MAX))
}

fn remove_runs(tx: &Tx<'_>, event: EventId) -> Result<(), Fault> {
    let runs: Vec<(RunId, RunStatus, ContentHash)> =
        tx.sql.rows("SELECT id, status, closure FROM runs WHERE event = ?1", [event.as_bytes()], |row| {
            let columns = &mut Columns::of(row);
            let (id, status) = (columns.run_id()?, columns.word(RunStatus::from_word)?);
            Ok((id, status, ContentHash::new(columns.take::<String>()?)))
        })?;
    for (run, status, closure) in runs {
        let id = [run.as_bytes()];
        tx.sql.change("DELETE FROM steps WHERE run = ?1", id)?;
        tx.sql.change("DELETE FROM failed_attempts WHERE run = ?1", id)?;
        tx.sql.change("DELETE FROM replays WHERE run = ?1", id)?;
        tx.sql.change("DELETE FROM collections WHERE run = ?1", id)?;
        tx.sql.change("DELETE FROM collected WHERE run = ?1", id)?;
        tx.sql.change("DELETE FROM runs WHERE id = ?1", id)?;
        tx.tally(Tally::Runs(status.as_str()), -1);
        tx.pin(&closure, -1);
    }
    Ok(())
}

struct ExpireContents {
    keep: Vec<ContentHash>,
    limit: u32,
}

impl Verb for ExpireContents {
    type Answer = u32;
    const DOING: &'static str = "removing unused contents";

    fn run(&self, tx: &Tx<'_>) -> Result<u32, Stop> {
        // Pins that commands of the same commit gathered must count.
        tx.write_gathered()?;
        let keep = [self.keep.clone(), pinned_variables(tx)?].concat();
        let keep = super::rows::json(&keep)?;
        let gone = tx.sql.change(
            "DELETE FROM contents WHERE hash IN (
                 SELECT c.hash FROM contents AS c
                 WHERE NOT EXISTS (SELECT 1 FROM pins AS p WHERE p.hash = c.hash AND p.runs > 0)
                 AND c.hash NOT IN (SELECT value FROM json_each(?1)) LIMIT ?2)",
            (keep, self.limit),
        )?;
        tx.sql.change("DELETE FROM pins WHERE runs <= 0", ())?;
        Ok(u32::try_from(gone).unwrap_or(u32::MAX))
    }
}

/// The variables that pinned closures name: the runs that pin those need them too.
fn pinned_variables(tx: &Tx<'_>) -> Result<Vec<ContentHash>, Fault> {
    let pinned = tx.sql.rows("SELECT hash FROM pins WHERE runs > 0", (), |row| Columns::of(row).take::<String>())?;
    let mut variables = Vec::new();
    for closure in pinned {
        // What is no closure, or cannot be read, names none; it is not for retention to complain.
        if let Ok(Some(text)) = content(tx.sql, &ContentHash::new(closure))
            && let Ok(vars) = Closure::vars(&text)
        {
            variables.push(vars);
        }
    }
    Ok(variables)
}

/// Gives free pages back to the file system; says whether there are more.
struct Vacuum;

impl Verb for Vacuum {
    type Answer = bool;
    const DOING: &'static str = "giving free pages back";

    fn run(&self, tx: &Tx<'_>) -> Result<bool, Stop> {
        tx.sql.rows(&format!("PRAGMA incremental_vacuum({PAGES})"), (), |_| Ok(()))?;
        let free: Option<i64> = tx.sql.first("PRAGMA freelist_count", (), |row| Ok(row.get(0)?))?;
        Ok(free.is_some_and(|free| free > 0))
    }
}
