//! The commands of the hot port, and their answers.

use std::sync::Arc;
use std::time::Duration;

use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{ContentHash, EventId, EventType, RuleName, RunId, SourceName, StepPath, SubAppId};
use oncue_rules::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ErrorRecord, FailedAttempt, InboxRow, InputId, RunRow, RunStatus, StepRow, StoredEvent, Timer, Wait};
use crate::workflow::{Decision, Run};

/// One process that works on a store; new at each start.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeId(pub Arc<str>);

/// Grows each time a run is leased; a command with an old one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub i64);

/// What [`crate::store::Store::join`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// How many leases of nodes that are gone were freed.
    pub freed: u64,
}

/// A thing that a command tests and writes by its key, so that a driver with many writers must lock it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockKey {
    /// The dedupe key of an event, within its source and application.
    Dedupe(String),
    /// A correlation key, within an application.
    Correlation(Option<SubAppId>, CorrelationKey),
    /// The key of a collection, within a rule and an application.
    Collection(RuleName, Option<SubAppId>, String),
    /// The key of a limit, within a rule.
    Limit(RuleName, String),
}

/// An event to store.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// Its source.
    pub source: SourceName,
    /// Its type.
    pub kind: EventType,
    /// Its application.
    pub subappid: Option<SubAppId>,
    /// Its dedupe key; source and application are not yet part of it.
    pub dedupe_key: String,
    /// Until when a second event with the same key is a duplicate.
    pub dedupe_until: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
    /// The body, to the byte as received.
    pub body: Arc<[u8]>,
    /// Its correlation keys, sorted.
    pub keys: Vec<CorrelationKey>,
    /// The rest of its envelope, as JSON; the store does not look into it.
    pub envelope: String,
    /// What the rules said to it.
    pub verdicts: Verdicts,
}

/// What the rules said to an event, counted; the full answer is found again by asking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdicts {
    /// The rules that matched.
    pub matched: Vec<RuleName>,
    /// The rules whose `if` failed, with the message.
    pub errors: Vec<(RuleName, String)>,
    /// How many rules that listen to this type and application did not match.
    pub unmatched: u32,
    /// The rules that matched and gather this event with others before a run begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collected: Vec<RuleName>,
    /// The rules that matched and have started as many runs as they may. The store says so, where it counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttled: Vec<RuleName>,
    /// The rules that matched and were not started, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<(RuleName, String)>,
}

/// A run to start.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Its rule.
    pub rule: RuleName,
    /// The content that it pins.
    pub closure: ContentHash,
    /// Its first state, decided before the commit.
    pub status: RunStatus,
    /// Its cursor, as JSON; the store does not look into it.
    pub state: String,
    /// The word of the `end` that it ended well with.
    pub end: Option<String>,
    /// Its first step rows.
    pub steps: Vec<StepRow>,
    /// Its first timers.
    pub timers: Vec<Timer>,
    /// Leased from the start, to this node until then; else any node may claim it.
    pub lease: Option<(NodeId, Timestamp)>,
    /// It gathers events before it begins: the event goes to the run that gathers for the same key, and this one is only
    /// created when there is none that takes it. It sleeps until its collection is closed.
    pub gather: Option<Gather>,
    /// It is only created when its rule has started fewer than it may; else the event has the verdict `throttled`.
    pub limit: Option<LimitBy>,
}

/// How many runs a rule may start for a key. A window begins with the first run that it counts, and its end is said then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitBy {
    /// What is counted by itself, within the rule.
    pub key: String,
    /// How many.
    pub runs: u32,
    /// How long a window is.
    pub every: Duration,
}

/// How a run gathers events. What is said when it is created holds until its collection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gather {
    /// Events with one key belong together, within the rule and the application.
    pub key: String,
    /// The collection is closed when nothing more came for so long.
    pub quiet: Duration,
    /// It is closed so long after its first event at the latest.
    pub max: Duration,
    /// It is closed with so many events.
    pub max_events: u32,
    /// The bodies of its events have so many bytes at most, unless it has one event only. It is closed before one that
    /// does not fit.
    pub max_bytes: u64,
}

/// The command of [`crate::store::Store::accept`].
#[derive(Debug, Clone)]
pub struct Accept {
    /// The event.
    pub event: NewEvent,
    /// The runs that it starts; of one rule only one gathers.
    pub runs: Vec<NewRun>,
}

impl Accept {
    /// The keys that this command tests and writes, sorted.
    #[must_use]
    pub fn locks(&self) -> Vec<LockKey> {
        let event = &self.event;
        let dedupe = LockKey::Dedupe(event.scoped_dedupe_key());
        let keys = event.keys.iter().map(|key| LockKey::Correlation(event.subappid, key.clone()));
        let gathering = self.runs.iter().filter_map(|run| {
            let key = run.gather.as_ref()?.key.clone();
            Some(LockKey::Collection(run.rule.clone(), event.subappid, key))
        });
        let limits =
            self.runs.iter().filter_map(|run| Some(LockKey::Limit(run.rule.clone(), run.limit.as_ref()?.key.clone())));
        sorted(std::iter::once(dedupe).chain(keys).chain(gathering).chain(limits))
    }
}

impl NewEvent {
    /// The dedupe key within source and application, as stores keep it.
    #[must_use]
    pub fn scoped_dedupe_key(&self) -> String {
        let app = self.subappid.map_or_else(String::new, |id| id.to_string());
        format!("{}/{app}/{}", self.source, self.dedupe_key)
    }
}

/// What became of an accepted event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored. A run that was to be leased has the first fence.
    New {
        /// The runs that were created, with their fences, in the order of the command; 0 for a run that nobody holds
        /// yet. One whose event went to a run that gathers, or that a limit stopped, is not among them.
        fences: Vec<(RunId, Fence)>,
        /// How many waiting runs were handed this event.
        woken: u32,
    },
    /// It was stored before, as this event.
    Duplicate(EventId),
}

/// A body that could not be taken.
#[derive(Debug, Clone)]
pub struct Quarantine {
    /// When it came.
    pub received_at: Timestamp,
    /// The application whose door it came through.
    pub subappid: Option<SubAppId>,
    /// Why it was not taken.
    pub reason: String,
    /// Its bytes.
    pub body: Arc<[u8]>,
    /// How many are kept; the oldest go.
    pub keep: u32,
}

/// Something stored once under the hash of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The hexadecimal SHA-256 of `text`.
    pub hash: ContentHash,
    /// The content.
    pub text: String,
}

/// The answer of [`crate::store::Store::origin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The run.
    pub run: RunId,
    /// Its rule.
    pub rule: RuleName,
    /// The envelope of its event, as JSON.
    pub envelope: String,
}

/// The command of [`crate::store::Store::claim`].
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who claims.
    pub node: NodeId,
    /// The present.
    pub now: Timestamp,
    /// Until when the leases hold.
    pub until: Timestamp,
    /// How many runs at most.
    pub limit: u32,
    /// How many runs of one application at most.
    pub per_app: u32,
}

/// A leased run with all that it takes to go on with it.
#[derive(Debug, Clone)]
pub struct ClaimedRun {
    /// The run.
    pub run: RunRow,
    /// The right to change it.
    pub fence: Fence,
    /// Its cursor, as JSON.
    pub state: String,
    /// Its event.
    pub event: StoredEvent,
    /// Bytes of the bodies that it has gathered, that of its own event included; 0 when it does not gather.
    pub gathered_bytes: u64,
    /// Its steps so far.
    pub steps: Vec<StepRow>,
    /// Its unconsumed inputs, oldest first.
    pub inbox: Vec<InboxRow>,
}

/// The command of [`crate::store::Store::apply`] and [`crate::store::Store::park`]: what a transition decided.
#[derive(Debug, Clone)]
pub struct Advance {
    /// The run.
    pub run: RunId,
    /// The right to change it.
    pub fence: Fence,
    /// When it was decided.
    pub now: Timestamp,
    /// The inputs that it was decided on.
    pub consumed: Vec<InputId>,
    /// The new status.
    pub status: RunStatus,
    /// The new cursor, as JSON.
    pub state: String,
    /// Why the run failed, once it has.
    pub error: Option<ErrorRecord>,
    /// The word of the `end` that it ended well with.
    pub end: Option<String>,
    /// Step rows to write; a row of the same path is replaced.
    pub steps: Vec<StepRow>,
    /// Attempts that failed.
    pub failed_attempts: Vec<FailedAttempt>,
    /// Timers to set.
    pub timers: Vec<Timer>,
    /// Paths whose timers and waits are void.
    pub settled: Vec<StepPath>,
    /// Waits to set; a wait stays until its path is settled or the run has ended.
    pub waits: Vec<Wait>,
    /// An event that tells of it, which is accepted in the same commit; what becomes of it is not answered.
    pub raised: Option<Box<Accept>>,
}

impl Advance {
    /// The keys that this command tests and writes, sorted.
    #[must_use]
    pub fn locks(&self) -> Vec<LockKey> {
        let waits = self.waits.iter().map(|wait| LockKey::Correlation(wait.subappid, wait.key.clone()));
        let raised = self.raised.iter().flat_map(|accept| accept.locks());
        sorted(waits.chain(raised))
    }
}

fn sorted(keys: impl Iterator<Item = LockKey>) -> Vec<LockKey> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    keys.dedup();
    keys
}

impl NewRun {
    /// The run that an event starts with this as its first decision.
    #[must_use]
    pub fn of(run: &Run, decision: &Decision, lease: Option<(NodeId, Timestamp)>) -> Self {
        let rule = &run.program().rule;
        Self {
            id: run.id(),
            rule: rule.name.clone(),
            closure: rule.closure.clone(),
            status: decision.status,
            state: decision.state.clone(),
            end: decision.end.clone(),
            steps: decision.steps.clone(),
            timers: decision.timers.clone(),
            lease,
            gather: None,
            limit: None,
        }
    }
}

impl Advance {
    /// The command that commits a decision.
    #[must_use]
    pub fn of(decision: &Decision, run: RunId, fence: Fence, now: Timestamp, consumed: Vec<InputId>) -> Self {
        Self {
            run,
            fence,
            now,
            consumed,
            status: decision.status,
            state: decision.state.clone(),
            error: decision.error.clone(),
            end: decision.end.clone(),
            steps: decision.steps.clone(),
            failed_attempts: decision.failed_attempts.clone(),
            timers: decision.timers.clone(),
            settled: decision.settled.clone(),
            waits: decision.waits.clone(),
            raised: None,
        }
    }
}
