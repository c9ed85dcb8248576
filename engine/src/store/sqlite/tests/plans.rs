//! How SQLite would run every statement of the driver: nothing that is hot looks at more rows than it needs.

use oncue_rules::ids::StepPath;

use super::*;
use crate::store::sqlite::ask::seen;
use crate::store::{
    Admin, Advance, Claim, Content, Delivery, ErrorRecord, EventFilter, FailedAttempt, Fence, Input, Page, Quarantine,
    Replay, Retention, Retry, RunFilter, StepOutcome, StepRow, Store, Timer, TimerKind, Wait,
};
use crate::workflow::State;

/// Statements that may look at all rows, with the reason.
const MAY_SCAN: [(&str, &str); 10] = [
    ("DELETE FROM quarantine", "its inner SELECT stops after the rows that go"),
    ("SELECT what, n FROM tallies", "a dozen rows"),
    ("UPDATE runs INDEXED BY runs_free", "once a start, over the runs that are not parked"),
    ("DELETE FROM contents", "a row a rule ever loaded, now and then"),
    ("DELETE FROM pins", "a row a rule ever loaded, now and then"),
    ("SELECT hash FROM pins", "a row a rule ever loaded, now and then"),
    ("FROM events AS e WHERE e.", "a page of a list with a filter; ends after a second"),
    ("FROM events AS e ORDER BY", "a page of a list; stops at its end"),
    ("FROM runs ORDER BY", "a page of a list; stops at its end"),
    ("FROM runs WHERE", "a page of a list with a filter; ends after a second"),
];

/// Statements that take the first rows of an index in its order.
const FIRST_OF_INDEX: [&str; 1] = ["SELECT due_at FROM timers ORDER BY due_at LIMIT 1"];

fn a_step() -> StepRow {
    StepRow {
        path: StepPath::from("a"),
        outcome: StepOutcome::Running,
        attempts: 1,
        generation: 0,
        key: None,
        output: None,
        error: None,
        started_at: at(1),
        ended_at: None,
    }
}

/// The first run of a rule for an event.
fn a_replay(event: EventId, closure: ContentHash) -> Replay {
    Replay {
        request: [1; 16],
        event,
        of: None,
        last: None,
        run: RunId::generate(),
        rule: RuleName::from("other"),
        closure,
        state: State::initial(at(1)),
        steps: Vec::new(),
        at: at(1),
    }
}

fn everything(run: RunId, event: EventId) -> Advance {
    let path = StepPath::from("a");
    let error =
        ErrorRecord { step: path.clone(), code: "c".to_owned(), message: "m".to_owned(), class: "fatal".to_owned() };
    Advance {
        run,
        fence: Fence(1),
        now: at(1),
        consumed: vec![crate::store::InputId(1)],
        status: RunStatus::Waiting,
        state: event.to_string(),
        error: Some(error.clone()),
        steps: vec![a_step()],
        failed_attempts: vec![FailedAttempt { path: path.clone(), number: 1, at: at(1), error }],
        timers: vec![Timer { path: path.clone(), kind: TimerKind::Retry, due_at: at(2) }],
        settled: vec![path.clone()],
        raised: None,
        end: None,
        waits: vec![Wait {
            path,
            subappid: Some(APP),
            kind: EventType::from("NewFileUpload"),
            key: CorrelationKey { name: "file_id".to_owned(), value: "file_id-2".to_owned() },
            since: at(0),
        }],
    }
}

/// Uses every verb in every way that makes a statement of its own.
async fn use_everything(store: &SqliteStore) {
    let first = accept(1, 10);
    let (run, event) = (first.runs[0].id, first.event.id);
    store.accept(first).await.unwrap();
    store.accept(accept(1, 10)).await.unwrap();
    store.park(everything(run, event)).await.unwrap();
    store.accept(accept(2, 10)).await.unwrap();
    store.due(at(5), 10).await.unwrap();
    let input = Input::Event { path: StepPath::from("b"), event };
    store.deliver(Delivery { run, input, at: at(5) }).await.unwrap();
    store.join(&NodeId("b".into()), at(6)).await.unwrap();
    let claim = Claim { node: NodeId("b".into()), now: at(6), until: at(9), limit: 10, per_app: 10 };
    let claimed = store.claim(claim).await.unwrap();
    assert_eq!(claimed.len(), 2);
    store.renew(vec![(run, Fence(2))], at(10)).await.unwrap();
    store.apply(Advance { fence: Fence(2), status: RunStatus::Dead, ..everything(run, event) }).await.unwrap();
    store.retry(Retry { run, new_key: false, at: at(11) }).await.unwrap();
    store.release(vec![(claimed[0].run.id, claimed[0].fence)]).await.unwrap();
    let hash = ContentHash::from("h");
    store.put_contents(vec![Content { hash: hash.clone(), text: "t".to_owned() }]).await.unwrap();
    store.content(&hash).await.unwrap();
    let steps = vec![StepRow { output: Some(format!("{{\"$event\":\"{event}\"}}")), ..a_step() }];
    let replay = Replay { steps, ..a_replay(event, hash) };
    store.replay(replay).await.unwrap();
    for _ in 0..2 {
        let body = [1_u8].as_slice().into();
        let refused = Quarantine { received_at: at(1), subappid: None, reason: "r".to_owned(), body, keep: 1 };
        store.quarantine(refused).await.unwrap();
    }
    list_everything(store, run, event).await;
    let retention = Retention { events_before: at(1), keep_contents: vec![] };
    store.expire(retention, at(700_000), 10).await.unwrap();
}

async fn list_everything(store: &SqliteStore, run: RunId, event: EventId) {
    store.event(event).await.unwrap();
    store.run(run).await.unwrap();
    store.counts().await.unwrap();
    for before in [None, Some([0xff; 16])] {
        let page = Page { limit: 10, before };
        store.quarantined(page).await.unwrap();
        let events = EventFilter::default;
        let key = Some(CorrelationKey { name: "file_id".to_owned(), value: "file_id-1".to_owned() });
        store.events(events(), page).await.unwrap();
        store.events(EventFilter { key: key.clone(), ..events() }, page).await.unwrap();
        store.events(EventFilter { since: Some(at(0)), ..events() }, page).await.unwrap();
        store.events(EventFilter { subappid: Some(APP), ..events() }, page).await.unwrap();
        store
            .events(EventFilter { key, subappid: Some(APP), since: Some(at(0)), kind: None, until: Some(at(1)) }, page)
            .await
            .unwrap();
        let runs = RunFilter::default;
        store.runs(runs(), page).await.unwrap();
        store.runs(RunFilter { event: Some(event), ..runs() }, page).await.unwrap();
        store.runs(RunFilter { status: Some(RunStatus::Dead), ..runs() }, page).await.unwrap();
        store.runs(RunFilter { subappid: Some(APP), ..runs() }, page).await.unwrap();
        let (since, until) = (Some(at(0)), Some(at(9)));
        store.runs(RunFilter { since, until, ..runs() }, page).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hot_statement_finds_its_rows_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let store = open(&path);
    use_everything(&store).await;
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let mut looked_at = 0;
    for sql in seen::all().iter().filter(|sql| !sql.starts_with("PRAGMA")) {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
        let plan = statement
            .query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3))
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        let scans = plan.iter().any(|line| line.starts_with("SCAN"));
        let first_of_index = FIRST_OF_INDEX.contains(&&**sql) && plan[0].contains("USING COVERING INDEX");
        let may_scan = MAY_SCAN.iter().any(|(part, _)| sql.contains(part));
        assert!(!scans || first_of_index || may_scan, "{sql}\n{plan:#?}");
        looked_at += 1;
    }
    assert!(looked_at > 60, "{looked_at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_by_key_status_and_event_use_their_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oncue.db");
    let store = open(&path);
    use_everything(&store).await;
    drop(store);
    let connection = rusqlite::Connection::open(&path).unwrap();
    for (part, index) in [
        ("FROM runs WHERE event = ", "runs_by_event"),
        ("FROM runs WHERE status <> 'succeeded' AND status = ", "runs_by_status"),
        ("WHERE e.received_at >= ", "PRIMARY KEY"),
        ("WHERE needed_by = 0", "events_unneeded"),
        ("FROM runs WHERE app = ?1 AND free_at IS NOT NULL", "runs_free"),
        ("SELECT app FROM runs", "runs_free"),
        ("FROM waits WHERE value", "PRIMARY KEY"),
        ("FROM event_keys AS k\n", "PRIMARY KEY"),
    ] {
        let statements: Vec<_> = seen::all().into_iter().filter(|sql| sql.contains(part)).collect();
        assert!(!statements.is_empty(), "{part}");
        for sql in statements {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
            let mut rows = statement.query(rusqlite::params_from_iter(nothing)).unwrap();
            let first: String = rows.next().unwrap().unwrap().get(3).unwrap();
            assert!(first.starts_with("SEARCH") && first.contains(index), "{sql}\n{first}");
        }
    }
}
