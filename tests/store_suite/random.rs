//! Random commands, some at once, against the model: what a driver answered must be right in some order of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use oncue::store::{
    Accept, Accepted, Advance, Claim, ClaimedRun, Content, Delivered, Delivery, Due, Error, EventFilter, Expired,
    Fence, Gather, InboxRow, LimitBy, NewEvent, NewRun, Replay, Replayed, Retention, Retried, Retry, RunFilter,
    RunStatus, TimerKind, Wait,
};
use oncue::workflow::State;
use oncue_rules::ids::{ContentHash, EventId, EventType, RunId, StepPath, SubAppId};
use oncue_rules::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::model::Model;
use super::rerun::replay;
use super::support::*;
use super::{Driver, Factory};

/// Stories tried.
const STORIES: u32 = 64;
const NODES: [&str; 2] = ["a", "b"];
const PATHS: [&str; 2] = ["one", "two"];
const KINDS: [&str; 2] = ["NewFileUpload", "ProcedureStateChanged"];
const TASKS: [&str; 3] = ["t", "u", "v"];

/// A command before it is known what there is to name in it.
#[derive(Debug, Clone)]
enum Sketch {
    Accept {
        app: u8,
        kind: usize,
        dedupe: u8,
        tasks: Vec<usize>,
        runs: Vec<Option<usize>>,
        lives: i64,
        gather: Option<(u8, i64, u32)>,
        limit: Option<(u8, i64, u32)>,
    },
    Claim {
        node: usize,
        limit: u32,
        per_app: u32,
        lasts: i64,
    },
    Advance {
        run: Index,
        stale: bool,
        park: bool,
        status: usize,
        consume: usize,
        timer: Option<i64>,
        settle: bool,
        wait: Option<(usize, usize, u8, i64)>,
    },
    Deliver {
        run: Index,
    },
    Retry {
        run: Index,
    },
    Replay {
        run: Index,
        request: u8,
        stale: bool,
    },
    Due,
    Renew {
        runs: Vec<(Index, bool)>,
        lasts: i64,
    },
    Release {
        run: Index,
        stale: bool,
    },
    Expire {
        ago: i64,
    },
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let runs = prop::collection::vec(prop::option::of(0..2_usize), 0..3);
    let wait = prop::option::of((0..3_usize, 0..2_usize, 0..2_u8, 0..200_i64));
    let (stale, due) = (prop::bool::weighted(0.1), prop::option::of(0..90_i64));
    let leases = prop::collection::vec(any::<(Index, bool)>(), 0..4);
    let tasks = prop::collection::vec(0..3_usize, 0..3);
    let gather = prop::option::weighted(0.4, (0..2_u8, 5..60_i64, 1..5_u32));
    let limit = prop::option::weighted(0.6, (0..2_u8, 1..90_i64, 1..4_u32));
    prop_oneof![
        6 => (0..2_u8, 0..2_usize, 0..12_u8, tasks, runs, 1..300_i64, gather, limit).prop_map(
            |(app, kind, dedupe, tasks, runs, lives, gather, limit)| {
                Sketch::Accept { app, kind, dedupe, tasks, runs, lives, gather, limit }
            }
        ),
        3 => (0..2_usize, 0..5_u32, 1..4_u32, 1..60_i64)
            .prop_map(|(node, limit, per_app, lasts)| Sketch::Claim { node, limit, per_app, lasts }),
        8 => (any::<Index>(), stale, any::<bool>(), 0..12_usize, 0..3_usize, due, any::<bool>(), wait)
            .prop_map(|(run, stale, park, status, consume, timer, settle, wait)| {
                Sketch::Advance { run, stale, park, status, consume, timer, settle, wait }
            }),
        2 => any::<Index>().prop_map(|run| Sketch::Deliver { run }),
        2 => any::<Index>().prop_map(|run| Sketch::Retry { run }),
        2 => (any::<Index>(), 0..3_u8, prop::bool::weighted(0.1))
            .prop_map(|(run, request, stale)| Sketch::Replay { run, request, stale }),
        2 => Just(Sketch::Due),
        1 => (leases, 1..90_i64).prop_map(|(runs, lasts)| Sketch::Renew { runs, lasts }),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(run, stale)| Sketch::Release { run, stale }),
        1 => (-1..120_i64).prop_map(|ago| Sketch::Expire { ago }),
    ]
}

/// A command.
#[derive(Debug, Clone)]
enum Command {
    Accept(Accept),
    Claim(Claim),
    Advance(Advance, bool),
    Deliver(Delivery),
    Retry(Retry),
    Replay(Replay),
    Due(Timestamp),
    Renew(Vec<(RunId, Fence)>, Timestamp),
    Release(Vec<(RunId, Fence)>),
    Expire(Timestamp, Timestamp),
}

/// What came back.
#[derive(Debug)]
enum Answer {
    Accept(Accepted),
    Claim(Vec<ClaimedRun>),
    Advance(Result<Vec<InboxRow>, Error>),
    Deliver(Delivered),
    Retry(Retried),
    Replay(Replayed),
    Due(Due),
    Renew(Vec<RunId>),
    Release,
    Expire(Expired),
}

impl Sketch {
    fn fill(&self, model: &Model, now: i64) -> Command {
        let pick = |index: &Index| {
            let runs: Vec<_> = model.runs.iter().collect();
            if runs.is_empty() { None } else { Some(*index.get(&runs)) }
        };
        let lease = |index: &Index, stale: bool| {
            pick(index).map_or((RunId::generate(), Fence(1)), |(id, run)| (*id, Fence(run.fence.0 - i64::from(stale))))
        };
        match self {
            Self::Accept { app, kind, dedupe, tasks, runs, lives, gather, limit } => {
                let mut accept = accept(*app, *kind, *dedupe, tasks, runs, now, *lives);
                let limit = limit.map(limited);
                let gathering = gather.map(|(key, quiet, most)| gathering(key, quiet, most));
                accept.runs.extend(gathering.map(|new| NewRun { limit: limit.clone(), ..new }));
                accept.runs.extend(limit.map(|limit| NewRun { limit: Some(limit), ..run("limited") }));
                Command::Accept(accept)
            }
            Self::Claim { node: by, limit, per_app, lasts } => Command::Claim(Claim {
                node: node(NODES[*by]),
                now: at(now),
                until: at(now + lasts),
                limit: *limit,
                per_app: *per_app,
            }),
            Self::Advance { run, stale, park, status, consume, timer: due, settle, wait: waits } => {
                let (id, fence) = lease(run, *stale);
                let known = pick(run).map_or(Vec::new(), |(_, run)| run.numbers.clone());
                let status = RunStatus::ALL.get(*status).copied().unwrap_or(RunStatus::Waiting);
                let change = Advance {
                    now: at(now),
                    consumed: known.into_iter().take(*consume).collect(),
                    state: format!("{{\"now\":{now}}}"),
                    timers: due.iter().map(|due| timer(PATHS[0], TimerKind::Retry, now + due)).collect(),
                    settled: settle.then(|| StepPath::from(PATHS[0])).into_iter().collect(),
                    waits: waits.iter().map(|wait| sketched_wait(*wait)).collect(),
                    ..advance(id, fence, status)
                };
                Command::Advance(change, *park)
            }
            Self::Deliver { run } => {
                Command::Deliver(Delivery { run: lease(run, false).0, input: cancel("enough"), at: at(now) })
            }
            Self::Retry { run } => Command::Retry(Retry { run: lease(run, false).0, new_key: false, at: at(now) }),
            Self::Replay { run, request, stale } => {
                let event = pick(run).map_or_else(EventId::generate, |(_, run)| run.event);
                let last = model.last_run(event).filter(|_| !stale);
                Command::Replay(Replay { at: at(now), state: State::initial(at(now)), ..replay(*request, event, last) })
            }
            Self::Due => Command::Due(at(now)),
            Self::Renew { runs, lasts } => {
                let mut leases: Vec<_> = runs.iter().map(|(run, stale)| lease(run, *stale)).collect();
                leases.sort();
                leases.dedup();
                Command::Renew(leases, at(now + lasts))
            }
            Self::Release { run, stale } => Command::Release(vec![lease(run, *stale)]),
            Self::Expire { ago } => Command::Expire(at(now - ago), at(now)),
        }
    }
}

fn sketched_wait((task, path, app, since): (usize, usize, u8, i64)) -> Wait {
    Wait {
        path: StepPath::from(PATHS[path]),
        subappid: application(app),
        kind: EventType::from(KINDS[1]),
        key: key("task_id", TASKS[task]),
        since: at(since),
    }
}

fn application(app: u8) -> Option<SubAppId> {
    (app > 0).then_some(APP)
}

fn accept(app: u8, kind: usize, dedupe: u8, tasks: &[usize], runs: &[Option<usize>], now: i64, lives: i64) -> Accept {
    let mut keys: Vec<_> = tasks.iter().map(|task| key("task_id", TASKS[*task])).collect();
    keys.sort();
    keys.dedup();
    let event = NewEvent {
        id: EventId::generate(),
        subappid: application(app),
        kind: EventType::from(KINDS[kind]),
        received_at: at(now),
        dedupe_until: at(now + lives),
        keys,
        ..event(&dedupe.to_string())
    };
    let new = |holder: &Option<usize>| NewRun {
        lease: holder.map(|holder| (node(NODES[holder]), at(now + 40))),
        timers: vec![timer(PATHS[1], TimerKind::Timeout, now + 70)],
        ..run("rule")
    };
    Accept { event, runs: runs.iter().map(new).collect() }
}

fn gathering(key: u8, quiet: i64, max_events: u32) -> NewRun {
    let quiet = Duration::from_millis(quiet.unsigned_abs());
    let gather = Gather { quiet, max: quiet * 3, max_events, max_bytes: 80, key: key.to_string() };
    NewRun { gather: Some(gather), ..run("gathering") }
}

fn limited((key, every, runs): (u8, i64, u32)) -> LimitBy {
    LimitBy { key: key.to_string(), runs, every: Duration::from_millis(every.unsigned_abs()) }
}

impl Command {
    async fn send(&self, store: &dyn Driver) -> Result<Answer, Error> {
        Ok(match self.clone() {
            Self::Accept(accept) => Answer::Accept(store.accept(accept).await?),
            Self::Claim(claim) => Answer::Claim(store.claim(claim).await?),
            Self::Advance(advance, true) => Answer::Advance(store.park(advance).await),
            Self::Advance(advance, false) => Answer::Advance(store.apply(advance).await),
            Self::Deliver(delivery) => Answer::Deliver(store.deliver(delivery).await?),
            Self::Retry(retry) => Answer::Retry(store.retry(retry).await?),
            Self::Replay(replay) => Answer::Replay(store.replay(replay).await?),
            Self::Due(now) => Answer::Due(store.due(now, 1_000).await?),
            Self::Renew(leases, until) => Answer::Renew(store.renew(leases, until).await?),
            Self::Release(leases) => {
                store.release(leases).await?;
                Answer::Release
            }
            Self::Expire(before, now) => {
                let retention = Retention { events_before: before, keep_contents: vec![ContentHash::from("c0ffee")] };
                Answer::Expire(store.expire(retention, now, 1_000).await?)
            }
        })
    }

    /// Whether the answer is the model's, which then is what it is after the command.
    fn check(&self, model: &mut Model, answer: &Answer) -> Result<(), String> {
        match (self, answer) {
            (Self::Accept(accept), Answer::Accept(answer)) => model.accept(accept, answer),
            (Self::Claim(claim), Answer::Claim(answer)) => model.claim(claim, answer),
            (Self::Advance(advance, park), Answer::Advance(answer)) => model.advance(advance, *park, answer),
            (Self::Deliver(delivery), Answer::Deliver(answer)) => model.deliver(delivery, *answer),
            (Self::Retry(retry), Answer::Retry(answer)) => model.retry(*retry, *answer),
            (Self::Replay(replay), Answer::Replay(answer)) => model.replay(replay, *answer),
            (Self::Due(now), Answer::Due(answer)) => model.due(*now, *answer),
            (Self::Renew(leases, until), Answer::Renew(answer)) => model.renew(leases, *until, answer),
            (Self::Release(leases), Answer::Release) => {
                model.release(leases);
                Ok(())
            }
            (Self::Expire(before, now), Answer::Expire(answer)) => {
                let (dedupe_keys, events) = model.expire(*before, *now);
                let expected = Expired { dedupe_keys, events, contents: 0 };
                if *answer == expected { Ok(()) } else { Err(format!("{answer:?} where {expected:?} is right")) }
            }
            _ => Err("an answer to something else".to_owned()),
        }
    }

    /// A claim and an expiry are several commits or reads, so what happens at the same time may come between.
    fn stands_alone(&self) -> bool {
        matches!(self, Self::Claim(_) | Self::Expire(..))
    }
}

/// The model after the commands, in some order in which every answer is right.
fn explain(model: &Model, commands: &[(&Command, &Answer)]) -> Result<Model, String> {
    if commands.is_empty() {
        return Ok(model.clone());
    }
    let mut why = String::new();
    for index in 0..commands.len() {
        let mut rest = commands.to_vec();
        let (command, answer) = rest.remove(index);
        let mut next = model.clone();
        match command.check(&mut next, answer).and_then(|()| explain(&next, &rest)) {
            Ok(model) => return Ok(model),
            Err(error) => why = format!("{command:?}: {error}"),
        }
    }
    Err(why)
}

async fn compare(store: &dyn Driver, model: &Model) -> Result<(), TestCaseError> {
    let events = store.events(EventFilter::default(), ALL).await.unwrap();
    let listed: Vec<_> = events.iter().map(|row| (row.id, row.duplicates)).collect();
    let expected: Vec<_> = model.events.iter().rev().map(|(id, (_, duplicates))| (*id, *duplicates)).collect();
    prop_assert_eq!(listed, expected);
    for row in &events {
        prop_assert_eq!(&row.verdicts.throttled, &model.events[&row.id].0.verdicts.throttled);
    }
    let runs = store.runs(RunFilter::default(), ALL).await.unwrap();
    prop_assert_eq!(
        runs.iter().map(|row| row.id).collect::<Vec<_>>(),
        model.runs.keys().rev().copied().collect::<Vec<_>>()
    );
    for row in runs {
        let run = &model.runs[&row.id];
        prop_assert_eq!((row.status, row.updated_at, row.event), (run.status, run.updated_at, run.event));
        let shown = store.run(row.id).await.unwrap().unwrap();
        prop_assert_eq!((shown.timers, shown.collected), (Model::timers(run), run.collected()));
    }
    let counts = store.counts().await.unwrap();
    let duplicates: u64 = model.events.values().map(|(_, duplicates)| u64::from(*duplicates)).sum();
    let throttled: usize = model.events.values().map(|(event, _)| event.verdicts.throttled.len()).sum();
    let expected = (model.events.len() as u64, duplicates, throttled as u64);
    prop_assert_eq!((counts.events, counts.duplicates, counts.throttled), expected);
    for (status, count) in counts.runs {
        let expected = model.runs.values().filter(|run| run.status == status).count();
        prop_assert_eq!((status, count), (status, expected as u64));
    }
    Ok(())
}

async fn tell(store: &dyn Driver, groups: Vec<(i64, Vec<Sketch>)>) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    store.put_contents(vec![Content { hash: ContentHash::from("c0ffee"), text: "c".to_owned() }]).await.unwrap();
    let mut now = 0;
    for (passes, sketches) in groups {
        now += passes;
        let mut commands: Vec<_> = sketches.iter().map(|sketch| sketch.fill(&model, now)).collect();
        if let Some(alone) = commands.iter().position(Command::stands_alone) {
            commands = vec![commands.swap_remove(alone)];
        }
        let answers = join_all(commands.iter().map(|command| command.send(store))).await;
        let answers: Vec<_> =
            answers.into_iter().collect::<Result<_, _>>().map_err(|error| TestCaseError::fail(format!("{error}")))?;
        let both: Vec<_> = commands.iter().zip(&answers).collect();
        model = explain(&model, &both).map_err(TestCaseError::fail)?;
    }
    compare(store, &model).await
}

/// Tells random stories to stores of the factory, on the runtime that the caller is on.
pub(super) fn tell_stories(factory: &dyn Factory) {
    let group = (0..30_i64, prop::collection::vec(sketch(), 1..4));
    let stories = prop::collection::vec(group, 20..90);
    let config = Config { cases: STORIES, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let runtime = tokio::runtime::Handle::current();
    let tried = tokio::task::block_in_place(|| {
        TestRunner::new(config).run(&stories, |story| {
            runtime.block_on(async {
                let place = factory.place().await;
                let store: Arc<dyn Driver> = place.open().await;
                tell(&*store, story).await
            })
        })
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}
