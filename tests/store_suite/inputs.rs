//! Deliveries and timers.

use std::sync::Arc;

use oncue::store::{Advance, Delivered, Delivery, Due, Fence, Input, RunStatus, TimerKind};
use oncue_rules::ids::{RunId, StepPath};

use super::Place;
use super::support::*;

fn fired(path: &str, kind: TimerKind) -> Input {
    Input::Timer { path: StepPath::from(path), kind }
}

pub(super) async fn a_delivery_wakes_a_parked_run(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    store.park(advance(id, Fence(1), RunStatus::Paused)).await.unwrap();
    let delivery = Delivery { run: id, input: cancel("enough"), at: at(500) };
    assert_eq!(store.deliver(delivery).await.unwrap(), Delivered::Stored);
    let claimed = store.claim(claim("b", 500)).await.unwrap();
    assert_eq!((inputs(&claimed[0].inbox), claimed[0].inbox[0].at), (vec![cancel("enough")], at(500)));
}

pub(super) async fn a_delivery_to_an_ended_or_unknown_run_is_dropped(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    store.apply(advance(id, Fence(1), RunStatus::Dead)).await.unwrap();
    let to = |run| Delivery { run, input: cancel("late"), at: at(500) };
    assert_eq!(store.deliver(to(id)).await.unwrap(), Delivered::Ended);
    assert_eq!(store.deliver(to(RunId::generate())).await.unwrap(), Delivered::NoRun);
    assert_eq!(store.claim(claim("b", 1_000_000)).await.unwrap().len(), 0);
}

pub(super) async fn timers_fire_once_and_in_order(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let timers = vec![
        timer("c", TimerKind::Retry, 300),
        timer("a", TimerKind::Timeout, 200),
        timer("b", TimerKind::Retry, 200),
        timer("z", TimerKind::Retry, 100),
        timer("later", TimerKind::Retry, 9_000),
    ];
    assert_eq!(store.due(at(1_000), 10).await.unwrap(), Due::default());
    store.park(Advance { timers, ..advance(id, Fence(1), RunStatus::Waiting) }).await.unwrap();
    assert_eq!(store.due(at(99), 10).await.unwrap(), Due { fired: 0, next: Some(at(100)) });
    assert_eq!(store.claim(claim("b", 99)).await.unwrap().len(), 0);
    assert_eq!(store.due(at(1_000), 3).await.unwrap(), Due { fired: 3, next: Some(at(300)) });
    assert_eq!(store.due(at(1_000), 3).await.unwrap(), Due { fired: 1, next: Some(at(9_000)) });
    assert_eq!(store.due(at(1_000), 3).await.unwrap(), Due { fired: 0, next: Some(at(9_000)) });
    let claimed = store.claim(claim("b", 1_000)).await.unwrap();
    let expected = [
        fired("z", TimerKind::Retry),
        fired("a", TimerKind::Timeout),
        fired("b", TimerKind::Retry),
        fired("c", TimerKind::Retry),
    ];
    assert_eq!(inputs(&claimed[0].inbox), expected);
}

pub(super) async fn a_moved_timer_fires_at_its_new_moment(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    for millis in [500, 200, 800] {
        let timers = vec![timer("a", TimerKind::Retry, millis)];
        store.apply(Advance { timers, ..advance(id, Fence(1), RunStatus::Running) }).await.unwrap();
    }
    assert_eq!(store.due(at(799), 10).await.unwrap(), Due { fired: 0, next: Some(at(800)) });
    assert_eq!(store.due(at(800), 10).await.unwrap(), Due { fired: 1, next: None });
}

pub(super) async fn a_settled_timer_does_not_fire(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let timers = vec![
        timer("a", TimerKind::Retry, 200),
        timer("a", TimerKind::Timeout, 200),
        timer("a/b", TimerKind::Retry, 200),
    ];
    store.apply(Advance { timers, ..advance(id, Fence(1), RunStatus::Running) }).await.unwrap();
    let settled = vec![StepPath::from("a")];
    let timers = vec![timer("a", TimerKind::Timeout, 300)];
    store.apply(Advance { settled, timers, ..advance(id, Fence(1), RunStatus::Running) }).await.unwrap();
    let left = [timer("a", TimerKind::Timeout, 300), timer("a/b", TimerKind::Retry, 200)];
    assert_eq!(store.run(id).await.unwrap().unwrap().timers, left);
    assert_eq!(store.due(at(250), 10).await.unwrap(), Due { fired: 1, next: Some(at(300)) });
}

pub(super) async fn inputs_of_many_senders_keep_their_numbers(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let senders: Vec<_> = (0..50)
        .map(|n| {
            let store = Arc::clone(&store);
            let delivery = Delivery { run: id, input: cancel(&n.to_string()), at: at(n) };
            tokio::spawn(async move { store.deliver(delivery).await.unwrap() })
        })
        .collect();
    for sender in senders {
        assert_eq!(sender.await.unwrap(), Delivered::Stored);
    }
    let rows = store.apply(advance(id, Fence(1), RunStatus::Running)).await.unwrap();
    assert_eq!(rows.len(), 50);
    assert!(rows.windows(2).all(|pair| pair[0].id < pair[1].id));
}
