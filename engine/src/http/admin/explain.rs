//! Why rules match an event or do not: now, and what they said when it was accepted.

use std::collections::BTreeMap;

use async_trait::async_trait;
use oncue_rules::ids::{EventId, EventType, RuleName, SubAppId};
use oncue_rules::value::Value;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::query::Query;
use super::read::{failed, not_stored, parse_id};
use super::write::fields;
use super::{Api, RunView};
use crate::http::Response;
use crate::http::reply::{self, Error};
use crate::http::request::Request;
use crate::store::{Page, RunFilter, RunRow, Verdicts};

/// Says why rules match an event or do not.
#[async_trait]
pub trait Explains: Send + Sync + 'static {
    /// What the live rules say to a stored event.
    ///
    /// # Errors
    ///
    /// When the event or the rule is not there, or no rule is ever asked about such an event.
    async fn explain_stored(&self, event: EventId, ask: ExplainAsk) -> Result<ExplainedView, Error>;

    /// What they would say to an event that is not stored.
    ///
    /// # Errors
    ///
    /// When the body is no event, or it or the rule cannot be found out.
    async fn explain_unstored(&self, event: Unstored, ask: ExplainAsk) -> Result<ExplainedView, Error>;
}

/// What is asked for of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainAsk {
    /// Only what this rule says.
    pub rule: Option<RuleName>,
    /// Also the rules that listen to other types, one by one.
    pub all: bool,
    /// How many rules at most.
    pub limit: u32,
}

/// An event that is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstored {
    /// Its application; the only one that is configured when it is left out.
    pub app: Option<SubAppId>,
    /// Its type when it is no notification of the vendor, but one of our own, as `emit` makes them.
    pub kind: Option<EventType>,
    /// Its body.
    pub raw: Vec<u8>,
}

/// What the live rules say to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedView {
    /// The event; null when it is not stored.
    pub event: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its source.
    pub source: String,
    /// Its application.
    pub subappid: Option<SubAppId>,
    /// The nearest to a match first: matched, error, `if`, condition (the later it is written the nearer), application, type,
    /// off; then by name.
    pub items: Vec<RuleVerdictView>,
    /// How many rules came how far, also those that are not among the items: a number for `matched`, `error` and each `why`.
    /// Empty when one rule was asked for.
    pub counts: BTreeMap<String, usize>,
    /// How many rules the limit left out. Those of other types are not counted here unless `all` asked for them.
    pub omitted: usize,
}

/// What a rule says to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleVerdictView {
    /// The rule.
    pub rule: String,
    /// Its mode: `live`, `shadow` or `off`.
    pub mode: String,
    /// `matched`, `unmatched` or `error`.
    pub verdict: String,
    /// Why it is unmatched, the first reason in the order in which they are asked: `off`, `type`, `application`, `condition`,
    /// `if`.
    pub why: Option<String>,
    /// The condition that fails, the first one as they are written.
    pub condition: Option<ConditionView>,
    /// How its `if` or its key failed; or why it is not started although it matched.
    pub message: Option<String>,
}

/// A condition that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionView {
    /// Its path.
    pub path: String,
    /// What is written, cut when it is long.
    pub expected: String,
    /// What is there: up to three values, or `nothing`.
    pub actual: String,
}

/// What the rules of then said to an event when it was accepted, as far as that is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredVerdictsView {
    /// The event.
    pub event: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its source.
    pub source: String,
    /// Its application.
    pub subappid: Option<SubAppId>,
    /// When it was accepted.
    pub received_at: String,
    /// The rules that matched or failed.
    pub items: Vec<StoredVerdictView>,
    /// How many rules the limit left out.
    pub omitted: usize,
    /// How many rules listened to the type and did not match. Which they were and why is not stored.
    pub unmatched: u32,
}

/// What a rule of then said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredVerdictView {
    /// The rule.
    pub rule: String,
    /// `matched`; `collected`, `throttled` or `refused` when it matched and that came of it; `error`.
    pub verdict: String,
    /// How it failed, or why it was refused.
    pub message: Option<String>,
    /// Its runs of this event, newest first, replays too; none in mode `shadow`.
    pub runs: Vec<RunView>,
    /// The rule that the first of these runs pins, compared to the live one: `same`, `changed` or `gone`. Null without a run.
    pub since: Option<String>,
}

impl Api {
    pub(super) async fn explain_event(&self, id: &str, query: &str) -> Result<Response, Error> {
        let query = Query::parse(query, &["rule", "all", "limit"])?;
        let ask = ExplainAsk {
            rule: query.get("rule").map(RuleName::new),
            all: query.parsed("all")?.unwrap_or(false),
            limit: query.limit()?,
        };
        let view = self.explains.explain_stored(parse_id(id)?, ask).await?;
        Ok(reply::json(StatusCode::OK, &view))
    }

    pub(super) async fn explain_body(&self, request: &mut Request) -> Result<Response, Error> {
        let query = Query::parse(&request.query, &["rule", "all", "limit"])?;
        let ask = ExplainAsk {
            rule: query.get("rule").map(RuleName::new),
            all: query.parsed("all")?.unwrap_or(false),
            limit: query.limit()?,
        };
        let call = request.read_body(&self.body).await?;
        let unstored = unstored(&fields(&call, &["subappid", "type", "body"])?)?;
        let view = self.explains.explain_unstored(unstored, ask).await?;
        Ok(reply::json(StatusCode::OK, &view))
    }

    pub(super) async fn stored_verdicts(&self, id: &str, query: &str) -> Result<Response, Error> {
        let query = Query::parse(query, &["rule", "limit"])?;
        let id: EventId = parse_id(id)?;
        let limit = usize::try_from(query.limit()?).unwrap_or(usize::MAX);
        let row = self.admin.event(id).await.map_err(failed)?.ok_or_else(|| not_stored("event", &id.to_string()))?.row;
        let filter = RunFilter { event: Some(id), ..RunFilter::default() };
        let runs = self.admin.runs(filter, Page { limit: 1_000, before: None }).await.map_err(failed)?;
        let unmatched = row.verdicts.unmatched;
        let mut said = said(row.verdicts);
        said.retain(|(rule, ..)| query.get("rule").is_none_or(|only| only == rule.as_str()));
        let omitted = said.len().saturating_sub(limit);
        let items = said.into_iter().take(limit).map(|said| self.stored_verdict(said, &runs)).collect();
        let view = StoredVerdictsView {
            event: id.to_string(),
            kind: row.kind.to_string(),
            source: row.source.to_string(),
            subappid: row.subappid,
            received_at: row.received_at.to_string(),
            items,
            omitted,
            unmatched,
        };
        Ok(reply::json(StatusCode::OK, &view))
    }

    fn stored_verdict(&self, (rule, verdict, message): Said, runs: &[RunRow]) -> StoredVerdictView {
        let runs: Vec<RunView> = runs.iter().filter(|run| run.rule == rule).cloned().map(RunView::from).collect();
        let since = runs.last().map(|first| match self.rules.show(rule.as_str()) {
            None => "gone",
            Some(live) if live.rule.hash == first.closure => "same",
            Some(_) => "changed",
        });
        StoredVerdictView {
            rule: rule.to_string(),
            verdict: verdict.to_owned(),
            message,
            runs,
            since: since.map(str::to_owned),
        }
    }
}

/// A rule, its verdict, and what is told with it.
type Said = (RuleName, &'static str, Option<String>);

/// A verdict for each rule: of one that matched, what came of that.
fn said(verdicts: Verdicts) -> Vec<Said> {
    let Verdicts { matched, errors, unmatched: _, collected, throttled, refused } = verdicts;
    let mut refused: BTreeMap<RuleName, String> = refused.into_iter().collect();
    let matched = matched.into_iter().map(|rule| {
        if let Some(why) = refused.remove(&rule) {
            (rule, "refused", Some(why))
        } else if throttled.contains(&rule) {
            (rule, "throttled", None)
        } else if collected.contains(&rule) {
            (rule, "collected", None)
        } else {
            (rule, "matched", None)
        }
    });
    let matched: Vec<_> = matched.collect();
    matched.into_iter().chain(errors.into_iter().map(|(rule, why)| (rule, "error", Some(why)))).collect()
}

fn unstored(call: &Value) -> Result<Unstored, Error> {
    let wrong = |message: String| Err(Error::invalid("invalid_body", message));
    let app = match call.get("subappid") {
        Value::Null => None,
        Value::Number(number) if number.as_u64().is_some() => number.as_u64().map(SubAppId),
        other => return wrong(format!("subappid is {}: give the number of an application", other.kind())),
    };
    let kind = match call.get("type") {
        Value::Null => None,
        Value::Text(kind) => Some(EventType::new(&**kind)),
        other => return wrong(format!("type is {}: give a text", other.kind())),
    };
    let raw = match call.get("body") {
        Value::Text(text) => text.as_bytes().to_vec(),
        object @ Value::Map(_) => object.to_json().into_bytes(),
        other => return wrong(format!("body is {}: give the event, as an object or as its JSON text", other.kind())),
    };
    Ok(Unstored { app, kind, raw })
}
