//! Lists.

use std::sync::Arc;

use oncue::store::{EventFilter, Fence, NewEvent, NewRun, Page, RunFilter, RunStatus};
use oncue_rules::ids::{EventId, EventType, RuleName, RunId};

use super::Place;
use super::support::*;

pub(super) async fn events_are_listed_newest_first_by_page(place: Arc<dyn Place>) {
    let store = place.open().await;
    let mut all = Vec::new();
    for n in 0..25 {
        let new = event(&format!("d{n}"));
        all.insert(0, new.id);
        store.accept(alone(new)).await.unwrap();
    }
    let mut listed = Vec::new();
    let mut before = None;
    loop {
        let page = store.events(EventFilter::default(), Page { limit: 10, before }).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(*last.id.as_bytes());
        listed.extend(page.into_iter().map(|row| row.id));
    }
    assert_eq!(listed, all);
    let none = store.events(EventFilter::default(), Page { limit: 0, before: None }).await.unwrap();
    assert_eq!(none.len(), 1, "a limit is at least 1");
}

pub(super) async fn events_are_found_by_each_filter(place: Arc<dyn Place>) {
    let store = place.open().await;
    let news = [
        event("upload"),
        NewEvent { subappid: Some(OTHER_APP), received_at: at(10), ..event("other") },
        completion("done", "t", 20),
        NewEvent { subappid: None, received_at: at(30), keys: vec![], ..event("nobody's") },
    ];
    for new in &news {
        store.accept(alone(new.clone())).await.unwrap();
    }
    let found = async |filter: EventFilter| {
        let rows = store.events(filter, ALL).await.unwrap();
        rows.into_iter().map(|row| row.dedupe_key).collect::<Vec<_>>()
    };
    let none = EventFilter::default;
    assert_eq!(found(none()).await, ["nobody's", "done", "other", "upload"]);
    let kind = Some(EventType::from("NewFileUpload"));
    assert_eq!(found(EventFilter { kind: kind.clone(), ..none() }).await, ["nobody's", "other", "upload"]);
    assert_eq!(found(EventFilter { subappid: Some(APP), ..none() }).await, ["done", "upload"]);
    assert_eq!(found(EventFilter { since: Some(at(10)), ..none() }).await, ["nobody's", "done", "other"]);
    assert_eq!(found(EventFilter { since: Some(at(31)), ..none() }).await, [""; 0]);
    let by_key = EventFilter { key: Some(key("task_id", "t")), ..none() };
    assert_eq!(found(by_key.clone()).await, ["done"]);
    assert_eq!(found(EventFilter { subappid: Some(OTHER_APP), ..by_key.clone() }).await, [""; 0]);
    let all_of_them =
        EventFilter { kind, subappid: Some(APP), key: Some(key("file_id", "upload")), since: Some(at(0)), until: None };
    assert_eq!(found(all_of_them).await, ["upload"]);
    let before = Some(*news[2].id.as_bytes());
    let page = store.events(by_key, Page { limit: 10, before }).await.unwrap();
    assert_eq!(page, []);
}

pub(super) async fn runs_are_found_by_each_filter(place: Arc<dyn Place>) {
    let store = place.open().await;
    let (one, two, three) = (held("one", "a"), held("two", "a"), held("one", "a"));
    let (first, second) = (event("1"), NewEvent { subappid: Some(OTHER_APP), ..event("2") });
    store.accept(with(first.clone(), vec![one.clone(), two.clone()])).await.unwrap();
    store.accept(with(second.clone(), vec![three.clone()])).await.unwrap();
    store.apply(advance(one.id, Fence(1), RunStatus::Succeeded)).await.unwrap();
    store.apply(advance(two.id, Fence(1), RunStatus::Dead)).await.unwrap();
    let found = async |filter: RunFilter, page| {
        let rows = store.runs(filter, page).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let none = RunFilter::default;
    assert_eq!(found(none(), ALL).await, [three.id, two.id, one.id]);
    let before = Some(*two.id.as_bytes());
    assert_eq!(found(none(), Page { limit: 1, before }).await, [one.id]);
    for (status, id) in [(RunStatus::Succeeded, one.id), (RunStatus::Dead, two.id), (RunStatus::Pending, three.id)] {
        assert_eq!(found(RunFilter { status: Some(status), ..none() }, ALL).await, [id]);
    }
    assert_eq!(found(RunFilter { status: Some(RunStatus::Paused), ..none() }, ALL).await, []);
    assert_eq!(found(RunFilter { rule: Some(RuleName::from("one")), ..none() }, ALL).await, [three.id, one.id]);
    assert_eq!(found(RunFilter { subappid: Some(APP), ..none() }, ALL).await, [two.id, one.id]);
    assert_eq!(found(RunFilter { event: Some(first.id), ..none() }, ALL).await, [two.id, one.id]);
    let all_of_them = RunFilter {
        status: Some(RunStatus::Dead),
        rule: Some(RuleName::from("two")),
        subappid: Some(APP),
        event: Some(first.id),
        since: Some(at(0)),
        until: None,
    };
    assert_eq!(found(all_of_them, ALL).await, [two.id]);
}

/// An id made at a moment.
fn id_at(millis: i64, last: u8) -> [u8; 16] {
    let millis = u128::try_from(at(millis).0).unwrap();
    ((millis << 80) | (7 << 76) | u128::from(last)).to_be_bytes()
}

pub(super) async fn events_and_runs_are_found_by_their_time(place: Arc<dyn Place>) {
    let store = place.open().await;
    let hour = 3_600_000;
    for (last, millis) in [(1, 0), (2, hour), (3, 2 * hour)] {
        let event = NewEvent {
            id: EventId::from_bytes(id_at(millis, last)),
            received_at: at(millis),
            ..event(&last.to_string())
        };
        let run = NewRun { id: RunId::from_bytes(id_at(millis, last)), ..run("rule") };
        store.accept(with(event, vec![run])).await.unwrap();
    }
    let found = async |since: Option<i64>, until: Option<i64>| {
        let (since, until) = (since.map(at), until.map(at));
        let events = store.events(EventFilter { since, until, ..EventFilter::default() }, ALL).await.unwrap();
        let runs = store.runs(RunFilter { since, until, ..RunFilter::default() }, ALL).await.unwrap();
        let of_events: Vec<_> = events.iter().map(|row| row.id.as_bytes()[15]).collect();
        assert_eq!(of_events, runs.iter().map(|row| row.id.as_bytes()[15]).collect::<Vec<_>>());
        of_events
    };
    assert_eq!(found(None, None).await, [3, 2, 1]);
    assert_eq!(found(Some(hour), None).await, [3, 2]);
    assert_eq!(found(None, Some(hour)).await, [1]);
    assert_eq!(found(Some(1), Some(2 * hour)).await, [2]);
}
