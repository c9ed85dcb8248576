//! The calls that run again what has run.

use async_trait::async_trait;
use oncue_rules::ids::{EventId, RuleName, RunId};
use oncue_rules::value::Value;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use warp::http::StatusCode;

use super::Api;
use super::query::Query;
use super::read::parse_id;
use super::write::fields;
use crate::http::Response;
use crate::http::reply::{self, Error};
use crate::http::request::Request;

/// Runs again what has run.
#[async_trait]
pub trait Reruns: Send + Sync + 'static {
    /// Has a dead run go on from what failed; with `dry_run`, only says what that would be.
    ///
    /// # Errors
    ///
    /// When it is not dead, cannot go on, or is in doubt and `consent` does not cover that.
    async fn retry(&self, run: RunId, consent: Consent, dry_run: bool) -> Result<RetriedView, Error>;

    /// Starts a new run that repeats another one, from a step of its rule on, or from the beginning.
    ///
    /// # Errors
    ///
    /// When the run is not there, has not ended, cannot be repeated so, or is in doubt.
    async fn replay_run(
        &self,
        run: RunId,
        rules: Rules,
        from: Option<String>,
        ask: ReplayAsk,
    ) -> Result<ReplayedView, Error>;

    /// Starts the runs that an event would start now, all of them or that of one rule.
    ///
    /// # Errors
    ///
    /// When the event is not there, or no rule matches it.
    async fn replay_event(&self, event: EventId, only: Option<RuleName>, ask: ReplayAsk)
    -> Result<ReplayedView, Error>;
}

/// What is asked for of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayAsk {
    /// Names the request: the same one again starts nothing more.
    pub request: Uuid,
    /// Steps that may have had their effect may be done anew.
    pub new_key: bool,
    /// Only say what would be started.
    pub dry_run: bool,
}

/// Which rule a run is repeated with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// The one that it began with.
    Original,
    /// The one that is live.
    Current,
}

/// What a person agrees to about steps that are not simply done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    /// Steps that are repeated are new requests to the other side.
    pub new_key: bool,
    /// Steps that may have had their effect are done again all the same.
    pub again: bool,
}

/// A dead run that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetriedView {
    /// The run.
    pub run: String,
    /// `asked`: it goes on when it is taken up. `dry_run`: it is left as it is.
    pub outcome: String,
    /// What it does again.
    pub repeats: Vec<RepeatView>,
}

/// A step that is done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatView {
    /// Its path.
    pub step: String,
    /// `unknown`: it may have had its effect. `ended`: its work has failed, and only a new key starts other work. Else null.
    pub doubt: Option<String>,
}

/// What a replay started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedView {
    /// The event.
    pub event: String,
    /// One for each rule.
    pub runs: Vec<ReplayedRunView>,
}

/// A run that a replay started, would start, or did not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedRunView {
    /// Its rule.
    pub rule: String,
    /// `started`; `already`, by the same request; `dry_run`: it would be started; `refused`.
    pub outcome: String,
    /// The new run.
    pub run: Option<String>,
    /// The run that it repeats.
    pub replay_of: Option<String>,
    /// Steps that were done and are done again, with new keys.
    pub repeats: Vec<RedoneView>,
    /// Why it is refused.
    pub message: Option<String>,
}

/// A step that was done and is done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoneView {
    /// Its path.
    pub step: String,
    /// How it ended.
    pub outcome: String,
    /// `unknown`: it may have had its effect. Else null.
    pub doubt: Option<String>,
}

impl Api {
    pub(super) async fn retry(&self, id: &str, request: &mut Request) -> Result<Response, Error> {
        Query::parse(&request.query, &[])?;
        let run: RunId = parse_id(id)?;
        let call = self.read_call(request, &["new_key", "again", "dry_run"]).await?;
        let consent = Consent { new_key: flag(&call, "new_key")?, again: flag(&call, "again")? };
        let view = self.reruns.retry(run, consent, flag(&call, "dry_run")?).await?;
        Ok(reply::json(StatusCode::ACCEPTED, &view))
    }

    pub(super) async fn replay_run(&self, id: &str, request: &mut Request) -> Result<Response, Error> {
        Query::parse(&request.query, &[])?;
        let run: RunId = parse_id(id)?;
        let call = self.read_call(request, &["request", "rules", "from", "new_key", "dry_run"]).await?;
        let rules = match text(&call, "rules")?.as_deref() {
            None | Some("current") => Rules::Current,
            Some("original") => Rules::Original,
            Some(other) => {
                return Err(Error::invalid(
                    "invalid_body",
                    format!("rules: {other:?} is neither original nor current"),
                ));
            }
        };
        let view = self.reruns.replay_run(run, rules, text(&call, "from")?, replay_ask(&call)?).await?;
        Ok(reply::json(StatusCode::ACCEPTED, &view))
    }

    pub(super) async fn replay_event(&self, id: &str, request: &mut Request) -> Result<Response, Error> {
        Query::parse(&request.query, &[])?;
        let event: EventId = parse_id(id)?;
        let call = self.read_call(request, &["request", "only", "new_key", "dry_run"]).await?;
        let only = text(&call, "only")?.map(RuleName::new);
        let view = self.reruns.replay_event(event, only, replay_ask(&call)?).await?;
        Ok(reply::json(StatusCode::ACCEPTED, &view))
    }

    async fn read_call(&self, request: &mut Request, known: &[&str]) -> Result<Value, Error> {
        let call = request.read_body(&self.body).await?;
        if call.is_empty() { Ok(Value::Null) } else { fields(&call, known) }
    }
}

fn replay_ask(call: &Value) -> Result<ReplayAsk, Error> {
    let request = match text(call, "request")? {
        None => Uuid::now_v7(),
        Some(text) => text
            .parse()
            .map_err(|error| Error::invalid("invalid_body", format!("request: {text:?} is no UUID: {error}")))?,
    };
    Ok(ReplayAsk { request, new_key: flag(call, "new_key")?, dry_run: flag(call, "dry_run")? })
}

fn text(call: &Value, name: &str) -> Result<Option<String>, Error> {
    match call.get(name) {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text.to_string())),
        other => Err(Error::invalid("invalid_body", format!("{name} is {}: give a text", other.kind()))),
    }
}

fn flag(call: &Value, name: &str) -> Result<bool, Error> {
    match call.get(name) {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        other => Err(Error::invalid("invalid_body", format!("{name} is {}: give true or false", other.kind()))),
    }
}
