//! Running again what has run.

use std::sync::Arc;

use oncue::store::{
    Advance, Content, Fence, Input, Replay, ReplayOf, Replayed, Retention, Retried, Retry, RunStatus, StepOutcome,
    StepRow,
};
use oncue::workflow::State;
use oncue_rules::ids::{ContentHash, EventId, RuleName, RunId, StepPath};

use super::support::*;
use super::{Driver, Place};

fn retry(run: RunId, millis: i64) -> Retry {
    Retry { run, new_key: false, at: at(millis) }
}

/// A run that died at 100, with these step rows.
async fn dead(store: &dyn Driver, dedupe_key: &str, steps: Vec<StepRow>) -> RunId {
    let run = start(store, dedupe_key).await;
    store.apply(Advance { steps, ..advance(run, Fence(1), RunStatus::Dead) }).await.unwrap();
    run
}

pub(super) async fn a_dead_run_that_is_retried_may_be_claimed_with_all_that_it_needs(place: Arc<dyn Place>) {
    let store = place.open().await;
    let run = dead(&*store, "d", vec![step("a", StepOutcome::Failed, 10)]).await;
    assert_eq!(store.claim(claim("b", 400)).await.unwrap().len(), 0);
    let before = store.run(run).await.unwrap().unwrap();
    assert_eq!(store.retry(Retry { run, new_key: true, at: at(500) }).await.unwrap(), Retried::Asked);
    let counts = store.counts().await.unwrap().runs;
    let some: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(some, [(RunStatus::Pending, 1)]);
    let claimed = store.claim(claim("b", 500)).await.unwrap();
    let [claimed] = claimed.as_slice() else { panic!("{} runs", claimed.len()) };
    assert_eq!((claimed.run.status, claimed.run.updated_at), (RunStatus::Pending, at(500)));
    assert_eq!((&claimed.state, &claimed.steps), (&before.state, &before.steps), "all is as it was");
    assert_eq!(inputs(&claimed.inbox), [Input::Retry { generation: 1_000, new_key: true }]);
    let consumed = claimed.inbox.iter().map(|row| row.id).collect();
    let steps = vec![StepRow { generation: 1_002, ..step("a", StepOutcome::Failed, 10) }];
    let again = Advance { consumed, steps, ..advance(run, claimed.fence, RunStatus::Dead) };
    store.apply(again).await.unwrap();
    assert_eq!(store.retry(retry(run, 600)).await.unwrap(), Retried::Asked);
    let claimed = store.claim(claim("b", 600)).await.unwrap();
    assert_eq!(inputs(&claimed[0].inbox), [Input::Retry { generation: 2_000, new_key: false }]);
}

pub(super) async fn only_the_last_run_that_is_dead_is_retried(place: Arc<dyn Place>) {
    let store = place.open().await;
    assert_eq!(store.retry(retry(RunId::generate(), 1)).await.unwrap(), Retried::NoRun);
    let run = start(&*store, "d").await;
    for status in [RunStatus::Running, RunStatus::Waiting, RunStatus::Paused, RunStatus::Failed] {
        store.apply(advance(run, Fence(1), status)).await.unwrap();
        assert_eq!(store.retry(retry(run, 1)).await.unwrap(), Retried::NotDead(status));
    }
    store.apply(advance(run, Fence(1), RunStatus::Cancelled)).await.unwrap();
    assert_eq!(store.retry(retry(run, 1)).await.unwrap(), Retried::NotDead(RunStatus::Cancelled));
    let (first, second, other) = (held("rule", "a"), held("rule", "a"), held("other", "a"));
    let ids = [first.id, second.id, other.id];
    store.accept(with(event("e"), vec![first, second, other])).await.unwrap();
    for id in ids {
        store.apply(advance(id, Fence(1), RunStatus::Dead)).await.unwrap();
    }
    assert_eq!(store.retry(retry(ids[0], 1)).await.unwrap(), Retried::Replayed(ids[1]));
    assert_eq!(store.retry(retry(ids[1], 1)).await.unwrap(), Retried::Asked);
    assert_eq!(store.retry(retry(ids[1], 2)).await.unwrap(), Retried::NotDead(RunStatus::Pending));
}

pub(super) async fn a_retried_run_keeps_its_events_and_puts_its_on_failure_aside(place: Arc<dyn Place>) {
    let store = place.open().await;
    let done = completion("c", "t", 50);
    store.accept(alone(done.clone())).await.unwrap();
    let told =
        StepRow { output: Some(format!("{{\"$event\":\"{}\"}}", done.id)), ..step("w", StepOutcome::Succeeded, 10) };
    let failure = |name: &str, key: Option<&str>| StepRow {
        key: key.map(str::to_owned),
        ..step(&format!("on_failure:{name}"), StepOutcome::Succeeded, 90)
    };
    let steps = vec![told, failure("said", None), failure("sent", Some("k"))];
    let run = dead(&*store, "d", steps).await;
    let retention = || Retention { events_before: at(1_000_000), keep_contents: Vec::new() };
    assert_eq!(store.retry(retry(run, 500)).await.unwrap(), Retried::Asked);
    let paths: Vec<_> = store.run(run).await.unwrap().unwrap().steps.into_iter().map(|step| step.path).collect();
    assert_eq!(paths, ["w", "earlier:0:on_failure:sent"].map(StepPath::from));
    assert_eq!(store.origin("k").await.unwrap().map(|origin| origin.run), Some(run));
    assert_eq!(store.expire(retention(), at(2_000_000), 10).await.unwrap().events, 0, "both are needed");
    let fence = store.claim(claim("b", 500)).await.unwrap()[0].fence;
    store.apply(advance(run, fence, RunStatus::Dead)).await.unwrap();
    assert_eq!(store.event(done.id).await.unwrap().map(|event| event.row.id), Some(done.id));
    assert_eq!(store.expire(retention(), at(2_000_000), 10).await.unwrap().events, 2, "an ended run needs none");

    let gone = completion("g", "t", 60);
    let told =
        StepRow { output: Some(format!("{{\"$event\":\"{}\"}}", gone.id)), ..step("w", StepOutcome::Succeeded, 10) };
    let run = dead(&*store, "e", vec![told]).await;
    assert_eq!(store.retry(retry(run, 500)).await.unwrap(), Retried::Gone(gone.id));
    assert_eq!(store.claim(claim("b", 1_000_000)).await.unwrap().len(), 0);
}

pub(super) async fn of_many_retries_at_once_one_is_taken(place: Arc<dyn Place>) {
    let store = place.open().await;
    let run = dead(&*store, "d", Vec::new()).await;
    let asking: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.retry(retry(run, n)).await.unwrap() })
        })
        .collect();
    let mut taken = 0;
    for asked in asking {
        taken += u32::from(asked.await.unwrap() == Retried::Asked);
    }
    assert_eq!(taken, 1);
    assert_eq!(store.claim(claim("b", 1_000)).await.unwrap()[0].inbox.len(), 1);
}

/// A replay of a rule for an event, after this run.
pub(super) fn replay(request: u8, event: EventId, last: Option<RunId>) -> Replay {
    Replay {
        request: [request; 16],
        event,
        of: last,
        last,
        run: RunId::generate(),
        rule: RuleName::from("rule"),
        closure: ContentHash::from("c0ffee"),
        state: State::initial(at(700)),
        steps: Vec::new(),
        at: at(700),
    }
}

async fn event_of(store: &dyn Driver, run: RunId) -> EventId {
    store.put_contents(vec![Content { hash: ContentHash::from("c0ffee"), text: "c".to_owned() }]).await.unwrap();
    store.run(run).await.unwrap().unwrap().row.event
}

pub(super) async fn a_replay_starts_a_run_for_the_stored_event_once_for_a_request(place: Arc<dyn Place>) {
    let store = place.open().await;
    let first = dead(&*store, "d", vec![StepRow { generation: 1_003, ..step("a", StepOutcome::Failed, 10) }]).await;
    let event = event_of(&*store, first).await;
    let asking: Vec<_> = (0..10)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.replay(replay(1, event, Some(first))).await.unwrap() })
        })
        .collect();
    let (mut started, mut already) = (Vec::new(), Vec::new());
    for asked in asking {
        match asked.await.unwrap() {
            Replayed::Started(run) => started.push(run),
            Replayed::Already(run) => already.push(run),
            other => panic!("{other:?}"),
        }
    }
    let [run] = started.as_slice() else { panic!("{started:?}") };
    assert!(already.len() == 9 && already.iter().all(|one| one == run), "{already:?}");
    let detail = store.run(*run).await.unwrap().unwrap();
    assert_eq!(detail.replay_of, Some(ReplayOf { request: [1; 16], run: Some(first) }));
    assert_eq!((detail.row.status, detail.row.event, detail.row.created_at), (RunStatus::Pending, event, at(700)));
    let claimed = store.claim(claim("b", 700)).await.unwrap();
    assert_eq!(ids(&claimed), [*run]);
    let state: State = serde_json::from_str(&claimed[0].state).unwrap();
    assert_eq!(state, State { generation: 2_000, ..State::initial(at(700)) });
    store.apply(advance(*run, claimed[0].fence, RunStatus::Dead)).await.unwrap();
    assert_eq!(store.replay(replay(1, event, Some(*run))).await.unwrap(), Replayed::Already(*run));
    assert!(matches!(store.replay(replay(2, event, Some(*run))).await.unwrap(), Replayed::Started(_)));
    let other = Replay { rule: RuleName::from("other"), ..replay(1, event, None) };
    let Replayed::Started(other) = store.replay(other).await.unwrap() else { panic!("it is of another rule") };
    let state = store.run(other).await.unwrap().unwrap().state;
    assert_eq!(state, State::initial(at(700)).to_json(), "the first run of a rule needs no other keys");
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.events, counts.runs.iter().map(|(_, count)| count).sum::<u64>()), (1, 4));
}

pub(super) async fn a_replay_is_refused_when_it_would_run_beside_another_or_lacks_something(place: Arc<dyn Place>) {
    let store = place.open().await;
    let run = start(&*store, "d").await;
    let event = event_of(&*store, run).await;
    for status in [RunStatus::Running, RunStatus::Waiting, RunStatus::Paused, RunStatus::Failed] {
        store.apply(advance(run, Fence(1), status)).await.unwrap();
        assert_eq!(store.replay(replay(1, event, Some(run))).await.unwrap(), Replayed::Live(run));
    }
    store.apply(advance(run, Fence(1), RunStatus::Cancelled)).await.unwrap();
    assert_eq!(store.replay(replay(1, event, None)).await.unwrap(), Replayed::Changed);
    assert_eq!(store.replay(replay(1, EventId::generate(), None)).await.unwrap(), Replayed::NoEvent);
    let absent = Replay { closure: ContentHash::from("absent"), ..replay(1, event, Some(run)) };
    assert_eq!(store.replay(absent).await.unwrap(), Replayed::NoContent);
    let gone = EventId::generate();
    let told = StepRow { output: Some(format!("{{\"$event\":\"{gone}\"}}")), ..step("w", StepOutcome::Succeeded, 10) };
    let lacking = Replay { steps: vec![told], ..replay(1, event, Some(run)) };
    assert_eq!(store.replay(lacking).await.unwrap(), Replayed::Gone(gone));
    assert_eq!(store.claim(claim("b", 1_000_000)).await.unwrap().len(), 0, "nothing was started");
    assert_eq!(store.counts().await.unwrap().runs.iter().map(|(_, count)| count).sum::<u64>(), 1);
}

pub(super) async fn a_replay_keeps_the_events_of_the_steps_that_it_takes_over(place: Arc<dyn Place>) {
    let store = place.open().await;
    let done = completion("c", "t", 50);
    store.accept(alone(done.clone())).await.unwrap();
    let first = dead(&*store, "d", Vec::new()).await;
    let event = event_of(&*store, first).await;
    let told = StepRow {
        key: None,
        output: Some(format!("{{\"$event\":\"{}\"}}", done.id)),
        ..step("w", StepOutcome::Succeeded, 10)
    };
    let asked = Replay { steps: vec![told.clone()], ..replay(1, event, Some(first)) };
    let run = asked.run;
    assert_eq!(store.replay(asked).await.unwrap(), Replayed::Started(run));
    let expire = async || {
        let retention = Retention { events_before: at(1_000_000), keep_contents: Vec::new() };
        store.expire(retention, at(2_000_000), 10).await.unwrap().events
    };
    assert_eq!(expire().await, 0, "both are needed");
    let claimed = store.claim(claim("b", 700)).await.unwrap();
    assert_eq!((&claimed[0].steps, claimed[0].inbox.len()), (&vec![told], 0));
    store.apply(advance(run, claimed[0].fence, RunStatus::Succeeded)).await.unwrap();
    assert_eq!(expire().await, 2);
    assert!(store.run(run).await.unwrap().is_none());
}
