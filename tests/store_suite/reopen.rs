//! What is there after a restart.

use std::sync::Arc;

use oncue::store::{Accepted, Advance, Content, Delivery, Fence, Quarantine, RunStatus, StepOutcome, TimerKind};
use oncue_rules::ids::ContentHash;

use super::Place;
use super::support::*;

pub(super) async fn everything_is_there_after_reopening(place: Arc<dyn Place>) {
    let store = place.open().await;
    let new = event("d");
    let mut started = held("rule", "a");
    started.steps = vec![step("a", StepOutcome::Running, 1)];
    let id = started.id;
    store.accept(with(new.clone(), vec![started])).await.unwrap();
    let content = Content { hash: ContentHash::from("h"), text: "text".to_owned() };
    store.put_contents(vec![content]).await.unwrap();
    let parked = Advance { timers: vec![timer("a", TimerKind::Retry, 900)], ..waiting_for(id, Fence(1), "t") };
    store.park(parked).await.unwrap();
    store
        .quarantine(Quarantine {
            received_at: at(1),
            subappid: None,
            reason: "why".to_owned(),
            body: [1_u8].as_slice().into(),
            keep: 9,
        })
        .await
        .unwrap();
    let before = (store.event(new.id).await.unwrap(), store.run(id).await.unwrap(), store.counts().await.unwrap());
    drop(store);
    let store = place.open().await;
    let after = (store.event(new.id).await.unwrap(), store.run(id).await.unwrap(), store.counts().await.unwrap());
    assert_eq!(before, after);
    assert_eq!(store.content(&ContentHash::from("h")).await.unwrap().as_deref(), Some("text"));
    assert_eq!(store.quarantined(ALL).await.unwrap().len(), 1);
    assert_eq!(store.accept(alone(event("d"))).await.unwrap(), Accepted::Duplicate(new.id));
    let woken = store.accept(alone(completion("done", "t", 200))).await.unwrap();
    assert_eq!(woken, Accepted::New { fences: vec![], woken: 1 });
    assert_eq!(store.due(at(900), 10).await.unwrap().fired, 1);
    let claimed = store.claim(claim("b", 900)).await.unwrap();
    assert_eq!((ids(&claimed), claimed[0].fence, claimed[0].inbox.len()), (vec![id], Fence(2), 2));
}

pub(super) async fn a_lease_of_a_lost_node_is_freed_by_join(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let early = Delivery { run: id, input: cancel("now"), at: at(1) };
    store.deliver(early).await.unwrap();
    drop(store);
    let store = place.open().await;
    store.join(&node("b"), at(10)).await.unwrap();
    let claimed = store.claim(claim("b", 60_000)).await.unwrap();
    assert_eq!((ids(&claimed), inputs(&claimed[0].inbox)), (vec![id], vec![cancel("now")]));
    assert_fenced(&store.apply(advance(id, Fence(1), RunStatus::Running)).await, id);
}

/// A command whose caller went away is written whole or not at all, and the store goes on.
pub(super) async fn a_dropped_caller_changes_nothing(place: Arc<dyn Place>) {
    let store = place.open().await;
    for n in 0..50 {
        let new = event(&format!("d{n}"));
        let accepting = tokio::spawn({
            let (store, new) = (Arc::clone(&store), new.clone());
            async move { store.accept(with(new, vec![run("rule")])).await }
        });
        if n % 2 == 0 {
            tokio::task::yield_now().await;
        }
        accepting.abort();
        let aborted = accepting.await.is_err();
        let again = event(&format!("d{n}"));
        match store.accept(with(again, vec![run("rule")])).await.unwrap() {
            Accepted::Duplicate(id) => assert_eq!(id, new.id),
            Accepted::New { .. } => assert!(aborted),
        }
    }
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.events, 50);
    assert_eq!(counts.runs.iter().map(|(_, count)| count).sum::<u64>(), 50);
}
