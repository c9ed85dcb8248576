//! What became of an event: `GET /status/{event}/{token}`, for whoever was given that path with its answer.
//!
//! The token is drawn for each event, so nobody finds the path of another. What it shows is what a sender may know: no
//! body, no output, no message of an error.

use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::ids::EventId;
use serde::Serialize;
use warp::Filter;
use warp::http::StatusCode;

use super::Receiver;
use crate::http::reply::{self, Error};
use crate::http::request::{self, Request};
use crate::http::{Face, Response};
use crate::secret::Secret;
use crate::sources::endpoint::STATUS_TOKEN;
use crate::store::{self, Admin, EventRow, Page, RunFilter, RunRow};

/// How many runs are shown, the newest first.
const SHOWN: u32 = 100;

/// Looks up what became of an event.
#[async_trait]
pub trait Outcomes: Send + Sync + 'static {
    /// What became of it; none when it is not stored.
    ///
    /// # Errors
    ///
    /// When the store cannot say.
    async fn outcome(&self, event: EventId) -> Result<Option<Outcome>, store::Error>;
}

/// What became of an event.
#[derive(Debug, Clone)]
pub struct Outcome {
    event: EventRow,
    /// What the path of its status ends with, when it has one.
    token: Option<Secret>,
    runs: Vec<RunRow>,
}

#[async_trait]
impl<T: Admin> Outcomes for T {
    async fn outcome(&self, event: EventId) -> Result<Option<Outcome>, store::Error> {
        let Some(stored) = self.event(event).await? else { return Ok(None) };
        let envelope: serde_json::Value = serde_json::from_str(&stored.envelope).unwrap_or_default();
        let token = envelope[STATUS_TOKEN].as_str().map(Secret::new);
        let filter = RunFilter { event: Some(event), ..RunFilter::default() };
        let runs = self.runs(filter, Page { limit: SHOWN, before: None }).await?;
        Ok(Some(Outcome { event: stored.row, token, runs }))
    }
}

/// A run that an event started, or that gathers it.
#[derive(Debug, Serialize)]
pub(super) struct RunStatusView {
    /// `run_…`
    id: String,
    rule: String,
    /// Such as `running`.
    status: &'static str,
    /// The word that it ended well with.
    end: Option<String>,
    error: Option<FailureView>,
    updated_at: String,
}

/// Where and how a run failed.
#[derive(Debug, Serialize)]
struct FailureView {
    step: String,
    code: String,
}

/// What the path of a status answers.
#[derive(Debug, Serialize)]
struct StatusView {
    event: String,
    #[serde(rename = "type")]
    kind: String,
    received_at: String,
    runs: Vec<RunStatusView>,
}

impl Outcome {
    /// The path of its status.
    pub(super) fn path(&self) -> Option<String> {
        Some(format!("/status/{}/{}", self.event.id, self.token.as_ref()?.expose()))
    }

    /// Its runs.
    pub(super) fn runs(self) -> Vec<RunStatusView> {
        self.runs.into_iter().map(RunStatusView::from).collect()
    }
}

impl From<RunRow> for RunStatusView {
    fn from(row: RunRow) -> Self {
        Self {
            id: row.id.to_string(),
            rule: row.rule.to_string(),
            status: row.status.as_str(),
            end: row.end,
            error: row.error.map(|error| FailureView { step: error.step.to_string(), code: error.code }),
            updated_at: row.updated_at.to_string(),
        }
    }
}

/// The face of the statuses of events.
pub(super) fn paths(receiver: &Arc<Receiver>) -> Face {
    let receiver = Arc::clone(receiver);
    request::under("status")
        .then(move |request| {
            let receiver = Arc::clone(&receiver);
            async move { reply::answer(receiver.tell(request).await) }
        })
        .boxed()
}

impl Receiver {
    /// Whatever is wrong with a path, it is answered alike.
    async fn tell(&self, request: Request) -> Result<Response, Error> {
        request.is_get()?;
        let ["status", event, token] = request.segments()[..] else { return Err(Error::no_such_path()) };
        let event: EventId = event.parse().map_err(|_| Error::no_such_path())?;
        let outcome = self.outcomes.outcome(event).await.map_err(|error| {
            reply::log_chain("a status cannot be told", &error);
            Error::unavailable("unavailable", "the store is not available: ask again later", reply::RETRY_AFTER)
        })?;
        let outcome = outcome.filter(|outcome| outcome.token.as_ref().is_some_and(|known| known.matches(token)));
        let outcome = outcome.ok_or_else(Error::no_such_path)?;
        let view = StatusView {
            event: outcome.event.id.to_string(),
            kind: outcome.event.kind.to_string(),
            received_at: outcome.event.received_at.to_string(),
            runs: outcome.runs(),
        };
        Ok(reply::json(StatusCode::OK, &view))
    }
}
