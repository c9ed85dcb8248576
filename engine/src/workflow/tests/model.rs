//! Random workflows, with crashes at random moments, end as a plain recursive model says.

use std::collections::BTreeMap;
use std::sync::Arc;

use oncue_plugins::action::ActionError;
use oncue_rules::event::Event;
use oncue_rules::ids::EventId;
use oncue_rules::rule::{Need, OnError, Step, StepKind};
use oncue_rules::value::Value;
use proptest::prelude::*;
use serde_json::json;

use super::late::instead;
use super::support::{Simulation, With, act, done, end, group, parallel, program, set, sleep, switch, wait_for};
use super::work::{work_done, work_in_rounds};
use crate::workflow::record::{RunStatus, TimerKind};
use crate::workflow::{Call, Input, Next};

/// The shape of a random step.
#[derive(Debug, Clone)]
enum Shape {
    Act,
    Set,
    Group(Vec<Random>),
    Parallel(Vec<Vec<Random>>),
    Sleep,
    /// For what may not come; then these steps run, if there are any.
    Wait(Vec<Random>),
    Work,
    End,
    /// Which of its cases is taken; the last is the default.
    Switch(usize, Vec<Vec<Random>>),
}

#[derive(Debug, Clone)]
pub(super) struct Random {
    shape: Shape,
    named: bool,
    condition: Option<bool>,
    items: Option<(u8, bool)>,
    at_once: bool,
    goes_on: bool,
}

pub(super) fn steps(depth: u32) -> BoxedStrategy<Vec<Random>> {
    prop::collection::vec(random(depth), 0..4).boxed()
}

fn random(depth: u32) -> BoxedStrategy<Random> {
    let leaf = prop_oneof![
        12 => Just(Shape::Act),
        4 => Just(Shape::Set),
        4 => Just(Shape::Sleep),
        4 => Just(Shape::Wait(Vec::new())),
        4 => Just(Shape::Work),
        1 => Just(Shape::End),
    ];
    let shape = if depth == 0 {
        leaf.boxed()
    } else {
        let cases = prop::collection::vec(steps(depth - 1), 1..4);
        let switch = (0..4_usize, cases).prop_map(|(taken, cases)| Shape::Switch(taken % cases.len(), cases));
        let branches = prop::collection::vec(prop::collection::vec(random(depth - 1), 1..4), 1..4);
        let parallel = branches.prop_map(Shape::Parallel);
        let wait = steps(depth - 1).prop_map(Shape::Wait);
        let group = steps(depth - 1).prop_map(Shape::Group);
        prop_oneof![4 => leaf, 2 => group, 2 => parallel, 1 => switch, 1 => wait].boxed()
    };
    let condition = prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let items = prop_oneof![3 => Just(None), 1 => (0..4_u8, any::<bool>()).prop_map(Some)];
    (shape, any::<bool>(), condition, items, any::<bool>(), any::<bool>())
        .prop_map(|(shape, named, condition, items, at_once, goes_on)| Random {
            shape,
            named,
            condition,
            items,
            at_once,
            goes_on,
        })
        .boxed()
}

/// Turns shapes into steps; each refers to the named step before it.
#[derive(Default)]
pub(super) struct Writer {
    ids: u32,
    loops: u32,
    /// How many branches and items that run beside others it is in. Where one of them ended the run it would be chance
    /// how far the others came.
    forks: u32,
    last: Option<String>,
}

impl Writer {
    pub(super) fn write(&mut self, randoms: &[Random]) -> Vec<Step> {
        randoms.iter().map(|random| self.step(random)).collect()
    }

    fn step(&mut self, random: &Random) -> Step {
        let id = if random.named { self.id() } else { String::new() };
        let seen = self.last.as_ref().map_or(json!(null), |id| json!(format!("${{{{ steps.{id}.outcome }}}}")));
        self.loops += u32::from(random.items.is_some());
        let forks = u32::from(random.items.is_some() && random.at_once);
        self.forks += forks;
        let item = if self.loops > 0 { json!("${{ item }}") } else { json!(null) };
        let mut step = match &random.shape {
            Shape::Act => act(&id, &json!({ "seen": seen, "item": item })).tries(2),
            Shape::Set => set(&id, &[("seen", seen)]),
            Shape::Group(inner) => group(&id, self.write(inner)),
            Shape::Sleep => sleep(&id, 5),
            Shape::Wait(late) => {
                let wait = wait_for(&id, &json!("${{ run.id }}")).within(60);
                if late.is_empty() { wait } else { instead(wait, self.write(late)) }
            }
            Shape::Work => work_in_rounds(&id, Need::All, ROUNDS),
            Shape::Parallel(branches) => {
                let before = self.last.clone();
                self.forks += 1;
                let branches = branches.iter().map(|branch| {
                    self.last.clone_from(&before);
                    self.write(branch)
                });
                let branches: Vec<_> = ["p", "q", "r"].into_iter().zip(branches).collect();
                self.forks -= 1;
                parallel(&id, branches)
            }
            Shape::End if self.forks > 0 => set(&id, &[("seen", seen)]),
            Shape::End => end(&id, "over"),
            Shape::Switch(taken, lists) => {
                let mut lists: Vec<_> = lists.iter().map(|steps| self.write(steps)).collect();
                let default = lists.pop().unwrap();
                let names = ["0", "1", "2"];
                switch(&id, &json!(taken), names.into_iter().zip(lists).collect(), default)
            }
        };
        self.loops -= u32::from(random.items.is_some());
        self.forks -= forks;
        if let Some(condition) = random.condition {
            step = step.when(&condition.to_string());
        }
        if let Some((count, filtered)) = random.items {
            step = step.each(&json!((0..count).collect::<Vec<_>>()));
            if filtered {
                step = step.only("item != 1");
            }
            if random.at_once {
                // Where a failure ends the loop it would be chance which items are begun, unless all are.
                step = step.at_once(if random.goes_on { 2 } else { 4 });
            }
        }
        if random.named {
            self.last = Some(id);
        }
        if random.goes_on { step.go_on() } else { step }
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("s{}", self.ids - 1)
    }
}

/// How often an action of this path fails before it is done, and whether for good.
fn luck(path: &str, seed: u64) -> (u32, bool) {
    let mix = path.bytes().fold(seed | 1, |mix, byte| (mix ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mix = mix ^ (mix >> 29);
    match mix % 10 {
        0 => (0, true),
        1 => (1, true),
        2 | 3 => (1, false),
        4 => (2, false),
        _ => (0, false),
    }
}

/// The plain meaning of a workflow: recursion, no cursor, no crash.
#[derive(Default)]
pub(super) struct Model {
    seed: u64,
    known: BTreeMap<String, String>,
    pub(super) outcomes: BTreeMap<String, String>,
    items: Vec<usize>,
    pub(super) seen: BTreeMap<String, (Option<String>, Option<usize>)>,
    /// How steps ended before the run was retried. From then on all goes well.
    before: Option<BTreeMap<String, String>>,
}

/// How a list of steps went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    Well,
    Failed,
    /// A step ended the run.
    Over,
}

impl Model {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The meaning of the same workflow when the run is retried.
    pub(super) fn retried(self) -> Self {
        Self { seed: self.seed, before: Some(self.outcomes), ..Self::default() }
    }

    fn luck(&self, path: &str) -> (u32, bool) {
        if self.before.is_some() { (0, false) } else { luck(path, self.seed) }
    }

    /// Whether the event that a step of this path waits for does not come.
    fn is_late(&self, path: &str) -> bool {
        self.luck(path).1
    }

    /// Does something as it went before the retry, when it was over then.
    fn once<T>(&mut self, step: &Step, path: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let outcome = self.before.as_ref().and_then(|before| before.get(path)).map(String::as_str);
        let was_over = match outcome {
            None => false,
            Some("succeeded" | "skipped") => true,
            Some(_) => step.on_error == OnError::Continue,
        };
        let before = if was_over { self.before.take() } else { None };
        let done = work(self);
        self.before = before.or_else(|| self.before.take());
        done
    }

    pub(super) fn list(&mut self, steps: &[Step], prefix: &str) -> Went {
        for (index, step) in steps.iter().enumerate() {
            let name = step.id.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
            match self.step(step, &format!("{prefix}{name}")) {
                Went::Well => {}
                Went::Failed if step.on_error == OnError::Continue => {}
                other => return other,
            }
        }
        Went::Well
    }

    fn step(&mut self, step: &Step, path: &str) -> Went {
        self.once(step, path, |model| model.step_anew(step, path))
    }

    fn step_anew(&mut self, step: &Step, path: &str) -> Went {
        let asked = step.condition.as_ref().is_none_or(|condition| condition.text() == "true");
        let before = self.before.as_ref().and_then(|before| before.get(path));
        let was_late = !step.late().is_empty() && before.is_some_and(|outcome| outcome == "timed_out");
        let (outcome, went) = match &step.for_each {
            _ if was_late => ("timed_out", Went::Failed),
            _ if !asked => ("skipped", Went::Well),
            Some(_) => self.items(step, path),
            None => self.body(step, path),
        };
        self.outcomes.insert(path.to_owned(), outcome.to_owned());
        if let Some(id) = &step.id {
            self.known.insert(id.to_string(), outcome.to_owned());
        }
        match step.late() {
            late if outcome == "timed_out" && !late.is_empty() => self.list(late, &format!("{path}/on_timeout:")),
            _ => went,
        }
    }

    fn items(&mut self, step: &Step, path: &str) -> (&'static str, Went) {
        let for_each = step.for_each.as_ref().unwrap();
        let count = for_each.items.constant().unwrap().as_list().unwrap().len();
        let mut failed = false;
        for index in 0..count {
            let item = format!("{path}[{index}]");
            self.items.push(index);
            let is_skipped = for_each.filter.is_some() && index == 1;
            let (outcome, went) = if is_skipped {
                ("skipped", Went::Well)
            } else {
                self.once(step, &item, |model| model.body(step, &item))
            };
            self.items.pop();
            self.outcomes.insert(item, outcome.to_owned());
            forget(step, &mut self.known);
            failed |= went == Went::Failed && step.on_error == OnError::Fail;
            match went {
                _ if for_each.max_parallel > 1 => {}
                Went::Over => return ("succeeded", Went::Over),
                Went::Failed if step.on_error == OnError::Fail => return ("failed", Went::Failed),
                Went::Well | Went::Failed => {}
            }
        }
        if failed { ("failed", Went::Failed) } else { ("succeeded", Went::Well) }
    }

    fn branches(&mut self, branches: &[(String, Vec<Step>)], path: &str) -> Went {
        let mut went = Went::Well;
        for (name, steps) in branches {
            let in_branch = match steps.as_slice() {
                [only] => {
                    let went = self.step(only, &format!("{path}/{name}"));
                    if only.on_error == OnError::Continue { Went::Well } else { went }
                }
                steps => self.list(steps, &format!("{path}/{name}/")),
            };
            went = if in_branch == Went::Well { went } else { in_branch };
        }
        went
    }

    fn body(&mut self, step: &Step, path: &str) -> (&'static str, Went) {
        let went = match &step.kind {
            StepKind::Parallel(branches) => self.branches(branches, path),
            StepKind::Group(inner) => self.list(inner, &format!("{path}/")),
            StepKind::Switch(switch) => {
                let taken = switch.value.constant().unwrap().to_json();
                let case = switch.cases.iter().position(|(text, _)| *text == taken).unwrap_or(switch.cases.len());
                let steps = switch.cases.get(case).map_or(&switch.default, |(_, steps)| steps);
                self.list(steps, &format!("{path}/{case}/"))
            }
            StepKind::End(_) => Went::Over,
            // An item of a loop has no timeout of its own, so its event comes.
            StepKind::WaitFor(_) if self.is_late(path) && step.for_each.is_none() => {
                return ("timed_out", Went::Failed);
            }
            StepKind::Set(_) | StepKind::Sleep(_) | StepKind::WaitFor(_) => Went::Well,
            // The call goes well; the work ends as luck has it, in the last round if it must.
            StepKind::Uses { wait: Some(_), .. } => {
                if self.is_late(path) {
                    Went::Failed
                } else {
                    Went::Well
                }
            }
            StepKind::Uses { with, .. } => {
                let before = with.expressions().into_iter().find_map(|seen| {
                    let id = seen.text().trim().strip_prefix("steps.")?.strip_suffix(".outcome")?;
                    self.known.get(id).cloned()
                });
                self.seen.insert(path.to_owned(), (before, self.items.last().copied()));
                let (failures, for_good) = self.luck(path);
                if failures < 2 && !for_good { Went::Well } else { Went::Failed }
            }
        };
        (if went == Went::Failed { "failed" } else { "succeeded" }, went)
    }
}

/// How many times work may be submitted.
const ROUNDS: u32 = 3;

/// In how many rounds the work of this path ends.
pub(super) fn rounds(path: &str, seed: u64) -> usize {
    let (failures, for_good) = luck(path, seed);
    usize::try_from(if for_good { ROUNDS } else { failures + 1 }).unwrap()
}

/// Whether the event that a step of this path waits for does not come.
fn is_late(path: &str, seed: Option<u64>) -> bool {
    seed.is_some_and(|seed| luck(path, seed).1)
}

fn forget(step: &Step, known: &mut BTreeMap<String, String>) {
    for inner in step.lists().flatten() {
        if let Some(id) = &inner.id {
            known.remove(id.as_str());
        }
        forget(inner, known);
    }
}

/// Drives a run; each moment at which it may crash takes one of `crashes`. All goes well when there is no seed.
pub(super) fn drive(simulation: &mut Simulation, seed: Option<u64>, crashes: &[bool]) {
    // Each loses all attempts that are under way, and a step bears the loss of ten.
    let mut lost = 0;
    let mut crashes = crashes.iter().copied().filter(|crashes| {
        lost += u32::from(*crashes);
        lost <= 10
    });
    let mut done: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..20_000_usize {
        simulation.pick = round.wrapping_mul(7).wrapping_add(usize::try_from(seed.unwrap_or(0) % 1_000).unwrap());
        if crashes.next().unwrap_or(false) {
            simulation.restart();
        }
        match simulation.next.clone() {
            Next::End => return,
            Next::Continue => simulation.give(Input::Continue),
            Next::Park => pass_time(simulation, seed),
            Next::Await | Next::Call(_) => {
                let call = simulation.call();
                if crashes.next().unwrap_or(false) {
                    simulation.restart();
                    continue;
                }
                let path = call.path.to_string();
                if call.action.as_str() == "work" {
                    simulation.answer(&call, Ok(json!({ "TaskId": path })));
                    continue;
                }
                let failed = done.entry(path.clone()).or_default();
                let (failures, for_good) = seed.map_or((0, false), |seed| luck(&path, seed));
                let reply = match (*failed < failures, for_good) {
                    (true, _) => Err(ActionError::retry("busy", "later")),
                    (false, true) => Err(ActionError::fatal("no", "never")),
                    (false, false) => Ok(json!({ "path": path })),
                };
                *failed += 1;
                simulation.answer(&call, reply);
            }
        }
    }
    panic!("the run does not end");
}

/// Has the awaited event come, or a timer.
fn pass_time(simulation: &mut Simulation, seed: Option<u64>) {
    let is_in_time = |wait: &&crate::workflow::Wait| {
        let path = wait.path.to_string();
        let has_timer = |kind| simulation.db.timers.contains_key(&(path.clone(), kind));
        if wait.kind.as_str() == "WorkDone" {
            // Of a step that was submitted again only the last round goes on.
            let last = simulation.calls.iter().rfind(|call| call.path == wait.path);
            return !has_timer(TimerKind::Retry) && last.is_some_and(|call| call.key == wait.key.value);
        }
        !is_late(&path, seed) || !has_timer(TimerKind::Timeout)
    };
    let Some(wait) = simulation.db.waits.iter().find(is_in_time).cloned() else { return simulation.fire() };
    let path = wait.path.to_string();
    if wait.kind.as_str() == "WorkDone" {
        let round = simulation.keys[&path].len();
        let fails = is_late(&path, seed) || seed.is_some_and(|seed| round < rounds(&path, seed));
        let told = work_done(1, ("session_id", &wait.key.value), &[("A", fails)]);
        let id = EventId::from_bytes((u128::MAX - u128::try_from(simulation.events.len()).unwrap()).to_be_bytes());
        return simulation.deliver_to(&wait.path, &Arc::new(Event { id, ..(*told).clone() }));
    }
    let value = wait.key.value.clone();
    let number = u8::try_from(simulation.events.len() % 200).unwrap() + 10;
    simulation.deliver_to(&wait.path, &done(number, "another"));
    assert_eq!(simulation.next, Next::Park, "it was another event");
    simulation.deliver_to(&wait.path, &done(number + 1, &value));
}

pub(super) fn outcomes(simulation: &Simulation) -> BTreeMap<String, String> {
    let rows = simulation.db.rows.iter();
    rows.map(|(path, row)| (path.clone(), row.outcome.as_str().to_owned())).collect()
}

/// What a call was told of the step before it, and of the item that it is for.
pub(super) fn seen(call: &Call) -> (Option<String>, Option<usize>) {
    let item = match call.params.get("item") {
        Value::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
        _ => None,
    };
    (call.params.get("seen").as_text().map(ToOwned::to_owned), item)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_crashing_run_ends_as_the_model_says(
        written in steps(2),
        seed in any::<u64>(),
        crashes in prop::collection::vec(prop::bool::weighted(0.2), 0..60),
    ) {
        let steps = Writer::default().write(&written);
        let mut model = Model::new(seed);
        let succeeds = model.list(&steps, "") != Went::Failed;
        let mut simulation = Simulation::begin(&program(steps, Vec::new()));
        drive(&mut simulation, Some(seed), &crashes);
        let expected = if succeeds { RunStatus::Succeeded } else { RunStatus::Dead };
        prop_assert_eq!(simulation.status(), expected);
        prop_assert_eq!(outcomes(&simulation), model.outcomes);
        for call in simulation.calls.iter().filter(|call| call.action.as_str() != "work") {
            prop_assert_eq!(&seen(call), &model.seen[call.path.as_str()], "{}", call);
        }
        let mut all = std::collections::BTreeSet::new();
        for (path, keys) in &simulation.keys {
            let is_work = simulation.calls.iter().any(|call| call.path.as_str() == path && call.action.as_str() == "work");
            prop_assert_eq!(keys.len(), if is_work { rounds(path, seed) } else { 1 }, "{}", path);
            prop_assert!(keys.iter().all(|key| all.insert(key.clone())), "{} shares a key", path);
        }
        prop_assert!(simulation.db.timers.is_empty() && simulation.db.waits.is_empty());
    }
}
