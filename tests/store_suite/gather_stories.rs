//! Random events of random keys, sizes and moments, over crashes: they are in the collections in which a plain model puts
//! them, which knows nothing of timers, commits or crashes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oncue::store::{Advance, Gather, NewEvent, NewRun, RunFilter, RunStatus};
use oncue_rules::ids::EventId;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::support::*;
use super::{Driver, Factory, Place};

const STORIES: u32 = 40;
const QUIET: i64 = 30;
const MAX: i64 = 100;
const MOST_EVENTS: usize = 5;
const MOST_BYTES: usize = 100;

#[derive(Debug, Clone)]
enum Happening {
    Event {
        key: u8,
        size: usize,
    },
    Due,
    /// A claim, after which what was claimed ends.
    Run,
    Crash,
}

fn happening() -> impl Strategy<Value = (i64, Happening)> {
    let event = (0..3_u8, 1..60_usize).prop_map(|(key, size)| Happening::Event { key, size });
    let happening =
        prop_oneof![8 => event, 2 => Just(Happening::Due), 1 => Just(Happening::Run), 1 => Just(Happening::Crash)];
    (0..25_i64, happening)
}

/// A collection as the model has it.
struct Expected {
    first: i64,
    last: i64,
    bytes: usize,
    events: Vec<EventId>,
}

#[derive(Default)]
struct Model(BTreeMap<u8, Vec<Expected>>);

impl Model {
    fn put(&mut self, key: u8, now: i64, size: usize, event: EventId) {
        let of_key = self.0.entry(key).or_default();
        let takes = |last: &&mut Expected| {
            now < last.last + QUIET
                && now < last.first + MAX
                && last.events.len() < MOST_EVENTS
                && last.bytes + size <= MOST_BYTES
        };
        match of_key.last_mut().filter(takes) {
            Some(collection) => {
                collection.last = now;
                collection.bytes += size;
                collection.events.push(event);
            }
            None => of_key.push(Expected { first: now, last: now, bytes: size, events: vec![event] }),
        }
    }
}

fn gathering(key: u8) -> NewRun {
    let gather = Gather {
        key: key.to_string(),
        quiet: Duration::from_millis(QUIET.unsigned_abs()),
        max: Duration::from_millis(MAX.unsigned_abs()),
        max_events: u32::try_from(MOST_EVENTS).unwrap(),
        max_bytes: MOST_BYTES as u64,
    };
    NewRun { status: RunStatus::Waiting, gather: Some(gather), ..run("gathers") }
}

/// Ends the runs that have begun; none of them had begun before.
async fn end_begun(store: &dyn Driver, now: i64) {
    for claimed in store.claim(claim("a", now)).await.unwrap() {
        let consumed = claimed.inbox.iter().map(|row| row.id).collect();
        let ended = advance(claimed.run.id, claimed.fence, RunStatus::Succeeded);
        store.park(Advance { consumed, ..ended }).await.unwrap();
    }
}

async fn tell(place: Arc<dyn Place>, happenings: Vec<(i64, Happening)>) -> Result<(), TestCaseError> {
    let mut store = place.open().await;
    let (mut model, mut now) = (Model::default(), 0);
    for (number, (passes, happening)) in happenings.into_iter().enumerate() {
        now += passes;
        match happening {
            Happening::Event { key, size } => {
                let body = vec![b'1'; size].into();
                let event = NewEvent { received_at: at(now), body, ..event(&number.to_string()) };
                model.put(key, now, size, event.id);
                store.accept(with(event, vec![gathering(key)])).await.unwrap();
            }
            Happening::Due => drop(store.due(at(now), 1_000).await.unwrap()),
            Happening::Run => end_begun(&*store, now).await,
            Happening::Crash => {
                drop(store);
                store = place.open().await;
                store.join(&node("a"), at(now)).await.unwrap();
            }
        }
    }
    store.due(at(now + MAX), 1_000).await.unwrap();
    end_begun(&*store, now + MAX).await;
    let mut found = Vec::new();
    for row in store.runs(RunFilter::default(), ALL).await.unwrap() {
        prop_assert_eq!(row.status, RunStatus::Succeeded);
        found.push(store.run(row.id).await.unwrap().unwrap().collected);
    }
    let mut expected: Vec<_> = model.0.into_values().flatten().map(|collection| collection.events).collect();
    found.sort();
    expected.sort();
    prop_assert_eq!(found, expected);
    Ok(())
}

/// Tells random stories to stores of the factory, on the runtime that the caller is on.
pub(super) fn tell_stories(factory: &dyn Factory) {
    let stories = prop::collection::vec(happening(), 5..60);
    let config = Config { cases: STORIES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let runtime = tokio::runtime::Handle::current();
    let tried = tokio::task::block_in_place(|| {
        TestRunner::new(config).run(&stories, |story| {
            runtime.block_on(async {
                let place = factory.place().await;
                tell(place, story).await
            })
        })
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}
