//! Branches and items that run at the same time, told in simulated time.

use oncue_plugins::action::ActionError;
use serde_json::json;

use super::support::{Simulation, With, act, done, end, group, parallel, program, set, sleep, wait_for};
use crate::workflow::record::RunStatus;
use crate::workflow::{Active, Input, Next};

fn paths(run: &Simulation) -> Vec<&str> {
    run.pending.iter().map(|call| call.path.as_str()).collect()
}

#[test]
fn branches_call_at_the_same_time_and_each_goes_on_by_itself() {
    let one = vec![act("a", &json!({}))];
    let two = vec![act("b", &json!({})), act("c", &json!({ "seen": "${{ steps.b.x }}" }))];
    let steps =
        vec![parallel("grp", vec![("one", one), ("two", two)]), set("note", &[("x", json!("${{ steps.c.y }}"))])];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    assert_eq!((paths(&run), run.db.commits), (vec!["grp/one", "grp/two/b"], 1));
    run.pick = 1;
    let second = run.call();
    run.answer(&second, Ok(json!({ "x": 1 })));
    assert_eq!(paths(&run), ["grp/one", "grp/two/c"]);
    assert_eq!(run.pending[1].params.to_json(), r#"{"seen":1}"#);
    let last = run.call();
    run.answer(&last, Ok(json!({ "y": 2 })));
    assert_eq!((paths(&run), &run.next), (vec!["grp/one"], &Next::Await));
    let run = run.run();
    assert_eq!((run.status(), run.db.output("note")), (RunStatus::Succeeded, r#"{"x":2}"#));
    assert_eq!(run.db.outcome("grp"), "succeeded");
}

#[test]
fn every_branch_runs_to_its_own_end_and_the_first_that_failed_is_named() {
    let no = || Err(ActionError::fatal("no", "never"));
    let branches = vec![
        ("cms", vec![act("a", &json!({})), act("", &json!({}))]),
        ("search", vec![act("b", &json!({}))]),
        ("store", vec![act("c", &json!({}))]),
    ];
    let mut run = Simulation::begin(&program(vec![parallel("grp", branches), act("w", &json!({}))], Vec::new()))
        .replies("grp/search", [no()])
        .replies("grp/cms/a", [no()]);
    run.pick = 1;
    let run = run.run();
    assert_eq!(run.status(), RunStatus::Dead);
    let outcomes = ["grp", "grp/cms/a", "grp/cms/1", "grp/search", "grp/store", "w"].map(|path| run.db.outcome(path));
    assert_eq!(outcomes, ["failed", "failed", "none", "failed", "succeeded", "none"]);
    let error = run.db.error.unwrap();
    assert_eq!((error.step.as_str(), error.message.as_str()), ("grp/cms/a", "branch `cms`: never"));
}

#[test]
fn a_failed_parallel_may_be_gone_on_from() {
    let branches = vec![("one", vec![act("a", &json!({}))]), ("two", vec![act("b", &json!({}))])];
    let steps = vec![parallel("grp", branches).go_on(), set("note", &[("how", json!("${{ steps.a.outcome }}"))])];
    let no = Err(ActionError::fatal("no", "never"));
    let run = Simulation::begin(&program(steps, Vec::new())).replies("grp/one", [no]).run();
    assert_eq!((run.status(), run.db.output("note")), (RunStatus::Succeeded, r#"{"how":"failed"}"#));
}

#[test]
fn an_end_in_a_branch_ends_the_others_too() {
    let branches = vec![
        ("one", vec![act("a", &json!({})), end("", "enough"), act("", &json!({}))]),
        ("two", vec![group("inner", vec![act("b", &json!({}))])]),
        ("three", vec![wait_for("w", &json!("t1")).within(60)]),
    ];
    let mut run = Simulation::begin(&program(vec![parallel("grp", branches), act("c", &json!({}))], Vec::new()));
    run.step();
    let first = run.call();
    assert_eq!(first.path.as_str(), "grp/one/a");
    run.answer(&first, Ok(json!({})));
    assert_eq!((run.status(), run.next.clone(), run.pending.len()), (RunStatus::Succeeded, Next::End, 0));
    assert_eq!(run.db.output("grp/one/1"), r#"{"end":"enough"}"#);
    let outcomes = ["grp", "grp/two", "grp/two/b", "grp/three", "c"].map(|path| run.db.outcome(path));
    assert_eq!(outcomes, ["succeeded", "failed", "failed", "failed", "none"]);
    assert_eq!(run.db.code("grp/two/b"), "ended");
}

#[test]
fn a_cancel_and_a_timeout_end_all_strands() {
    let slow = || vec![("one", vec![act("a", &json!({}))]), ("two", vec![sleep("b", 600)])];
    let steps = vec![parallel("grp", slow()).within(60).go_on(), act("c", &json!({}))];
    let late = || Simulation::begin(&program(steps.clone(), Vec::new()));
    let mut run = late();
    run.give(Input::Cancel { reason: "test".to_owned() });
    assert_eq!((run.status(), run.pending.len()), (RunStatus::Cancelled, 0));
    assert_eq!(["grp", "grp/one", "grp/two"].map(|path| run.db.code(path)), ["cancelled"; 3]);

    let mut run = late();
    run.fire();
    assert_eq!(["grp", "grp/one", "grp/two"].map(|path| run.db.outcome(path)), ["timed_out"; 3]);
    assert_eq!(paths(&run), ["c"]);
    assert!(run.db.timers.is_empty(), "{:?}", run.db.timers);
}

#[test]
fn the_timeout_of_one_strand_leaves_the_others_alone() {
    let branches = vec![("one", vec![act("a", &json!({})).within(60).go_on()]), ("two", vec![act("b", &json!({}))])];
    let mut run = Simulation::begin(&program(vec![parallel("grp", branches)], Vec::new()));
    run.fire();
    assert_eq!((paths(&run), run.db.outcome("grp/one")), (vec!["grp/two"], "timed_out"));
    assert_eq!(run.run().status(), RunStatus::Succeeded);
}

#[test]
fn a_branch_waits_while_another_calls() {
    let branches = vec![("one", vec![act("a", &json!({}))]), ("two", vec![wait_for("w", &json!("t1")).within(60)])];
    let mut run = Simulation::begin(&program(vec![parallel("grp", branches)], Vec::new()));
    // A new run has no place for a wait, which comes with the second commit.
    assert!(run.db.waits.is_empty());
    run.step();
    assert_eq!((paths(&run), run.db.waits.len()), (vec!["grp/one"], 1));
    run.deliver(&done(9, "t1"));
    assert_eq!((run.db.outcome("grp/two"), &run.next), ("succeeded", &Next::Await));
    assert_eq!(run.run().status(), RunStatus::Succeeded);
}

#[test]
fn no_more_items_run_at_once_than_may_and_results_keep_their_order() {
    let inner = group(
        "",
        vec![set("inner", &[("n", json!("${{ item }}"))]), act("a", &json!({ "n": "${{ steps.inner.n }}" }))],
    );
    let steps = vec![inner.edit(|step| step.id = Some("each".into())).each(&json!([10, 11, 12, 13, 14])).at_once(2)];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    let mut round = 0;
    while !run.pending.is_empty() {
        assert!(run.pending.len() <= 2, "{:?}", paths(&run));
        round += 1;
        run.pick = round;
        if round == 3 {
            run.restart();
        }
        let call = run.call();
        let n = call.params.get("n").clone();
        assert_eq!(call.path.as_str(), format!("each[{}]/a", n.to_json().parse::<u32>().unwrap() - 10));
        run.answer(&call, Ok(json!({ "said": n.to_json() })));
    }
    assert_eq!(run.status(), RunStatus::Succeeded);
}

#[test]
fn results_of_items_are_in_the_order_of_the_items_whatever_ends_first() {
    let each = act("each", &json!({ "n": "${{ item }}" })).each(&json!([0, 1, 2])).at_once(3).go_on();
    let note = set(
        "note",
        &[("all", json!("${{ steps.each.results.map(|r| r.outputs.n) }}")), ("inner", json!("${{ steps.inner }}"))],
    );
    let mut run = Simulation::begin(&program(vec![each, note], Vec::new()));
    for pick in [2, 0, 0] {
        run.pick = pick;
        let call = run.call();
        let n: u64 = call.params.get("n").to_json().parse().unwrap();
        run.answer(&call, Ok(json!({ "n": n })));
        run.restart();
    }
    assert_eq!(run.db.output("note"), r#"{"all":[0,1,2],"inner":null}"#);
}

#[test]
fn after_an_item_has_failed_no_other_is_begun() {
    let each = act("each", &json!({})).each(&json!([0, 1, 2, 3, 4])).at_once(2);
    let no = Err(ActionError::fatal("no", "never"));
    let run = Simulation::begin(&program(vec![each], Vec::new())).replies("each[0]", [no]).run();
    assert_eq!(run.status(), RunStatus::Dead);
    let outcomes = ["each", "each[0]", "each[1]", "each[2]"].map(|path| run.db.outcome(path));
    assert_eq!(outcomes, ["failed", "failed", "succeeded", "none"]);
}

#[test]
fn ten_thousand_items_at_a_time_of_ten_keep_a_small_state_and_take_a_commit_each() {
    let items: Vec<u32> = (0..10_000).collect();
    let mut run = Simulation::begin(&program(vec![act("", &json!({})).each(&json!(items)).at_once(10)], Vec::new()));
    let mut longest = 0;
    while run.step() {
        longest = longest.max(run.db.state.len());
    }
    assert_eq!((run.status(), run.db.rows.len()), (RunStatus::Succeeded, 10_001));
    assert!(longest < 2_500 && run.db.commits < 10_010, "{longest} bytes, {} commits", run.db.commits);
}

#[test]
fn a_state_that_was_stored_before_there_were_forks_opens() {
    let rule = program(vec![group("grp", vec![act("a", &json!({}))])], Vec::new());
    let stored = r#"{"v":1,"phase":"steps","frames":[{"block":{"at":0,"started_at":5}},{"block":{"at":0,"started_at":5}}],"active":{"call":{"attempts":1,"generation":0,"started_at":5}},"generation":0,"bytes":0}"#;
    let run =
        crate::workflow::Run::restore(rule, super::support::facts(), stored, &[], &crate::workflow::Events::new());
    assert_eq!(run.unwrap().calling(), [("grp/a".into(), 1)]);
}

#[test]
fn a_stored_fork_that_does_not_fit_its_rule_is_refused() {
    let fork = r#"{"v":1,"phase":"steps","frames":[{"block":{"at":0,"started_at":5}}],"active":{"fork":{"started_at":5,"count":2,"next":2,"limit":2,"strands":{"0":{"frames":[{"branch":{"branch":0,"at":0,"started_at":5}}]}}}}}"#;
    let restore = |steps| {
        let rule = program(steps, Vec::new());
        crate::workflow::Run::restore(rule, super::support::facts(), fork, &[], &crate::workflow::Events::new())
    };
    let branches = || vec![("one", vec![act("a", &json!({}))]), ("two", vec![act("b", &json!({}))])];
    let run = restore(vec![parallel("grp", branches())]).unwrap();
    assert!(matches!(&run.state().active, Some(Active::Fork(fork)) if fork.strands.len() == 1));
    for other in [act("a", &json!({})), group("a", Vec::new()), act("a", &json!({})).each(&json!([1, 2]))] {
        let refused = restore(vec![other]).unwrap_err();
        assert!(refused.to_string().contains("does not fit its rule"), "{refused}");
    }
}
