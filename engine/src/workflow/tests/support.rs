//! Rules, events and a plain world in simulated time for tests of workflows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use oncue_plugins::action::{ActionError, Repeatable};
use oncue_rules::event::{Body, CorrelationKey, Event};
use oncue_rules::expression::{Expression, Names};
use oncue_rules::ids::{ContentHash, EventId, EventType, RuleName, RunId, SourceName, StepId, StepPath, SubAppId};
use oncue_rules::rule::{
    AppSelection, Awaited, By, ForEach, Mode, OnError, OnTimeout, Retry, Rule, Sleep, Step, StepKind, Subscription,
    Switch,
};
use oncue_rules::template::Template;
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use serde_json::Value as Json;

use crate::workflow::record::{ErrorRecord, FailedAttempt, RunStatus, StepRow, TimerKind, Wait};
use crate::workflow::{Ask, Call, Decision, Events, Facts, Input, Manner, Next, Program, Run};

pub(crate) const START: Timestamp = Timestamp(1_000_000);

pub(crate) fn event() -> Event {
    Event {
        id: EventId::from_bytes([1; 16]),
        source: SourceName::from("vod"),
        kind: EventType::from("NewFileUpload"),
        subappid: Some(SubAppId(1_500_000_001)),
        dedupe_key: "task-1".to_owned(),
        received_at: START,
        depth: 0,
        cause: None,
        keys: vec![CorrelationKey { name: "file_id".to_owned(), value: "528".to_owned() }],
        context: Value::Null,
        body: Body::read(br#"{"EventType":"NewFileUpload","list":[1,2,3]}"#.as_slice()).unwrap(),
    }
}

pub(crate) fn facts() -> Facts {
    let app = Value::from_json(br#"{"name":"short-video"}"#).unwrap();
    Facts {
        run: RunId::from_bytes([7; 16]),
        event: Arc::new(event()),
        raw: b"{}".as_slice().into(),
        app,
        apps: Value::from_json(super::applications::APPS.as_bytes()).unwrap(),
        gathered: Vec::new(),
        started_at: START,
        scheduled_at: None,
    }
}

fn names() -> Names {
    let roots = ["error", "item", "outer"].into_iter().fold(Names::workflow(), Names::with_root);
    let generated: Vec<String> = (0..40).map(|number| format!("s{number}")).collect();
    let written = ["a", "b", "c", "each", "inner", "grp", "note", "tell", "w", "sw"];
    written.into_iter().chain(generated.iter().map(String::as_str)).fold(roots, Names::with_step)
}

pub(crate) fn expression(text: &str) -> Expression {
    Expression::compile(text, &names()).unwrap()
}

pub(crate) fn template(json: &Json) -> Template {
    match json {
        Json::String(text) => Template::text(text, &names()).unwrap(),
        Json::Array(items) => Template::list(items.iter().map(template).collect()),
        Json::Object(entries) => {
            Template::map(entries.iter().map(|(name, value)| (name.clone(), template(value))).collect())
        }
        other => Template::Value(Value::from_json(other.to_string().as_bytes()).unwrap()),
    }
}

pub(crate) fn step(id: &str, kind: StepKind) -> Step {
    let id = (!id.is_empty()).then(|| StepId::from(id));
    Step {
        id,
        condition: None,
        for_each: None,
        kind,
        on_error: OnError::Fail,
        timeout: None,
        on_timeout: None,
        retry: None,
    }
}

/// A step that uses `act`, which is keyed.
pub(crate) fn act(id: &str, with: &Json) -> Step {
    step(id, StepKind::Uses { action: "act".into(), with: template(with), wait: None, app: None })
}

/// A step that uses `once`, which cannot be repeated.
pub(crate) fn once(id: &str) -> Step {
    step(
        id,
        StepKind::Uses {
            action: "once".into(),
            with: template(&Json::Object(serde_json::Map::new())),
            wait: None,
            app: None,
        },
    )
}

/// A step that uses `choose`, which can be repeated when `safe` is true, and has three attempts unless it says otherwise.
pub(crate) fn choose(id: &str, with: &Json) -> Step {
    step(id, StepKind::Uses { action: "choose".into(), with: template(with), wait: None, app: None })
}

pub(crate) fn set(id: &str, values: &[(&str, Json)]) -> Step {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), template(value))).collect();
    step(id, StepKind::Set(values))
}

pub(crate) fn group(id: &str, steps: Vec<Step>) -> Step {
    step(id, StepKind::Group(steps))
}

/// Branches that run at the same time.
pub(crate) fn parallel(id: &str, branches: Vec<(&str, Vec<Step>)>) -> Step {
    let branches = branches.into_iter().map(|(name, steps)| (name.to_owned(), steps)).collect();
    step(id, StepKind::Parallel(branches))
}

pub(crate) fn sleep(id: &str, seconds: u64) -> Step {
    step(id, StepKind::Sleep(Sleep::For(Duration::from_secs(seconds))))
}

pub(crate) fn end(id: &str, word: &str) -> Step {
    step(id, StepKind::End(word.to_owned()))
}

/// A choice between cases; the last list is the default.
pub(crate) fn switch(id: &str, value: &Json, cases: Vec<(&str, Vec<Step>)>, default: Vec<Step>) -> Step {
    let cases = cases.into_iter().map(|(text, steps)| (text.to_owned(), steps)).collect();
    step(id, StepKind::Switch(Switch { value: template(value), cases, default }.into()))
}

/// A wait for an event `Done` whose ticket is this.
pub(crate) fn wait_for(id: &str, ticket: &Json) -> Step {
    let on = BTreeSet::from([EventType::from("Done")]);
    let by = By::Keys(vec![("ticket".to_owned(), template(ticket))]);
    step(id, StepKind::WaitFor(vec![Awaited { on, by, pattern: None, since: None }]))
}

/// An event that such a wait may be for.
pub(crate) fn done(number: u8, ticket: &str) -> Arc<Event> {
    let keys = vec![CorrelationKey { name: "ticket".to_owned(), value: ticket.to_owned() }];
    let body = Body::read(format!(r#"{{"number":{number}}}"#).as_bytes()).unwrap();
    let id = EventId::from_bytes([number; 16]);
    Arc::new(Event { id, kind: EventType::from("Done"), keys, body, ..event() })
}

/// How steps are changed in tests.
pub(crate) trait With: Sized {
    fn edit(self, change: impl FnOnce(&mut Step)) -> Step;

    fn when(self, condition: &str) -> Step {
        self.edit(|step| step.condition = Some(expression(condition)))
    }

    fn each(self, items: &Json) -> Step {
        let items = template(items);
        self.edit(|step| {
            step.for_each = Some(ForEach { items, binding: "item".to_owned(), filter: None, max_parallel: 1 }.into());
        })
    }

    fn at_once(self, max_parallel: usize) -> Step {
        self.edit(|step| step.for_each.as_mut().unwrap().max_parallel = max_parallel)
    }

    fn only(self, filter: &str) -> Step {
        self.edit(|step| step.for_each.as_mut().unwrap().filter = Some(expression(filter)))
    }

    fn go_on(self) -> Step {
        self.edit(|step| step.on_error = OnError::Continue)
    }

    fn go_on_when_late(self) -> Step {
        self.edit(|step| step.on_timeout = Some(OnTimeout::Continue))
    }

    fn within(self, seconds: u64) -> Step {
        self.edit(|step| step.timeout = Some(Duration::from_secs(seconds)))
    }

    fn tries(self, max_attempts: u32) -> Step {
        self.edit(|step| step.retry = Some(Retry { max_attempts, ..Retry::default() }.into()))
    }
}

impl With for Step {
    fn edit(mut self, change: impl FnOnce(&mut Step)) -> Step {
        change(&mut self);
        self
    }
}

pub(crate) fn rule(steps: Vec<Step>, on_failure: Vec<Step>) -> Rule {
    Rule {
        name: RuleName::from("transcode"),
        description: None,
        on: Subscription::All,
        apps: AppSelection::All,
        pattern: None,
        condition: None,
        mode: Mode::Live,
        limit: None,
        collect: None,
        steps,
        on_failure,
        closure: ContentHash::from("c1"),
    }
}

pub(crate) fn program(steps: Vec<Step>, on_failure: Vec<Step>) -> Arc<Program> {
    let vars = Value::from_json(br#"{"1500000001":{"definitions":[10,20]},"1500000002":{}}"#).unwrap();
    let known = |action: &oncue_rules::ids::ActionName| match action.as_str() {
        "act" => Some(Repeatable::Keyed.into()),
        "once" => Some(Repeatable::No.into()),
        "work" => Some(Manner { completion: Some(super::work::WORK), ..Repeatable::Keyed.into() }),
        "choose" => Some(Manner {
            sends_key: true,
            repeatable: Arc::new(|params| match params.get("safe") {
                Value::Bool(true) => Repeatable::Yes,
                _ => Repeatable::No,
            }),
            retry: Retry { max_attempts: 3, ..Retry::default() },
            completion: None,
        }),
        _ => None,
    };
    Arc::new(Program::bind(Arc::new(rule(steps, on_failure)), vars, known).unwrap())
}

/// What was committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Committed {
    pub(crate) commits: u32,
    pub(crate) status: Option<RunStatus>,
    pub(crate) state: String,
    pub(crate) error: Option<ErrorRecord>,
    pub(crate) rows: BTreeMap<String, StepRow>,
    pub(crate) failed_attempts: Vec<FailedAttempt>,
    pub(crate) timers: BTreeMap<(String, TimerKind), Timestamp>,
    pub(crate) waits: Vec<Wait>,
    /// From which status to which the run has gone, and the same of its steps.
    pub(crate) moves: BTreeSet<(String, String)>,
    pub(crate) step_moves: BTreeSet<(String, String)>,
}

pub(super) fn moved(moves: &mut BTreeSet<(String, String)>, from: Option<&str>, to: &str) {
    if from != Some(to) {
        moves.insert((from.unwrap_or("[*]").to_owned(), to.to_owned()));
    }
}

impl Committed {
    pub(crate) fn commit(&mut self, decision: &Decision) {
        self.commits += 1;
        moved(&mut self.moves, self.status.map(RunStatus::as_str), decision.status.as_str());
        self.status = Some(decision.status);
        self.state.clone_from(&decision.state);
        self.error.clone_from(&decision.error);
        for path in &decision.settled {
            self.timers.retain(|(of, _), _| of != path.as_str());
            self.waits.retain(|wait| wait.path != *path);
        }
        for row in &decision.steps {
            let before = self.rows.get(row.path.as_str()).map(|row| row.outcome.as_str());
            moved(&mut self.step_moves, before, row.outcome.as_str());
            self.rows.insert(row.path.to_string(), row.clone());
        }
        self.failed_attempts.extend(decision.failed_attempts.iter().cloned());
        for timer in &decision.timers {
            self.timers.insert((timer.path.to_string(), timer.kind), timer.due_at);
        }
        self.waits.extend(decision.waits.iter().cloned());
        if decision.status.is_final() {
            self.timers.clear();
            self.waits.clear();
        }
    }

    pub(crate) fn rows(&self) -> Vec<StepRow> {
        self.rows.values().cloned().collect()
    }

    pub(crate) fn outcome(&self, path: &str) -> &str {
        self.rows.get(path).map_or("none", |row| row.outcome.as_str())
    }

    pub(crate) fn output(&self, path: &str) -> &str {
        self.rows.get(path).and_then(|row| row.output.as_deref()).unwrap_or("none")
    }

    pub(crate) fn code(&self, path: &str) -> &str {
        self.rows.get(path).and_then(|row| row.error.as_ref()).map_or("none", |error| error.code.as_str())
    }
}

/// How the other side answers a call.
pub(crate) type Reply = Result<Json, ActionError>;

/// A run with the world around it, in simulated time.
pub(crate) struct Simulation {
    pub(crate) run: Run,
    pub(crate) next: Next,
    pub(crate) now: Timestamp,
    pub(crate) db: Committed,
    pub(crate) calls: Vec<Call>,
    pub(crate) keys: BTreeMap<String, BTreeSet<String>>,
    pub(crate) events: Events,
    /// The attempts that are under way.
    pub(crate) pending: Vec<Call>,
    /// Which of several attempts ends first.
    pub(crate) pick: usize,
    /// What was asked.
    pub(crate) asked: Vec<String>,
    pub(crate) last_ask: Option<Ask>,
    replies: BTreeMap<String, VecDeque<Reply>>,
}

impl Simulation {
    pub(crate) fn begin(program: &Arc<Program>) -> Self {
        Self::with(Run::begin(Arc::clone(program), facts(), START))
    }

    /// A run for which there was no room at once.
    pub(crate) fn defer(program: &Arc<Program>) -> Self {
        Self::with(Run::defer(Arc::clone(program), facts(), START))
    }

    pub(crate) fn with((run, decision): (Run, Decision)) -> Self {
        let mut begun = Self {
            run,
            next: Next::End,
            now: START,
            db: Committed::default(),
            calls: Vec::new(),
            keys: BTreeMap::new(),
            events: Events::new(),
            pending: Vec::new(),
            pick: 0,
            asked: Vec::new(),
            last_ask: None,
            replies: BTreeMap::new(),
        };
        begun.take(decision);
        begun
    }

    pub(super) fn take(&mut self, decision: Decision) {
        self.db.commit(&decision);
        self.asked.extend(
            decision.asks.iter().map(|ask| {
                format!("{} {} {}", ask.call.path, ask.call.action, ask.task.as_deref().unwrap_or("unknown"))
            }),
        );
        self.last_ask = decision.asks.last().cloned().or(self.last_ask.take());
        let calling = self.run.calling();
        self.pending.retain(|call| calling.contains(&(call.path.clone(), call.attempt)));
        self.next = decision.next;
        if let Next::Call(calls) = &self.next {
            self.pending.extend(calls.iter().cloned());
            self.next = self.run.standing().next;
        }
        let pending: Vec<_> = self.pending.iter().map(|call| (call.path.clone(), call.attempt)).collect();
        let missing: Vec<_> = calling.iter().filter(|call| !pending.contains(call)).collect();
        assert!(missing.is_empty() && pending.len() == calling.len(), "under way {calling:?}, called {pending:?}");
    }

    /// The answers to the calls of one path, in order; when they have run out, an empty success.
    pub(crate) fn replies(mut self, path: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.replies.insert(path.to_owned(), replies.into_iter().collect());
        self
    }

    pub(crate) fn give(&mut self, input: Input) {
        let decision = self.run.transition(input, self.now);
        self.take(decision);
    }

    /// The call that is next.
    pub(crate) fn call(&mut self) -> Call {
        assert!(!self.pending.is_empty(), "no call is next, but {:?}", self.next);
        let call = self.pending[self.pick % self.pending.len()].clone();
        self.keys.entry(call.path.to_string()).or_default().insert(call.key.clone());
        self.calls.push(call.clone());
        call
    }

    pub(crate) fn answer(&mut self, call: &Call, reply: Reply) {
        let result = reply.map(|json| Value::from_json(json.to_string().as_bytes()).unwrap());
        self.give(Input::Attempt { path: call.path.clone(), number: call.attempt, result });
    }

    /// Does the next thing; false when the run has ended.
    pub(crate) fn step(&mut self) -> bool {
        match self.next.clone() {
            Next::End => return false,
            Next::Continue => self.give(Input::Continue),
            Next::Park => self.fire(),
            Next::Await | Next::Call(_) => {
                let call = self.call();
                let reply = self.replies.get_mut(call.path.as_str()).and_then(VecDeque::pop_front);
                self.answer(&call, reply.unwrap_or_else(|| Ok(serde_json::json!({}))));
            }
        }
        true
    }

    /// Hands an event to the step that waits.
    pub(crate) fn deliver(&mut self, event: &Arc<Event>) {
        let path = self.db.waits.first().expect("a step waits").path.clone();
        self.deliver_to(&path, event);
    }

    /// Hands an event to a step.
    pub(crate) fn deliver_to(&mut self, path: &StepPath, event: &Arc<Event>) {
        let path = path.clone();
        self.events.insert(event.id, Arc::clone(event));
        self.give(Input::Event { path, event: Arc::clone(event) });
    }

    /// Lets the nearest timer fire at its time.
    pub(crate) fn fire(&mut self) {
        let nearest = self.db.timers.iter().min_by_key(|(_, due_at)| **due_at);
        let ((path, kind), due_at) = nearest.map(|(timer, at)| (timer.clone(), *at)).expect("a parked run has a timer");
        self.db.timers.remove(&(path.clone(), kind));
        self.now = self.now.max(due_at);
        self.give(Input::Timer { path: path.as_str().into(), kind });
    }

    /// Runs to the end.
    pub(crate) fn run(mut self) -> Self {
        let mut left = 20_000;
        while self.step() {
            left -= 1;
            assert!(left > 0, "the run does not end");
        }
        self
    }

    /// Forgets what was not committed and takes the run up again.
    pub(crate) fn restart(&mut self) {
        let program = Arc::clone(self.run.program());
        self.run = Run::restore(program, facts(), &self.db.state, &self.db.rows(), &self.events).unwrap();
        self.pending.clear();
        if self.run.state().phase.is_final() {
            self.next = Next::End;
        } else {
            self.give(Input::Resume);
        }
    }

    pub(crate) fn status(&self) -> RunStatus {
        self.db.status.unwrap()
    }

    /// The parameters of the call of this path, as JSON.
    pub(crate) fn params(&self, path: &str) -> String {
        self.calls
            .iter()
            .rfind(|call| call.path.as_str() == path)
            .map_or_else(String::new, |call| call.params.to_json())
    }
}
