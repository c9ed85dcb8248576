//! Tests of the runner: barriers hold attempts, and what is awaited is what the store holds.

mod forks;
mod memory;
mod scenes;
mod secrets;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use oncue_plugins::action::{Action, ActionError, App, Call, Repeatable, Spec};
use oncue_plugins::registry::Registry;
use oncue_rules::closure::PinnedRule;
use oncue_rules::event::Event;
use oncue_rules::ids::{EventId, RunId, SubAppId};
use oncue_rules::rule::Step;
use oncue_rules::value::Value;
use tokio::sync::{Semaphore, mpsc};

use self::memory::Memory;
use super::{AppView, Death, Deaths, Deps, Handle, Obituary, Runner, Settings, Surroundings, facts};
use crate::clock;
use crate::program::Programs;
use crate::secrets::Secrets;
use crate::store::{Accept, Accepted, Fence, NewEvent, NewRun, NodeId, Store, StoredEvent, Verdicts};
use crate::workflow::tests::support::{event, rule};
use crate::workflow::{Next, Program, Run};

/// An action whose calls a test sees begin, and answers when it likes.
struct Held {
    spec: Spec,
    begun: mpsc::UnboundedSender<Call>,
    gates: Mutex<HashMap<Option<u64>, Arc<Semaphore>>>,
    now: AtomicUsize,
    most: AtomicUsize,
    behave: fn(&Call) -> Result<Value, ActionError>,
}

impl Held {
    /// Lets so many calls of an application end.
    fn let_go(&self, app: u64, calls: usize) {
        self.gate(Some(app)).add_permits(calls);
    }

    fn gate(&self, app: Option<u64>) -> Arc<Semaphore> {
        Arc::clone(self.gates.lock().unwrap().entry(app).or_insert_with(|| Arc::new(Semaphore::new(0))))
    }
}

#[async_trait]
impl Action for Held {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let app = call.app.as_ref().map(|app| app.subappid.0);
        self.begun.send(call.clone()).unwrap();
        self.gate(app).acquire().await.unwrap().forget();
        self.now.fetch_sub(1, Ordering::SeqCst);
        (self.behave)(&call)
    }
}

fn held(
    repeatable: Repeatable,
    behave: fn(&Call) -> Result<Value, ActionError>,
) -> (Arc<Held>, mpsc::UnboundedReceiver<Call>) {
    let (begun, calls) = mpsc::unbounded_channel();
    let spec = Spec {
        name: if repeatable == Repeatable::No { "once" } else { "act" }.into(),
        summary: "Waits until it is let go.".into(),
        parameters: serde_json::json!({ "type": "object" }),
        outputs: serde_json::json!({ "type": "object" }),
        sample: "uses: act".into(),
        repeatable,
        needs_credentials: false,
    };
    let gates = Mutex::default();
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    (Arc::new(Held { spec, begun, gates, now, most, behave }), calls)
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where actions may fail")]
fn fine(_: &Call) -> Result<Value, ActionError> {
    Ok(Value::Null)
}

struct Apps;

impl Surroundings for Apps {
    fn event(&self, stored: &StoredEvent) -> Result<Event, String> {
        let row = &stored.row;
        Ok(Event { id: row.id, subappid: row.subappid, dedupe_key: row.dedupe_key.clone(), ..event() })
    }

    fn app(&self, id: SubAppId) -> Option<AppView> {
        let app = App { subappid: id, send_subappid: true, name: "short-video".into(), credentials: None };
        Some(AppView { for_rules: Value::Null, for_actions: Arc::new(app) })
    }

    fn apps(&self) -> Value {
        Value::from_json(br#"[{"subappid":1,"name":"one"},{"subappid":2,"name":"two"}]"#).unwrap()
    }
}

#[async_trait::async_trait]
impl super::Answers for Apps {
    async fn take(&self, _app: SubAppId, _body: Vec<u8>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

impl Deaths for Apps {
    fn told(&self, _: &Death<'_>) -> Option<Obituary> {
        None
    }
}

/// One node on a store.
struct Node {
    store: Arc<Memory>,
    runner: Handle,
    program: Arc<Program>,
    programs: Arc<Programs>,
    secrets: Secrets,
}

impl Node {
    fn start(store: &Arc<Memory>, action: Arc<Held>, steps: Vec<Step>, settings: Settings) -> Self {
        let mut registry = Registry::new();
        registry.register(action).unwrap();
        let registry = Arc::new(registry);
        let programs = Arc::new(Programs::new(Arc::clone(&registry)));
        let pinned = PinnedRule { rule: Arc::new(rule(steps, Vec::new())), vars: Value::Null };
        let program = programs.replace_live([pinned]).unwrap().pop().unwrap();
        let secrets = Secrets::default();
        let runner = Runner::start(Deps {
            store: Arc::clone(store) as Arc<dyn Store>,
            registry,
            programs: Arc::clone(&programs),
            surroundings: Arc::new(Apps),
            answers: Arc::new(Apps),
            deaths: Arc::new(Apps),
            secrets: secrets.clone(),
            node: NodeId("node".into()),
            settings,
        });
        Self { store: Arc::clone(store), runner, program, programs, secrets }
    }

    /// Accepts an event of this application, leased to this node when it has room.
    async fn accept(&self, app: u64) -> RunId {
        let id = RunId::generate();
        let now = clock::now();
        let event =
            Event { id: EventId::generate(), subappid: Some(SubAppId(app)), dedupe_key: id.to_string(), ..event() };
        let facts = facts(&Apps, id, Arc::new(event.clone()), b"{}".as_slice().into(), now);
        let permit = self.runner.reserve(event.subappid, 100);
        let program = Arc::clone(&self.program);
        let (run, decision) =
            if permit.is_some() { Run::begin(program, facts, now) } else { Run::defer(program, facts, now) };
        let lease = permit.is_some().then(|| self.runner.lease(now));
        let new = NewRun::of(&run, &decision, lease.clone());
        let accepted = self.store.accept(Accept { event: new_event(event), runs: vec![new] }).await.unwrap();
        let Accepted::New { fences, .. } = accepted else { panic!("a duplicate") };
        match (permit, lease) {
            (Some(permit), Some((_, until))) => self.submit(run, decision.next, fences[0].1, until, permit),
            _ => self.runner.nudge(),
        }
        id
    }

    fn submit(&self, run: Run, next: Next, fence: Fence, until: oncue_rules::time::Timestamp, permit: super::Permit) {
        self.runner.submit(run, next, fence, until, permit);
    }
}

fn new_event(event: Event) -> NewEvent {
    NewEvent {
        id: event.id,
        source: event.source,
        kind: event.kind,
        subappid: event.subappid,
        dedupe_key: event.dedupe_key,
        dedupe_until: event.received_at,
        received_at: event.received_at,
        body: Arc::from(&b"{}"[..]),
        keys: event.keys,
        envelope: String::new(),
        verdicts: Verdicts::default(),
    }
}

/// Fails a test that would hang.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it never happens")
}
