//! From a recognised notification to a durable event with the runs that it starts: match, decide, commit, then hand the
//! runs to the runner.

mod envelope;
mod present;

use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::event::Event;
use oncue_rules::ids::{EventId, RunId, SourceName, SubAppId};
use oncue_rules::rule::{Mode, Rule};
use oncue_rules::rule_set::Judgement;
use oncue_rules::time::Timestamp;

use crate::clock;
use crate::http::Bytes;
use crate::http::receiver::{Ack, Ingest, IngestError};
use crate::live::Live;
use crate::program::Programs;
use crate::runner::{self, Permit};
use crate::sources::vod::Recognised;
use crate::store::{self, Accept, Accepted, Fence, NewEvent, NewRun, Store, Verdicts};
use crate::workflow::{Decision, Run};

pub(crate) use present::Present;

/// The source of what the vendor sends.
const VOD: &str = "vod";

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
    rule: oncue_rules::ids::RuleName,
}

#[async_trait]
impl Ingest for Intake {
    async fn ingest(
        &self,
        app: SubAppId,
        recognised: Recognised,
        raw: Bytes,
        received_at: Timestamp,
    ) -> Result<Ack, IngestError> {
        for mark in &recognised.marks {
            tracing::warn!(%app, kind = %recognised.kind, %mark, "an odd event was taken");
        }
        let live = self.present.load();
        let dedupe_until = received_at.after(recognised.dedupe_for);
        let (event, envelope) = self.event(app, recognised, received_at).await?;
        let event = Arc::new(event);
        let judgement = live.rules.judge(&event, live.apps.get(app).map(|app| &app.facts));
        for (rule, error) in &judgement.errors {
            tracing::error!(%rule, event = %event.id, error, "the `if` of a rule failed");
        }
        let begun = self.begin(&live, &judgement, &event, raw.len())?;
        let accept = Accept {
            event: new_event(&event, envelope, &judgement, &raw, dedupe_until),
            runs: begun.iter().map(|begun| begun.new.clone()).collect(),
        };
        let accepted = self.store.accept(accept).await.map_err(refused)?;
        Ok(self.hand_over(&event, begun, accepted))
    }
}

impl Intake {
    async fn event(
        &self,
        app: SubAppId,
        recognised: Recognised,
        received_at: Timestamp,
    ) -> Result<(Event, String), IngestError> {
        let envelope = envelope::write(&recognised, 0, None);
        let Recognised { kind, payload, body, keys, dedupe_key, context, .. } = recognised;
        let event = Event {
            id: EventId::generate(),
            source: SourceName::from(VOD),
            kind,
            subappid: Some(app),
            dedupe_key,
            received_at,
            depth: 0,
            cause: None,
            keys,
            context,
            body,
            payload,
        };
        Ok((event, envelope))
    }

    fn begin(
        &self,
        live: &Live,
        judgement: &Judgement,
        event: &Arc<Event>,
        bytes: usize,
    ) -> Result<Vec<Begun>, IngestError> {
        let acting = judgement.matched.iter().filter(|rule| rule.mode == Mode::Live);
        acting.map(|rule| self.begin_one(live, rule, event, bytes)).collect()
    }

    /// Decides the first state of a run. Where there is room for it, this node keeps it and the first attempt is counted
    /// in the commit of the event; else any node takes it up later.
    fn begin_one(&self, live: &Live, rule: &Rule, event: &Arc<Event>, bytes: usize) -> Result<Begun, IngestError> {
        let program = self.programs.live(&rule.closure).ok_or_else(|| {
            let source = Box::new(NoProgram { rule: rule.name.clone() });
            IngestError::Internal { source }
        })?;
        let now = clock::now();
        let facts = runner::facts(live, RunId::generate(), Arc::clone(event), now);
        let permit = self.runner.reserve(event.subappid, bytes);
        let (run, decision) = match permit {
            Some(_) => Run::begin(program, facts, now),
            None => Run::defer(program, facts, now),
        };
        let lease = permit.as_ref().map(|_| self.runner.lease(now));
        let new = NewRun::of(&run, &decision, lease);
        Ok(Begun { run, decision, new, permit })
    }

    fn hand_over(&self, event: &Event, begun: Vec<Begun>, accepted: Accepted) -> Ack {
        let (fences, woken) = match accepted {
            Accepted::Duplicate(earlier) => return Ack::Duplicate(earlier),
            Accepted::New { fences, woken } => (fences, woken),
        };
        let runs = u32::try_from(begun.len()).unwrap_or(u32::MAX);
        let mut is_left = woken > 0;
        for (begun, (_, fence)) in begun.into_iter().zip(fences) {
            is_left |= begun.permit.is_none();
            self.submit(begun, fence);
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

fn new_event(event: &Event, envelope: String, judgement: &Judgement, raw: &Bytes, dedupe_until: Timestamp) -> NewEvent {
    NewEvent {
        id: event.id,
        source: event.source.clone(),
        kind: event.kind.clone(),
        subappid: event.subappid,
        dedupe_key: event.dedupe_key.clone(),
        dedupe_until,
        received_at: event.received_at,
        body: raw.as_ref().into(),
        keys: event.keys.clone(),
        envelope,
        verdicts: Verdicts {
            matched: judgement.matched.iter().map(|rule| rule.name.clone()).collect(),
            errors: judgement.errors.clone(),
            unmatched: u32::try_from(judgement.unmatched.len()).unwrap_or(u32::MAX),
        },
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
