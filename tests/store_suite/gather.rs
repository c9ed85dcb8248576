//! Collections: every event is in one of its rule's, whatever happens at the same moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oncue::store::{
    Accept, Accepted, Advance, Delivery, EventFilter, Fence, Gather, Input, NewEvent, NewRun, Retention, Retried,
    Retry, RunFilter, RunStatus, TimerKind,
};
use oncue_rules::ids::{EventId, RuleName, RunId};
use tokio::sync::Barrier;

use super::support::*;
use super::{Driver, Place};

const QUIET: i64 = 100;

fn gathering(key: &str) -> NewRun {
    let gather = Gather {
        key: key.to_owned(),
        quiet: Duration::from_millis(QUIET.unsigned_abs()),
        max: Duration::from_secs(1),
        max_events: 5,
        max_bytes: 1_000,
    };
    NewRun { status: RunStatus::Waiting, gather: Some(gather), ..run("gathers") }
}

fn with_gather(change: impl FnOnce(&mut Gather)) -> NewRun {
    let mut new = gathering("k");
    new.gather.as_mut().map(change).unwrap();
    new
}

fn came(dedupe_key: &str, millis: i64) -> NewEvent {
    NewEvent { received_at: at(millis), ..event(dedupe_key) }
}

/// Accepts an event for a collection; its id, and whether it opened one.
async fn gather(store: &dyn Driver, event: NewEvent, run: NewRun) -> (EventId, Option<RunId>) {
    let (event_id, id) = (event.id, run.id);
    match store.accept(with(event, vec![run])).await.unwrap() {
        Accepted::New { fences, .. } if fences.is_empty() => (event_id, None),
        Accepted::New { fences, .. } => {
            assert_eq!(fences, [(id, Fence(0))]);
            (event_id, Some(id))
        }
        Accepted::Duplicate(first) => (first, None),
    }
}

async fn collected(store: &dyn Driver, run: RunId) -> Vec<EventId> {
    let events: Vec<_> = store.collected(run).await.unwrap().into_iter().map(|event| event.row.id).collect();
    assert_eq!(store.run(run).await.unwrap().unwrap().collected, events);
    events
}

/// The runs that may begin at a moment.
async fn closed(store: &dyn Driver, millis: i64) -> Vec<RunId> {
    let claimed = store.claim(claim("a", millis)).await.unwrap();
    assert!(claimed.iter().all(|claimed| inputs(&claimed.inbox) == [Input::Collected]), "{claimed:?}");
    ids(&claimed)
}

pub(super) async fn events_of_one_key_are_gathered_until_nothing_more_comes(place: Arc<dyn Place>) {
    let store = place.open().await;
    let (first, run) = gather(&*store, came("1", 0), gathering("k")).await;
    let run = run.unwrap();
    let (second, joined) = gather(&*store, came("2", 60), gathering("k")).await;
    assert_eq!(joined, None);
    let (third, _) = gather(&*store, came("3", 150), gathering("k")).await;
    assert_eq!(collected(&*store, run).await, [first, second, third]);
    assert_eq!(store.run(run).await.unwrap().unwrap().timers, [timer("", TimerKind::Quiet, 250)]);
    assert_eq!(store.due(at(249), 10).await.unwrap().next, Some(at(250)));
    assert_eq!(closed(&*store, 249).await, []);
    assert_eq!(store.due(at(250), 10).await.unwrap().fired, 1);
    let claimed = store.claim(claim("a", 250)).await.unwrap();
    assert_eq!((ids(&claimed), inputs(&claimed[0].inbox)), (vec![run], vec![Input::Collected]));
    assert_eq!((claimed[0].event.row.id, claimed[0].fence), (first, Fence(1)));
    assert_eq!(claimed[0].gathered_bytes, 3 * came("1", 0).body.len() as u64);
    assert_ne!(gather(&*store, came("4", 251), gathering("k")).await.1, None, "it opens the next one");
    assert_eq!(collected(&*store, run).await, [first, second, third]);
}

pub(super) async fn a_collection_is_closed_by_its_longest_time_whatever_comes(place: Arc<dyn Place>) {
    let store = place.open().await;
    let long = || with_gather(|gather| (gather.max, gather.max_events) = (Duration::from_millis(250), 100));
    let run = gather(&*store, came("0", 0), long()).await.1.unwrap();
    for millis in [90, 180, 249] {
        assert_eq!(gather(&*store, came(&millis.to_string(), millis), long()).await.1, None);
    }
    assert_eq!(store.run(run).await.unwrap().unwrap().timers, [timer("", TimerKind::Quiet, 250)]);
    assert_eq!(store.due(at(250), 10).await.unwrap().fired, 1);
    assert_eq!(closed(&*store, 250).await, [run]);
    assert_eq!(collected(&*store, run).await.len(), 4);
}

pub(super) async fn a_collection_is_closed_by_its_last_event(place: Arc<dyn Place>) {
    let store = place.open().await;
    let three = || with_gather(|gather| gather.max_events = 3);
    let run = gather(&*store, came("1", 0), three()).await.1.unwrap();
    assert_eq!(gather(&*store, came("2", 1), three()).await.1, None);
    assert_eq!(closed(&*store, 1).await, []);
    assert_eq!(gather(&*store, came("3", 2), three()).await.1, None);
    assert_eq!(closed(&*store, 2).await, [run]);
    assert_eq!(store.run(run).await.unwrap().unwrap().timers, []);
    let one = || with_gather(|gather| gather.max_events = 1);
    let alone = gather(&*store, came("4", 3), one()).await.1.unwrap();
    assert_eq!(closed(&*store, 3).await, [alone]);
    assert_eq!(store.due(at(10_000), 10).await.unwrap().fired, 0);
}

pub(super) async fn a_collection_is_closed_before_an_event_that_does_not_fit(place: Arc<dyn Place>) {
    let store = place.open().await;
    let small = || with_gather(|gather| gather.max_bytes = 100);
    let sized = |name: &str, size: usize| NewEvent { body: vec![b'1'; size].into(), ..came(name, 0) };
    let (first, run) = gather(&*store, sized("1", 60), small()).await;
    let (second, joined) = gather(&*store, sized("2", 40), small()).await;
    assert_eq!(joined, None);
    let (third, next) = gather(&*store, sized("3", 1), small()).await;
    assert_eq!(closed(&*store, 0).await, [run.unwrap()]);
    assert_eq!(collected(&*store, run.unwrap()).await, [first, second]);
    assert_eq!(collected(&*store, next.unwrap()).await, [third]);
    // One that is too large for any is alone.
    let (_, huge) = gather(&*store, sized("4", 500), small()).await;
    let (_, after) = gather(&*store, sized("5", 1), small()).await;
    assert!(huge.is_some() && after.is_some());
}

pub(super) async fn an_event_after_the_end_opens_another_although_no_timer_fired(place: Arc<dyn Place>) {
    let store = place.open().await;
    let run = gather(&*store, came("1", 0), gathering("k")).await.1.unwrap();
    assert_eq!(gather(&*store, came("2", 99), gathering("k")).await.1, None);
    let next = gather(&*store, came("3", 199), gathering("k")).await.1.unwrap();
    assert_eq!(closed(&*store, 199).await, [run]);
    assert_eq!((collected(&*store, run).await.len(), collected(&*store, next).await.len()), (2, 1));
    // A clock that is put back closes nothing early.
    assert_eq!(gather(&*store, came("4", 50), gathering("k")).await.1, None);
}

pub(super) async fn collections_keep_to_their_rule_application_and_key(place: Arc<dyn Place>) {
    let store = place.open().await;
    let other_rule = || NewRun { rule: RuleName::from("another"), ..gathering("k") };
    let elsewhere = |name: &str| NewEvent { subappid: Some(OTHER_APP), ..came(name, 0) };
    let nowhere = |name: &str| NewEvent { subappid: None, ..came(name, 0) };
    let mut opened = Vec::new();
    for round in ["1", "2"] {
        let named = |name: &str| [name, round].concat();
        opened.push(gather(&*store, came(&named("a"), 0), gathering("k")).await.1);
        opened.push(gather(&*store, came(&named("b"), 0), gathering("K")).await.1);
        opened.push(gather(&*store, elsewhere(&named("c")), gathering("k")).await.1);
        opened.push(gather(&*store, nowhere(&named("d")), gathering("k")).await.1);
        opened.push(gather(&*store, came(&named("e"), 0), other_rule()).await.1);
    }
    assert!(opened[..5].iter().all(Option::is_some) && opened[5..].iter().all(Option::is_none), "{opened:?}");
    // One event may be for collections of several rules.
    let both = Accept { event: came("f", 0), runs: vec![gathering("k"), other_rule()] };
    let event = both.event.id;
    assert_eq!(store.accept(both).await.unwrap(), Accepted::New { fences: vec![], woken: 0 });
    let filter = RunFilter { event: Some(event), ..RunFilter::default() };
    assert_eq!(store.runs(filter, ALL).await.unwrap().len(), 2);
}

pub(super) async fn a_duplicate_is_gathered_once(place: Arc<dyn Place>) {
    let store = place.open().await;
    let (first, run) = gather(&*store, came("1", 0), gathering("k")).await;
    let (second, _) = gather(&*store, came("2", 10), gathering("k")).await;
    assert_eq!(gather(&*store, came("2", 90), gathering("k")).await, (second, None));
    assert_eq!(collected(&*store, run.unwrap()).await, [first, second]);
    let timers = store.run(run.unwrap()).await.unwrap().unwrap().timers;
    assert_eq!(timers, [timer("", TimerKind::Quiet, 110)], "and makes nothing later");
}

pub(super) async fn a_cancelled_collection_takes_nothing_more(place: Arc<dyn Place>) {
    let store = place.open().await;
    let run = gather(&*store, came("1", 0), gathering("k")).await.1.unwrap();
    store.deliver(Delivery { run, input: cancel("no"), at: at(1) }).await.unwrap();
    assert_ne!(gather(&*store, came("2", 2), gathering("k")).await.1, None);
    let claimed = store.claim(claim("a", 2)).await.unwrap();
    assert_eq!((ids(&claimed), inputs(&claimed[0].inbox)), (vec![run], vec![cancel("no")]));
    store.park(advance(run, Fence(1), RunStatus::Cancelled)).await.unwrap();
    assert_eq!(store.due(at(1_000_000), 10).await.unwrap().fired, 1, "only the other one");
}

/// The rule of the day says whether and where an event belongs; how long a collection gathers was said when it was opened.
pub(super) async fn what_is_said_when_a_collection_is_opened_holds(place: Arc<dyn Place>) {
    let store = place.open().await;
    let run = gather(&*store, came("1", 0), gathering("k")).await.1.unwrap();
    let hasty = with_gather(|gather| (gather.quiet, gather.max_events) = (Duration::from_millis(1), 1));
    assert_eq!(gather(&*store, came("2", 50), hasty).await.1, None);
    assert_eq!(store.run(run).await.unwrap().unwrap().timers, [timer("", TimerKind::Quiet, 150)]);
}

pub(super) async fn gathered_events_stay_while_the_run_lives_and_are_listed_with_it(place: Arc<dyn Place>) {
    let store = place.open().await;
    let (first, run) = gather(&*store, came("1", 0), gathering("k")).await;
    let (second, _) = gather(&*store, came("2", 1), gathering("k")).await;
    let run = run.unwrap();
    let all_old = || Retention { events_before: at(1_000), keep_contents: Vec::new() };
    assert_eq!(store.expire(all_old(), at(5), 10).await.unwrap().events, 0);
    for event in [first, second] {
        let filter = RunFilter { event: Some(event), ..RunFilter::default() };
        assert_eq!(store.runs(filter, ALL).await.unwrap().iter().map(|run| run.id).collect::<Vec<_>>(), [run]);
    }
    store.due(at(500), 10).await.unwrap();
    let claimed = store.claim(claim("a", 500)).await.unwrap();
    let consumed = vec![claimed[0].inbox[0].id];
    store.apply(Advance { consumed, ..advance(run, Fence(1), RunStatus::Running) }).await.unwrap();
    assert_eq!(store.expire(all_old(), at(5), 10).await.unwrap().events, 0);
    store.apply(advance(run, Fence(1), RunStatus::Succeeded)).await.unwrap();
    assert_eq!(
        collected(&*store, run).await,
        [first, second],
        "as long as they are there, it is known which they were"
    );
    assert_eq!(store.expire(all_old(), at(5), 10).await.unwrap().events, 2);
    assert_eq!(store.collected(run).await.unwrap().len(), 0);
    assert_eq!(store.events(EventFilter::default(), ALL).await.unwrap().len(), 0);
}

/// Whichever comes first, each event is in one collection, and what a run was told of stays what it has.
pub(super) async fn an_event_and_the_end_of_a_collection_at_once_never_miss_each_other(place: Arc<dyn Place>) {
    let store = place.open().await;
    let mut known = BTreeMap::new();
    for round in 0..100 {
        let key = format!("k{round}");
        let (first, run) = gather(&*store, came(&format!("{round}-0"), 0), gathering(&key)).await;
        let run = run.unwrap();
        let barrier = Arc::new(Barrier::new(4));
        let closing = tokio::spawn({
            let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
            async move {
                barrier.wait().await;
                store.due(at(QUIET + 50), 1_000).await.unwrap();
                closed(&*store, QUIET + 50).await
            }
        });
        let adding = (1..4).map(|number| {
            let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
            let (event, new) = (came(&format!("{round}-{number}"), 60), gathering(&key));
            tokio::spawn(async move {
                barrier.wait().await;
                gather(&*store, event, new).await
            })
        });
        let adding: Vec<_> = adding.collect();
        let begun = closing.await.unwrap();
        let mut at_its_beginning = BTreeMap::new();
        for begun in begun {
            at_its_beginning.insert(begun, collected(&*store, begun).await);
        }
        known.insert(first, run);
        for added in adding {
            let (event, opened) = added.await.unwrap();
            known.extend(opened.map(|opened| (event, opened)));
            let filter = RunFilter { event: Some(event), ..RunFilter::default() };
            assert_eq!(store.runs(filter, ALL).await.unwrap().len(), 1);
        }
        for (begun, then) in at_its_beginning {
            assert_eq!(collected(&*store, begun).await, then);
        }
    }
    store.due(at(1_000_000), 1_000).await.unwrap();
    closed(&*store, 1_000_000).await;
    let mut in_all = 0;
    for run in known.into_values() {
        in_all += collected(&*store, run).await.len();
    }
    assert_eq!(in_all, 400);
}

pub(super) async fn a_retried_run_has_what_it_gathered(place: Arc<dyn Place>) {
    let store = place.open().await;
    let two = || with_gather(|gather| gather.max_events = 2);
    let (first, run) = gather(&*store, came("1", 0), two()).await;
    let (second, _) = gather(&*store, came("2", 1), two()).await;
    let run = run.unwrap();
    closed(&*store, 1).await;
    store.apply(advance(run, Fence(1), RunStatus::Dead)).await.unwrap();
    assert_eq!(store.retry(Retry { run, new_key: false, at: at(200) }).await.unwrap(), Retried::Asked);
    let all_old = || Retention { events_before: at(1_000), keep_contents: Vec::new() };
    assert_eq!(store.expire(all_old(), at(300), 10).await.unwrap().events, 0, "all are needed again");
    assert_eq!(collected(&*store, run).await, [first, second]);
    let claimed = store.claim(claim("a", 300)).await.unwrap();
    store.apply(advance(run, claimed[0].fence, RunStatus::Succeeded)).await.unwrap();
    assert_eq!(store.expire(all_old(), at(400), 10).await.unwrap().events, 2);
}

pub(super) async fn a_collection_that_is_raised_with_a_death_is_as_good(place: Arc<dyn Place>) {
    let store = place.open().await;
    for (death, opens) in [("1", true), ("2", false)] {
        let dying = start(&*store, &["dying ", death].concat()).await;
        let accept = with(came(&["death ", death].concat(), 50), vec![gathering("deaths")]);
        let run = accept.runs[0].id;
        let raised = Some(Box::new(accept));
        store.apply(Advance { raised, ..advance(dying, Fence(1), RunStatus::Dead) }).await.unwrap();
        assert_eq!(store.run(run).await.unwrap().is_some(), opens);
    }
    assert_eq!(store.due(at(150), 10).await.unwrap().fired, 1);
    let begun = closed(&*store, 150).await;
    assert_eq!(collected(&*store, begun[0]).await.len(), 2);
}

pub(super) async fn a_collection_survives_a_reopening_and_is_closed_late(place: Arc<dyn Place>) {
    let run = {
        let store = place.open().await;
        let run = gather(&*store, came("1", 0), gathering("k")).await.1.unwrap();
        gather(&*store, came("2", 10), gathering("k")).await;
        run
    };
    let store = place.open().await;
    store.join(&node("b"), at(20)).await.unwrap();
    assert_eq!(gather(&*store, came("3", 20), gathering("k")).await.1, None);
    assert_eq!(store.due(at(99_000_000), 10).await.unwrap().fired, 1);
    assert_eq!(closed(&*store, 99_000_000).await, [run]);
    assert_eq!(collected(&*store, run).await.len(), 3);
}
