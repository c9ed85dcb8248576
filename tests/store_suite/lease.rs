//! Who may change a run.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use oncue::store::{Advance, Claim, FailedAttempt, Fence, NewEvent, RunStatus, StepOutcome, TimerKind};
use oncue_rules::ids::{StepPath, SubAppId};
use tokio::sync::Barrier;

use super::Place;
use super::support::*;

pub(super) async fn a_claim_brings_all_that_a_run_needs(place: Arc<dyn Place>) {
    let store = place.open().await;
    let mut new = run("rule");
    new.state = "{\"cursor\":[1,2]}".to_owned();
    new.steps = vec![step("a", StepOutcome::Succeeded, 1), step("b", StepOutcome::Running, 2)];
    let happened = event("d");
    store.accept(with(happened.clone(), vec![new.clone()])).await.unwrap();
    let delivery = |reason| oncue::store::Delivery { run: new.id, input: cancel(reason), at: at(5) };
    store.deliver(delivery("first")).await.unwrap();
    store.deliver(delivery("second")).await.unwrap();
    let claimed = store.claim(claim("a", 10)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    let claimed = &claimed[0];
    assert_eq!((claimed.fence, &claimed.state, &claimed.steps), (Fence(1), &new.state, &new.steps));
    assert_eq!((&claimed.event.body, &claimed.event.keys), (&happened.body, &happened.keys));
    assert_eq!(inputs(&claimed.inbox), [cancel("first"), cancel("second")]);
    assert!(claimed.inbox[0].id < claimed.inbox[1].id);
    assert_eq!(claimed.run, store.run(new.id).await.unwrap().unwrap().row);
}

pub(super) async fn two_nodes_never_hold_one_run(place: Arc<dyn Place>) {
    let store = place.open().await;
    for n in 0..60 {
        store.accept(with(event(&format!("d{n}")), vec![run("one"), run("two")])).await.unwrap();
    }
    let barrier = Arc::new(Barrier::new(8));
    let nodes: Vec<_> = (0..8)
        .map(|n| {
            let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
            tokio::spawn(async move {
                let mut got = Vec::new();
                barrier.wait().await;
                loop {
                    let claim = Claim { limit: 7, ..claim(&format!("n{n}"), 10) };
                    let claimed = store.claim(claim).await.unwrap();
                    if claimed.is_empty() {
                        return got;
                    }
                    got.extend(ids(&claimed));
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for node in nodes {
        all.extend(node.await.unwrap());
    }
    assert_eq!(all.len(), 120);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 120);
}

pub(super) async fn a_stale_holder_is_refused_and_writes_nothing(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let claimed = store.claim(claim("b", 60_000)).await.unwrap();
    assert_eq!((ids(&claimed), claimed[0].fence), (vec![id], Fence(2)));
    let before = store.run(id).await.unwrap().unwrap();
    let stale = || Advance {
        steps: vec![step("a", StepOutcome::Succeeded, 1)],
        failed_attempts: vec![FailedAttempt { path: StepPath::from("a"), number: 1, at: at(1), error: error("a") }],
        timers: vec![timer("a", TimerKind::Retry, 1)],
        waits: vec![wait("a", "t")],
        ..advance(id, Fence(1), RunStatus::Succeeded)
    };
    assert_fenced(&store.apply(stale()).await, id);
    assert_fenced(&store.park(stale()).await, id);
    assert_fenced(&store.apply(Advance { fence: Fence(3), ..stale() }).await, id);
    assert_eq!(store.renew(vec![(id, Fence(1))], at(900_000)).await.unwrap(), [id]);
    store.release(vec![(id, Fence(1))]).await.unwrap();
    assert_eq!(store.run(id).await.unwrap().unwrap(), before);
    assert_eq!(store.claim(claim("c", 100_000)).await.unwrap().len(), 0, "a stale release frees nothing");
    assert_eq!(store.due(at(1_000_000), 10).await.unwrap().fired, 0);
    store.apply(Advance { fence: Fence(2), ..stale() }).await.unwrap();
    assert_eq!(store.run(id).await.unwrap().unwrap().row.status, RunStatus::Succeeded);
}

pub(super) async fn a_lease_past_its_end_is_good_until_somebody_claims(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let late = |fence| Advance { now: at(70_000), ..advance(id, fence, RunStatus::Running) };
    store.apply(late(Fence(1))).await.unwrap();
    assert_eq!(store.renew(vec![(id, Fence(1))], at(80_000)).await.unwrap(), []);
    assert_eq!(ids(&store.claim(claim("b", 79_999)).await.unwrap()), []);
    assert_eq!(ids(&store.claim(claim("b", 80_000)).await.unwrap()), [id]);
    assert_fenced(&store.apply(late(Fence(1))).await, id);
}

pub(super) async fn a_renewed_lease_is_not_claimed(place: Arc<dyn Place>) {
    let store = place.open().await;
    let (one, two) = (start(&*store, "d1").await, start(&*store, "d2").await);
    let gone = oncue_rules::ids::RunId::generate();
    let leases = vec![(one, Fence(1)), (gone, Fence(1))];
    assert_eq!(store.renew(leases, at(120_000)).await.unwrap(), [gone]);
    assert_eq!(ids(&store.claim(claim("b", 119_999)).await.unwrap()), [two]);
    assert_eq!(ids(&store.claim(claim("b", 120_000)).await.unwrap()), [one]);
}

pub(super) async fn a_released_run_is_claimed_at_once(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    for _ in 0..2 {
        store.release(vec![(id, Fence(1))]).await.unwrap();
    }
    assert_fenced(&store.apply(advance(id, Fence(1), RunStatus::Running)).await, id);
    let claimed = store.claim(claim("b", 0)).await.unwrap();
    assert_eq!((ids(&claimed), claimed[0].fence), (vec![id], Fence(2)));
}

pub(super) async fn applications_take_turns(place: Arc<dyn Place>) {
    let store = place.open().await;
    let sizes = [(1, 30), (2, 3), (3, 9)];
    for (app, count) in sizes {
        for n in 0..count {
            let new = NewEvent { subappid: Some(SubAppId(app)), ..event(&format!("d{n}")) };
            store.accept(with(new, vec![run("rule")])).await.unwrap();
        }
    }
    let of = |claimed: &[oncue::store::ClaimedRun]| {
        let mut count = BTreeMap::new();
        for claimed in claimed {
            *count.entry(claimed.run.subappid.unwrap().0).or_insert(0) += 1;
        }
        count
    };
    let few = |limit| Claim { limit, ..claim("a", 10) };
    assert_eq!(of(&store.claim(few(9)).await.unwrap()), BTreeMap::from([(1, 3), (2, 3), (3, 3)]));
    assert_eq!(of(&store.claim(few(8)).await.unwrap()), BTreeMap::from([(1, 4), (3, 4)]));
    let mut singly = Vec::new();
    for _ in 0..4 {
        singly.extend(of(&store.claim(few(1)).await.unwrap()).into_keys());
    }
    singly.sort_unstable();
    assert_eq!(singly, [1, 1, 3, 3], "claims of one run take turns too");
}

pub(super) async fn no_application_gets_more_than_its_share(place: Arc<dyn Place>) {
    let store = place.open().await;
    let mut first = Vec::new();
    for n in 0..10 {
        let new = run("rule");
        first.push(new.id);
        let happened = NewEvent { received_at: at(n), ..event(&format!("d{n}")) };
        store.accept(with(happened, vec![new])).await.unwrap();
    }
    let claimed = store.claim(Claim { per_app: 4, ..claim("a", 100) }).await.unwrap();
    assert_eq!(ids(&claimed), first[..4], "the oldest come first");
    assert_eq!(store.claim(Claim { per_app: 0, ..claim("a", 100) }).await.unwrap().len(), 0);
    assert_eq!(store.claim(Claim { limit: 0, ..claim("a", 100) }).await.unwrap().len(), 0);
    assert_eq!(store.claim(claim("a", 100)).await.unwrap().len(), 6);
}

pub(super) async fn a_join_frees_what_others_held(place: Arc<dyn Place>) {
    let store = place.open().await;
    let id = start(&*store, "d").await;
    let parked = start(&*store, "e").await;
    store.park(waiting_for(parked, Fence(1), "t")).await.unwrap();
    let claimed_before = store.claim(claim("b", 10)).await.unwrap().len();
    let joined = store.join(&node("b"), at(20)).await.unwrap();
    let claimed = store.claim(claim("b", 60_000)).await.unwrap();
    assert_eq!((claimed_before, ids(&claimed), claimed[0].fence), (0, vec![id], Fence(2)));
    assert!(joined.freed <= 1, "a driver for many nodes may let leases run out instead");
    assert_eq!(store.join(&node("b"), at(60_001)).await.unwrap().freed, 0, "a node's own leases stay");
}
