//! Runs what was decided: takes runs up, makes their attempts, commits their results.
//!
//! Each run in hand is a task of its own that holds a lease (`leases`) and a place in memory (`room`). It asks
//! [`crate::workflow`] what is next, commits that, and then does it; an attempt waits in line for its application and
//! action (`gates`) and is a task of its own (`attempt`). A run that has to wait is parked: it leaves memory and
//! comes back through `claim` once `timers` or a delivery has put an input into its inbox. Nothing is kept here that
//! the store does not know, so any number of nodes may do the same, and each may end at any moment.

mod ask;
mod attempt;
mod claim;
mod drive;
mod events;
mod gates;
mod hand;
mod leases;
mod room;
mod timers;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oncue_plugins::action::App;
use oncue_plugins::registry::Registry;
use oncue_rules::event::Event;
use oncue_rules::ids::{RuleName, RunId, SubAppId};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle};

pub use ask::Answers;
pub use room::Permit;

use crate::clock;
use crate::failpoint::crash_point;
use crate::program::Programs;
use crate::secrets::Secrets;
use crate::store::{Accept, ErrorRecord, Fence, NodeId, Store, StoredEvent};
use crate::workflow::{Facts, Next, Run};
use ask::Questions;
use drive::Start;
use gates::Gates;
use hand::Hand;
use leases::Leases;
use room::Room;
use timers::Alarm;

/// How much the runner takes on at once, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a lease holds without being renewed; it is renewed three times as often.
    pub lease: Duration,
    /// Runs in hand of one application.
    pub runs_per_app: usize,
    /// Runs in hand of all applications.
    pub runs: usize,
    /// About how many bytes of memory the runs in hand take.
    pub run_bytes: usize,
    /// Attempts under way of one application and action.
    pub attempts_per_action: usize,
    /// The longest that one attempt may take.
    pub attempt: Duration,
}

impl Default for Settings {
    /// Leases of 30 s; 1,000 runs of one application, 10,000 of all, in 256 MiB; 16 attempts of one application and
    /// action, each of 10 minutes at most.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            runs_per_app: 1_000,
            runs: 10_000,
            run_bytes: 256 * 1024 * 1024,
            attempts_per_action: 16,
            attempt: Duration::from_mins(10),
        }
    }
}

/// What the runner works with.
pub struct Deps {
    /// Where runs are kept.
    pub store: Arc<dyn Store>,
    /// The actions.
    pub registry: Arc<Registry>,
    /// The programs of runs.
    pub programs: Arc<Programs>,
    /// The applications, and how events are read.
    pub surroundings: Arc<dyn Surroundings>,
    /// Where answers to questions go.
    pub answers: Arc<dyn Answers>,
    /// Who is to be told of runs that die.
    pub deaths: Arc<dyn Deaths>,
    /// What references to secrets stand for, and what is kept out of results.
    pub secrets: Secrets,
    /// This node; it has joined the store.
    pub node: NodeId,
    /// How much to take on.
    pub settings: Settings,
}

/// What the runner must be told of the world around it.
pub trait Surroundings: Send + Sync + 'static {
    /// A stored event, parsed again.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn event(&self, stored: &StoredEvent) -> Result<Event, String>;

    /// An application, as it is configured at present; none when there is none of this number.
    fn app(&self, id: SubAppId) -> Option<AppView>;

    /// What `apps` is: a list of all applications.
    fn apps(&self) -> Value;
}

/// Who is told of runs that die.
pub trait Deaths: Send + Sync + 'static {
    /// The event that tells of a death, to be accepted in the commit of it; none when nobody wants to know.
    fn told(&self, death: &Death<'_>) -> Option<Obituary>;
}

/// A run that is about to be dead.
#[derive(Debug)]
pub struct Death<'r> {
    /// The run.
    pub run: RunId,
    /// Its rule.
    pub rule: &'r RuleName,
    /// Its event.
    pub event: &'r Event,
    /// Why it failed.
    pub error: &'r ErrorRecord,
    /// How often it has died with this.
    pub deaths: u32,
    /// When.
    pub at: Timestamp,
}

/// The event that tells of a death.
pub struct Obituary {
    /// It, with the runs that it starts; none of them is leased.
    pub accept: Accept,
    /// What those runs need is kept for as long as this lives.
    pub keeps: Arc<dyn Any + Send + Sync>,
}

/// An application as rules and actions see it.
#[derive(Debug, Clone)]
pub struct AppView {
    /// What `app` is, without `vars`: those are pinned by the rule.
    pub for_rules: Value,
    /// What actions are given.
    pub for_actions: Arc<App>,
}

/// What is known of a run before its first step.
#[must_use]
pub fn facts(
    surroundings: &dyn Surroundings,
    run: RunId,
    event: Arc<Event>,
    raw: Arc<[u8]>,
    started_at: Timestamp,
) -> Facts {
    let app = event.subappid.and_then(|id| surroundings.app(id));
    let app = app.map_or(Value::Null, |app| app.for_rules);
    let scheduled_at = event.scheduled_at();
    Facts { run, event, raw, app, apps: surroundings.apps(), gathered: Vec::new(), started_at, scheduled_at }
}

/// Whether this node goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    No,
    /// Nothing new is begun.
    Soon,
    /// What is under way is given up.
    Now,
}

impl Stop {
    /// Resolves when it has come so far.
    async fn reached(self, stop: &mut watch::Receiver<Self>) {
        // The sender outlives every run; were it gone, that would be a stop too.
        let _seen = stop.wait_for(|now| *now >= self).await;
    }
}

struct Shared {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    programs: Arc<Programs>,
    surroundings: Arc<dyn Surroundings>,
    answers: Arc<dyn Answers>,
    questions: Questions,
    deaths: Arc<dyn Deaths>,
    secrets: Secrets,
    node: NodeId,
    settings: Settings,
    room: Arc<Room>,
    gates: Gates,
    leases: Arc<Leases>,
    alarm: Alarm,
    /// Rung when there may be something to claim.
    bell: Notify,
    stop: watch::Sender<Stop>,
}

impl Shared {
    fn is_stopping(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }
}

/// Starts a runner.
#[derive(Debug, Clone, Copy)]
pub struct Runner;

impl Runner {
    /// Starts claiming, firing timers and keeping leases. To be called within a tokio runtime.
    #[must_use]
    pub fn start(deps: Deps) -> Handle {
        let Deps { store, registry, programs, surroundings, answers, deaths, secrets, node, settings } = deps;
        let shared = Arc::new(Shared {
            store,
            registry,
            programs,
            surroundings,
            answers,
            questions: Questions::default(),
            deaths,
            secrets,
            node,
            settings,
            room: Arc::new(Room::new(&settings)),
            gates: Gates::new(settings.attempts_per_action),
            leases: Arc::default(),
            alarm: Alarm::default(),
            bell: Notify::new(),
            stop: watch::Sender::new(Stop::No),
        });
        // What an earlier process left behind is looked for at once.
        shared.bell.notify_one();
        let claiming = tokio::spawn(claim::refill(Arc::clone(&shared)));
        let loops = Loops {
            claims: claiming.abort_handle(),
            timers: tokio::spawn(timers::fire(Arc::clone(&shared))).abort_handle(),
            leases: tokio::spawn(leases::keep(Arc::clone(&shared))).abort_handle(),
            claiming: Mutex::new(Some(claiming)),
        };
        Handle { shared, loops: Arc::new(loops) }
    }
}

/// A running runner; clones are the same one.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    loops: Arc<Loops>,
}

struct Loops {
    claims: AbortHandle,
    timers: AbortHandle,
    leases: AbortHandle,
    /// For the one who stops the runner to wait for.
    claiming: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Loops {
    fn drop(&mut self) {
        for task in [&self.claims, &self.timers, &self.leases] {
            task.abort();
        }
    }
}

impl Handle {
    /// A place for a run of this application whose event has so many bytes. Without one, the run is to be accepted
    /// unleased ([`Run::defer`]) and [`Handle::nudge`] called: it is taken up when there is room.
    #[must_use]
    pub fn reserve(&self, app: Option<SubAppId>, event_bytes: usize) -> Option<Permit> {
        if self.shared.is_stopping() { None } else { self.shared.room.reserve(app, event_bytes) }
    }

    /// To whom and until when a run is to be leased that is accepted now.
    #[must_use]
    pub fn lease(&self, now: Timestamp) -> (NodeId, Timestamp) {
        (self.shared.node.clone(), now.after(self.shared.settings.lease))
    }

    /// Goes on with a run that was accepted with a lease until `until`: `next` is what its first decision says.
    pub fn submit(&self, run: Run, next: Next, fence: Fence, until: Timestamp, permit: Permit) {
        crash_point("after_accept");
        if matches!(next, Next::End | Next::Park) {
            return;
        }
        let leash = self.shared.leases.hold(run.id(), fence, until);
        let hand = Hand::new(Arc::clone(&self.shared), leash, permit);
        tokio::spawn(drive::drive(hand, Start::Committed(Box::new(run), next)));
    }

    /// Says that a timer was set: a collection that was accepted is over then, unless more comes.
    pub fn alarm(&self, due_at: Timestamp) {
        self.shared.alarm.set(due_at);
    }

    /// Says that there may be something to claim.
    pub fn nudge(&self) {
        self.shared.bell.notify_one();
    }

    /// Says that an input was delivered to this run. Where the run is in hand on another node, that node finds it
    /// within a minute.
    pub fn delivered(&self, run: RunId) {
        if !self.shared.leases.tell(run) {
            self.nudge();
        }
    }

    /// How many runs are in hand.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.shared.room.held_runs()
    }

    /// Whether all parts of the runner are alive; when not, the process should end.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let Loops { claims, timers, leases, .. } = &*self.loops;
        [claims, timers, leases].into_iter().all(|task| !task.is_finished())
    }

    /// Begins nothing more, lets attempts come to an end for so long, then gives up those that have not and hands back
    /// every lease.
    pub async fn stop(&self, patience: Duration) {
        let shared = &self.shared;
        shared.stop.send_replace(Stop::Soon);
        self.loops.timers.abort();
        shared.bell.notify_one();
        let claiming = self.loops.claiming.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(claiming) = claiming {
            // A claim under way is let end, so that what it leases is handed back.
            let _ended = tokio::time::timeout(patience, claiming).await;
        }
        if tokio::time::timeout(patience, shared.leases.none_left()).await.is_err() {
            tracing::warn!(runs = self.in_hand(), "attempts are still under way; they are given up");
            shared.stop.send_replace(Stop::Now);
            let _left = tokio::time::timeout(shared.settings.lease, shared.leases.none_left()).await;
        }
        self.loops.claims.abort();
        self.loops.leases.abort();
    }

    /// The present, as the runner sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        clock::now()
    }
}
