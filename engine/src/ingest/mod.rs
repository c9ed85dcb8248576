//! From an event that came in to a durable one with the runs that it starts: match, decide, commit, then hand the
//! runs to the runner.

mod answer;
mod death;
mod emission;
mod envelope;
mod gathering;
mod incoming;
mod present;
pub(crate) mod unstored;

use std::sync::Arc;

use async_trait::async_trait;
use oncue_plugins::emit::DEPTH_LIMIT;
use oncue_rules::event::{Event, key};
use oncue_rules::ids::{RuleName, RunId, SubAppId};
use oncue_rules::rule::{Mode, Rule};
use oncue_rules::rule_set::Judgement;
use oncue_rules::time::Timestamp;

use crate::clock;
use crate::http::receiver::{Ack, Ingest, IngestError};
use crate::live::Live;
use crate::program::Programs;
use crate::runner::{self, Permit};
use crate::sources::endpoint::Received;
use crate::sources::vod::Recognised;
use crate::store::{self, Accept, Accepted, Admin, Fence, Gather, NewEvent, NewRun, Origin, Store, Verdicts};
use crate::workflow::{Decision, Program, Run};

pub(crate) use death::Obituaries;
pub(crate) use incoming::Incoming;
pub(crate) use present::{Present, mode};

/// Digits of an idempotency key.
const KEY_LENGTH: usize = 40;

/// Takes events in.
pub(crate) struct Intake {
    /// Where they are kept.
    pub store: Arc<dyn Store>,
    /// What is live.
    pub present: Arc<Present>,
    /// The programs of the live rules.
    pub programs: Arc<Programs>,
    /// Who runs what they start.
    pub runner: runner::Handle,
}

/// A run that an event starts, decided and not yet committed.
struct Begun {
    run: Run,
    decision: Decision,
    new: NewRun,
    permit: Option<Permit>,
}

/// A rule matched, and its program is not there: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the rule {rule} is live and has no program")]
struct NoProgram {
    rule: RuleName,
}

#[async_trait]
impl Ingest for Intake {
    async fn ingest(&self, app: SubAppId, recognised: Recognised, received_at: Timestamp) -> Result<Ack, IngestError> {
        for mark in &recognised.marks {
            tracing::warn!(%app, kind = %recognised.kind, %mark, "an odd event was taken");
        }
        let live = self.present.load();
        if live.apps.get(app).is_none() {
            return Err(IngestError::UnknownApplication { app });
        }
        let origin = origin(&*self.store, &recognised).await.map_err(refused)?;
        self.take_under(&live, Incoming::of_vendor(app, recognised, origin, received_at)).await
    }

    async fn receive(&self, received: Received, received_at: Timestamp) -> Result<Ack, IngestError> {
        let live = self.present.load();
        match received.app.filter(|app| live.apps.get(*app).is_none()) {
            Some(app) => Err(IngestError::UnknownApplication { app }),
            None => self.take_under(&live, Incoming::of_endpoint(received, received_at)).await,
        }
    }
}

impl Intake {
    /// Takes one event of any source. When it returns `Ok`, the event and its runs are durable.
    pub(crate) async fn take(&self, incoming: Incoming) -> Result<Ack, IngestError> {
        self.take_under(&self.present.load(), incoming).await
    }

    async fn take_under(&self, live: &Live, incoming: Incoming) -> Result<Ack, IngestError> {
        let dedupe_until = incoming.received_at.after(incoming.dedupe_for);
        let (event, envelope) = (Arc::new(incoming.event()), envelope::write(&incoming));
        let is_probe = incoming.is_probe();
        let judgement = if is_probe { Judgement::default() } else { judge(live, &event) };
        let verdicts = verdicts(&judgement, &event, incoming.cause.as_ref().map(|(_, rule)| rule));
        let begun = self.begin(live, &judgement, &verdicts, &event)?;
        let accept = Accept {
            event: new_event(&event, envelope, verdicts, dedupe_until),
            runs: begun.iter().map(|begun| begun.new.clone()).collect(),
        };
        let accepted = self.store.accept(accept).await.map_err(refused)?;
        match self.hand_over(&event, begun, accepted) {
            Ack::Accepted { event, .. } if is_probe => Ok(Ack::Probed(event)),
            ack => Ok(ack),
        }
    }

    fn begin(
        &self,
        live: &Live,
        judgement: &Judgement,
        verdicts: &Verdicts,
        event: &Arc<Event>,
    ) -> Result<Vec<Begun>, IngestError> {
        let begin = |rule: &Arc<Rule>| {
            let mut begun = match gathering::gather(judgement, rule) {
                Some(gather) => self.collect_one(live, rule, gather, event),
                None => self.begin_one(live, rule, event),
            }?;
            begun.new.limit = gathering::limit(judgement, rule);
            Ok(begun)
        };
        acting(judgement, verdicts).map(begin).collect()
    }

    /// Decides the first state of a run. Where there is room for it, this node keeps it and the first attempt is counted
    /// in the commit of the event; else any node takes it up later.
    fn begin_one(&self, live: &Live, rule: &Rule, event: &Arc<Event>) -> Result<Begun, IngestError> {
        let program =
            program(&self.programs, rule).map_err(|error| IngestError::Internal { source: Box::new(error) })?;
        let now = clock::now();
        let facts = runner::facts(live, RunId::generate(), Arc::clone(event), Arc::clone(event.body.text()), now);
        let permit = self.runner.reserve(event.subappid, event.body.text().len());
        let (run, decision) = match permit {
            Some(_) => Run::begin(program, facts, now),
            None => Run::defer(program, facts, now),
        };
        let lease = permit.as_ref().map(|_| self.runner.lease(now));
        let new = NewRun::of(&run, &decision, lease);
        Ok(Begun { run, decision, new, permit })
    }

    /// Decides the first state of a run that gathers: nobody holds it until it begins.
    fn collect_one(&self, live: &Live, rule: &Rule, gather: Gather, event: &Arc<Event>) -> Result<Begun, IngestError> {
        let program =
            program(&self.programs, rule).map_err(|error| IngestError::Internal { source: Box::new(error) })?;
        let now = clock::now();
        let facts = runner::facts(live, RunId::generate(), Arc::clone(event), Arc::clone(event.body.text()), now);
        let (run, decision) = Run::collect(program, facts, now);
        let new = NewRun { gather: Some(gather), ..NewRun::of(&run, &decision, None) };
        Ok(Begun { run, decision, new, permit: None })
    }

    fn hand_over(&self, event: &Event, begun: Vec<Begun>, accepted: Accepted) -> Ack {
        let (fences, woken) = match accepted {
            Accepted::Duplicate(earlier) => return Ack::Duplicate(earlier),
            Accepted::New { fences, woken } => (fences, woken),
        };
        let runs = u32::try_from(fences.len()).unwrap_or(u32::MAX);
        if let Some(due_at) = gathering::nearest(begun.iter().map(|begun| &begun.new), event) {
            self.runner.alarm(due_at);
        }
        let mut is_left = woken > 0;
        let mut fences = fences.into_iter().peekable();
        for begun in begun {
            // One that is not there was not created: its event may have filled a collection, or a limit stopped it.
            is_left |= begun.permit.is_none();
            if let Some((_, fence)) = fences.next_if(|(id, _)| *id == begun.new.id) {
                self.submit(begun, fence);
            }
        }
        if is_left {
            self.runner.nudge();
        }
        Ack::Accepted { event: event.id, runs }
    }

    fn submit(&self, begun: Begun, fence: Fence) {
        if let (Some(permit), Some((_, until))) = (begun.permit, begun.new.lease) {
            self.runner.submit(begun.run, begun.decision.next, fence, until, permit);
        }
    }
}

/// The run of ours that caused a notification, which its SessionId tells.
async fn origin(store: &dyn Store, recognised: &Recognised) -> Result<Option<Origin>, store::Error> {
    let session = recognised.keys.iter().find(|key| key.name == key::SESSION_ID).map(|key| key.value.as_str());
    match session.filter(|session| is_our_key(session)) {
        Some(session) => store.origin(session).await,
        None => Ok(None),
    }
}

fn judge(live: &Live, event: &Event) -> Judgement {
    let known = event.subappid.and_then(|id| live.apps.get(id));
    let judgement = live.rules.judge(event, known.map(|app| &app.facts));
    for (rule, error) in &judgement.errors {
        tracing::error!(%rule, event = %event.id, error, "the `if` of a rule failed");
    }
    judgement
}

/// The rules whose runs are to start.
fn acting<'j>(judgement: &'j Judgement, verdicts: &'j Verdicts) -> impl Iterator<Item = &'j Arc<Rule>> {
    let acting = judgement.matched.iter().filter(|rule| rule.mode == Mode::Live);
    acting.filter(|rule| !verdicts.refused.iter().any(|(refused, _)| *refused == rule.name))
}

fn program(programs: &Programs, rule: &Rule) -> Result<Arc<Program>, NoProgram> {
    programs.live(&rule.closure).ok_or_else(|| NoProgram { rule: rule.name.clone() })
}

fn is_our_key(session: &str) -> bool {
    session.len() == KEY_LENGTH && session.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Why a rule that matches an event is not started, so that a workflow never feeds itself. `cause` is the rule of the run that
/// led to the event.
pub(crate) fn refusal(event: &Event, cause: Option<&RuleName>, rule: &RuleName) -> Option<String> {
    if event.depth > DEPTH_LIMIT {
        return Some(format!("{} runs led to this event one after the other, and {DEPTH_LIMIT} may", event.depth));
    }
    (cause == Some(rule)).then(|| "the event was caused by a run of this rule".to_owned())
}

/// What the rules said, and which of those that matched are not started.
fn verdicts(judgement: &Judgement, event: &Event, cause: Option<&RuleName>) -> Verdicts {
    let refusal = |rule: &RuleName| refusal(event, cause, rule);
    let matched: Vec<RuleName> = judgement.matched.iter().map(|rule| rule.name.clone()).collect();
    let refused: Vec<_> = matched.iter().filter_map(|rule| Some((rule.clone(), refusal(rule)?))).collect();
    let collects =
        |rule: &&Arc<Rule>| rule.collect.is_some() && rule.mode == Mode::Live && refusal(&rule.name).is_none();
    let collected = judgement.matched.iter().filter(collects).map(|rule| rule.name.clone()).collect();
    Verdicts {
        matched,
        errors: judgement.errors.clone(),
        unmatched: u32::try_from(judgement.unmatched).unwrap_or(u32::MAX),
        collected,
        throttled: Vec::new(),
        refused,
    }
}

/// The rule of the run that led to a stored event.
pub(crate) async fn cause(admin: &dyn Admin, event: &Event) -> Result<Option<RuleName>, store::Error> {
    match event.cause {
        Some(run) => Ok(admin.run(run).await?.map(|detail| detail.row.rule)),
        None => Ok(None),
    }
}

/// The rules that a stored event starts at present, and those that match and are not started, with the reason. `cause` is
/// the rule of the run that led to it.
pub(crate) fn judge_again(
    live: &Live,
    event: &Event,
    cause: Option<&RuleName>,
) -> (Vec<Arc<Rule>>, Vec<(RuleName, String)>) {
    if Incoming::is_probe_of(&event.source, &event.kind) {
        return (Vec::new(), Vec::new());
    }
    let judgement = judge(live, event);
    let verdicts = verdicts(&judgement, event, cause);
    let rules = acting(&judgement, &verdicts).map(Arc::clone).collect();
    (rules, [verdicts.refused, verdicts.errors].concat())
}

fn new_event(event: &Event, envelope: String, verdicts: Verdicts, dedupe_until: Timestamp) -> NewEvent {
    NewEvent {
        id: event.id,
        source: event.source.clone(),
        kind: event.kind.clone(),
        subappid: event.subappid,
        dedupe_key: event.dedupe_key.clone(),
        dedupe_until,
        received_at: event.received_at,
        body: Arc::clone(event.body.text()),
        keys: event.keys.clone(),
        envelope,
        verdicts,
    }
}

fn refused(error: store::Error) -> IngestError {
    match error {
        error @ store::Error::Unavailable { .. } => {
            IngestError::Unavailable { retry_after: None, source: Box::new(error) }
        }
        error => IngestError::Internal { source: Box::new(error) },
    }
}
