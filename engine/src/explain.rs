//! Why the live rules match an event or do not.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::event::Event;
use oncue_rules::ids::{EventId, RuleName};
use oncue_rules::rule::Rule;
use oncue_rules::rule_set::{Stage, Unmatched, Verdict};

use crate::clock;
use crate::http::admin::{self, ConditionView, ExplainAsk, ExplainedView, Explains, RuleVerdictView, Unstored};
use crate::http::reply::{Error, ErrorKind};
use crate::ingest::{Incoming, Present, cause, mode, refusal, unstored};
use crate::live::Live;
use crate::runner::Surroundings as _;
use crate::sources::vod;
use crate::store::{Admin, Store};

/// What it takes to say why.
pub(crate) struct Explainer {
    /// The hot port.
    pub store: Arc<dyn Store>,
    /// The admin port.
    pub admin: Arc<dyn Admin>,
    /// What is live.
    pub present: Arc<Present>,
}

/// An event that rules are asked about.
struct Subject {
    event: Event,
    /// The rule of the run that led to it.
    cause: Option<RuleName>,
    is_stored: bool,
}

#[async_trait]
impl Explains for Explainer {
    async fn explain_stored(&self, id: EventId, ask: ExplainAsk) -> Result<ExplainedView, Error> {
        let stored = self.admin.event(id).await.map_err(admin::failed)?;
        let stored = stored.ok_or_else(|| admin::not_stored("event", &id.to_string()))?;
        let event = self
            .present
            .event(&stored)
            .map_err(|why| conflict("not_possible", format!("{id} cannot be read: {why}")))?;
        if Incoming::is_probe_of(&event.source, &event.kind) {
            return Err(conflict("not_asked", format!("{id} only asks whether events arrive: no rule is for it")));
        }
        let cause = cause(&*self.admin, &event).await.map_err(admin::failed)?;
        explain(self.present.load(), Subject { event, cause, is_stored: true }, ask).await
    }

    async fn explain_unstored(&self, event: Unstored, ask: ExplainAsk) -> Result<ExplainedView, Error> {
        let live = self.present.load();
        let subject = self.subject(&live, event).await?;
        explain(live, subject, ask).await
    }
}

impl Explainer {
    async fn subject(&self, live: &Live, unstored: Unstored) -> Result<Subject, Error> {
        let refused = |refusal: vod::Refusal| Error::invalid(refusal.code(), refusal.to_string());
        let Unstored { app, kind, raw } = unstored;
        if let Some(app) = app.filter(|app| live.apps.get(*app).is_none()) {
            return Err(Error::invalid("unknown_application", format!("there is no application {app}{}", known(live))));
        }
        let opened = vod::parse(&raw).map_err(refused)?;
        let Some(kind) = kind else {
            let app = app.or_else(|| live.apps.only()).ok_or_else(|| {
                let message = format!("the body does not say which application it is of: name one{}", known(live));
                Error::invalid("no_application", message)
            })?;
            let recognised = vod::recognise(&opened, app).map_err(refused)?;
            let would_be = unstored::of_vendor(&*self.store, app, recognised, clock::now()).await;
            let (event, cause) = would_be.map_err(admin::failed)?;
            return Ok(Subject { event, cause, is_stored: false });
        };
        if let Some(said) = opened.outline().get("EventType").as_text() {
            let message = format!("the body says that its type is {said}: leave the type out");
            return Err(Error::invalid("two_types", message));
        }
        let event = unstored::of_type(kind, app.or_else(|| live.apps.only()), opened.into_body(), clock::now());
        Ok(Subject { event, cause: None, is_stored: false })
    }
}

fn conflict(code: &'static str, message: String) -> Error {
    Error::new(ErrorKind::Conflict, code, message)
}

fn known(live: &Live) -> String {
    let ids: Vec<_> = live.apps.ids().take(5).map(|id| id.to_string()).collect();
    if ids.is_empty() { String::new() } else { format!(" (such as {})", ids.join(", ")) }
}

/// Asks the rules, in a thread of its own: there may be a million.
async fn explain(live: Arc<Live>, subject: Subject, ask: ExplainAsk) -> Result<ExplainedView, Error> {
    let task = tokio::task::spawn_blocking(move || explain_now(&live, &subject, &ask));
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an explanation failed");
        Err(Error::internal())
    })
}

fn explain_now(live: &Live, subject: &Subject, ask: &ExplainAsk) -> Result<ExplainedView, Error> {
    let event = &subject.event;
    let facts = event.subappid.and_then(|id| live.apps.get(id)).map(|app| &app.facts);
    let mut view = ExplainedView {
        event: subject.is_stored.then(|| event.id.to_string()),
        kind: event.kind.to_string(),
        source: event.source.to_string(),
        subappid: event.subappid,
        items: Vec::new(),
        counts: BTreeMap::new(),
        omitted: 0,
    };
    if let Some(name) = &ask.rule {
        let said = live.rules.get(name.as_str()).zip(live.rules.explain(name.as_str(), event, facts));
        let (rule, verdict) = said.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "not_found", format!("there is no rule {:?} live", name.as_str()))
        })?;
        view.items.push(verdict_view(rule, verdict, subject));
        return Ok(view);
    }
    let limit = usize::try_from(ask.limit).unwrap_or(usize::MAX);
    let explained = live.rules.explain_all(event, facts, limit, ask.all);
    view.counts = Stage::ALL.iter().map(|stage| (word(*stage).to_owned(), explained.count(*stage))).collect();
    let hidden = if ask.all { 0 } else { explained.count(Stage::Type) };
    view.omitted = live.rules.rules().len().saturating_sub(hidden + explained.nearest.len());
    view.items = explained.nearest.into_iter().map(|one| verdict_view(one.rule, one.verdict, subject)).collect();
    Ok(view)
}

fn verdict_view(rule: &Rule, verdict: Verdict, subject: &Subject) -> RuleVerdictView {
    let stage = verdict.stage();
    let (word, why) = match stage {
        Stage::Matched | Stage::Error => (word(stage), None),
        _ => ("unmatched", Some(word(stage).to_owned())),
    };
    let refused = || refusal(&subject.event, subject.cause.as_ref(), &rule.name);
    let (condition, message) = match verdict {
        Verdict::Matched => (None, refused()),
        Verdict::Error(why) => (None, Some(why)),
        Verdict::Unmatched(Unmatched::Condition(mismatch)) => {
            let view = ConditionView { path: mismatch.path, expected: mismatch.expected, actual: mismatch.actual };
            (Some(view), None)
        }
        Verdict::Unmatched(_) => (None, None),
    };
    RuleVerdictView {
        rule: rule.name.to_string(),
        mode: mode(rule).to_owned(),
        verdict: word.to_owned(),
        why,
        condition,
        message,
    }
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Matched => "matched",
        Stage::Error => "error",
        Stage::If => "if",
        Stage::Condition => "condition",
        Stage::Application => "application",
        Stage::Type => "type",
        Stage::Off => "off",
    }
}
