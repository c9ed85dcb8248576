//! New runs that repeat others, or all that an event starts.

use std::sync::Arc;

use oncue_rules::event::Event;
use oncue_rules::ids::{ContentHash, EventId, RuleName, RunId};
use oncue_rules::rule::Mode;

use super::{Rerunner, conflict};
use crate::clock;
use crate::http::admin::{self, RedoneView, ReplayAsk, ReplayedRunView, ReplayedView, Rules};
use crate::http::reply::{Error, ErrorKind};
use crate::ingest::{cause, judge_again};
use crate::program::OpenError;
use crate::runner::{self, Surroundings as _};
use crate::store::{Page, Replay, Replayed, RunDetail, RunFilter, StoredEvent};
use crate::workflow::{Begun, Program, Redone, Run};

/// How often a replay is worked out anew because another run came between.
const TRIES: u32 = 5;

/// One run that is to be started.
struct Wish<'w> {
    event: &'w StoredEvent,
    of: Option<&'w RunDetail>,
    program: Arc<Program>,
    from: Option<&'w str>,
}

impl Rerunner {
    pub(super) async fn repeat_run(
        &self,
        run: RunId,
        rules: Rules,
        from: Option<String>,
        ask: ReplayAsk,
    ) -> Result<ReplayedView, Error> {
        let detail = self.detail(run).await?;
        let event = self.stored_event(detail.row.event).await?;
        let program = match rules {
            Rules::Original => self.pinned(&detail.row.closure).await?,
            Rules::Current => self.live(&detail.row.rule)?,
        };
        let wish = Wish { event: &event, of: Some(&detail), program, from: from.as_deref() };
        let view = self.grant(&wish, &ask).await?;
        Ok(ReplayedView { event: event.row.id.to_string(), runs: vec![view] })
    }

    pub(super) async fn repeat_event(
        &self,
        event: EventId,
        only: Option<RuleName>,
        ask: ReplayAsk,
    ) -> Result<ReplayedView, Error> {
        let stored = self.stored_event(event).await?;
        let (programs, refused) = self.judge(&stored).await?;
        let is_meant = |rule: &RuleName| only.as_ref().is_none_or(|only| only == rule);
        let mut runs = Vec::new();
        for program in programs.into_iter().filter(|program| is_meant(&program.rule.name)) {
            let rule = program.rule.name.clone();
            let wish = Wish { event: &stored, of: None, program, from: None };
            runs.push(match self.grant(&wish, &ask).await {
                Err(error) if error.kind == ErrorKind::Conflict => refused_run(&rule, error.message),
                other => other?,
            });
        }
        runs.extend(refused.into_iter().filter(|(rule, _)| is_meant(rule)).map(|(rule, why)| refused_run(&rule, why)));
        if runs.is_empty() {
            let whom =
                only.map_or_else(|| "no live rule".to_owned(), |rule| format!("the rule {rule}, as it is live,"));
            let verb = if whom.starts_with("no") { "matches" } else { "does not match" };
            return Err(conflict("no_match", format!("{whom} {verb} {event}: nothing would be started")));
        }
        Ok(ReplayedView { event: event.to_string(), runs })
    }

    /// The programs of the rules that an event starts now, and the rules that it does not start, with the reason.
    async fn judge(&self, stored: &StoredEvent) -> Result<(Vec<Arc<Program>>, Vec<(RuleName, String)>), Error> {
        let event = self.parsed(stored)?;
        let live = self.present.load();
        if let Some(app) = event.subappid.filter(|app| live.apps.get(*app).is_none()) {
            return Err(conflict("unknown_application", format!("the application {app} is not configured any more")));
        }
        let cause = cause(&*self.admin, &event).await.map_err(admin::failed)?;
        let (rules, refused) = judge_again(&live, &event, cause.as_ref());
        let programs = rules.iter().map(|rule| self.programs.live(&rule.closure).ok_or_else(Error::internal));
        Ok((programs.collect::<Result<_, _>>()?, refused))
    }

    /// Starts a run, or says what it would be.
    async fn grant(&self, wish: &Wish<'_>, ask: &ReplayAsk) -> Result<ReplayedRunView, Error> {
        for _ in 0..TRIES {
            if let Some(view) = self.try_to_grant(wish, ask).await? {
                return Ok(view);
            }
        }
        Err(conflict("changed", "other runs of this rule are started for this event all the time: ask again"))
    }

    /// None when another run came between.
    async fn try_to_grant(&self, wish: &Wish<'_>, ask: &ReplayAsk) -> Result<Option<ReplayedRunView>, Error> {
        let Wish { event, of, program, from } = wish;
        let (rule, now) = (&program.rule.name, clock::now());
        if program.rule.collect.is_some() {
            let message = format!(
                "the rule {rule} collects events, and a replay has but one: give its dead run to `oncue runs retry`"
            );
            return Err(conflict("not_possible", message));
        }
        let rows = of.map(|of| of.steps.as_slice()).unwrap_or_default();
        let begun = program.begin_from(*from, rows, now).map_err(|why| conflict("not_possible", why.to_string()))?;
        let last = self.last_run(event.row.id, rule).await?;
        self.prove(wish, &begun).await?;
        let redone = last.as_ref().map(|last| begun.redone(&last.steps)).unwrap_or_default();
        let mut view = ReplayedRunView {
            rule: rule.to_string(),
            outcome: "dry_run".to_owned(),
            run: None,
            replay_of: of.map(|of| of.row.id.to_string()),
            repeats: redone.iter().map(view).collect(),
            message: None,
        };
        let replay = Replay {
            request: *ask.request.as_bytes(),
            event: event.row.id,
            of: of.map(|of| of.row.id),
            last: last.as_ref().map(|last| last.row.id),
            run: RunId::generate(),
            rule: rule.clone(),
            closure: program.rule.closure.clone(),
            state: begun.state,
            steps: begun.steps,
            at: now,
        };
        if let Some(last) = &last {
            if last.replay_of.is_some_and(|of| of.request == replay.request) {
                let (outcome, run) = ("already".to_owned(), Some(last.row.id.to_string()));
                return Ok(Some(ReplayedRunView { outcome, run, ..view }));
            }
            if !last.row.status.is_final() {
                return Err(not_ended(last.row.id));
            }
        }
        if ask.dry_run {
            return Ok(Some(view));
        }
        if let Some(step) = redone.iter().find(|step| step.is_unknown && !ask.new_key) {
            return Err(doubtful(step, rule));
        }
        let replayed = self.admin.replay(replay).await.map_err(admin::failed)?;
        let (outcome, run) = match replayed {
            Replayed::Started(run) => ("started", run),
            Replayed::Already(run) => ("already", run),
            Replayed::Changed => return Ok(None),
            other => return Err(refusal(other)),
        };
        self.runner.nudge();
        (view.outcome, view.run) = (outcome.to_owned(), Some(run.to_string()));
        Ok(Some(view))
    }

    /// Sees that the new run could be taken up.
    async fn prove(&self, wish: &Wish<'_>, begun: &Begun) -> Result<(), Error> {
        if begun.steps.is_empty() {
            return Ok(());
        }
        let event = Arc::new(self.parsed(wish.event)?);
        let state = begun.state.to_json();
        let events = self.told(&Run::awaited(&state, &begun.steps)).await?;
        let body = Arc::clone(&wish.event.body);
        let facts = runner::facts(&*self.present, RunId::generate(), event, body, clock::now());
        let restored = Run::restore(Arc::clone(&wish.program), facts, &state, &begun.steps, &events);
        restored.map(drop).map_err(|why| conflict("not_possible", format!("no run can begin so: {why}")))
    }

    async fn last_run(&self, event: EventId, rule: &RuleName) -> Result<Option<RunDetail>, Error> {
        let filter = RunFilter { event: Some(event), rule: Some(rule.clone()), ..RunFilter::default() };
        let rows = self.admin.runs(filter, Page { limit: 1, before: None }).await.map_err(admin::failed)?;
        match rows.first() {
            Some(row) => self.admin.run(row.id).await.map_err(admin::failed),
            None => Ok(None),
        }
    }

    async fn stored_event(&self, event: EventId) -> Result<StoredEvent, Error> {
        let stored = self.admin.event(event).await.map_err(admin::failed)?;
        stored.ok_or_else(|| admin::not_stored("event", &event.to_string()))
    }

    fn parsed(&self, stored: &StoredEvent) -> Result<Event, Error> {
        let unreadable = |why| conflict("not_possible", format!("{} cannot be read: {why}", stored.row.id));
        self.present.event(stored).map_err(unreadable)
    }

    fn live(&self, rule: &RuleName) -> Result<Arc<Program>, Error> {
        let live = self.present.load();
        let Some(found) = live.rules.get(rule.as_str()) else {
            let message =
                format!("there is no rule {rule} any more: take the one that the run began with (--rules original)");
            return Err(conflict("no_rule", message));
        };
        if found.mode != Mode::Live {
            let message = format!("the rule {rule} does not act: its mode is not `live`");
            return Err(conflict("no_rule", message));
        }
        self.programs.live(&found.closure).ok_or_else(Error::internal)
    }

    async fn pinned(&self, closure: &ContentHash) -> Result<Arc<Program>, Error> {
        self.programs.open(closure, &*self.store).await.map_err(|error| match error {
            OpenError::Store { source } => admin::failed(source),
            OpenError::Closed { reason } => conflict("not_possible", format!("the rule does not open: {reason}")),
        })
    }
}

fn refusal(replayed: Replayed) -> Error {
    match replayed {
        Replayed::Live(run) => not_ended(run),
        Replayed::Gone(event) => {
            conflict("not_possible", format!("{event}, which a step ended with, is not stored any more"))
        }
        Replayed::NoEvent => Error::new(ErrorKind::NotFound, "not_found", "the event is not stored any more"),
        Replayed::NoContent => conflict("changed", "the rule has just been replaced: ask again"),
        Replayed::Started(_) | Replayed::Already(_) | Replayed::Changed => Error::internal(),
    }
}

fn not_ended(run: RunId) -> Error {
    conflict("not_ended", format!("{run} is for the same event and rule and has not ended: cancel it first"))
}

fn doubtful(step: &Redone, rule: &RuleName) -> Error {
    let message = format!(
        "step {} of the last run of {rule} was sent and no answer came: find out what became of it, then give --new-key to \
         do it anew",
        step.path
    );
    conflict("unknown_outcome", message)
}

fn refused_run(rule: &RuleName, why: String) -> ReplayedRunView {
    ReplayedRunView {
        rule: rule.to_string(),
        outcome: "refused".to_owned(),
        run: None,
        replay_of: None,
        repeats: Vec::new(),
        message: Some(why),
    }
}

fn view(step: &Redone) -> RedoneView {
    RedoneView {
        step: step.path.to_string(),
        outcome: step.outcome.as_str().to_owned(),
        doubt: step.is_unknown.then(|| "unknown".to_owned()),
    }
}
