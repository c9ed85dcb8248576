mod backup;
mod cancel;
mod explain;
mod rerun;
mod shown;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{ContentHash, EventId, EventType, RuleName, RunId, SourceName, StepPath, SubAppId};
use oncue_rules::time::Timestamp;
use serde_json::json;

use super::{Api, Backups, LiveRules, ReloadView, RuleDetailView, RuleView, RulesStatusView, face};
use crate::http::tests::support::{APP, Answer, FakeIngest, FakeStore, Mood, Server, now, sample};
use crate::http::{Limits, body::BodyLimits, routes};
use crate::secret::Secret;
use crate::store::*;

const TOKEN: &str = "admin-t0ken";

#[derive(Default)]
struct FakeAdmin {
    store: Arc<FakeStore>,
    events: Mutex<Vec<StoredEvent>>,
    quarantine: Mutex<Vec<QuarantineRow>>,
    asked: Mutex<Vec<String>>,
    /// Told when a copy may be whole.
    copied: tokio::sync::Notify,
}

impl FakeAdmin {
    fn note(&self, what: impl std::fmt::Debug) -> Result<(), Error> {
        self.asked.lock().unwrap().push(format!("{what:?}"));
        self.store.check()
    }
}

#[async_trait]
impl Admin for FakeAdmin {
    async fn events(&self, filter: EventFilter, page: Page) -> Result<Vec<EventRow>, Error> {
        self.note((filter, page))?;
        let rows = self.events.lock().unwrap().iter().map(|event| event.row.clone()).collect::<Vec<_>>();
        Ok(rows.into_iter().take(usize::try_from(page.limit).unwrap()).collect())
    }
    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, Error> {
        self.note(id)?;
        Ok(self.events.lock().unwrap().iter().find(|event| event.row.id == id).cloned())
    }
    async fn runs(&self, filter: RunFilter, page: Page) -> Result<Vec<RunRow>, Error> {
        self.note((filter, page))?;
        Ok(self.store.runs.lock().unwrap().iter().map(|run| run.row.clone()).collect())
    }
    async fn run(&self, id: RunId) -> Result<Option<RunDetail>, Error> {
        self.note(id)?;
        Ok(self.store.runs.lock().unwrap().iter().find(|run| run.row.id == id).cloned())
    }
    async fn quarantined(&self, page: Page) -> Result<Vec<QuarantineRow>, Error> {
        self.note(page)?;
        Ok(self.quarantine.lock().unwrap().clone())
    }
    async fn counts(&self) -> Result<Counts, Error> {
        self.note("counts")?;
        Ok(Counts { events: 3, duplicates: 1, runs: vec![(RunStatus::Dead, 2)], throttled: 5, quarantined: 4 })
    }
    async fn retry(&self, _: Retry) -> Result<Retried, Error> {
        unreachable!()
    }
    async fn replay(&self, _: Replay) -> Result<Replayed, Error> {
        unreachable!()
    }
    async fn back_up(&self, file: &Path, told: &(dyn Fn(Copied) + Send + Sync)) -> Result<Copied, Error> {
        self.note(file)?;
        told(Copied { bytes: 1, of: 2 });
        self.copied.notified().await;
        Ok(Copied { bytes: 2, of: 2 })
    }
    async fn examine(&self, _: Place, _: Timestamp, _: u32) -> Result<Examined, Error> {
        unreachable!()
    }
    async fn sums(&self) -> Result<Vec<(String, i64)>, Error> {
        unreachable!()
    }
    async fn expire(&self, _: Retention, _: Timestamp, _: u32) -> Result<Expired, Error> {
        unreachable!()
    }
}

struct OneRule;

impl OneRule {
    fn attempt(outcome: &str) -> ReloadView {
        ReloadView {
            at: "2026-01-31T08:00:00.000Z".to_owned(),
            cause: "change".to_owned(),
            outcome: outcome.to_owned(),
            findings: Vec::new(),
            at_next_start: Vec::new(),
            added: Vec::new(),
            changed: Vec::new(),
            removed: Vec::new(),
        }
    }
}

#[async_trait]
impl LiveRules for OneRule {
    fn list(&self) -> Vec<RuleView> {
        vec![RuleView {
            name: "r".to_owned(),
            description: None,
            mode: "live".to_owned(),
            on: vec!["NewFileUpload".to_owned()],
            apps: Some(vec![SubAppId(APP)]),
            hash: "ab".to_owned(),
        }]
    }

    fn show(&self, name: &str) -> Option<RuleDetailView> {
        let rule = self.list().pop().filter(|rule| rule.name == name)?;
        Some(RuleDetailView { rule, file: "rules/r.yaml".to_owned(), line: 2, yaml: "name: r\n".to_owned() })
    }

    fn status(&self) -> RulesStatusView {
        RulesStatusView {
            loaded_at: "2026-01-30T08:00:00.000Z".to_owned(),
            hash: "cd".to_owned(),
            files: vec!["rules/r.yaml".to_owned()],
            last_attempt: Self::attempt("refused"),
        }
    }

    async fn reload(&self) -> ReloadView {
        Self::attempt("unchanged")
    }
}

struct Rig {
    server: Server,
    admin: Arc<FakeAdmin>,
    ingest: Arc<FakeIngest>,
}

impl Rig {
    async fn new() -> Self {
        let admin = Arc::new(FakeAdmin::default());
        let ingest = FakeIngest::new(Mood::Take);
        let api = Api {
            tokens: Arc::new(ArcSwap::from_pointee(vec![Secret::new(TOKEN)])),
            store: Arc::<FakeStore>::clone(&admin.store),
            admin: Arc::<FakeAdmin>::clone(&admin),
            rules: Arc::new(OneRule),
            ingest: Arc::<FakeIngest>::clone(&ingest),
            reruns: Arc::new(rerun::Fake),
            explains: Arc::new(explain::Fake),
            backups: Backups::default(),
            body: BodyLimits::default(),
            now,
        };
        let server = Server::start(routes(face(Arc::new(api))), Limits::default()).await;
        Self { server, admin, ingest }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "").await
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = format!("/api/v1{path}");
        self.server.connect().await.call(method, &path, &format!("authorization: Bearer {TOKEN}\r\n"), body).await
    }

    fn last_question(&self) -> String {
        self.admin.asked.lock().unwrap().last().cloned().unwrap_or_default()
    }

    fn add_event(&self) -> EventId {
        let id = EventId::generate();
        let row = EventRow {
            id,
            source: SourceName::new("vod"),
            kind: EventType::new("NewFileUpload"),
            subappid: Some(SubAppId(APP)),
            dedupe_key: "NewFileUpload:5".to_owned(),
            received_at: now(),
            verdicts: Verdicts {
                matched: vec![RuleName::new("r")],
                errors: vec![(RuleName::new("s"), "no".to_owned())],
                unmatched: 2,
                collected: Vec::new(),
                throttled: Vec::new(),
                refused: Vec::new(),
            },
            duplicates: 1,
        };
        let key = CorrelationKey { name: "file_id".to_owned(), value: "5".to_owned() };
        let body = br#"{"n":9007199254740993.0}"#.as_slice().into();
        let event = StoredEvent { row, keys: vec![key], envelope: r#"{"depth":1}"#.to_owned(), body };
        self.admin.events.lock().unwrap().push(event);
        id
    }

    fn add_run(&self, status: RunStatus) -> RunId {
        let id = RunId::generate();
        let error = ErrorRecord {
            step: StepPath::new("tell"),
            code: "timeout".to_owned(),
            message: "no answer".to_owned(),
            class: "retry".to_owned(),
        };
        let row = RunRow {
            id,
            rule: RuleName::new("r"),
            closure: ContentHash::new("ab"),
            event: EventId::from_bytes([1; 16]),
            subappid: None,
            status,
            created_at: now(),
            updated_at: now(),
            end: None,
            error: Some(error.clone()),
        };
        let step = StepRow {
            path: StepPath::new("tell"),
            outcome: StepOutcome::TimedOut,
            attempts: 2,
            generation: 0,
            key: None,
            output: Some(r#"{"b":1,"a":2}"#.to_owned()),
            error: None,
            started_at: now(),
            ended_at: None,
        };
        let attempt = FailedAttempt { path: StepPath::new("tell"), number: 1, at: now(), error };
        let timer = Timer { path: StepPath::new("tell"), kind: TimerKind::Retry, due_at: now() };
        let detail = RunDetail {
            row,
            steps: vec![step],
            failed_attempts: vec![attempt],
            timers: vec![timer],
            state: "{}".to_owned(),
            replay_of: None,
            collected: Vec::new(),
        };
        self.admin.store.runs.lock().unwrap().push(detail);
        id
    }
}

#[tokio::test]
async fn every_call_asks_for_the_token_and_health_does_not() {
    let rig = Rig::new().await;
    for path in ["/api/v1/events", "/api/v1/nothing", "/api", "/api/v1/runs/x/cancel"] {
        for header in
            ["", "authorization: Bearer wrong\r\n", "authorization: Basic YTpi\r\n", "authorization: Bearer\r\n"]
        {
            let answer = rig.server.connect().await.call("GET", path, header, "").await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "wrong_token"), "{path} {header}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"oncue\"");
        }
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(rig.server.connect().await.call("GET", path, "", "").await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn readiness_fails_when_the_store_does() {
    let rig = Rig::new().await;
    *rig.admin.store.broken.lock().unwrap() = true;
    let answer = rig.server.connect().await.call("GET", "/readyz", "", "").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "not_ready"));
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(rig.server.connect().await.call("GET", "/healthz", "", "").await.status, 200);
}

#[tokio::test]
async fn events_are_filtered_by_what_the_query_says() {
    let rig = Rig::new().await;
    let before = EventId::from_bytes([7; 16]);
    let query = format!(
        "?type=NewFileUpload&subappid={APP}&file_id=5%20a&since=2026-01-31T08:00:00%2B08:00&limit=7&before={before}"
    );
    assert_eq!(rig.get(&format!("/events{query}")).await.status, 200);
    let filter = EventFilter {
        kind: Some(EventType::new("NewFileUpload")),
        subappid: Some(SubAppId(APP)),
        key: Some(CorrelationKey { name: "file_id".to_owned(), value: "5 a".to_owned() }),
        since: Some(Timestamp(1_769_817_600_000)),
        until: None,
    };
    assert_eq!(rig.last_question(), format!("{:?}", (filter, Page { limit: 7, before: Some([7; 16]) })));
}

#[tokio::test]
async fn a_full_page_names_the_next_and_a_short_one_does_not() {
    let rig = Rig::new().await;
    let first = rig.add_event();
    let list = rig.get("/events?limit=1").await.json();
    assert_eq!(list["next"], json!(first.to_string()));
    assert_eq!(rig.get("/events?limit=2").await.json()["next"], json!(null));
}

#[tokio::test]
async fn an_event_is_shown_in_full_with_its_body_to_the_byte() {
    let rig = Rig::new().await;
    let id = rig.add_event();
    let run = rig.add_run(RunStatus::Dead);
    let answer = rig.get(&format!("/events/{id}")).await;
    let expected = json!({
        "event": {
            "id": id.to_string(), "type": "NewFileUpload", "source": "vod", "subappid": APP,
            "dedupe_key": "NewFileUpload:5", "received_at": "2023-11-14T22:13:20.000Z",
            "verdicts": { "matched": ["r"], "errors": [{ "rule": "s", "message": "no" }], "unmatched": 2, "collected": [], "throttled": [], "refused": [] },
            "duplicates": 1,
        },
        "keys": [{ "name": "file_id", "value": "5" }],
        "envelope": { "depth": 1 },
        "body": "{\"n\":9007199254740993.0}",
        "runs": [run_view(run, "dead")],
    });
    assert_eq!(answer.body, expected.to_string());
}

fn run_view(run: RunId, status: &str) -> serde_json::Value {
    json!({
        "id": run.to_string(), "rule": "r", "status": status,
        "event": EventId::from_bytes([1; 16]).to_string(), "subappid": null, "closure": "ab",
        "created_at": "2023-11-14T22:13:20.000Z", "updated_at": "2023-11-14T22:13:20.000Z",
        "error": { "step": "tell", "code": "timeout", "message": "no answer", "class": "retry" },
        "end": null,
    })
}

#[tokio::test]
async fn a_run_is_shown_with_steps_attempts_and_timers() {
    let rig = Rig::new().await;
    let id = rig.add_run(RunStatus::Waiting);
    let view = rig.get(&format!("/runs/{id}")).await.json();
    let error = json!({ "step": "tell", "code": "timeout", "message": "no answer", "class": "retry" });
    let at = "2023-11-14T22:13:20.000Z";
    let expected = json!({
        "run": run_view(id, "waiting"),
        "steps": [{
            "path": "tell", "outcome": "timed_out", "attempts": 2, "generation": 0, "key": null,
            "output": { "b": 1, "a": 2 }, "error": null, "started_at": at, "ended_at": null,
        }],
        "failed_attempts": [{ "path": "tell", "number": 1, "at": at, "error": error }],
        "timers": [{ "path": "tell", "kind": "retry", "due_at": at }],
        "replay_of": null,
        "collected": [],
    });
    assert_eq!(view.to_string(), expected.to_string());
    let list = rig.get(&format!("/runs?status=waiting&rule=r&event={}", EventId::from_bytes([2; 16]))).await.json();
    assert_eq!(list["items"], json!([run_view(id, "waiting")]));
    let filter = RunFilter {
        status: Some(RunStatus::Waiting),
        rule: Some(RuleName::new("r")),
        subappid: None,
        event: Some(EventId::from_bytes([2; 16])),
        since: None,
        until: None,
    };
    assert_eq!(rig.last_question(), format!("{:?}", (filter, Page { limit: 50, before: None })));
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_refused_with_what_is_known() {
    let rig = Rig::new().await;
    let cases = [
        (
            "/events?typ=x",
            "unknown_parameter",
            "known are type, subappid, file_id, task_id, session_id, since, until, limit, before",
        ),
        ("/events?type=a&type=b", "repeated_parameter", "twice"),
        ("/events?subappid=x", "invalid_parameter", "subappid"),
        ("/events?file_id=1&task_id=2", "invalid_parameter", "one of"),
        ("/events?since=yesterday", "invalid_parameter", "2026-01-31T08:00:00Z"),
        ("/events?limit=0", "invalid_parameter", "1 to 1000"),
        ("/events?limit=1001", "invalid_parameter", "1 to 1000"),
        ("/events?before=7", "invalid_parameter", "evt_"),
        ("/runs?status=lost", "invalid_parameter", "pending, running"),
        ("/rules?x=1", "unknown_parameter", "known are none"),
        ("/events/7", "invalid_id", "evt_"),
        ("/runs/7", "invalid_id", "run_"),
    ];
    for (path, code, part) in cases {
        let answer = rig.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{path}");
        assert!(answer.body.contains(part), "{}", answer.body);
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_not_taken_405() {
    let rig = Rig::new().await;
    let (event, run) = (EventId::generate(), RunId::generate());
    for path in [
        "/nothing".to_owned(),
        format!("/events/{event}"),
        format!("/runs/{run}"),
        format!("/runs/{run}/x"),
        "/rules/none".to_owned(),
    ] {
        assert_eq!(rig.get(&path).await.status, 404, "{path}");
    }
    let cases = HashMap::from([
        (("DELETE", "/events".to_owned()), "GET, HEAD, POST"),
        (("POST", "/runs".to_owned()), "GET, HEAD"),
        (("OPTIONS", "/counts".to_owned()), "GET, HEAD"),
        (("POST", "/rules/r".to_owned()), "GET, HEAD"),
        (("GET", "/rules/reload".to_owned()), "POST"),
        (("GET", format!("/runs/{run}/cancel")), "POST"),
    ]);
    for ((method, path), allow) in cases {
        let answer = rig.call(method, &path, "").await;
        assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, allow), "{method} {path}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_retry_after() {
    let rig = Rig::new().await;
    *rig.admin.store.broken.lock().unwrap() = true;
    let answer = rig.get("/events").await;
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "1"));
}

#[tokio::test]
async fn an_emitted_event_is_taken_as_an_object_or_as_its_text() {
    let rig = Rig::new().await;
    let body = sample("01_new_file_upload_plain");
    let call = format!(r#"{{"subappid":{APP},"body":{body}}}"#);
    let first = rig.call("POST", "/events", &call).await.json();
    assert_eq!((first["outcome"].clone(), first["runs"].clone()), (json!("accepted"), json!(2)));
    let call = json!({ "subappid": APP.to_string(), "body": body }).to_string();
    let second = rig.call("POST", "/events", &call).await.json();
    assert_eq!(second, json!({ "outcome": "duplicate", "event": first["event"], "runs": 0 }));
    let taken = rig.ingest.taken.lock().unwrap();
    assert_eq!(&**taken[1].1.body.text(), body.as_bytes(), "a text is kept to the byte");
}

#[tokio::test]
async fn an_emitted_event_that_is_none_is_refused() {
    let rig = Rig::new().await;
    let cases = [
        ("", "malformed_json"),
        ("[]", "invalid_body"),
        (r#"{"subappid":1}"#, "invalid_body"),
        (r#"{"body":{}}"#, "invalid_body"),
        (r#"{"subappid":1.5,"body":{}}"#, "invalid_body"),
        (r#"{"subappid":1,"body":{},"app":2}"#, "unknown_member"),
        (r#"{"subappid":1,"body":"{"}"#, "malformed_json"),
        (r#"{"subappid":1,"body":{}}"#, "no_event_type"),
    ];
    for (body, code) in cases {
        let answer = rig.call("POST", "/events", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{body}");
    }
    *rig.ingest.mood.lock().unwrap() = Mood::Unavailable;
    let call = json!({ "subappid": APP, "body": sample("01_new_file_upload_plain") }).to_string();
    assert_eq!(rig.call("POST", "/events", &call).await.status, 503);
}
