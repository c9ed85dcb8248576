//! Every input in every state: there is an answer, and what is late or foreign changes nothing.

use std::collections::BTreeMap;

use oncue_plugins::action::ActionError;
use oncue_rules::ids::StepPath;
use oncue_rules::rule::Need;
use oncue_rules::value::Value;
use serde_json::json;

use super::late::instead;
use super::support::{Simulation, With, act, done, group, parallel, program, set, sleep, switch, wait_for};
use super::work::{work_done, work_in_rounds};
use crate::workflow::record::TimerKind;
use crate::workflow::{Events, Input, Next, Run};

/// A run in each state that a run can be in.
fn states() -> BTreeMap<&'static str, Run> {
    let rule = program(
        vec![set("b", &[]), group("grp", vec![act("a", &json!({})).within(60).tries(2)])],
        vec![act("tell", &json!({}))],
    );
    let busy = || Err(ActionError::retry("busy", "later"));
    let begun = || Simulation::begin(&rule).replies("grp/a", [busy(), busy()]);
    let after = |steps: usize| {
        let mut run = begun();
        for _ in 0..steps {
            run.step();
        }
        run.run
    };
    let pausing = program(
        vec![
            switch("sw", &json!("x"), vec![("y", vec![set("c", &[])]), ("x", vec![sleep("", 60)])], Vec::new()),
            wait_for("w", &json!("t1")).within(60),
        ],
        Vec::new(),
    );
    let mut waiting = Simulation::begin(&pausing);
    waiting.step();
    let sleeping = waiting.run.clone();
    waiting.step();
    let (working, between_rounds) = rounds();
    let dead = begun().run();
    let mut cancelled = begun();
    cancelled.give(Input::Cancel { reason: "test".to_owned() });
    let (deferred, _) = Run::defer(std::sync::Arc::clone(&rule), super::support::facts(), super::support::START);
    BTreeMap::from([
        ("deferred", deferred),
        ("first attempt", after(0)),
        ("backing off", after(1)),
        ("sleeping", sleeping),
        ("waiting", waiting.run),
        ("forked", forked()),
        ("too late", too_late()),
        ("working", working),
        ("between rounds", between_rounds),
        ("second attempt", after(2)),
        ("on failure", after(3)),
        ("dead", after(4)),
        ("dead and taken up", dead.taken_up()),
        ("succeeded", Simulation::begin(&rule).run().run),
        ("cancelled", cancelled.run),
    ])
}

/// A run that waits for the end of work, and one whose work is to be submitted again.
fn rounds() -> (Run, Run) {
    let mut working = Simulation::begin(&program(vec![work_in_rounds("k", Need::All, 2)], Vec::new()));
    let call = working.call();
    working.answer(&call, Ok(json!({ "TaskId": "t" })));
    let first = working.run.clone();
    working.deliver(&work_done(1, ("task_id", "t"), &[("A", true)]));
    (first, working.run)
}

/// A run whose branches and items are under way.
fn forked() -> Run {
    let forking = program(
        vec![parallel(
            "fork",
            vec![
                ("one", vec![act("a", &json!({})).within(60)]),
                ("two", vec![wait_for("w", &json!("t1")).within(60)]),
                ("three", vec![act("b", &json!({})).each(&json!([1, 2, 3])).at_once(2)]),
            ],
        )],
        Vec::new(),
    );
    let mut forked = Simulation::begin(&forking);
    forked.step();
    forked.run
}

/// A run that does something else because a step took too long.
fn too_late() -> Run {
    let wait = wait_for("w", &json!("t1")).within(60);
    let mut run = Simulation::begin(&program(vec![instead(wait, vec![act("c", &json!({})).within(60)])], Vec::new()));
    run.step();
    run.step();
    run.run
}

fn attempt(path: &str, number: u32, result: Result<Value, ActionError>) -> Input {
    Input::Attempt { path: path.into(), number, result }
}

fn timer(path: &str, kind: TimerKind) -> Input {
    Input::Timer { path: path.into(), kind }
}

fn came(path: &str, ticket: &str) -> Input {
    Input::Event { path: StepPath::from(path), event: done(9, ticket) }
}

fn worked(path: &str, task: &str, failed: bool) -> Input {
    Input::Event { path: StepPath::from(path), event: work_done(7, ("task_id", task), &[("A", failed)]) }
}

/// Inputs about work, and the states that they may change.
fn inputs_of_work() -> Vec<(&'static str, Input, Vec<&'static str>)> {
    vec![
        ("end of work", worked("k", "t", false), vec!["working"]),
        ("failed work", worked("k", "t", true), vec!["working"]),
        ("end of another's work", worked("k", "u", false), vec![]),
        ("end of work for a step that waits for another event", worked("w", "t", false), vec![]),
        ("silence", timer("k", TimerKind::Silence), vec![]),
        ("silence of a step that does not work", timer("w", TimerKind::Silence), vec![]),
        ("early retry of a round", timer("k", TimerKind::Retry), vec![]),
        ("late success of the first round", attempt("k", 1, Ok(Value::Null)), vec![]),
    ]
}

/// An input, and the states that it may change.
fn inputs() -> Vec<(&'static str, Input, Vec<&'static str>)> {
    use TimerKind::{Retry, Timeout, Wake};
    let live = vec![
        "deferred",
        "first attempt",
        "backing off",
        "sleeping",
        "waiting",
        "forked",
        "too late",
        "working",
        "between rounds",
        "second attempt",
        "on failure",
    ];
    let rests = ["backing off", "sleeping", "waiting", "working", "between rounds"];
    let lost = || live.iter().copied().filter(|state| !rests.contains(state)).collect::<Vec<_>>();
    let ok = || Ok(Value::Null);
    let fatal = || Err(ActionError::fatal("no", "never"));
    vec![
        ("resume", Input::Resume, lost()),
        ("continue", Input::Continue, vec!["deferred"]),
        ("success of 1", attempt("grp/a", 1, ok()), vec!["first attempt"]),
        ("success of 2", attempt("grp/a", 2, ok()), vec!["second attempt"]),
        ("success of 3", attempt("grp/a", 3, ok()), vec![]),
        ("failure of 1", attempt("grp/a", 1, fatal()), vec!["first attempt"]),
        ("success of on_failure", attempt("on_failure:tell", 1, ok()), vec!["on failure"]),
        ("success of another step", attempt("b", 1, ok()), vec![]),
        ("success of a group", attempt("grp", 1, ok()), vec![]),
        ("unsent 1", Input::Unsent { path: "grp/a".into(), number: 1 }, vec!["first attempt"]),
        ("unsent of another step", Input::Unsent { path: "x".into(), number: 1 }, vec![]),
        ("early retry", timer("grp/a", Retry), vec![]),
        ("early timeout", timer("grp/a", Timeout), vec![]),
        ("foreign retry", timer("b", Retry), vec![]),
        ("foreign timeout", timer("nothing/such", Timeout), vec![]),
        ("timeout of a step that has none", timer("grp", Timeout), vec![]),
        ("early wake", timer("sw/1/0", Wake), vec![]),
        ("foreign wake", timer("w", Wake), vec![]),
        ("awaited event", came("w", "t1"), vec!["waiting"]),
        ("event with another key", came("w", "t2"), vec![]),
        ("event for another step", came("grp/a", "t1"), vec![]),
        ("success in a branch", attempt("fork/one", 1, ok()), vec!["forked"]),
        ("success in an item of a branch", attempt("fork/three[1]", 1, ok()), vec!["forked"]),
        ("success of an item that is not begun", attempt("fork/three[2]", 1, ok()), vec![]),
        ("success of an item that is not there", attempt("fork/three[99]", 1, ok()), vec![]),
        ("success of a branch that is not there", attempt("fork/four", 1, ok()), vec![]),
        ("late success in a branch", attempt("fork/one", 2, ok()), vec![]),
        ("success of all branches", attempt("fork", 1, ok()), vec![]),
        ("early timeout in a branch", timer("fork/one", Timeout), vec![]),
        ("unsent in a branch", Input::Unsent { path: "fork/one".into(), number: 1 }, vec!["forked"]),
        ("awaited event in a branch", came("fork/two", "t1"), vec!["forked"]),
        ("another event in a branch", came("fork/two", "t2"), vec![]),
        ("event in a branch that calls", came("fork/one", "t1"), vec![]),
        ("retry", Input::Retry { generation: 1_000, new_key: false }, vec!["dead and taken up"]),
        ("success in place of a failure", attempt("w/on_timeout:c", 1, ok()), vec!["too late"]),
        ("awaited event after its time", came("w", "t1"), vec!["waiting"]),
        ("late timeout of what has ended so", timer("w", Timeout), vec![]),
        ("early timeout in place of a failure", timer("w/on_timeout:c", Timeout), vec![]),
        ("cancel", Input::Cancel { reason: "test".to_owned() }, live.clone()),
    ]
}

#[test]
fn every_input_has_an_answer_in_every_state_and_changes_only_what_it_is_for() {
    // When the last of them came to be, so that nothing is late and what is early is early.
    let now = super::support::START;
    for (state_name, run) in states() {
        for (input_name, input, changes) in inputs().into_iter().chain(inputs_of_work()) {
            let before = run.state().clone();
            let mut run = run.clone();
            let decision = run.transition(input, now);
            let case = format!("{input_name} in {state_name}");
            assert_eq!(*run.state() != before, changes.contains(&state_name), "{case}");
            assert_eq!(decision.state, run.state().to_json(), "{case}");
            assert_eq!(decision.status.is_final(), decision.next == Next::End, "{case}");
            if !changes.contains(&state_name) {
                assert!(decision.steps.is_empty() && decision.failed_attempts.is_empty(), "{case}");
            }
            let mut settled = decision.settled.iter();
            assert!(settled.all(|path| decision.timers.iter().all(|timer| timer.path != *path)), "{case}");
        }
    }
}

#[test]
fn nothing_happens_to_an_ended_run() {
    for (name, run) in states() {
        if !run.state().phase.is_final() {
            continue;
        }
        for (input_name, input, changes) in inputs() {
            if changes.contains(&name) {
                continue;
            }
            let decision = run.clone().transition(input, super::support::START);
            assert_eq!(decision.next, Next::End, "{input_name} in {name}");
        }
    }
}

#[test]
fn a_run_restored_in_any_state_is_the_run_that_was_stored() {
    let event = work_done(1, ("task_id", "t"), &[("A", true)]);
    let told = Events::from([(event.id, event)]);
    for (name, run) in states() {
        let stored = run.state().to_json();
        let restored = Run::restore(std::sync::Arc::clone(run.program()), super::support::facts(), &stored, &[], &told);
        assert_eq!(restored.unwrap().state(), run.state(), "{name}");
    }
}

#[test]
fn a_stored_state_that_makes_no_sense_is_refused() {
    let rule = program(vec![act("a", &json!({}))], Vec::new());
    let restore = |state: &str| {
        Run::restore(std::sync::Arc::clone(&rule), super::support::facts(), state, &[], &Events::new())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(restore("{"), "the state of the run cannot be read");
    assert_eq!(
        restore(r#"{"v":2,"phase":"steps"}"#),
        "the state of the run has version 2, and this Oncue knows up to 1: use the newer Oncue"
    );
    let deep =
        r#"{"v":1,"phase":"steps","frames":[{"block":{"at":9,"started_at":0}},{"block":{"at":0,"started_at":0}}]}"#;
    assert_eq!(restore(deep), "the state of the run does not fit its rule: at the beginning there is no such step");
}
