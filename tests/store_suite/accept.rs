//! Taking events.

use std::sync::Arc;

use oncue::store::{Accepted, Fence, NewEvent, RunFilter, RunStatus, StepOutcome, TimerKind, Verdicts};
use oncue_rules::ids::{EventType, RuleName, SourceName};

use super::Place;
use super::support::*;

pub(super) async fn an_event_comes_back_to_the_byte(place: Arc<dyn Place>) {
    let store = place.open().await;
    let noise: Vec<u8> = (0..70_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let bodies = [Vec::new(), vec![0, 0xff, 0xfe], b"{\"a\":1}".repeat(20_000), noise];
    for (n, body) in bodies.into_iter().enumerate() {
        let verdicts = Verdicts {
            matched: vec![RuleName::from("one")],
            collected: Vec::new(),
            throttled: Vec::new(),
            errors: vec![(RuleName::from("two"), "no such field".to_owned())],
            unmatched: 3,
            refused: vec![(RuleName::from("three"), "its own".to_owned())],
        };
        let new = NewEvent {
            body: body.into(),
            keys: vec![key("file_id", "f\"1\u{4e2d}"), key("file_id", "f2"), key("task_id", "")],
            envelope: "{\"depth\":1}".to_owned(),
            verdicts,
            subappid: (n % 2 == 0).then_some(APP),
            ..event(&format!("d{n}"))
        };
        let accepted = store.accept(alone(new.clone())).await.unwrap();
        assert_eq!(accepted, Accepted::New { fences: vec![], woken: 0 });
        let stored = store.event(new.id).await.unwrap().unwrap();
        assert_eq!(stored.body, new.body);
        assert_eq!(stored.keys, new.keys);
        assert_eq!(stored.envelope, new.envelope);
        let row = stored.row;
        assert_eq!((row.id, row.source, row.kind), (new.id, new.source, new.kind));
        assert_eq!((row.subappid, row.dedupe_key, row.received_at), (new.subappid, new.dedupe_key, new.received_at));
        assert_eq!((row.verdicts, row.duplicates), (new.verdicts, 0));
    }
}

pub(super) async fn a_second_event_of_one_key_is_a_duplicate(place: Arc<dyn Place>) {
    let store = place.open().await;
    let first = event("d");
    store.accept(alone(first.clone())).await.unwrap();
    for n in 1..=3 {
        let second = with(event("d"), vec![run("rule")]);
        let id = second.event.id;
        assert_eq!(store.accept(second).await.unwrap(), Accepted::Duplicate(first.id));
        assert_eq!(store.event(id).await.unwrap(), None);
        assert_eq!(store.event(first.id).await.unwrap().unwrap().row.duplicates, n);
    }
    assert_eq!(store.runs(RunFilter::default(), ALL).await.unwrap(), []);
    assert_eq!(store.counts().await.unwrap().duplicates, 3);
}

pub(super) async fn a_dedupe_key_is_scoped_to_source_and_application(place: Arc<dyn Place>) {
    let store = place.open().await;
    let others = [
        event("d"),
        NewEvent { subappid: Some(OTHER_APP), ..event("d") },
        NewEvent { subappid: None, ..event("d") },
        NewEvent { source: SourceName::from("cms"), ..event("d") },
        NewEvent { dedupe_key: "D".to_owned(), ..event("d") },
    ];
    for new in others {
        assert!(matches!(store.accept(alone(new)).await.unwrap(), Accepted::New { .. }));
    }
    let other_type = NewEvent { kind: EventType::from("FileDeleted"), ..event("d") };
    assert!(matches!(store.accept(alone(other_type)).await.unwrap(), Accepted::Duplicate(_)));
}

pub(super) async fn a_dedupe_key_ends_at_its_moment(place: Arc<dyn Place>) {
    let store = place.open().await;
    let received = |millis| NewEvent { received_at: at(millis), dedupe_until: at(millis + 1_000), ..event("d") };
    let first = received(0);
    store.accept(alone(first.clone())).await.unwrap();
    assert_eq!(store.accept(alone(received(999))).await.unwrap(), Accepted::Duplicate(first.id));
    let next = received(1_000);
    assert!(matches!(store.accept(alone(next.clone())).await.unwrap(), Accepted::New { .. }));
    assert_eq!(store.accept(alone(received(1_999))).await.unwrap(), Accepted::Duplicate(next.id));
}

pub(super) async fn of_many_equal_events_at_once_one_is_stored(place: Arc<dyn Place>) {
    let store = place.open().await;
    for round in 0..20 {
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.accept(alone(event(&format!("d{round}")))).await.unwrap() })
            })
            .collect();
        let mut new = 0;
        for task in tasks {
            new += u32::from(matches!(task.await.unwrap(), Accepted::New { .. }));
        }
        assert_eq!(new, 1);
    }
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.events, counts.duplicates), (20, 20 * 15));
}

pub(super) async fn runs_start_leased_or_free(place: Arc<dyn Place>) {
    let store = place.open().await;
    let (mut mine, free) = (held("mine", "a"), run("free"));
    mine.steps = vec![step("two", StepOutcome::Running, 2), step("one", StepOutcome::Running, 1)];
    mine.timers = vec![timer("one", TimerKind::Timeout, 500)];
    let new = event("d");
    let accepted = store.accept(with(new.clone(), vec![mine.clone(), free.clone()])).await.unwrap();
    assert_eq!(accepted, Accepted::New { fences: vec![(mine.id, Fence(1)), (free.id, Fence(0))], woken: 0 });
    let detail = store.run(mine.id).await.unwrap().unwrap();
    assert_eq!((detail.row.rule, detail.row.closure, detail.row.event), (mine.rule, mine.closure, new.id));
    assert_eq!((detail.row.status, detail.row.subappid), (RunStatus::Pending, Some(APP)));
    assert_eq!((detail.row.created_at, detail.row.updated_at), (at(0), at(0)));
    assert_eq!(detail.steps, [mine.steps[1].clone(), mine.steps[0].clone()]);
    assert_eq!(detail.timers, mine.timers);
    assert_eq!(ids(&store.claim(claim("b", 1)).await.unwrap()), [free.id]);
}

pub(super) async fn an_event_reaches_only_the_waits_that_it_fits(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    store.park(waiting_for(id, Fence(1), "t")).await.unwrap();
    let fits = completion("fits", "t", 200);
    let misfits = [
        NewEvent { subappid: Some(OTHER_APP), dedupe_key: "1".to_owned(), ..fits.clone() },
        NewEvent { subappid: None, dedupe_key: "2".to_owned(), ..fits.clone() },
        NewEvent { kind: EventType::from("FileDeleted"), dedupe_key: "3".to_owned(), ..fits.clone() },
        NewEvent { keys: vec![key("file_id", "t"), key("task_id", "T")], dedupe_key: "4".to_owned(), ..fits.clone() },
        NewEvent { received_at: at(-1), dedupe_key: "5".to_owned(), ..fits.clone() },
    ];
    for misfit in misfits {
        let misfit = NewEvent { id: oncue_rules::ids::EventId::generate(), ..misfit };
        assert_eq!(store.accept(alone(misfit)).await.unwrap(), Accepted::New { fences: vec![], woken: 0 });
    }
    assert_eq!(ids(&store.claim(claim("b", 300)).await.unwrap()), []);
    assert_eq!(store.accept(alone(fits)).await.unwrap(), Accepted::New { fences: vec![], woken: 1 });
    assert_eq!(ids(&store.claim(claim("b", 300)).await.unwrap()), [id]);
}

pub(super) async fn one_event_wakes_many_runs(place: Arc<dyn Place>) {
    let store = place.open().await;
    let mut runs = Vec::new();
    for n in 0..20 {
        let id = start(&*store, &format!("d{n}")).await;
        store.park(waiting_for(id, Fence(1), "t")).await.unwrap();
        runs.push(id);
    }
    let done = completion("done", "t", 200);
    assert_eq!(store.accept(alone(done.clone())).await.unwrap(), Accepted::New { fences: vec![], woken: 20 });
    let claimed = store.claim(claim("b", 300)).await.unwrap();
    let mut woken = ids(&claimed);
    woken.sort();
    runs.sort();
    assert_eq!(woken, runs);
    for claimed in claimed {
        assert_eq!(inputs(&claimed.inbox), [event_for("wait", done.id)]);
        assert_eq!(claimed.inbox[0].at, at(200));
    }
}
