//! Removing what is past its time.

use std::sync::Arc;

use oncue::store::{
    Accepted, Advance, Content, EventFilter, Expired, Fence, NewEvent, Retention, RunStatus, StepOutcome,
};
use oncue_rules::ids::ContentHash;

use super::support::*;
use super::{Driver, Place};

fn before(millis: i64) -> Retention {
    Retention { events_before: at(millis), keep_contents: Vec::new() }
}

async fn expire(store: &dyn Driver, retention: Retention) -> Expired {
    store.expire(retention, at(1_000), 100).await.unwrap()
}

async fn is_there(store: &dyn Driver, event: &NewEvent) -> bool {
    store.event(event.id).await.unwrap().is_some()
}

pub(super) async fn old_events_go_with_their_ended_runs(place: Arc<dyn Place>) {
    let store = place.open().await;
    let (old, young) = (event("old"), NewEvent { received_at: at(500), ..event("young") });
    let new = held("rule", "a");
    store.accept(with(old.clone(), vec![new.clone()])).await.unwrap();
    store.accept(alone(event("old"))).await.unwrap();
    store.accept(alone(young.clone())).await.unwrap();
    let steps = vec![step("a", StepOutcome::Succeeded, 1)];
    store.apply(Advance { steps, ..advance(new.id, Fence(1), RunStatus::Succeeded) }).await.unwrap();
    assert_eq!(expire(&*store, before(0)).await.events, 0, "the moment itself is not before it");
    assert_eq!(expire(&*store, before(500)).await.events, 1);
    assert_eq!((is_there(&*store, &old).await, is_there(&*store, &young).await), (false, true));
    assert_eq!(store.run(new.id).await.unwrap(), None);
    let by_key = EventFilter { key: Some(old.keys[0].clone()), ..EventFilter::default() };
    assert_eq!(store.events(by_key, ALL).await.unwrap(), []);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.events, counts.duplicates), (1, 0));
    assert!(counts.runs.iter().all(|(_, count)| *count == 0));
    let again = store.accept(alone(event("old"))).await.unwrap();
    assert_eq!(again, Accepted::Duplicate(old.id), "its dedupe key has a lifetime of its own");
}

pub(super) async fn an_event_that_a_live_run_may_need_stays(place: Arc<dyn Place>) {
    let store = place.open().await;
    let own = event("own");
    let (new, other) = (held("rule", "a"), held("other", "a"));
    store.accept(with(own.clone(), vec![new.clone(), other.clone()])).await.unwrap();
    let (early, late) = (completion("early", "t", 50), completion("late", "t", 200));
    let unrelated = completion("unrelated", "u", 50);
    store.accept(alone(early.clone())).await.unwrap();
    store.accept(alone(unrelated.clone())).await.unwrap();
    let rows = store.park(waiting_for(new.id, Fence(1), "t")).await.unwrap();
    let consumed = vec![rows[0].id];
    store.park(Advance { consumed, ..waiting_for(new.id, Fence(1), "t") }).await.unwrap();
    store.accept(alone(late.clone())).await.unwrap();
    store.apply(advance(other.id, Fence(1), RunStatus::Succeeded)).await.unwrap();
    assert_eq!(expire(&*store, before(1_000)).await.events, 1);
    assert!(!is_there(&*store, &unrelated).await);
    for needed in [&own, &early, &late] {
        assert!(is_there(&*store, needed).await, "{}", needed.dedupe_key);
    }
    assert!(store.run(other.id).await.unwrap().is_some(), "an ended run goes with its event");
    let fence = store.claim(claim("b", 300)).await.unwrap()[0].fence;
    store.apply(advance(new.id, fence, RunStatus::Cancelled)).await.unwrap();
    assert_eq!(expire(&*store, before(1_000)).await.events, 3);
    assert_eq!(store.events(EventFilter::default(), ALL).await.unwrap(), []);
}

pub(super) async fn contents_go_when_nobody_needs_them(place: Arc<dyn Place>) {
    let store = place.open().await;
    let content = |hash: &str| Content { hash: ContentHash::from(hash), text: hash.to_owned() };
    store.put_contents(vec![content("c0ffee"), content("kept"), content("unused")]).await.unwrap();
    let id = start(&*store, "d").await;
    let retention = || Retention { keep_contents: vec![ContentHash::from("kept")], ..before(1_000) };
    assert_eq!(expire(&*store, retention()).await.contents, 1);
    assert_eq!(store.content(&ContentHash::from("unused")).await.unwrap(), None);
    store.apply(advance(id, Fence(1), RunStatus::Succeeded)).await.unwrap();
    let expired = expire(&*store, retention()).await;
    assert_eq!((expired.events, expired.contents), (1, 1), "its last run is gone");
    assert_eq!(store.content(&ContentHash::from("c0ffee")).await.unwrap(), None);
    assert!(store.content(&ContentHash::from("kept")).await.unwrap().is_some());
    assert_eq!(expire(&*store, before(1_000)).await.contents, 1);
}

pub(super) async fn the_variables_of_a_pinned_closure_stay(place: Arc<dyn Place>) {
    let store = place.open().await;
    let closure = Content { hash: ContentHash::from("c0ffee"), text: r#"{"rule":{},"vars":"v"}"#.to_owned() };
    let vars = Content { hash: ContentHash::from("v"), text: "{}".to_owned() };
    store.put_contents(vec![closure, vars.clone()]).await.unwrap();
    let id = start(&*store, "d").await;
    assert_eq!(expire(&*store, before(0)).await.contents, 0);
    assert!(store.content(&vars.hash).await.unwrap().is_some());
    store.apply(advance(id, Fence(1), RunStatus::Dead)).await.unwrap();
    assert_eq!(expire(&*store, before(0)).await.contents, 0, "a dead run may be retried");
    let first = expire(&*store, before(1_000)).await;
    assert_eq!((first.events, first.contents), (1, 2));
}

pub(super) async fn old_dedupe_keys_go(place: Arc<dyn Place>) {
    let store = place.open().await;
    for n in 0..5 {
        store.accept(alone(NewEvent { dedupe_until: at(998 + n), ..event(&format!("d{n}")) })).await.unwrap();
    }
    assert_eq!(expire(&*store, before(0)).await, Expired { dedupe_keys: 3, events: 0, contents: 0 });
    assert_eq!(expire(&*store, before(0)).await, Expired::default());
}

pub(super) async fn no_more_than_a_batch_goes(place: Arc<dyn Place>) {
    let store = place.open().await;
    for n in 0..90 {
        let new = NewEvent { received_at: at(n), dedupe_until: at(n), ..event(&format!("d{n}")) };
        store.accept(alone(new)).await.unwrap();
    }
    let gone = store.expire(before(1_000), at(1_000), 40).await.unwrap();
    assert_eq!(gone, Expired { dedupe_keys: 40, events: 40, contents: 0 });
    let left = store.events(EventFilter::default(), ALL).await.unwrap();
    assert_eq!(left.last().unwrap().received_at, at(40), "the oldest go first");
    let gone = store.expire(before(1_000), at(1_000), 60).await.unwrap();
    assert_eq!(gone, Expired { dedupe_keys: 50, events: 50, contents: 0 });
}
