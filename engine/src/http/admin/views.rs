//! What the API sends: the names that the command line and the console use too. Fields come in this order; ids are texts;
//! times are RFC 3339 in UTC; what is not there is null.

use oncue_rules::ids::SubAppId;
use oncue_rules::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::store::{
    Counts, ErrorRecord, EventRow, FailedAttempt, QuarantineRow, RunDetail, RunRow, StepRow, StoredEvent, Timer,
    Verdicts, Written,
};

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to pass as `before` for the rows after these; null when there are none.
    pub next: Option<String>,
}

/// An event in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// `evt_…`
    pub id: String,
    /// Such as `NewFileUpload`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Such as `vod`.
    pub source: String,
    /// Its application.
    pub subappid: Option<SubAppId>,
    /// Equal for two deliveries of one happening, within source and application.
    pub dedupe_key: String,
    /// When it was received.
    pub received_at: String,
    /// What the rules said to it.
    pub verdicts: VerdictsView,
    /// How many duplicates of it came.
    pub duplicates: u32,
}

/// What the rules said to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictsView {
    /// The rules that matched.
    pub matched: Vec<String>,
    /// The rules whose `if` failed.
    pub errors: Vec<VerdictErrorView>,
    /// How many rules that listen to this type and application did not match.
    pub unmatched: u32,
    /// The rules that matched and gather it with others before a run begins.
    pub collected: Vec<String>,
    /// The rules that matched and have started as many runs as they may.
    pub throttled: Vec<String>,
    /// The rules that matched and were not started.
    pub refused: Vec<VerdictErrorView>,
}

/// A rule whose `if` failed, or that was not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictErrorView {
    /// The rule.
    pub rule: String,
    /// How it failed, or why it was not started.
    pub message: String,
}

/// An event with everything that is stored of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventDetailView {
    /// The event as in a list.
    pub event: EventView,
    /// Its correlation keys, sorted.
    pub keys: Vec<KeyView>,
    /// The rest of its envelope.
    pub envelope: Json,
    /// Its body, a text that is JSON, as received.
    pub body: String,
    /// The runs that it started or that gather it, newest first; 1,000 at most.
    pub runs: Vec<RunView>,
}

/// A correlation key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Such as `file_id`.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// `run_…`
    pub id: String,
    /// Its rule.
    pub rule: String,
    /// Such as `running`.
    pub status: String,
    /// Its event.
    pub event: String,
    /// Its application.
    pub subappid: Option<SubAppId>,
    /// The content hash of the rule that it runs.
    pub closure: String,
    /// When it was created.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Why it failed.
    pub error: Option<ErrorRecord>,
    /// The word of the `end` that it ended well with.
    #[serde(default)]
    pub end: Option<String>,
}

/// A run with its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDetailView {
    /// The run as in a list.
    pub run: RunView,
    /// Its steps, in the order in which they started.
    pub steps: Vec<StepView>,
    /// Its failed attempts, oldest first.
    pub failed_attempts: Vec<AttemptView>,
    /// Its timers.
    pub timers: Vec<TimerView>,
    /// The run, or the event, that a person had it repeat.
    pub replay_of: Option<String>,
    /// The events that it has gathered, in the order of reception; none when it does not gather.
    pub collected: Vec<String>,
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// Such as `transcode` or `each[3]/notify`.
    pub path: String,
    /// Such as `succeeded`.
    pub outcome: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Which request to the other side it is.
    pub generation: u32,
    /// Its idempotency key.
    pub key: Option<String>,
    /// Its outputs.
    pub output: Json,
    /// Why it failed.
    pub error: Option<ErrorRecord>,
    /// When it started.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptView {
    /// Its step.
    pub path: String,
    /// Which attempt, from 1.
    pub number: u32,
    /// When it ended.
    pub at: String,
    /// How it failed.
    pub error: ErrorRecord,
}

/// A timer of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerView {
    /// Its step.
    pub path: String,
    /// Such as `retry` or `timeout`.
    pub kind: crate::store::TimerKind,
    /// When it is due.
    pub due_at: String,
}

/// A rule that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// `live`, `shadow` or `off`.
    pub mode: String,
    /// The event types that it listens to; `*` is all.
    pub on: Vec<String>,
    /// The applications that it is for; null for all.
    pub apps: Option<Vec<SubAppId>>,
    /// Its content hash.
    pub hash: String,
}

/// A body that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineView {
    /// Its number, as text; later ones are larger.
    pub number: String,
    /// When it came.
    pub received_at: String,
    /// The application whose door it came through.
    pub subappid: Option<SubAppId>,
    /// Why it was not taken.
    pub reason: String,
    /// The kept part of it; bytes that are no UTF-8 are shown as U+FFFD.
    pub body: String,
}

/// How much is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountsView {
    /// Events.
    pub events: u64,
    /// Duplicates that came of them.
    pub duplicates: u64,
    /// Runs by status; statuses that no run has may be missing.
    pub runs: serde_json::Map<String, Json>,
    /// Runs that limits stopped, of stored events.
    pub throttled: u64,
    /// Bodies in quarantine.
    pub quarantined: u64,
    /// What the process wrote since it started, where commands share commits.
    pub store: Option<Written>,
}

/// What became of an emitted event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmittedView {
    /// `accepted` or `duplicate`.
    pub outcome: String,
    /// The event as which it is stored.
    pub event: String,
    /// How many runs it started.
    pub runs: u32,
}

/// A run that was told to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelledView {
    /// The run.
    pub run: String,
    /// `asked`: the run ends when it gets to it.
    pub outcome: String,
}

fn time(moment: Timestamp) -> String {
    moment.to_string()
}

/// Stored JSON text as JSON; what is stored but is none (that would be a fault) as the text that it is.
fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.kind.to_string(),
            source: row.source.to_string(),
            subappid: row.subappid,
            dedupe_key: row.dedupe_key,
            received_at: time(row.received_at),
            verdicts: row.verdicts.into(),
            duplicates: row.duplicates,
        }
    }
}

impl From<Verdicts> for VerdictsView {
    fn from(verdicts: Verdicts) -> Self {
        let error = |(rule, message): (oncue_rules::ids::RuleName, String)| VerdictErrorView {
            rule: rule.to_string(),
            message,
        };
        Self {
            matched: verdicts.matched.iter().map(ToString::to_string).collect(),
            errors: verdicts.errors.into_iter().map(error).collect(),
            unmatched: verdicts.unmatched,
            collected: verdicts.collected.iter().map(ToString::to_string).collect(),
            throttled: verdicts.throttled.iter().map(ToString::to_string).collect(),
            refused: verdicts.refused.into_iter().map(error).collect(),
        }
    }
}

impl EventDetailView {
    /// The view of an event and its runs.
    #[must_use]
    pub fn new(event: StoredEvent, runs: Vec<RunRow>) -> Self {
        Self {
            event: event.row.into(),
            keys: event.keys.into_iter().map(|key| KeyView { name: key.name, value: key.value }).collect(),
            envelope: json(&event.envelope),
            body: String::from_utf8_lossy(&event.body).into_owned(),
            runs: runs.into_iter().map(RunView::from).collect(),
        }
    }
}

impl From<RunRow> for RunView {
    fn from(row: RunRow) -> Self {
        Self {
            id: row.id.to_string(),
            rule: row.rule.to_string(),
            status: row.status.to_string(),
            event: row.event.to_string(),
            subappid: row.subappid,
            closure: row.closure.to_string(),
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
            error: row.error,
            end: row.end,
        }
    }
}

impl From<RunDetail> for RunDetailView {
    fn from(detail: RunDetail) -> Self {
        let event = detail.row.event;
        let replay_of = detail.replay_of.map(|of| of.run.map_or_else(|| event.to_string(), |run| run.to_string()));
        Self {
            run: detail.row.into(),
            steps: detail.steps.into_iter().map(StepView::from).collect(),
            failed_attempts: detail.failed_attempts.into_iter().map(AttemptView::from).collect(),
            timers: detail.timers.into_iter().map(TimerView::from).collect(),
            replay_of,
            collected: detail.collected.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<StepRow> for StepView {
    fn from(row: StepRow) -> Self {
        Self {
            path: row.path.to_string(),
            outcome: row.outcome.as_str().to_owned(),
            attempts: row.attempts,
            generation: row.generation,
            key: row.key,
            output: row.output.as_deref().map_or(Json::Null, json),
            error: row.error,
            started_at: time(row.started_at),
            ended_at: row.ended_at.map(time),
        }
    }
}

impl From<FailedAttempt> for AttemptView {
    fn from(attempt: FailedAttempt) -> Self {
        let FailedAttempt { path, number, at, error } = attempt;
        Self { path: path.to_string(), number, at: time(at), error }
    }
}

impl From<Timer> for TimerView {
    fn from(timer: Timer) -> Self {
        Self { path: timer.path.to_string(), kind: timer.kind, due_at: time(timer.due_at) }
    }
}

impl From<QuarantineRow> for QuarantineView {
    fn from(row: QuarantineRow) -> Self {
        Self {
            number: row.number.to_string(),
            received_at: time(row.received_at),
            subappid: row.subappid,
            reason: row.reason,
            body: String::from_utf8_lossy(&row.body).into_owned(),
        }
    }
}

impl CountsView {
    pub(super) fn new(counts: Counts, store: Option<Written>) -> Self {
        let runs = counts.runs.into_iter().map(|(status, count)| (status.to_string(), Json::from(count)));
        Self {
            events: counts.events,
            duplicates: counts.duplicates,
            runs: runs.collect(),
            throttled: counts.throttled,
            quarantined: counts.quarantined,
            store,
        }
    }
}
