//! An event on its way in, whatever its source.

use std::time::Duration;

use oncue_plugins::emit::Emission;
use oncue_rules::event::{Body, CorrelationKey, Event};
use oncue_rules::ids::{EventId, EventType, RuleName, RunId, SourceName, SubAppId};
use oncue_rules::schedule;
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use uuid::Uuid;

use super::envelope;
use crate::runner::Death;
use crate::sources::endpoint::Received;
use crate::sources::vod::{PROBE, Recognised};
use crate::store::Origin;

/// The source of what the vendor sends.
const VOD: &str = "vod";
/// The source of our own events.
pub(super) const OWN: &str = "oncue";
/// The type of the event that tells of a dead run.
pub(super) const RUN_DEAD: &str = "RunDead";
/// How long a repeated attempt finds what an earlier one emitted: longer than steps are repeated.
const EMITTED_FOR: Duration = Duration::from_hours(30 * 24);

/// How long another node finds that a tick was taken: longer than ticks are caught up.
const TICKED_FOR: Duration = Duration::from_hours(8 * 24);

/// An event that is to be taken.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// Where it comes from.
    pub source: SourceName,
    /// Its type.
    pub kind: EventType,
    /// Its application.
    pub app: Option<SubAppId>,
    /// Correlation keys, sorted, each once.
    pub keys: Vec<CorrelationKey>,
    /// Equal for two deliveries of one happening, within source and application.
    pub dedupe_key: String,
    /// How long a second event with the same key is a duplicate.
    pub dedupe_for: Duration,
    /// What the business sent along; null when there is none.
    pub context: Value,
    /// The body.
    pub body: Body,
    /// What is odd about it, for its envelope.
    pub marks: Vec<String>,
    /// What the path of its status ends with, where its sender may ask.
    pub status_token: Option<String>,
    /// When it was received.
    pub received_at: Timestamp,
    /// How many runs of ours led to it.
    pub depth: u32,
    /// The run that led to it, and its rule, which it does not start again.
    pub cause: Option<(RunId, RuleName)>,
}

impl Incoming {
    /// A notification of the vendor for this application, which a run of ours may have caused.
    pub(super) fn of_vendor(
        app: SubAppId,
        recognised: Recognised,
        origin: Option<Origin>,
        received_at: Timestamp,
    ) -> Self {
        let Recognised { kind, body, keys, dedupe_key, dedupe_for, context, marks } = recognised;
        Self {
            source: SourceName::from(VOD),
            kind,
            app: Some(app),
            keys,
            dedupe_key,
            dedupe_for,
            context,
            body,
            marks: marks.iter().map(ToString::to_string).collect(),
            status_token: None,
            received_at,
            depth: origin.as_ref().map_or(0, |origin| envelope::depth_of(&origin.envelope).saturating_add(1)),
            cause: origin.map(|origin| (origin.run, origin.rule)),
        }
    }

    /// What somebody else sent to an endpoint.
    pub(super) fn of_endpoint(received: Received, received_at: Timestamp) -> Self {
        let Received { source, kind, app, keys, dedupe_key, dedupe_for, body, follows } = received;
        Self {
            source,
            kind,
            app,
            keys,
            dedupe_key,
            dedupe_for,
            context: Value::Null,
            body,
            marks: Vec::new(),
            status_token: follows.then(|| Uuid::new_v4().simple().to_string()),
            received_at,
            depth: 0,
            cause: None,
        }
    }

    /// What a step of ours emits.
    pub(super) fn of_emission(emission: Emission, received_at: Timestamp) -> Self {
        let Emission { kind, body, keys, app, cause, rule, depth, dedupe_key, deadline: _ } = emission;
        Self {
            source: SourceName::from(OWN),
            kind,
            app,
            keys,
            dedupe_key,
            dedupe_for: EMITTED_FOR,
            context: Value::Null,
            body: body.into(),
            marks: Vec::new(),
            status_token: None,
            received_at,
            depth,
            cause: Some((cause, rule)),
        }
    }

    /// A run has died, whose application has this name. It carries the keys of the run's event, so that what waits for the
    /// outcome of that run can wait for its death too.
    pub(super) fn of_death(death: &Death<'_>, app: Option<String>) -> Self {
        let error = death.error;
        let text = |text: &str| Value::text(text);
        let told = [
            ("step", text(error.step.as_str())),
            ("code", text(&error.code)),
            ("message", text(&error.message)),
            ("class", text(&error.class)),
        ];
        let body = map([
            ("run", Value::text(death.run.to_string())),
            ("rule", text(death.rule.as_str())),
            ("app", app.map_or(Value::Null, Value::text)),
            ("step", text(error.step.as_str())),
            ("error", map(told)),
        ]);
        Self {
            source: SourceName::from(OWN),
            kind: EventType::from(RUN_DEAD),
            app: death.event.subappid,
            keys: death.event.keys.clone(),
            dedupe_key: format!("run_dead:{}:{}", death.run, death.deaths),
            dedupe_for: EMITTED_FOR,
            context: Value::Null,
            body: body.into(),
            marks: Vec::new(),
            status_token: None,
            received_at: death.at,
            depth: death.event.depth.saturating_add(1),
            cause: Some((death.run, death.rule.clone())),
        }
    }

    /// The tick of a schedule.
    pub(crate) fn of_tick(rule: &RuleName, app: Option<SubAppId>, at: Timestamp, received_at: Timestamp) -> Self {
        let body = map([("rule", Value::text(rule.as_str())), ("scheduled_at", Value::text(at.to_string()))]);
        Self {
            source: SourceName::from(schedule::SOURCE),
            kind: schedule::kind(rule),
            app,
            keys: Vec::new(),
            dedupe_key: format!("schedule:{rule}:{at}"),
            dedupe_for: TICKED_FOR,
            context: Value::Null,
            body: body.into(),
            marks: Vec::new(),
            status_token: None,
            received_at,
            depth: 0,
            cause: None,
        }
    }

    /// Whether it only asks if events arrive; no rule is for it.
    pub(super) fn is_probe(&self) -> bool {
        Self::is_probe_of(&self.source, &self.kind)
    }

    /// The same, of an event of this source and type.
    pub(crate) fn is_probe_of(source: &SourceName, kind: &EventType) -> bool {
        source.as_str() == VOD && kind.as_str() == PROBE
    }

    /// The event that it becomes.
    pub(super) fn event(&self) -> Event {
        Event {
            id: EventId::generate(),
            source: self.source.clone(),
            kind: self.kind.clone(),
            subappid: self.app,
            dedupe_key: self.dedupe_key.clone(),
            received_at: self.received_at,
            depth: self.depth,
            cause: self.cause.as_ref().map(|(run, _)| *run),
            keys: self.keys.clone(),
            context: self.context.clone(),
            body: self.body.clone(),
        }
    }
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
