//! Dead runs that a person has go on, told in simulated time.

use oncue_plugins::action::ActionError;
use oncue_rules::rule::Need;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

use super::model::{Model, Went, Writer, drive, outcomes, rounds, seen, steps};
use super::support::{
    Committed, Simulation, With, act, done, facts, group, moved, once, parallel, program, set, sleep, switch, wait_for,
};
use super::work::{work, work_done, work_in_rounds};
use crate::workflow::record::{RunStatus, StepOutcome, TimerKind};
use crate::workflow::{Doubt, Input, Next, Run};

impl Committed {
    /// What a store does when a dead run is to go on.
    fn retried(&mut self) -> u32 {
        assert_eq!(self.status, Some(RunStatus::Dead));
        moved(&mut self.moves, Some("dead"), "pending");
        self.status = Some(RunStatus::Pending);
        let highest = self.rows.values().map(|row| row.generation).max().unwrap_or(0);
        self.rows.retain(|path, _| !path.starts_with("on_failure:"));
        (highest / 1_000 + 1) * 1_000
    }
}

impl Simulation {
    /// The dead run as it is taken up for a retry.
    pub(crate) fn taken_up(&self) -> Run {
        let program = Arc::clone(self.run.program());
        Run::restore(program, facts(), &self.db.state, &self.db.rows(), &self.events).unwrap()
    }

    /// Has the dead run go on.
    pub(crate) fn retry(&mut self, new_key: bool) {
        let generation = self.db.retried();
        self.run = self.taken_up();
        self.pending.clear();
        let resumed = self.run.transition(Input::Resume, self.now);
        let retried = self.run.transition(Input::Retry { generation, new_key }, self.now);
        self.take(resumed.then(retried));
    }
}

fn no() -> ActionError {
    ActionError::fatal("no", "never")
}

fn busy() -> ActionError {
    ActionError::retry("busy", "try later")
}

/// The paths of the calls from one on.
fn calls(run: &Simulation, from: usize) -> Vec<&str> {
    run.calls[from..].iter().map(|call| call.path.as_str()).collect()
}

/// What a retry would do again.
fn repeats(run: &Simulation) -> Vec<(String, Option<Doubt>)> {
    let taken_up = run.taken_up();
    let repeats = taken_up.repeats().unwrap_or_default().iter();
    repeats.map(|repeat| (repeat.path.to_string(), repeat.doubt)).collect()
}

#[test]
fn a_retried_run_goes_on_from_what_failed_with_the_same_key_and_all_attempts() {
    let steps = vec![
        act("a", &json!({})),
        act("b", &json!({ "a": "${{ steps.a.url }}" })).tries(2),
        act("c", &json!({ "b": "${{ steps.b.outcome }}" })),
    ];
    let tell = vec![act("tell", &json!({ "code": "${{ error.code }}" }))];
    let replies = [Err(busy()), Err(busy()), Err(busy())];
    let mut run =
        Simulation::begin(&program(steps, tell)).replies("a", [Ok(json!({ "url": "u" }))]).replies("b", replies).run();
    assert_eq!((run.status(), repeats(&run)), (RunStatus::Dead, vec![("b".to_owned(), None)]));
    let before = run.calls.len();
    run.retry(false);
    assert_eq!((run.status(), run.db.error.clone(), run.db.outcome("b")), (RunStatus::Running, None, "running"));
    let run = run.run();
    assert_eq!(calls(&run, before), ["b", "b", "c"]);
    assert_eq!((run.status(), run.db.rows["b"].attempts, run.keys["b"].len()), (RunStatus::Succeeded, 2, 1));
    assert_eq!((run.params("b").as_str(), run.params("c").as_str()), (r#"{"a":"u"}"#, r#"{"b":"succeeded"}"#));
    assert_eq!(run.db.failed_attempts.len(), 3, "what failed before stays to be seen");
}

#[test]
fn a_run_that_dies_again_runs_on_failure_again_as_a_new_request() {
    let rule = program(vec![act("b", &json!({}))], vec![act("tell", &json!({})), act("note", &json!({}))]);
    let mut run = Simulation::begin(&rule).replies("b", [Err(no()), Err(no()), Err(no())]).run();
    for deaths in 2..=3 {
        run.retry(false);
        assert_eq!(run.db.outcome("on_failure:tell"), "none", "it belongs to the death before");
        run = run.run();
        assert_eq!((run.status(), run.keys["b"].len()), (RunStatus::Dead, 1));
        assert_eq!(run.keys["on_failure:tell"].len(), deaths, "it is told of each death");
    }
    run.retry(false);
    assert_eq!(run.run().status(), RunStatus::Succeeded);
}

#[test]
fn of_a_loop_only_what_failed_is_repeated_and_the_rest_is_begun() {
    let inner = vec![act("a", &json!({ "n": "${{ item }}" })), act("inner", &json!({ "a": "${{ steps.a.x }}" }))];
    let steps = vec![
        group("each", inner).each(&json!([1, 2, 3])),
        act("c", &json!({ "r": "${{ steps.each.results.map(|r| r.outputs.a.x) }}" })),
    ];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    for index in 0..3 {
        run = run.replies(&format!("each[{index}]/a"), [Ok(json!({ "x": index }))]);
    }
    let mut run = run.replies("each[1]/inner", [Err(no())]).run();
    assert_eq!(repeats(&run), [("each[1]/inner".to_owned(), None)]);
    let before = run.calls.len();
    run.retry(false);
    let run = run.run();
    assert_eq!(calls(&run, before), ["each[1]/inner", "each[2]/a", "each[2]/inner", "c"]);
    assert_eq!((run.params("each[1]/inner").as_str(), run.params("c").as_str()), (r#"{"a":1}"#, r#"{"r":[0,1,2]}"#));
}

#[test]
fn of_steps_at_the_same_time_only_those_that_failed_are_repeated() {
    let items = act("each", &json!({ "n": "${{ item }}" })).each(&json!([1, 2, 3, 4])).at_once(2);
    let branches = vec![
        ("one", vec![act("a", &json!({}))]),
        ("two", vec![act("b", &json!({})), act("c", &json!({ "b": "${{ steps.b.x }}" }))]),
        ("three", vec![items]),
    ];
    let steps = vec![parallel("grp", branches), act("note", &json!({ "b": "${{ steps.b.x }}" }))];
    let mut run = Simulation::begin(&program(steps, Vec::new()))
        .replies("grp/two/b", [Ok(json!({ "x": 7 }))])
        .replies("grp/two/c", [Err(no())])
        .replies("grp/three[1]", [Err(no())])
        .run();
    let failed = ["grp/two/c", "grp/three[1]"].map(|path| (path.to_owned(), None));
    assert_eq!((run.status(), repeats(&run)), (RunStatus::Dead, failed.to_vec()));
    let begun: Vec<_> = (0..4).filter(|index| run.db.outcome(&format!("grp/three[{index}]")) != "none").collect();
    let before = run.calls.len();
    run.retry(false);
    assert_eq!(run.db.outcome("grp"), "running");
    let run = run.run();
    let mut repeated = calls(&run, before);
    repeated.sort_unstable();
    let rest = (0..4).filter(|index| !begun.contains(index)).map(|index| format!("grp/three[{index}]"));
    let mut expected: Vec<_> =
        ["grp/two/c", "grp/three[1]", "note"].map(str::to_owned).into_iter().chain(rest).collect();
    expected.sort_unstable();
    assert_eq!((run.status(), repeated), (RunStatus::Succeeded, expected.iter().map(String::as_str).collect()));
    assert_eq!((run.params("grp/two/c").as_str(), run.params("note").as_str()), (r#"{"b":7}"#, r#"{"b":7}"#));
}

#[test]
fn what_was_cut_off_by_a_time_out_is_repeated_and_has_all_its_time_again() {
    let inner = vec![act("a", &json!({})), act("b", &json!({})).go_on()];
    let mut run = Simulation::begin(&program(vec![group("grp", inner).within(5)], Vec::new()));
    run.step();
    run.now = run.now.after(Duration::from_secs(5));
    run.give(Input::Timer { path: "grp".into(), kind: TimerKind::Timeout });
    assert_eq!((run.status(), run.db.outcome("grp/b")), (RunStatus::Dead, "timed_out"));
    assert_eq!(repeats(&run), [("grp/b".to_owned(), None)], "its own `on_error` does not mean this");
    run.now = run.now.after(Duration::from_hours(24));
    run.retry(false);
    assert_eq!(run.db.timers[&("grp".to_owned(), TimerKind::Timeout)], run.now.after(Duration::from_secs(5)));
    let run = run.run();
    assert_eq!((run.status(), run.calls.len(), run.db.timers.len()), (RunStatus::Succeeded, 2, 0));
}

#[test]
fn waits_and_sleeps_that_were_not_over_begin_anew() {
    let pausing = vec![
        switch("sw", &json!("x"), vec![("y", vec![set("c", &[])]), ("x", vec![sleep("", 60)])], Vec::new()).within(9),
        wait_for("w", &json!("t1")).within(30),
    ];
    let mut run = Simulation::begin(&program(pausing, Vec::new())).run();
    assert_eq!((run.status(), repeats(&run)), (RunStatus::Dead, vec![("sw/1/0".to_owned(), None)]));
    run.retry(false);
    assert_eq!((run.status(), run.db.outcome("sw/1/0")), (RunStatus::Waiting, "running"));
    let mut run = run.run();
    assert_eq!((run.status(), run.db.outcome("sw")), (RunStatus::Dead, "timed_out"), "nine seconds are not enough");
    run.retry(false);
    run.db.timers.retain(|(_, kind), _| *kind == TimerKind::Wake);
    run.restart();
    assert_eq!(run.status(), RunStatus::Waiting);
    let mut waiting = Simulation::begin(&program(vec![wait_for("w", &json!("t1")).within(30)], Vec::new())).run();
    assert_eq!(repeats(&waiting), [("w".to_owned(), None)]);
    waiting.retry(false);
    waiting.deliver(&done(2, "t1"));
    assert_eq!(waiting.status(), RunStatus::Succeeded);
}

#[test]
fn a_call_that_must_not_be_made_twice_and_whose_end_is_not_known_is_in_doubt() {
    let mut run = Simulation::begin(&program(vec![once("a")], Vec::new()));
    run.call();
    run.restart();
    assert_eq!((run.status(), repeats(&run)), (RunStatus::Dead, vec![("a".to_owned(), Some(Doubt::Unknown))]));
    run.retry(true);
    let run = run.run();
    assert_eq!((run.status(), run.keys["a"].len(), run.db.rows["a"].generation), (RunStatus::Succeeded, 2, 1_000));
    let mut cut = Simulation::begin(&program(
        vec![parallel("grp", vec![("one", vec![once("a")]), ("two", vec![act("b", &json!({}))])]).within(5)],
        Vec::new(),
    ));
    cut.now = cut.now.after(Duration::from_secs(5));
    cut.give(Input::Attempt { path: "grp/two".into(), number: 1, result: Err(no()) });
    let doubts = [("grp/one".to_owned(), Some(Doubt::Unknown)), ("grp/two".to_owned(), None)];
    assert_eq!((cut.status(), repeats(&cut)), (RunStatus::Dead, doubts.to_vec()));
    let mut failed = Simulation::begin(&program(vec![once("a")], Vec::new())).replies("a", [Err(no())]).run();
    assert_eq!(repeats(&failed), [("a".to_owned(), None)], "it is known that it failed");
    failed.retry(false);
    assert_eq!(failed.run().status(), RunStatus::Succeeded);
}

#[test]
fn work_that_has_failed_is_only_done_again_with_a_new_key() {
    let mut run = Simulation::begin(&program(vec![work("a", Need::All)], Vec::new()));
    let call = run.call();
    run.answer(&call, Ok(json!({ "TaskId": "t1" })));
    run.deliver(&work_done(1, ("task_id", "t1"), &[("A", true)]));
    assert_eq!((run.status(), repeats(&run)), (RunStatus::Dead, vec![("a".to_owned(), Some(Doubt::Ended))]));
    run.retry(true);
    let call = run.call();
    assert_eq!(run.keys["a"].len(), 2);
    run.answer(&call, Ok(json!({ "TaskId": "t2" })));
    run.deliver(&work_done(2, ("session_id", &call.key.clone()), &[("A", false)]));
    assert_eq!(run.status(), RunStatus::Succeeded);
}

#[test]
fn rounds_that_did_a_part_are_not_forgotten() {
    let mut run = Simulation::begin(&program(vec![work_in_rounds("a", Need::All, 2).tries(1)], Vec::new()))
        .replies("a", [Ok(json!({ "TaskId": "t1" })), Err(no())]);
    run.step();
    run.deliver(&work_done(1, ("task_id", "t1"), &[("A", false), ("B", true)]));
    while run.next != Next::End {
        run.step();
    }
    assert_eq!((run.status(), repeats(&run)), (RunStatus::Dead, vec![("a".to_owned(), None)]));
    run.retry(false);
    run.restart();
    let call = run.call();
    assert_eq!((call.params.to_json().as_str(), run.keys["a"].len()), (r#"{"parts":["B"]}"#, 2), "the second round");
    run.answer(&call, Ok(json!({ "TaskId": "t2" })));
    run.deliver(&work_done(2, ("task_id", "t2"), &[("B", true)]));
    assert_eq!((run.status(), repeats(&run)), (RunStatus::Dead, vec![("a".to_owned(), Some(Doubt::Ended))]));
    run.retry(true);
    let call = run.call();
    assert_eq!((call.params.to_json().as_str(), run.keys["a"].len()), (r#"{"parts":["B"]}"#, 3), "another round");
    run.answer(&call, Ok(json!({ "TaskId": "t3" })));
    run.restart();
    run.deliver(&work_done(3, ("task_id", "t3"), &[("B", false)]));
    assert_eq!(run.status(), RunStatus::Succeeded);
}

#[test]
fn a_condition_that_failed_is_asked_again_and_outputs_are_counted_anew() {
    let steps = vec![set("a", &[("x", json!("y".repeat(500)))]), act("b", &json!({})).when("payload.list > 'x'")];
    let mut run = Simulation::begin(&program(steps, vec![act("tell", &json!({}))])).run();
    assert_eq!((run.status(), run.db.code("b")), (RunStatus::Dead, "expression"));
    run.retry(false);
    assert_eq!(run.status(), RunStatus::Failed, "the event is the same, and so is the end");
    let run = run.run();
    assert_eq!((run.status(), run.calls.len()), (RunStatus::Dead, 2), "only on_failure calls anything");
    let again = run.taken_up();
    assert_eq!(again.state().failure_generation, 1_000);
}

#[test]
fn a_retry_that_crashes_goes_on_and_one_of_a_live_run_changes_nothing() {
    let mut run = Simulation::begin(&program(vec![act("a", &json!({})), act("b", &json!({}))], Vec::new()))
        .replies("b", [Err(no())])
        .run();
    run.retry(false);
    run.restart();
    let before = run.run.state().clone();
    run.give(Input::Retry { generation: 2_000, new_key: true });
    assert_eq!(*run.run.state(), before);
    let run = run.run();
    assert_eq!((run.status(), run.keys["b"].len(), run.next), (RunStatus::Succeeded, 1, Next::End));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_retried_run_repeats_only_what_failed_and_ends_as_the_model_says(
        written in steps(2),
        seed in any::<u64>(),
        crashes in prop::collection::vec(prop::bool::weighted(0.2), 0..30),
        more in prop::collection::vec(prop::bool::weighted(0.2), 0..30),
    ) {
        let steps = Writer::default().write(&written);
        let mut model = Model::new(seed);
        let dies = model.list(&steps, "") == Went::Failed;
        let mut run = Simulation::begin(&program(steps.clone(), vec![act("tell", &json!({}))]));
        drive(&mut run, Some(seed), &crashes);
        prop_assert_eq!(run.status() == RunStatus::Dead, dies);
        if dies {
            let rows = run.db.rows.clone();
            let before = run.calls.len();
            run.retry(false);
            drive(&mut run, None, &more);
            let mut model = model.retried();
            model.list(&steps, "");
            prop_assert_eq!(run.status(), RunStatus::Succeeded);
            prop_assert_eq!(outcomes(&run), model.outcomes);
            for call in &run.calls[before..] {
                let ended = rows.get(call.path.as_str()).map(|row| row.outcome);
                prop_assert!(ended != Some(StepOutcome::Succeeded), "{} was done", call);
                if call.action.as_str() != "work" {
                    prop_assert_eq!(&seen(call), &model.seen[call.path.as_str()], "{}", call);
                }
            }
            // Each round of work has a key, and a retry none of its own.
            let is_work = |path: &str| run.calls.iter().any(|call| call.path.as_str() == path && call.action.as_str() == "work");
            for (path, keys) in &run.keys {
                let rounds = if is_work(path) { rounds(path, seed) } else { 1 };
                prop_assert!(keys.len() <= rounds, "{} has {} keys", path, keys.len());
            }
            prop_assert!(run.db.timers.is_empty() && run.db.waits.is_empty());
        }
    }
}
