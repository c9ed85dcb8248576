//! Writing what a transition decided.

use std::sync::Arc;

use oncue::store::{
    Advance, Delivered, Delivery, Error, FailedAttempt, Fence, InboxRow, Input, NewRun, RunStatus, StepOutcome,
    TimerKind,
};
use oncue_rules::ids::{RunId, StepPath};

use super::Place;
use super::support::*;

fn failed(path: &str, number: u32, millis: i64) -> FailedAttempt {
    FailedAttempt { path: StepPath::from(path), number, at: at(millis), error: error(path) }
}

pub(super) async fn an_apply_writes_everything_and_keeps_the_lease(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let done = Advance {
        error: Some(error("b")),
        steps: vec![step("b", StepOutcome::Failed, 3), step("a", StepOutcome::Succeeded, 2)],
        failed_attempts: vec![failed("b", 1, 50), failed("b", 2, 60)],
        timers: vec![timer("b", TimerKind::Retry, 500), timer("b", TimerKind::Timeout, 900)],
        ..advance(id, Fence(1), RunStatus::Failed)
    };
    assert_eq!(store.apply(done.clone()).await.unwrap(), []);
    let detail = store.run(id).await.unwrap().unwrap();
    assert_eq!((detail.row.status, &detail.row.error), (RunStatus::Failed, &done.error));
    assert_eq!((detail.row.created_at, detail.row.updated_at), (at(0), at(100)));
    assert_eq!(detail.steps, [done.steps[1].clone(), done.steps[0].clone()]);
    assert_eq!(detail.failed_attempts, done.failed_attempts);
    assert_eq!(detail.timers, done.timers);
    assert_eq!(store.claim(claim("b", 200)).await.unwrap().len(), 0);
    let claimed = store.claim(claim("b", 60_000)).await.unwrap();
    assert_eq!((&claimed[0].state, claimed[0].run.status), (&done.state, RunStatus::Failed));
}

pub(super) async fn rows_of_one_path_replace_each_other(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let first = Advance {
        steps: vec![step("a", StepOutcome::Running, 1), step("each[0]/a", StepOutcome::Running, 2)],
        failed_attempts: vec![failed("a", 1, 10)],
        ..advance(id, Fence(1), RunStatus::Running)
    };
    store.apply(first.clone()).await.unwrap();
    let mut again = step("a", StepOutcome::TimedOut, 1);
    again.attempts = 2;
    again.output = None;
    again.key = None;
    again.error = Some(error("a"));
    again.ended_at = Some(at(99));
    let second = Advance {
        steps: vec![again.clone()],
        failed_attempts: vec![failed("a", 2, 20)],
        ..advance(id, Fence(1), RunStatus::Running)
    };
    store.apply(second).await.unwrap();
    let detail = store.run(id).await.unwrap().unwrap();
    assert_eq!(detail.steps, [again, first.steps[1].clone()]);
    assert_eq!(detail.failed_attempts, [failed("a", 1, 10), failed("a", 2, 20)]);
}

pub(super) async fn consumed_inputs_go_and_later_ones_come_back(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let deliver = |reason: &str| store.deliver(Delivery { run: id, input: cancel(reason), at: at(5) });
    deliver("one").await.unwrap();
    deliver("two").await.unwrap();
    let there = store.apply(advance(id, Fence(1), RunStatus::Running)).await.unwrap();
    assert_eq!(inputs(&there), [cancel("one"), cancel("two")]);
    deliver("three").await.unwrap();
    let consumed = there.iter().map(|row| row.id).collect();
    let rest = store.apply(Advance { consumed, ..advance(id, Fence(1), RunStatus::Running) }).await.unwrap();
    assert_eq!(inputs(&rest), [cancel("three")]);
    assert!(rest[0].id > there[1].id);
    let consumed = vec![rest[0].id];
    store.apply(Advance { consumed, ..advance(id, Fence(1), RunStatus::Running) }).await.unwrap();
    deliver("four").await.unwrap();
    let last = store.apply(advance(id, Fence(1), RunStatus::Running)).await.unwrap();
    assert!(last[0].id > rest[0].id, "numbers grow although the inbox was empty");
}

pub(super) async fn a_final_status_ends_everything(place: Arc<dyn Place>) {
    let store = place.open().await;
    for status in [RunStatus::Succeeded, RunStatus::Dead, RunStatus::Cancelled] {
        let task = status.as_str();
        let id = start(&*store, task).await;
        store.park(waiting_for(id, Fence(1), task)).await.unwrap();
        store.deliver(Delivery { run: id, input: cancel("go"), at: at(5) }).await.unwrap();
        let fence = store.claim(claim("a", 10)).await.unwrap()[0].fence;
        store.deliver(Delivery { run: id, input: cancel("left behind"), at: at(6) }).await.unwrap();
        let end = Advance {
            timers: vec![timer("a", TimerKind::Retry, 200)],
            steps: vec![step("a", StepOutcome::Succeeded, 1)],
            ..advance(id, fence, status)
        };
        assert_eq!(store.apply(end.clone()).await.unwrap(), []);
        assert_fenced(&store.apply(end).await, id);
        let input = cancel("late");
        assert_eq!(store.deliver(Delivery { run: id, input, at: at(7) }).await.unwrap(), Delivered::Ended);
        let woken = store.accept(alone(completion(&format!("late {task}"), task, 300))).await.unwrap();
        assert_eq!(woken, oncue::store::Accepted::New { fences: vec![], woken: 0 });
        assert_eq!(store.due(at(1_000), 10).await.unwrap(), oncue::store::Due { fired: 0, next: None });
        assert_eq!(store.claim(claim("b", 1_000_000)).await.unwrap().len(), 0);
        assert_eq!(store.renew(vec![(id, fence)], at(9)).await.unwrap(), [id]);
        let detail = store.run(id).await.unwrap().unwrap();
        assert_eq!((detail.row.status, detail.steps.len(), detail.timers.len()), (status, 1, 0));
    }
}

pub(super) async fn an_apply_sets_waits_and_finds_what_came_before(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    store.accept(alone(completion("before", "t", 150))).await.unwrap();
    let found = store.apply(waiting_for(id, Fence(1), "t")).await.unwrap();
    assert!(matches!(found.as_slice(), [InboxRow { input: Input::Event { .. }, .. }]), "{found:?}");
    let woken = store.accept(alone(completion("after", "t", 200))).await.unwrap();
    assert_eq!(woken, oncue::store::Accepted::New { fences: vec![], woken: 1 });
}

pub(super) async fn a_run_that_is_not_stored_is_not_found(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = RunId::generate();
    assert!(matches!(store.apply(advance(id, Fence(1), RunStatus::Running)).await, Err(Error::NotFound { .. })));
    assert!(matches!(store.park(advance(id, Fence(1), RunStatus::Running)).await, Err(Error::NotFound { .. })));
    assert_eq!(store.run(id).await.unwrap(), None);
}

pub(super) async fn an_event_that_is_raised_is_accepted_with_the_rest_or_not_at_all(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let parked = start(&*store, "other").await;
    store.park(waiting_for(parked, Fence(1), "t")).await.unwrap();
    let follows = run("rule");
    let raise = |dedupe_key: &str| {
        let accept = with(completion(dedupe_key, "t", 100), vec![follows.clone()]);
        Some(Box::new(accept))
    };
    let stale = Advance { raised: raise("stale"), ..advance(id, Fence(7), RunStatus::Dead) };
    assert_fenced(&store.apply(stale).await, id);
    assert_eq!(store.run(follows.id).await.unwrap(), None, "nothing of a refused command is written");
    assert_eq!(store.counts().await.unwrap().events, 2);

    let end = Advance { raised: raise("dead"), ..advance(id, Fence(1), RunStatus::Dead) };
    assert_eq!(store.apply(end.clone()).await.unwrap(), []);
    assert_fenced(&store.apply(end).await, id);
    let started = store.run(follows.id).await.unwrap().unwrap().row;
    assert_eq!((started.status, store.counts().await.unwrap().events), (RunStatus::Pending, 3));
    let claimed = store.claim(claim("b", 200)).await.unwrap();
    let mut claimed = ids(&claimed);
    claimed.sort();
    let mut expected = vec![follows.id, parked];
    expected.sort();
    assert_eq!(claimed, expected, "the run that it starts is free, and the one that waits for it is woken");
}

pub(super) async fn the_word_that_a_run_ended_with_is_in_its_row(place: Arc<dyn Place>) {
    let store = place.open().await;
    let word = || Some("kept".to_owned());
    let id = start(&*store, "d").await;
    store.apply(Advance { end: word(), ..advance(id, Fence(1), RunStatus::Succeeded) }).await.unwrap();
    let at_once = NewRun { status: RunStatus::Succeeded, end: word(), ..run("rule") };
    let plain = NewRun { status: RunStatus::Succeeded, ..run("rule") };
    store.accept(with(event("other"), vec![at_once.clone(), plain.clone()])).await.unwrap();
    for (id, expected) in [(id, word()), (at_once.id, word()), (plain.id, None)] {
        assert_eq!(store.run(id).await.unwrap().unwrap().row.end, expected);
    }
}
