//! The calls that run again what has run.

use async_trait::async_trait;
use oncue_rules::ids::RunId;
use oncue_rules::value::Value;
use serde::{Deserialize, Serialize};
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

impl Api {
    pub(super) async fn retry(&self, id: &str, request: &mut Request) -> Result<Response, Error> {
        Query::parse(&request.query, &[])?;
        let run: RunId = parse_id(id)?;
        let call = request.read_body(&self.body).await?;
        let call = if call.is_empty() { Value::Null } else { fields(&call, &["new_key", "again", "dry_run"])? };
        let consent = Consent { new_key: flag(&call, "new_key")?, again: flag(&call, "again")? };
        let view = self.reruns.retry(run, consent, flag(&call, "dry_run")?).await?;
        Ok(reply::json(StatusCode::ACCEPTED, &view))
    }
}

fn flag(call: &Value, name: &str) -> Result<bool, Error> {
    match call.get(name) {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        other => Err(Error::invalid("invalid_body", format!("{name} is {}: give true or false", other.kind()))),
    }
}
