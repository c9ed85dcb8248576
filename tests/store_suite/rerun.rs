//! Running again what has run.

use std::sync::Arc;

use oncue::store::{Advance, Fence, Input, Retention, Retried, Retry, RunStatus, StepOutcome, StepRow};
use oncue_rules::ids::{RunId, StepPath};

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
