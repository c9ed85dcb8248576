//! Contents, quarantine, counts.

use std::sync::Arc;

use oncue::store::{Advance, Content, Fence, Keep, Kept, MOST_KEPT, Page, Quarantine, RunStatus, StepOutcome, StepRow};
use oncue_rules::ids::{ContentHash, EventId, RuleName};

use super::Place;
use super::support::*;

pub(super) async fn contents_are_stored_once(place: Arc<dyn Place>) {
    let store = place.open().await;
    let content = |hash: &str, text: &str| Content { hash: ContentHash::from(hash), text: text.to_owned() };
    let long = "规则 rule\n".repeat(5_000);
    store.put_contents(vec![content("a", ""), content("b", &long)]).await.unwrap();
    store.put_contents(vec![content("a", "other"), content("c", "c")]).await.unwrap();
    store.put_contents(Vec::new()).await.unwrap();
    let text = async |hash: &str| store.content(&ContentHash::from(hash)).await.unwrap();
    assert_eq!(text("a").await.as_deref(), Some(""));
    assert_eq!(text("b").await.as_deref(), Some(&*long));
    assert_eq!(text("c").await.as_deref(), Some("c"));
    assert_eq!(text("d").await, None);
}

pub(super) async fn the_run_behind_a_key_is_found(place: Arc<dyn Place>) {
    let store = place.open().await;
    let run = start(&*store, "1").await;
    let other = start(&*store, "2").await;
    let sent = StepRow { key: Some("k1".to_owned()), ..step("submit", StepOutcome::Running, 1) };
    store.apply(Advance { steps: vec![sent], ..advance(run, Fence(1), RunStatus::Running) }).await.unwrap();
    let unsent = StepRow { key: None, ..step("log", StepOutcome::Running, 1) };
    store.apply(Advance { steps: vec![unsent], ..advance(other, Fence(1), RunStatus::Running) }).await.unwrap();
    let origin = store.origin("k1").await.unwrap().unwrap();
    let detail = store.run(run).await.unwrap().unwrap();
    let event = store.event(detail.row.event).await.unwrap().unwrap();
    let awaited = store.awaited(detail.row.event).await.unwrap().unwrap();
    assert_eq!((awaited.row.id, &awaited.body, &awaited.keys), (event.row.id, &event.body, &event.keys));
    assert!(store.awaited(EventId::from_bytes([9; 16])).await.unwrap().is_none());
    assert_eq!((origin.run, &origin.rule, &origin.envelope), (run, &detail.row.rule, &event.envelope));
    assert_eq!(store.origin("k2").await.unwrap(), None);
}

pub(super) async fn the_quarantine_keeps_the_newest(place: Arc<dyn Place>) {
    let store = place.open().await;
    let body = |n: u8| vec![n; 1_000];
    for n in 0..10 {
        let quarantine = Quarantine {
            received_at: at(i64::from(n)),
            subappid: (n % 2 == 0).then_some(APP),
            reason: format!("not JSON: {n}"),
            body: body(n).into(),
            keep: 4,
        };
        store.quarantine(quarantine).await.unwrap();
    }
    let rows = store.quarantined(ALL).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.body.clone()).collect::<Vec<_>>(), [9, 8, 7, 6].map(body));
    assert_eq!((rows[0].received_at, rows[0].subappid, &*rows[0].reason), (at(9), None, "not JSON: 9"));
    assert_eq!(rows[1].subappid, Some(APP));
    let before = Some(u128::try_from(rows[1].number).unwrap().to_be_bytes());
    let page = store.quarantined(Page { limit: 1, before }).await.unwrap();
    assert_eq!(page, [rows[2].clone()]);
    assert_eq!(store.counts().await.unwrap().quarantined, 4);
}

pub(super) async fn counts_follow_everything(place: Arc<dyn Place>) {
    let store = place.open().await;
    let none = store.counts().await.unwrap();
    assert_eq!((none.events, none.duplicates, none.quarantined), (0, 0, 0));
    assert!(none.runs.iter().all(|(_, count)| *count == 0));
    assert_eq!(none.runs.len(), RunStatus::ALL.len());
    let (one, two) = (start(&*store, "1").await, start(&*store, "2").await);
    start(&*store, "3").await;
    store.accept(alone(event("3"))).await.unwrap();
    store.apply(advance(one, Fence(1), RunStatus::Running)).await.unwrap();
    store.apply(advance(one, Fence(1), RunStatus::Succeeded)).await.unwrap();
    store.park(advance(two, Fence(1), RunStatus::Waiting)).await.unwrap();
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.events, counts.duplicates), (3, 1));
    let some: Vec<_> = counts.runs.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(some, [(RunStatus::Pending, 1), (RunStatus::Waiting, 1), (RunStatus::Succeeded, 1)]);
}

pub(super) async fn ticks_go_on_from_where_they_were(place: Arc<dyn Place>) {
    let store = place.open().await;
    let names = |names: &[&str]| names.iter().map(|name| RuleName::from(*name)).collect::<Vec<_>>();
    assert_eq!(store.ticked(names(&["a", "b"]), at(10)).await.unwrap(), [at(10), at(10)], "new rules begin now");
    store.tick(RuleName::from("a"), at(25)).await.unwrap();
    store.tick(RuleName::from("a"), at(20)).await.unwrap();
    store.tick(RuleName::from("c"), at(15)).await.unwrap();
    drop(store);
    let store = place.open().await;
    let ticked = store.ticked(names(&["c", "b", "a", "d"]), at(30)).await.unwrap();
    assert_eq!(ticked, [at(15), at(10), at(25), at(30)]);
    assert_eq!(store.ticked(Vec::new(), at(40)).await.unwrap(), []);
}

pub(super) async fn what_plugins_keep_is_theirs_and_bounded(place: Arc<dyn Place>) {
    let store = place.open().await;
    let keep = |plugin: &str, key: &str, value: Option<&str>| Keep {
        plugin: plugin.to_owned(),
        key: key.to_owned(),
        value: value.map(str::to_owned),
        now: at(1),
    };
    assert_eq!(store.kept("a", "k").await.unwrap(), None);
    for number in 0..MOST_KEPT {
        assert_eq!(store.keep(keep("a", &number.to_string(), Some("1"))).await.unwrap(), Kept::Done);
    }
    assert_eq!(store.keep(keep("a", "k", Some("1"))).await.unwrap(), Kept::Full);
    assert_eq!(
        store.keep(keep("b", "k", Some("[2]"))).await.unwrap(),
        Kept::Done,
        "another plugin has room of its own"
    );
    assert_eq!(store.keep(keep("a", "7", Some("3"))).await.unwrap(), Kept::Done, "a key that is there is written over");
    assert_eq!(store.keep(keep("a", "8", None)).await.unwrap(), Kept::Done);
    assert_eq!(store.keep(keep("a", "k", Some("4"))).await.unwrap(), Kept::Done);
    drop(store);
    let store = place.open().await;
    let kept = |plugin, key| store.kept(plugin, key);
    assert_eq!(kept("a", "7").await.unwrap().as_deref(), Some("3"));
    assert_eq!(kept("a", "8").await.unwrap(), None);
    assert_eq!(kept("a", "k").await.unwrap().as_deref(), Some("4"));
    assert_eq!(kept("b", "k").await.unwrap().as_deref(), Some("[2]"));
}
