//! Runs made without a server, as a server makes them: the same decisions of the same rules, committed through the verbs
//! of the store, many together. What is stored of an event is taken from one that a server took in.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oncue::live::Live;
use oncue::program::Programs;
use oncue::runner::{Surroundings as _, facts};
use oncue::store::sqlite::{Options, SqliteStore};
use oncue::store::{
    Accept, Accepted, Admin as _, Advance, EventFilter, EventRow, Fence, NewEvent, NewRun, NodeId, Page, Store as _,
    StoredEvent,
};
use oncue::workflow::{Decision, Input, Next, Program, Run};
use oncue::{app, clock, config, live};
use oncue_rules::closure::PinnedRule;
use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{EventId, RunId};

use crate::serving::load::{Body, FileIds, Senders};
use crate::serving::{APP, Home, Server, built, number, path};

/// Runs that are made at the same time; the store commits those together that wait together.
const AT_ONCE: usize = 2_048;
const LEASE: Duration = Duration::from_secs(30);
const DEDUPE: Duration = Duration::from_hours(7 * 24);

/// The id of the n-th file: ids of media and tasks come in no order.
pub(crate) fn file(n: u64) -> u64 {
    1_000_000_000_000_000_000 + n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 8_900_000_000_000_000_000
}

/// The ids of files by their numbers.
pub(crate) fn files(numbers: Range<u64>) -> FileIds {
    let next = std::sync::atomic::AtomicU64::new(numbers.start);
    Arc::new(move || {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (n < numbers.end).then(|| file(n))
    })
}

/// Makes runs of one rule.
pub(crate) struct Maker {
    store: Arc<SqliteStore>,
    live: Live,
    program: Arc<Program>,
    node: NodeId,
    first: StoredEvent,
}

/// A run with its first decision, and its event.
struct Begun {
    run: Run,
    decision: Decision,
    event: StoredEvent,
}

impl Maker {
    /// Has a server take in the event about file 0, waits until the run that it starts has this status, and goes on from
    /// there.
    ///
    /// # Errors
    ///
    /// When the event starts no such run, or the store does not open.
    pub(crate) async fn after_one(rules: &str, body: Body, status: &str) -> Result<(Self, Home)> {
        let server = Server::start(Home::with_rules(rules)?, built()).await?;
        let sender = Senders { to: server.process.listen, path: path(APP), connections: 1, body, ids: files(0..1) };
        sender.send(Duration::from_mins(1)).await?;
        let end = Instant::now() + Duration::from_mins(1);
        while number(&server.counts().await?["runs"][status])? == 0 {
            ensure!(Instant::now() < end, "no run is {status}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let home = server.kill().await?;
        Ok((Self::open(&home).await?, home))
    }

    async fn open(home: &Home) -> Result<Self> {
        let config = home.config()?;
        let actions = Arc::new(app::actions(&config)?);
        let (live, problems) = live::build(&config, &actions, &config::rule_files(&config)?);
        let live = live.with_context(|| problems.to_string())?;
        let store = SqliteStore::open(&home.database(), &Options { cache_bytes: 512 << 20, ..Options::default() })?;
        let newest = store.events(EventFilter::default(), Page { limit: 1, before: None }).await?;
        let newest = newest.first().context("no event")?;
        let first = store.event(newest.id).await?.context("no event")?;
        let rule = newest.verdicts.matched.first().and_then(|name| live.rules.get(name.as_str()));
        let rule = Arc::clone(rule.context("no rule matched")?);
        let pinned = PinnedRule { rule, vars: live.rules.vars().clone() };
        let programs = Programs::new(actions).replace_live([pinned])?;
        let program = programs.into_iter().next().context("no program")?;
        Ok(Self { store, live, program, node: NodeId("an earlier one".into()), first })
    }

    /// A run of the n-th file that waits.
    pub(crate) async fn park(&self, n: u64) -> Result<()> {
        let Begun { mut run, decision, event } = self.begin(n)?;
        let fence = self.accept(&run, &decision, event, true).await?;
        ensure!(decision.next == Next::Continue, "the run does not begin with a wait");
        let now = clock::now();
        let decision = run.transition(Input::Continue, now);
        ensure!(decision.next == Next::Park, "the run does not wait");
        let came = self.store.park(Advance::of(&decision, run.id(), fence, now, Vec::new())).await?;
        ensure!(came.is_empty(), "a run is not to have anything to do");
        Ok(())
    }

    /// The event about the n-th file without a run.
    pub(crate) async fn store(&self, n: u64) -> Result<()> {
        let event = self.event(n)?;
        self.take_in(event, Vec::new()).await.map(drop)
    }

    /// A run of the n-th file whose first attempt was counted, and whose server was then killed.
    pub(crate) async fn leave_at_call(&self, n: u64) -> Result<()> {
        let Begun { run, decision, event } = self.begin(n)?;
        ensure!(matches!(decision.next, Next::Call(_)), "the run does not begin with a call");
        self.accept(&run, &decision, event, true).await?;
        Ok(())
    }

    /// A run of the n-th file that no server had room for.
    pub(crate) async fn leave_pending(&self, n: u64) -> Result<()> {
        let Begun { run, event, .. } = self.begin(n)?;
        let (run, decision) = Run::defer(Arc::clone(&self.program), run.facts().clone(), clock::now());
        self.accept(&run, &decision, event, false).await?;
        Ok(())
    }

    /// The event about the n-th file, and the run that it starts.
    fn begin(&self, n: u64) -> Result<Begun> {
        let event = self.event(n)?;
        let parsed = self.live.event(&event).ok().context("an event that is none")?;
        let now = clock::now();
        let facts = facts(&self.live, RunId::generate(), Arc::new(parsed), Arc::clone(&event.body), now);
        let (run, decision) = Run::begin(Arc::clone(&self.program), facts, now);
        Ok(Begun { run, decision, event })
    }

    fn event(&self, n: u64) -> Result<StoredEvent> {
        let (first, other) = (file(0).to_string(), file(n).to_string());
        let about = |text: &str| text.replace(&first, &other);
        let StoredEvent { row, keys, envelope, body } = &self.first;
        let key = |key: &CorrelationKey| CorrelationKey { name: key.name.clone(), value: about(&key.value) };
        let mut keys: Vec<_> = keys.iter().map(key).collect();
        keys.sort();
        Ok(StoredEvent {
            row: EventRow {
                id: EventId::generate(),
                dedupe_key: about(&row.dedupe_key),
                received_at: clock::now(),
                ..row.clone()
            },
            keys,
            envelope: about(envelope),
            body: about(std::str::from_utf8(body)?).into_bytes().into(),
        })
    }

    async fn accept(&self, run: &Run, decision: &Decision, event: StoredEvent, is_leased: bool) -> Result<Fence> {
        let now = clock::now();
        let lease = is_leased.then(|| (self.node.clone(), now.after(LEASE)));
        let fences = self.take_in(event, vec![NewRun::of(run, decision, lease)]).await?;
        Ok(fences.first().context("no run")?.1)
    }

    async fn take_in(&self, event: StoredEvent, runs: Vec<NewRun>) -> Result<Vec<(RunId, Fence)>> {
        let StoredEvent { row, keys, envelope, body } = event;
        let event = NewEvent {
            id: row.id,
            source: row.source,
            kind: row.kind,
            subappid: row.subappid,
            dedupe_key: row.dedupe_key,
            dedupe_until: clock::now().after(DEDUPE),
            received_at: row.received_at,
            body,
            keys,
            envelope,
            verdicts: row.verdicts,
        };
        match self.store.accept(Accept { event, runs }).await? {
            Accepted::New { fences, .. } => Ok(fences),
            Accepted::Duplicate(earlier) => anyhow::bail!("the event is a duplicate of {earlier}"),
        }
    }
}

/// Makes the runs of these numbers, many at once, and says how far it is.
///
/// # Errors
///
/// As `make`.
pub(crate) async fn many<F>(numbers: Range<u64>, make: impl Fn(u64) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (count, started) = (numbers.end - numbers.start, Instant::now());
    let mut tasks = stream::iter(numbers).map(|n| tokio::spawn(make(n))).buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some(made) = tasks.try_next().await? {
        made?;
        done += 1;
        if done % (count / 5).max(1) == 0 {
            println!("  … {done} of {count} runs made in {:.0} s", started.elapsed().as_secs_f64());
        }
    }
    Ok(())
}
