//! Sleeping until something comes. An event may come before the wait, after it, or at the same moment.

use std::sync::Arc;

use oncue::store::{Accepted, Advance, Delivery, Fence, RunStatus, TimerKind, Wait};
use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{EventType, StepPath};
use tokio::sync::Barrier;

use super::Place;
use super::support::*;

pub(super) async fn a_parked_run_sleeps_until_an_event_comes(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    assert_eq!(store.park(waiting_for(id, Fence(1), "t")).await.unwrap(), []);
    assert_fenced(&store.apply(advance(id, Fence(1), RunStatus::Running)).await, id);
    assert_eq!(store.renew(vec![(id, Fence(1))], at(9_000)).await.unwrap(), [id]);
    assert_eq!(store.claim(claim("b", 1_000_000)).await.unwrap().len(), 0);
    let done = completion("done", "t", 1_000_001);
    assert_eq!(store.accept(alone(done.clone())).await.unwrap(), Accepted::New { fences: vec![], woken: 1 });
    let claimed = store.claim(claim("b", 1_000_001)).await.unwrap();
    assert_eq!((ids(&claimed), claimed[0].fence), (vec![id], Fence(2)));
    assert_eq!(inputs(&claimed[0].inbox), [event_for("wait", done.id)]);
    assert_eq!((claimed[0].run.status, &*claimed[0].state), (RunStatus::Waiting, "{\"at\":\"waiting\"}"));
}

pub(super) async fn an_event_that_came_first_is_found(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let (one, two) = (completion("one", "t", 40), completion("two", "t", 50));
    for early in [&two, &one] {
        assert_eq!(store.accept(alone(early.clone())).await.unwrap(), Accepted::New { fences: vec![], woken: 0 });
    }
    let rows = store.park(waiting_for(id, Fence(1), "t")).await.unwrap();
    assert_eq!(inputs(&rows), [event_for("wait", one.id), event_for("wait", two.id)]);
    assert_eq!(rows[0].at, at(100));
    let consumed = rows.iter().map(|row| row.id).collect();
    store.apply(Advance { consumed, ..advance(id, Fence(1), RunStatus::Running) }).await.unwrap();
}

pub(super) async fn an_input_that_is_there_keeps_the_lease(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    store.deliver(Delivery { run: id, input: cancel("stop"), at: at(5) }).await.unwrap();
    let parked = Advance { timers: vec![timer("a", TimerKind::Retry, 500)], ..waiting_for(id, Fence(1), "t") };
    let rows = store.park(parked).await.unwrap();
    assert_eq!(inputs(&rows), [cancel("stop")]);
    assert_eq!(store.run(id).await.unwrap().unwrap().timers.len(), 1, "all else is written");
    assert_eq!(store.claim(claim("b", 59_999)).await.unwrap().len(), 0);
    let consumed = vec![rows[0].id];
    let parked = Advance { consumed, ..advance(id, Fence(1), RunStatus::Waiting) };
    assert_eq!(store.park(parked).await.unwrap(), []);
    assert_eq!(store.claim(claim("b", 1_000_000)).await.unwrap().len(), 0);
    let woken = store.accept(alone(completion("done", "t", 200))).await.unwrap();
    assert_eq!(woken, Accepted::New { fences: vec![], woken: 1 });
}

pub(super) async fn a_wait_looks_back_no_further_than_since(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let (before, then) = (completion("before", "t", 49), completion("then", "t", 50));
    store.accept(alone(before)).await.unwrap();
    store.accept(alone(then.clone())).await.unwrap();
    let waits = vec![Wait { since: at(50), ..wait("wait", "t") }];
    let parked = Advance { waits, ..advance(id, Fence(1), RunStatus::Waiting) };
    assert_eq!(inputs(&store.park(parked).await.unwrap()), [event_for("wait", then.id)]);
}

pub(super) async fn the_runs_own_event_never_counts(place: Arc<dyn Place>) {
    let store = place.open().await;
    let own = event("file");
    let new = held("rule", "a");
    let id = new.id;
    store.accept(with(own.clone(), vec![new])).await.unwrap();
    let waits = vec![Wait { kind: own.kind.clone(), key: own.keys[0].clone(), ..wait("wait", "-") }];
    let parked = Advance { waits, ..advance(id, Fence(1), RunStatus::Waiting) };
    assert_eq!(store.park(parked).await.unwrap(), []);
    let mut again = event("file again");
    again.keys = own.keys;
    assert_eq!(store.accept(alone(again)).await.unwrap(), Accepted::New { fences: vec![], woken: 1 });
}

pub(super) async fn an_event_is_handed_to_a_step_once(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let mut done = completion("done", "t", 50);
    done.keys.push(key("task_id", "u"));
    store.accept(alone(done.clone())).await.unwrap();
    let waits = vec![wait("one", "t"), wait("one", "u"), wait("two", "u"), wait("two", "nothing")];
    let parked = || Advance { waits: waits.clone(), ..advance(id, Fence(1), RunStatus::Waiting) };
    let rows = store.park(parked()).await.unwrap();
    assert_eq!(inputs(&rows), [event_for("one", done.id), event_for("two", done.id)]);
    let consumed = rows.iter().map(|row| row.id).collect();
    assert_eq!(store.park(Advance { consumed, ..parked() }).await.unwrap(), [], "the same waits find it no more");
    let mut both = completion("both", "t", 300);
    both.keys.push(key("task_id", "u"));
    assert_eq!(store.accept(alone(both.clone())).await.unwrap(), Accepted::New { fences: vec![], woken: 1 });
    let claimed = store.claim(claim("b", 400)).await.unwrap();
    assert_eq!(inputs(&claimed[0].inbox), [event_for("one", both.id), event_for("two", both.id)]);
}

pub(super) async fn a_settled_wait_is_void(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    store.deliver(Delivery { run: id, input: cancel("stay"), at: at(5) }).await.unwrap();
    let waits = vec![wait("one", "t"), wait("two", "t")];
    store.park(Advance { waits, ..advance(id, Fence(1), RunStatus::Waiting) }).await.unwrap();
    let settled = vec![StepPath::from("one")];
    store.apply(Advance { settled, ..advance(id, Fence(1), RunStatus::Running) }).await.unwrap();
    let done = completion("done", "t", 200);
    assert_eq!(store.accept(alone(done.clone())).await.unwrap(), Accepted::New { fences: vec![], woken: 1 });
    let rows = store.apply(advance(id, Fence(1), RunStatus::Running)).await.unwrap();
    assert_eq!(inputs(&rows), [cancel("stay"), event_for("two", done.id)]);
}

pub(super) async fn a_final_park_ends_the_run(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    store.deliver(Delivery { run: id, input: cancel("unread"), at: at(5) }).await.unwrap();
    let end = Advance { waits: vec![wait("one", "t")], ..advance(id, Fence(1), RunStatus::Succeeded) };
    assert_eq!(store.park(end).await.unwrap(), []);
    let woken = store.accept(alone(completion("done", "t", 200))).await.unwrap();
    assert_eq!(woken, Accepted::New { fences: vec![], woken: 0 });
    assert_eq!(store.claim(claim("b", 1_000_000)).await.unwrap().len(), 0);
}

/// Whichever comes first, the run gets the event, once.
pub(super) async fn an_event_and_a_park_at_once_never_miss_each_other(place: Arc<dyn Place>) {
    let store = place.open().await;
    let (mut parked_first, mut event_first) = (0, 0);
    for round in 0..200 {
        let (mut new, task) = (held("rule", "a"), format!("t{round}"));
        new.lease = Some((node("a"), at(1_000_000_000)));
        let id = new.id;
        store.accept(with(event(&task), vec![new])).await.unwrap();
        let done = completion(&format!("done {round}"), &task, 200);
        let mut park = waiting_for(id, Fence(1), &task);
        park.waits[0] = Wait {
            kind: EventType::from("ProcedureStateChanged"),
            key: CorrelationKey { name: "task_id".to_owned(), value: task },
            ..park.waits[0].clone()
        };
        let barrier = Arc::new(Barrier::new(2));
        let parking = tokio::spawn({
            let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
            async move {
                barrier.wait().await;
                store.park(park).await.unwrap()
            }
        });
        let accepting = tokio::spawn({
            let (store, done) = (Arc::clone(&store), done.clone());
            async move {
                barrier.wait().await;
                store.accept(alone(done)).await.unwrap()
            }
        });
        let (rows, accepted) = (parking.await.unwrap(), accepting.await.unwrap());
        let claimed = store.claim(claim("b", 300)).await.unwrap();
        let expected = [event_for("wait", done.id)];
        if rows.is_empty() {
            parked_first += 1;
            assert_eq!(accepted, Accepted::New { fences: vec![], woken: 1 });
            assert_eq!(ids(&claimed), [id]);
            assert_eq!(inputs(&claimed[0].inbox), expected);
        } else {
            event_first += 1;
            assert_eq!(accepted, Accepted::New { fences: vec![], woken: 0 });
            assert_eq!(inputs(&rows), expected);
            assert_eq!(claimed.len(), 0);
        }
    }
    assert_eq!(parked_first + event_first, 200);
}
