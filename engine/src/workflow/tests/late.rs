//! Steps that run because another took too long.

use oncue_plugins::action::ActionError;
use oncue_rules::rule::{Need, OnTimeout, Step};
use serde_json::json;

use super::support::{Simulation, With, act, done, end, group, parallel, program, set, sleep, switch, wait_for};
use super::work::work;
use crate::workflow::{Input, Next, RunStatus};

/// The step, with these in place of its failure when it takes too long.
pub(crate) fn instead(step: Step, steps: Vec<Step>) -> Step {
    step.edit(|step| step.on_timeout = Some(OnTimeout::Steps(steps)))
}

/// A wait of a minute for what does not come.
fn waits() -> Step {
    wait_for("w", &json!("t")).within(60)
}

/// Runs to the end and takes the run up anew after every commit, but those that repeat a lost attempt: one that is lost each
/// time is given up in the end.
fn with_restarts(steps: Vec<Step>) -> Simulation {
    let mut run = Simulation::begin(&program(steps, vec![act("tell", &json!({ "step": "${{ error.step }}" }))]));
    loop {
        let is_timer = run.next == Next::Park;
        if !run.step() {
            return run;
        }
        if !is_timer || run.pending.is_empty() {
            run.restart();
        }
    }
}

#[test]
fn steps_run_in_place_of_the_failure_and_the_run_goes_on_after_the_step() {
    let steps = vec![
        set("a", &[("late", json!("${{ steps.w.outcome }}: ${{ steps.w.error.code }}"))]),
        act("b", &json!({ "late": "${{ steps.a.late }}" })),
        sleep("", 5),
    ];
    let after = act(
        "note",
        &json!({ "w": "${{ steps.w.outcome }}", "a": "${{ steps.a.late }}", "b": "${{ steps.b.outcome }}" }),
    );
    let run = with_restarts(vec![instead(waits(), steps.clone()), after.clone()]);
    assert_eq!((run.status(), run.db.outcome("w"), run.db.code("w")), (RunStatus::Succeeded, "timed_out", "timeout"));
    assert_eq!(run.params("w/on_timeout:b"), r#"{"late":"timed_out: timeout"}"#);
    assert_eq!(run.params("note"), r#"{"a":"timed_out: timeout","b":"succeeded","w":"timed_out"}"#);
    assert_eq!((run.db.outcome("w/on_timeout:2"), run.db.timers.len()), ("succeeded", 0));

    let mut run = Simulation::begin(&program(vec![instead(waits(), steps), after], Vec::new()));
    run.step();
    run.deliver(&done(9, "t"));
    let run = run.run();
    assert_eq!(run.params("note"), r#"{"a":null,"b":null,"w":"succeeded"}"#, "in time, they do not run");
}

#[test]
fn what_fails_in_them_is_the_failure_of_the_step() {
    let failing = || vec![set("c", &[]), act("a", &json!({})).when("payload.list > 'x'"), act("b", &json!({}))];
    let run = with_restarts(vec![group("grp", vec![instead(waits(), failing())]), act("note", &json!({}))]);
    assert_eq!(
        (run.status(), run.params("on_failure:tell").as_str()),
        (RunStatus::Dead, r#"{"step":"grp/w/on_timeout:a"}"#)
    );
    let outcomes =
        ["grp/w", "grp/w/on_timeout:c", "grp/w/on_timeout:b", "grp", "note"].map(|path| run.db.outcome(path));
    assert_eq!(outcomes, ["timed_out", "succeeded", "none", "failed", "none"]);
    let run = with_restarts(vec![instead(waits().go_on(), failing()), act("note", &json!({}))]);
    assert_eq!(
        (run.status(), run.db.outcome("w"), run.db.outcome("note")),
        (RunStatus::Succeeded, "timed_out", "succeeded")
    );
}

#[test]
fn every_kind_of_step_may_be_replaced_also_by_what_is_late_itself() {
    let later = || vec![instead(sleep("b", 60).within(5), vec![act("c", &json!({}))])];
    let kinds = vec![
        group("a", vec![sleep("", 9), sleep("", 9)]),
        parallel("a", vec![("one", vec![sleep("", 20)]), ("two", vec![sleep("", 4), sleep("", 20)])]),
        switch("a", &json!("x"), vec![("x", vec![sleep("", 20)])], Vec::new()),
        sleep("a", 9).each(&json!([1, 2, 3])),
        sleep("a", 20).each(&json!([1, 2, 3])).at_once(2),
        work("a", Need::All),
    ];
    for kind in kinds {
        let run = with_restarts(vec![instead(kind.within(10), later()), act("note", &json!({}))]);
        let outcomes = ["a", "a/on_timeout:b", "a/on_timeout:b/on_timeout:c", "note"].map(|path| run.db.outcome(path));
        assert_eq!(outcomes, ["timed_out", "timed_out", "succeeded", "succeeded"]);
        assert!(run.status() == RunStatus::Succeeded && run.db.timers.is_empty() && run.db.waits.is_empty());
    }
}

#[test]
fn they_may_hold_loops_and_branches_and_lie_in_them() {
    let fork = || {
        parallel("fork", vec![("one", vec![act("b", &json!({}))]), ("two", vec![sleep("", 3), act("c", &json!({}))])])
    };
    let each = act("each", &json!({ "item": "${{ item }}" })).each(&json!([1, 2, 3])).at_once(2);
    let late = || {
        group(
            "",
            vec![instead(waits(), vec![fork(), each.clone()]), set("a", &[("b", json!("${{ steps.b.outcome }}"))])],
        )
    };
    let alone = with_restarts(vec![late()]);
    assert_eq!(alone.db.outcome("0/w/on_timeout:fork/two/c"), "succeeded");
    assert_eq!(
        (alone.status(), alone.params("0/w/on_timeout:each[2]").as_str()),
        (RunStatus::Succeeded, r#"{"item":3}"#)
    );
    for at_once in [1, 2] {
        let item = late().edit(|step| step.id = Some("grp".into())).each(&json!([1, 2])).at_once(at_once);
        let after = act(
            "note",
            &json!({ "b": "${{ steps.grp.results.map(|r| r.outputs.a.b) }}", "inner": "${{ steps.b.outcome }}" }),
        );
        let run = with_restarts(vec![item, after]);
        assert_eq!(
            (run.status(), run.params("note").as_str()),
            (RunStatus::Succeeded, r#"{"b":["succeeded","succeeded"],"inner":null}"#)
        );
        assert_eq!(run.db.outcome("grp[1]/w/on_timeout:fork/two/c"), "succeeded", "{at_once}");
    }
    let branches = parallel("outer", vec![("x", vec![late()]), ("y", vec![act("note", &json!({}))])]);
    let run = with_restarts(vec![branches]);
    assert_eq!((run.status(), run.db.outcome("outer/x/w/on_timeout:fork/one")), (RunStatus::Succeeded, "succeeded"));
}

#[test]
fn the_time_of_what_is_around_and_a_cancel_and_an_end_reach_into_them() {
    let late = || vec![instead(waits(), vec![act("a", &json!({})), sleep("b", 1_000), act("c", &json!({}))])];
    let run = with_restarts(vec![group("grp", late()).within(100).go_on(), act("note", &json!({}))]);
    let outcomes =
        ["grp", "grp/w", "grp/w/on_timeout:a", "grp/w/on_timeout:b", "note"].map(|path| run.db.outcome(path));
    assert_eq!(outcomes, ["timed_out", "timed_out", "succeeded", "timed_out", "succeeded"]);
    assert!(run.status() == RunStatus::Succeeded && run.db.timers.is_empty());

    let mut run = Simulation::begin(&program(vec![group("grp", late())], Vec::new()));
    while run.db.outcome("grp/w/on_timeout:b") != "running" {
        run.step();
    }
    run.restart();
    run.give(Input::Cancel { reason: "no need".to_owned() });
    let outcomes = ["grp", "grp/w", "grp/w/on_timeout:b"].map(|path| run.db.outcome(path));
    assert_eq!((run.status(), outcomes), (RunStatus::Cancelled, ["failed", "timed_out", "failed"]));

    let ends = vec![set("", &[]), group("", vec![end("", "late")])];
    let run = with_restarts(vec![group("grp", vec![instead(waits(), ends)]), act("note", &json!({}))]);
    let outcomes = ["grp", "grp/w", "grp/w/on_timeout:1", "note"].map(|path| run.db.outcome(path));
    assert_eq!((run.status(), outcomes), (RunStatus::Succeeded, ["succeeded", "timed_out", "succeeded", "none"]));
}

#[test]
fn in_on_failure_they_have_paths_of_their_own() {
    let tell = vec![instead(waits(), vec![act("a", &json!({ "code": "${{ error.code }}" }))]), act("note", &json!({}))];
    let broken = set("b", &[("x", json!("${{ payload.list > 'x' }}"))]);
    let mut run = Simulation::begin(&program(vec![broken], tell));
    while run.step() {
        run.restart();
    }
    assert_eq!(run.params("on_failure:w/on_timeout:a"), r#"{"code":"expression"}"#);
    assert_eq!((run.status(), run.db.outcome("on_failure:note")), (RunStatus::Dead, "succeeded"));
}

#[test]
fn a_retry_goes_on_in_them_and_does_not_wait_again() {
    let no = || Err(ActionError::fatal("no", "never"));
    let late = vec![act("a", &json!({})), group("grp", vec![act("b", &json!({})).tries(1)]), act("c", &json!({}))];
    let after = act("note", &json!({ "a": "${{ steps.a.outcome }}", "b": "${{ steps.b.outcome }}" }));
    let steps = vec![parallel("fork", vec![("one", vec![instead(waits(), late)])]), after];
    let mut run = Simulation::begin(&program(steps, Vec::new())).replies("fork/one/on_timeout:grp/b", [no(), no()]);
    for deaths in 1..=2 {
        run = run.run();
        assert_eq!((run.status(), run.run.state().deaths), (RunStatus::Dead, deaths));
        assert_eq!((run.db.outcome("fork/one"), run.db.outcome("fork/one/on_timeout:c")), ("timed_out", "none"));
        run.retry(false);
        assert_eq!(run.db.outcome("fork/one"), "timed_out", "it has ended, whatever is done about it");
        run.restart();
    }
    let run = run.run();
    assert_eq!(
        (run.status(), run.params("note").as_str()),
        (RunStatus::Succeeded, r#"{"a":"succeeded","b":"succeeded"}"#)
    );
    let first = run.calls.iter().filter(|call| call.path.as_str() == "fork/one/on_timeout:a");
    assert_eq!((first.count(), run.db.timers.len(), run.db.waits.len()), (1, 0, 0));
}
