//! The calls that only read.

use std::str::FromStr;

use oncue_rules::event::{CorrelationKey, key};
use oncue_rules::ids::{EventId, EventType, RuleName, RunId};
use warp::http::StatusCode;

use super::query::{Query, invalid};
use super::{Api, CountsView, EventDetailView, EventView, Listing, QuarantineView, RunDetailView, RunView};
use crate::http::Response;
use crate::http::reply::{self, Error};
use crate::store::{self, EventFilter, Page, RunFilter, RunStatus};

const KEYS: [&str; 3] = [key::FILE_ID, key::TASK_ID, key::SESSION_ID];

impl Api {
    pub(super) async fn events(&self, query: &str) -> Result<Response, Error> {
        let known = ["type", "subappid", "file_id", "task_id", "session_id", "since", "until", "limit", "before"];
        let query = Query::parse(query, &known)?;
        let mut keys = KEYS.into_iter().filter_map(|name| Some((name, query.get(name)?)));
        let key = keys.next().map(|(name, value)| CorrelationKey { name: name.to_owned(), value: value.to_owned() });
        if let Some((name, value)) = keys.next() {
            return Err(invalid(name, value, &"give one of file_id, task_id, session_id"));
        }
        let filter = EventFilter {
            kind: query.get("type").map(EventType::new),
            subappid: query.parsed("subappid")?,
            key,
            since: query.moment("since")?,
            until: query.moment("until")?,
        };
        let page = query.page(|id: EventId| *id.as_bytes())?;
        let rows = self.admin.events(filter, page).await.map_err(failed)?;
        Ok(listing(rows, page, |view: &EventView| view.id.clone()))
    }

    pub(super) async fn event(&self, id: &str, query: &str) -> Result<Response, Error> {
        Query::parse(query, &[])?;
        let id: EventId = parse_id(id)?;
        let event = self.admin.event(id).await.map_err(failed)?.ok_or_else(|| not_stored("event", &id.to_string()))?;
        let filter = RunFilter { event: Some(id), ..RunFilter::default() };
        let runs = self.admin.runs(filter, Page { limit: 1_000, before: None }).await.map_err(failed)?;
        Ok(reply::json(StatusCode::OK, &EventDetailView::new(event, runs)))
    }

    pub(super) async fn runs(&self, query: &str) -> Result<Response, Error> {
        let query = Query::parse(query, &["status", "rule", "subappid", "event", "since", "until", "limit", "before"])?;
        let status = |word: &str| {
            let words = RunStatus::ALL.map(RunStatus::as_str).join(", ");
            RunStatus::from_word(word).ok_or_else(|| invalid("status", word, &format!("it is one of {words}")))
        };
        let filter = RunFilter {
            status: query.get("status").map(status).transpose()?,
            rule: query.get("rule").map(RuleName::new),
            subappid: query.parsed("subappid")?,
            event: query.parsed("event")?,
            since: query.moment("since")?,
            until: query.moment("until")?,
        };
        let page = query.page(|id: RunId| *id.as_bytes())?;
        let rows = self.admin.runs(filter, page).await.map_err(failed)?;
        Ok(listing(rows, page, |view: &RunView| view.id.clone()))
    }

    pub(super) async fn run(&self, id: &str, query: &str) -> Result<Response, Error> {
        Query::parse(query, &[])?;
        let id: RunId = parse_id(id)?;
        let run = self.admin.run(id).await.map_err(failed)?.ok_or_else(|| not_stored("run", &id.to_string()))?;
        Ok(reply::json(StatusCode::OK, &RunDetailView::from(run)))
    }

    pub(super) async fn quarantined(&self, query: &str) -> Result<Response, Error> {
        let query = Query::parse(query, &["limit", "before"])?;
        let page = query.page(|number: u64| u128::from(number).to_be_bytes())?;
        let rows = self.admin.quarantined(page).await.map_err(failed)?;
        Ok(listing(rows, page, |view: &QuarantineView| view.number.clone()))
    }

    pub(super) async fn counts(&self, query: &str) -> Result<Response, Error> {
        Query::parse(query, &[])?;
        let counts = self.admin.counts().await.map_err(failed)?;
        Ok(reply::json(StatusCode::OK, &CountsView::new(counts, self.admin.written())))
    }
}

fn listing<R, V: From<R> + serde::Serialize>(rows: Vec<R>, page: Page, name: impl Fn(&V) -> String) -> Response {
    let is_full = rows.len() >= usize::try_from(page.limit).unwrap_or(usize::MAX);
    let items: Vec<V> = rows.into_iter().map(V::from).collect();
    let next = items.last().filter(|_| is_full).map(name);
    reply::json(StatusCode::OK, &Listing { items, next })
}

pub(super) fn parse_id<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::invalid("invalid_id", error.to_string()))
}

pub(crate) fn not_stored(what: &str, id: &str) -> Error {
    Error::new(reply::ErrorKind::NotFound, "not_found", format!("there is no {what} {id}"))
}

/// What a client sees of an error of the store; the log has the causes.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
pub(crate) fn failed(error: store::Error) -> Error {
    reply::log_chain("a call failed", &error);
    match error {
        store::Error::NotFound { .. } => {
            Error::new(reply::ErrorKind::NotFound, "not_found", "what was asked for is not stored")
        }
        store::Error::Unavailable { .. } => {
            Error::unavailable("unavailable", "the store is not available: try again later", reply::RETRY_AFTER)
        }
        _ => Error::internal(),
    }
}
