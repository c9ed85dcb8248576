//! The API of the admin address: what is stored, what runs, and a few things to do about it.
//!
//! Everything under `/api/` asks for `Authorization: Bearer TOKEN`. `/healthz` says that the process answers, `/readyz`
//! that it gets on; both are open.
//!
//! | method and path under `/api/v1` | parameters | answer |
//! |---|---|---|
//! | GET `/events` | `type` `subappid` `file_id`\|`task_id`\|`session_id` `since` `until` `limit` `before` | [`Listing`] of [`EventView`] |
//! | POST `/events` | body `{"subappid": N, "body": OBJECT or TEXT}` | [`EmittedView`] |
//! | GET `/events/ID` | | [`EventDetailView`] |
//! | GET `/events/ID/explain` | `rule` `all` `limit` | [`ExplainedView`]: what the live rules say to it |
//! | GET `/events/ID/verdicts` | `rule` `limit` | [`StoredVerdictsView`]: what the rules of then said |
//! | POST `/explain` | `rule` `all` `limit`; body `{"subappid": N, "type": TEXT, "body": OBJECT or TEXT}` | [`ExplainedView`] |
//! | GET `/runs` | `status` `rule` `subappid` `event` `since` `until` `limit` `before` | [`Listing`] of [`RunView`] |
//! | GET `/runs/ID` | | [`RunDetailView`] |
//! | POST `/runs/ID/cancel` | body `{"reason": TEXT}` or none | [`CancelledView`] |
//! | POST `/runs/ID/retry` | body `{"new_key": BOOL, "again": BOOL, "dry_run": BOOL}` or none | [`RetriedView`] |
//! | POST `/runs/ID/replay` | body `{"request": UUID, "rules": "original" or "current", "from": STEP, "new_key": BOOL, "dry_run": BOOL}` or none | [`ReplayedView`] |
//! | POST `/events/ID/replay` | body `{"request": UUID, "only": RULE, "new_key": BOOL, "dry_run": BOOL}` or none | [`ReplayedView`] |
//! | GET `/rules` | | [`RulesView`] |
//! | GET `/rules/NAME` | | [`RuleDetailView`] |
//! | POST `/rules/reload` | | [`ReloadView`] |
//! | GET `/quarantine` | `limit` `before` | [`Listing`] of [`QuarantineView`] |
//! | GET `/counts` | | [`CountsView`] |
//! | POST `/backup` | body `{"file": PATH}` | [`BackupView`] |
//! | GET `/backup` | | [`BackupView`] |
//!
//! Lists are newest first, 50 to a page unless `limit` says otherwise (1,000 at most); `next` of one page is `before`
//! of the one after it.

mod backup;
mod explain;
mod health;
mod query;
mod read;
mod rerun;
mod rules;
mod views;
mod write;

use std::sync::Arc;

use arc_swap::ArcSwap;
use oncue_rules::time::Timestamp;
use warp::Filter;
use warp::http::Method;

pub use backup::{BackupView, Backups};
pub use explain::{
    ConditionView, ExplainAsk, ExplainedView, Explains, RuleVerdictView, StoredVerdictView, StoredVerdictsView,
    Unstored,
};
pub(crate) use read::{failed, not_stored};
pub use rerun::{
    Consent, RedoneView, RepeatView, ReplayAsk, ReplayedRunView, ReplayedView, Reruns, RetriedView, Rules,
};
pub use rules::{FindingView, LiveRules, ReloadView, RuleDetailView, RulesStatusView, RulesView};
pub use views::*;

use super::body::BodyLimits;
use super::receiver::Ingest;
use super::reply::{self, Error};
use super::request::{self, Request};
use super::{Face, Response};
use crate::secret::Secret;
use crate::store::{Admin, Store};

/// The API.
pub struct Api {
    /// Any of these lets a client in; with none, nobody is.
    pub tokens: Arc<ArcSwap<Vec<Secret>>>,
    /// The hot port.
    pub store: Arc<dyn Store>,
    /// The admin port.
    pub admin: Arc<dyn Admin>,
    /// The rules that are live.
    pub rules: Arc<dyn LiveRules>,
    /// Who runs again what has run.
    pub reruns: Arc<dyn Reruns>,
    /// Who says why rules match or do not.
    pub explains: Arc<dyn Explains>,
    /// Where emitted events go.
    pub ingest: Arc<dyn Ingest>,
    /// Copies of the store.
    pub backups: Backups,
    /// How bodies are read.
    pub body: BodyLimits,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// The face of the API: `/api/…`, `/healthz`, `/readyz`.
#[must_use]
pub fn face(api: Arc<Api>) -> Face {
    let ready = Arc::clone(&api);
    let calls = request::under("api").then(move |request| {
        let api = Arc::clone(&api);
        async move { reply::answer(api.call(request).await) }
    });
    let readyz = request::under("readyz").then(move |request| {
        let api = Arc::clone(&ready);
        async move { reply::answer(api.ready(request).await) }
    });
    calls.or(readyz).unify().or(request::healthz()).unify().boxed()
}

impl Api {
    async fn call(&self, mut request: Request) -> Result<Response, Error> {
        if !Secret::any_matches(&self.tokens.load(), request.bearer().unwrap_or_default()) {
            let message = "the token is missing or wrong: send `Authorization: Bearer TOKEN` with the admin token";
            return Err(Error::unauthorized("wrong_token", message, "Bearer realm=\"oncue\""));
        }
        let path = request.path.clone();
        let segments: Vec<&str> = path.split('/').collect();
        let ["api", "v1", resource @ ..] = segments.as_slice() else {
            return Err(Error::no_such_path());
        };
        if request.method == Method::POST {
            return match resource {
                ["events"] => self.emit(&mut request).await,
                ["runs", id, "cancel"] => self.cancel(id, &mut request).await,
                ["runs", id, "retry"] => self.retry(id, &mut request).await,
                ["runs", id, "replay"] => self.replay_run(id, &mut request).await,
                ["events", id, "replay"] => self.replay_event(id, &mut request).await,
                ["rules", "reload"] => self.reload(&request.query).await,
                ["explain"] => self.explain_body(&mut request).await,
                ["backup"] => self.back_up(&mut request).await,
                _ => Err(refuse_method(resource, &request.method)),
            };
        }
        request.is_get().map_err(|_| refuse_method(resource, &request.method))?;
        let query = request.query.as_str();
        match resource {
            ["events"] => self.events(query).await,
            ["events", id] => self.event(id, query).await,
            ["events", id, "explain"] => self.explain_event(id, query).await,
            ["events", id, "verdicts"] => self.stored_verdicts(id, query).await,
            ["runs"] => self.runs(query).await,
            ["runs", id] => self.run(id, query).await,
            ["rules"] => self.rules(query),
            ["rules", "reload"] if self.rules.show("reload").is_none() => Err(refuse_method(resource, &request.method)),
            ["rules", name] => self.rule(name, query),
            ["quarantine"] => self.quarantined(query).await,
            ["counts"] => self.counts(query).await,
            ["backup"] => self.backup(query),
            _ => Err(refuse_method(resource, &request.method)),
        }
    }
}

/// What to say where a method is not taken: the path may take another, or be none at all.
fn refuse_method(resource: &[&str], method: &Method) -> Error {
    match resource {
        ["events" | "backup"] => Error::method_not_allowed(method, "GET, HEAD, POST"),
        ["runs", _, "cancel" | "retry" | "replay"] | ["events", _, "replay"] | ["rules", "reload"] | ["explain"] => {
            Error::method_not_allowed(method, "POST")
        }
        ["events", _, "explain" | "verdicts"]
        | ["events" | "runs" | "rules", _]
        | ["runs" | "rules" | "quarantine" | "counts"] => Error::method_not_allowed(method, "GET, HEAD"),
        _ => Error::no_such_path(),
    }
}

#[cfg(test)]
mod tests;
