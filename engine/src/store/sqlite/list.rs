//! Lists for people: newest first, one page at a time.

use oncue_rules::event::CorrelationKey;
use oncue_rules::time::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{Connection, params_from_iter};

use super::ask::Ask;
use super::body::unpack;
use super::fault::Stop;
use super::rows::{Columns, EVENT, RUN, app, event_row, run_row};
use crate::store::{EventFilter, EventRow, Page, QuarantineRow, RunFilter, RunRow, RunStatus};

/// Rows of a page, at most.
const MOST_ROWS: u32 = 1_000;
/// How far ids and moments of receipt may disagree.
const SLACK_MS: i64 = 10 * 60 * 1_000;

/// The conditions of a query, with their values.
#[derive(Default)]
struct Conditions {
    terms: Vec<&'static str>,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    fn and(&mut self, term: &'static str) {
        self.terms.push(term);
    }

    /// `term` holds one `?`, for the value.
    fn and_value(&mut self, term: &'static str, value: impl ToSql + 'static) {
        self.terms.push(term);
        self.values.push(Box::new(value));
    }

    /// `SELECT … FROM …` with the conditions, the newest by `id` first.
    fn query(mut self, select: &str, id: &str, page: Page) -> (String, Vec<Box<dyn ToSql>>) {
        let mut sql = select.to_owned();
        for (index, term) in self.terms.into_iter().enumerate() {
            sql.push_str(if index == 0 { " WHERE " } else { " AND " });
            sql.push_str(term);
        }
        for part in [" ORDER BY ", id, " DESC LIMIT ?"] {
            sql.push_str(part);
        }
        self.values.push(Box::new(page.limit.clamp(1, MOST_ROWS)));
        (sql, self.values)
    }
}

/// [`crate::store::Admin::events`].
pub(super) fn events(sql: &Connection, filter: &EventFilter, page: Page) -> Result<Vec<EventRow>, Stop> {
    let mut conditions = Conditions::default();
    let (from, id) = match &filter.key {
        Some(CorrelationKey { name, value }) => {
            conditions.and_value("k.value = ?", value.clone());
            conditions.and_value("k.name = ?", name.clone());
            ("event_keys AS k CROSS JOIN events AS e ON e.id = k.event", "k.event")
        }
        None => ("events AS e", "e.id"),
    };
    let by_key = filter.key.is_some();
    if let Some(subappid) = filter.subappid {
        conditions.and_value(if by_key { "k.app = ?" } else { "e.app = ?" }, app(Some(subappid)));
    }
    if let Some(kind) = &filter.kind {
        conditions.and_value(if by_key { "k.kind = ?" } else { "e.kind = ?" }, kind.as_str().to_owned());
    }
    if let Some(since) = filter.since {
        conditions.and_value("e.received_at >= ?", since.0);
        conditions.and_value(if by_key { "k.event >= ?" } else { "e.id >= ?" }, floor(since));
    }
    if let Some(until) = filter.until {
        conditions.and_value("e.received_at < ?", until.0);
        conditions.and_value(if by_key { "k.event < ?" } else { "e.id < ?" }, ceiling(until));
    }
    if let Some(before) = page.before {
        conditions.and_value(if by_key { "k.event < ?" } else { "e.id < ?" }, before);
    }
    let (query, values) = conditions.query(&format!("SELECT {EVENT} FROM {from}"), id, page);
    Ok(sql.rows(&query, params_from_iter(values), |row| event_row(&mut Columns::of(row)))?)
}

/// An id that no event received at or after `since` is below, so that the walk from the newest may end there. Ids are
/// made on receipt and begin with 48 bits of milliseconds (RFC 9562).
fn floor(since: Timestamp) -> [u8; 16] {
    first_id(since.0.saturating_sub(SLACK_MS))
}

/// An id that no event received before `until` is above.
fn ceiling(until: Timestamp) -> [u8; 16] {
    first_id(until.0.saturating_add(SLACK_MS))
}

fn first_id(millis: i64) -> [u8; 16] {
    (u128::from(u64::try_from(millis).unwrap_or(0)) << 80).to_be_bytes()
}

/// [`crate::store::Admin::runs`].
pub(super) fn runs(sql: &Connection, filter: &RunFilter, page: Page) -> Result<Vec<RunRow>, Stop> {
    let mut conditions = Conditions::default();
    if let Some(event) = filter.event {
        conditions.and_value("(event = ? OR id IN (SELECT run FROM collected WHERE event = ?))", *event.as_bytes());
        conditions.values.push(Box::new(*event.as_bytes()));
    }
    if let Some(status) = filter.status {
        // The index on status leaves out the runs that ended well: nearly all of them.
        if status != RunStatus::Succeeded && filter.event.is_none() {
            conditions.and("status <> 'succeeded'");
        }
        conditions.and_value("status = ?", status.as_str());
    }
    if let Some(rule) = &filter.rule {
        conditions.and_value("rule = ?", rule.as_str().to_owned());
    }
    if let Some(subappid) = filter.subappid {
        conditions.and_value("app = ?", app(Some(subappid)));
    }
    if let Some(since) = filter.since {
        conditions.and_value("created_at >= ?", since.0);
        conditions.and_value("id >= ?", floor(since));
    }
    if let Some(until) = filter.until {
        conditions.and_value("created_at < ?", until.0);
        conditions.and_value("id < ?", ceiling(until));
    }
    if let Some(before) = page.before {
        conditions.and_value("id < ?", before);
    }
    let (query, values) = conditions.query(&format!("SELECT {RUN} FROM runs"), "id", page);
    Ok(sql.rows(&query, params_from_iter(values), |row| run_row(&mut Columns::of(row)))?)
}

/// [`crate::store::Admin::quarantined`].
pub(super) fn quarantined(sql: &Connection, page: Page) -> Result<Vec<QuarantineRow>, Stop> {
    let before = page
        .before
        .map_or(i64::MAX, |bytes| i64::try_from(u128::from_be_bytes(bytes) & u128::from(u64::MAX)).unwrap_or(i64::MAX));
    let rows = sql.rows(
        "SELECT number, received_at, app, reason, unpacked, body FROM quarantine WHERE number < ?1
         ORDER BY number DESC LIMIT ?2",
        (before, page.limit.clamp(1, MOST_ROWS)),
        |row| {
            let columns = &mut Columns::of(row);
            Ok(QuarantineRow {
                number: columns.take()?,
                received_at: columns.time()?,
                subappid: columns.subappid()?,
                reason: columns.take()?,
                body: {
                    let unpacked = columns.take()?;
                    unpack(unpacked, columns.take()?)?
                },
            })
        },
    )?;
    Ok(rows)
}
