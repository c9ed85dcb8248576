//! Commands with everything filled in that a case does not care about.

use oncue::store::{
    Accept, Accepted, Advance, Claim, ClaimedRun, Error, ErrorRecord, Fence, InboxRow, Input, NewEvent, NewRun, NodeId,
    Page, RunStatus, StepOutcome, StepRow, Timer, TimerKind, Verdicts, Wait,
};
use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{ContentHash, EventId, EventType, RuleName, RunId, SourceName, StepPath, SubAppId};
use oncue_rules::time::Timestamp;

use super::Driver;

pub(super) const APP: SubAppId = SubAppId(1_500_000_001);
pub(super) const OTHER_APP: SubAppId = SubAppId(1_500_000_002);
/// Every event, from the newest.
pub(super) const ALL: Page = Page { limit: 1_000, before: None };

/// A moment, so many milliseconds after the start of the story.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp(1_760_000_000_000 + millis)
}

pub(super) fn node(name: &str) -> NodeId {
    NodeId(name.into())
}

pub(super) fn key(name: &str, value: &str) -> CorrelationKey {
    CorrelationKey { name: name.to_owned(), value: value.to_owned() }
}

/// An upload in [`APP`], received at the start of the story.
pub(super) fn event(dedupe_key: &str) -> NewEvent {
    NewEvent {
        id: EventId::generate(),
        source: SourceName::from("vod"),
        kind: EventType::from("NewFileUpload"),
        subappid: Some(APP),
        dedupe_key: dedupe_key.to_owned(),
        dedupe_until: at(7 * 24 * 3_600_000),
        received_at: at(0),
        body: br#"{"EventType":"NewFileUpload"}"#.as_slice().into(),
        keys: vec![key("file_id", dedupe_key)],
        envelope: "{}".to_owned(),
        verdicts: Verdicts::default(),
    }
}

/// The end of a task, received at `millis`.
pub(super) fn completion(dedupe_key: &str, task: &str, millis: i64) -> NewEvent {
    NewEvent {
        kind: EventType::from("ProcedureStateChanged"),
        received_at: at(millis),
        keys: vec![key("task_id", task)],
        ..event(dedupe_key)
    }
}

/// A run that nobody holds yet.
pub(super) fn run(rule: &str) -> NewRun {
    NewRun {
        end: None,
        id: RunId::generate(),
        rule: RuleName::from(rule),
        closure: ContentHash::from("c0ffee"),
        status: RunStatus::Pending,
        state: "{}".to_owned(),
        steps: Vec::new(),
        timers: Vec::new(),
        lease: None,
        gather: None,
        limit: None,
    }
}

/// A run that `holder` holds until a minute into the story.
pub(super) fn held(rule: &str, holder: &str) -> NewRun {
    NewRun { lease: Some((node(holder), at(60_000))), ..run(rule) }
}

pub(super) fn with(event: NewEvent, runs: Vec<NewRun>) -> Accept {
    Accept { event, runs }
}

pub(super) fn alone(event: NewEvent) -> Accept {
    with(event, Vec::new())
}

/// Stores a new event with one run that node `a` holds; gives the run.
pub(super) async fn start(store: &dyn Driver, dedupe_key: &str) -> RunId {
    let run = held("rule", "a");
    let id = run.id;
    let accepted = store.accept(with(event(dedupe_key), vec![run])).await.unwrap();
    assert_eq!(accepted, Accepted::New { fences: vec![(id, Fence(1))], woken: 0 });
    id
}

/// A transition that changes nothing but the status.
pub(super) fn advance(run: RunId, fence: Fence, status: RunStatus) -> Advance {
    Advance {
        run,
        fence,
        now: at(100),
        consumed: Vec::new(),
        status,
        state: format!("{{\"at\":\"{status}\"}}"),
        error: None,
        steps: Vec::new(),
        failed_attempts: Vec::new(),
        timers: Vec::new(),
        settled: Vec::new(),
        waits: Vec::new(),
        raised: None,
        end: None,
    }
}

/// A transition to `waiting`, for the end of a task since the start of the story.
pub(super) fn waiting_for(run: RunId, fence: Fence, task: &str) -> Advance {
    Advance { waits: vec![wait("wait", task)], ..advance(run, fence, RunStatus::Waiting) }
}

pub(super) fn wait(path: &str, task: &str) -> Wait {
    Wait {
        path: StepPath::from(path),
        subappid: Some(APP),
        kind: EventType::from("ProcedureStateChanged"),
        key: key("task_id", task),
        since: at(0),
    }
}

pub(super) fn timer(path: &str, kind: TimerKind, millis: i64) -> Timer {
    Timer { path: StepPath::from(path), kind, due_at: at(millis) }
}

pub(super) fn step(path: &str, outcome: StepOutcome, millis: i64) -> StepRow {
    StepRow {
        path: StepPath::from(path),
        outcome,
        attempts: 1,
        generation: 0,
        key: Some(format!("key-of-{path}")),
        output: Some("{\"n\":1}".to_owned()),
        error: None,
        started_at: at(millis),
        ended_at: None,
    }
}

pub(super) fn error(path: &str) -> ErrorRecord {
    ErrorRecord {
        step: StepPath::from(path),
        code: "timeout".to_owned(),
        message: "it took too long".to_owned(),
        class: "retry".to_owned(),
    }
}

/// A claim of everything, by a node, at a moment, for a minute.
pub(super) fn claim(by: &str, millis: i64) -> Claim {
    Claim { node: node(by), now: at(millis), until: at(millis + 60_000), limit: 1_000, per_app: 1_000 }
}

pub(super) fn ids(claimed: &[ClaimedRun]) -> Vec<RunId> {
    claimed.iter().map(|claimed| claimed.run.id).collect()
}

pub(super) fn inputs(rows: &[InboxRow]) -> Vec<Input> {
    rows.iter().map(|row| row.input.clone()).collect()
}

pub(super) fn event_for(path: &str, event: EventId) -> Input {
    Input::Event { path: StepPath::from(path), event }
}

pub(super) fn cancel(reason: &str) -> Input {
    Input::Cancel { reason: reason.to_owned() }
}

#[track_caller]
pub(super) fn assert_fenced<T: std::fmt::Debug>(result: &Result<T, Error>, run: RunId) {
    assert!(matches!(result, Err(Error::Fenced { run: fenced }) if *fenced == run), "{result:?}");
}
