//! Limits: how many runs a rule starts, counted where they are created.

use std::sync::Arc;
use std::time::Duration;

use oncue::store::{Accepted, Fence, Gather, LimitBy, NewEvent, NewRun, Retention, RunFilter, RunStatus};
use oncue_rules::ids::RuleName;

use super::support::*;
use super::{Driver, Place};

fn limited(key: &str, runs: u32) -> NewRun {
    NewRun { limit: Some(LimitBy { key: key.to_owned(), runs, every: Duration::from_secs(1) }), ..run("limited") }
}

/// Accepts an event with a run; whether it was created.
async fn starts(store: &dyn Driver, dedupe_key: &str, millis: i64, run: NewRun) -> bool {
    let event = NewEvent { received_at: at(millis), ..event(dedupe_key) };
    let (event_id, id, rule) = (event.id, run.id, run.rule.clone());
    match store.accept(with(event, vec![run])).await.unwrap() {
        Accepted::New { fences, .. } => {
            let throttled = store.event(event_id).await.unwrap().unwrap().row.verdicts.throttled;
            assert_eq!(throttled, if fences.is_empty() { vec![rule] } else { Vec::new() });
            assert_eq!(store.run(id).await.unwrap().is_some(), !fences.is_empty());
            !fences.is_empty()
        }
        Accepted::Duplicate(_) => false,
    }
}

pub(super) async fn a_rule_starts_so_many_runs_a_window_and_no_more(place: Arc<dyn Place>) {
    let store = place.open().await;
    for (dedupe_key, millis, expected) in
        [("1", 0, true), ("2", 500, true), ("3", 600, false), ("4", 999, false), ("5", 1_000, true), ("6", 1_999, true)]
    {
        assert_eq!(starts(&*store, dedupe_key, millis, limited("k", 2)).await, expected, "{dedupe_key}");
    }
    assert!(!starts(&*store, "7", 1_999, limited("k", 2)).await);
    assert!(starts(&*store, "8", 1_999, limited("k", 3)).await, "how many is what the rule of the day says");
    assert_eq!(store.counts().await.unwrap().throttled, 3);
}

pub(super) async fn limits_keep_to_their_rule_and_key_and_not_to_the_application(place: Arc<dyn Place>) {
    let store = place.open().await;
    assert!(starts(&*store, "1", 0, limited("k", 1)).await);
    assert!(starts(&*store, "2", 0, limited("K", 1)).await);
    assert!(starts(&*store, "3", 0, NewRun { rule: RuleName::from("other"), ..limited("k", 1) }).await);
    let elsewhere = NewEvent { subappid: Some(OTHER_APP), ..event("4") };
    let accepted = store.accept(with(elsewhere, vec![limited("k", 1)])).await.unwrap();
    assert_eq!(accepted, Accepted::New { fences: vec![], woken: 0 });
    // The others of an event that one rule is throttled for start.
    let (over, free) = (limited("k", 1), run("free"));
    let expected = vec![(free.id, Fence(0))];
    let accepted = store.accept(with(event("5"), vec![over, free])).await.unwrap();
    assert_eq!(accepted, Accepted::New { fences: expected, woken: 0 });
}

pub(super) async fn a_duplicate_counts_for_no_limit(place: Arc<dyn Place>) {
    let store = place.open().await;
    assert!(starts(&*store, "1", 0, limited("k", 2)).await);
    assert!(!starts(&*store, "1", 0, limited("k", 2)).await);
    assert!(starts(&*store, "2", 0, limited("k", 2)).await);
}

pub(super) async fn of_many_events_at_once_so_many_start_a_run(place: Arc<dyn Place>) {
    let store = place.open().await;
    let accepting: Vec<_> = (0..50)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { starts(&*store, &n.to_string(), n, limited("k", 7)).await })
        })
        .collect();
    let mut started = 0;
    for accepted in accepting {
        started += usize::from(accepted.await.unwrap());
    }
    assert_eq!((started, store.runs(RunFilter::default(), ALL).await.unwrap().len()), (7, 7));
}

pub(super) async fn a_collection_counts_once_when_it_is_opened(place: Arc<dyn Place>) {
    let store = place.open().await;
    let gathering = || {
        let (quiet, max) = (Duration::from_millis(100), Duration::from_millis(500));
        let gather = Gather { key: "g".to_owned(), quiet, max, max_events: 2, max_bytes: 1_000 };
        NewRun { status: RunStatus::Waiting, gather: Some(gather), ..limited("k", 1) }
    };
    let (opening, joining, over) = (event("1"), event("2"), event("3"));
    let id = over.id;
    for event in [opening, joining, over] {
        store.accept(with(event, vec![gathering()])).await.unwrap();
    }
    let runs = store.runs(RunFilter::default(), ALL).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(store.run(runs[0].id).await.unwrap().unwrap().collected.len(), 2);
    assert_eq!(store.event(id).await.unwrap().unwrap().row.verdicts.throttled, [RuleName::from("limited")]);
}

pub(super) async fn a_limit_survives_a_reopening_and_goes_with_its_window(place: Arc<dyn Place>) {
    {
        let store = place.open().await;
        assert!(starts(&*store, "1", 0, limited("k", 1)).await);
        assert!(!starts(&*store, "2", 1, limited("k", 1)).await);
    }
    let store = place.open().await;
    assert!(!starts(&*store, "3", 2, limited("k", 1)).await);
    let retention = || Retention { events_before: at(1_000_000), keep_contents: Vec::new() };
    store.expire(retention(), at(999), 10).await.unwrap();
    assert!(!starts(&*store, "4", 3, limited("k", 1)).await);
    store.expire(retention(), at(1_000), 10).await.unwrap();
    assert_eq!(store.counts().await.unwrap().throttled, 0, "what is gone is not counted");
    assert!(starts(&*store, "5", 4, limited("k", 1)).await);
}
