//! What runs do, told in simulated time.

use oncue_plugins::action::{ActionError, ErrorClass, Repeatable};
use oncue_rules::time::Timestamp;
use serde_json::json;
use std::time::Duration;

use super::support::{START, Simulation, With, act, choose, group, once, program, set};
use crate::workflow::record::{RunStatus, TimerKind};
use crate::workflow::{Input, Next};

fn busy() -> ActionError {
    ActionError::retry("busy", "try later")
}

fn no() -> ActionError {
    ActionError::fatal("no", "never")
}

#[test]
fn a_run_of_k_calls_takes_k_and_one_commits() {
    for calls in 0..4_u32 {
        let steps = (0..calls).map(|_| act("", &json!({}))).collect();
        let run = Simulation::begin(&program(steps, Vec::new())).run();
        assert_eq!((run.status(), run.db.commits), (RunStatus::Succeeded, calls + 1));
    }
}

#[test]
fn outputs_of_earlier_steps_reach_later_ones() {
    let steps = vec![
        act("a", &json!({ "file": "${{ event.file_id }}", "defs": "${{ app.vars.definitions }}" })),
        set("b", &[("url", json!("${{ steps.a.url }}")), ("how", json!("${{ steps.a.outcome }}"))]),
        act("c", &json!({ "url": "${{ steps.b.url }}", "how": "${{ steps.b.how }}", "none": "${{ steps.note.x }}" })),
    ];
    let run = Simulation::begin(&program(steps, Vec::new())).replies("a", [Ok(json!({ "url": "u" }))]).run();
    assert_eq!(run.params("a"), r#"{"defs":[10,20],"file":"528"}"#);
    assert_eq!(run.params("c"), r#"{"how":"succeeded","none":null,"url":"u"}"#);
    assert_eq!(run.db.output("b"), r#"{"how":"succeeded","url":"u"}"#);
}

#[test]
fn a_false_if_skips_and_a_failing_if_fails_the_step() {
    let steps = vec![act("a", &json!({})).when("false"), act("b", &json!({})).when("payload.list > 'x'")];
    let run = Simulation::begin(&program(steps, Vec::new())).run();
    assert_eq!((run.db.outcome("a"), run.db.outcome("b"), run.db.code("b")), ("skipped", "failed", "expression"));
    assert_eq!(run.status(), RunStatus::Dead);
    assert_eq!(run.db.error.as_ref().unwrap().step.as_str(), "b");
}

#[test]
fn for_each_keeps_the_place_of_every_item() {
    let each =
        act("each", &json!({ "n": "${{ item }}" })).each(&json!("${{ payload.list }}")).only("item != 2").go_on();
    let steps = vec![each, act("c", &json!({ "r": "${{ steps.each.results }}" }))];
    let run = Simulation::begin(&program(steps, Vec::new()))
        .replies("each[0]", [Ok(json!({ "ok": 1 }))])
        .replies("each[2]", [Err(no())])
        .run();
    let error = r#"{"class":"fatal","code":"no","message":"never","step":"each[2]"}"#;
    let results = format!(
        r#"{{"r":[{{"error":null,"outcome":"succeeded","outputs":{{"ok":1}}}},{{"error":null,"outcome":"skipped","outputs":null}},{{"error":{error},"outcome":"failed","outputs":null}}]}}"#
    );
    assert_eq!(run.params("c"), results);
    assert_eq!((run.status(), run.db.outcome("each")), (RunStatus::Succeeded, "succeeded"));
}

#[test]
fn without_on_error_the_first_failing_item_ends_the_loop() {
    let steps = vec![act("each", &json!({})).each(&json!([1, 2, 3]))];
    let run = Simulation::begin(&program(steps, Vec::new())).replies("each[1]", [Err(no())]).run();
    assert_eq!((run.db.outcome("each"), run.db.outcome("each[2]")), ("failed", "none"));
    assert_eq!(run.db.error.as_ref().unwrap().step.as_str(), "each[1]");
}

#[test]
fn a_group_shows_its_steps_afterwards_and_per_item_in_the_results() {
    let inner = vec![act("inner", &json!({ "n": "${{ item }}", "seen": "${{ steps.inner.outcome }}" }))];
    let steps = vec![
        group("grp", vec![set("note", &[("x", json!(5))])]),
        group("each", inner).each(&json!([1, 2])),
        act(
            "c",
            &json!({ "x": "${{ steps.note.x }}", "i": "${{ steps.inner }}", "r": "${{ steps.each.results[1].outputs.inner.k }}" }),
        ),
    ];
    let run = Simulation::begin(&program(steps, Vec::new())).replies("each[1]/inner", [Ok(json!({ "k": 9 }))]).run();
    assert_eq!(run.params("each[1]/inner"), r#"{"n":2,"seen":null}"#);
    assert_eq!(run.params("c"), r#"{"i":null,"r":9,"x":5}"#);
    assert_eq!(run.db.outcome("grp"), "succeeded");
}

#[test]
fn a_failed_step_runs_on_failure_and_the_run_is_dead() {
    let tell = act(
        "tell",
        &json!({ "code": "${{ error.code }}", "step": "${{ error.step }}", "a": "${{ steps.a.outcome }}" }),
    );
    let rule = program(vec![act("a", &json!({})), act("b", &json!({}))], vec![tell]);
    let mut run = Simulation::begin(&rule).replies("b", [Err(no())]);
    run.step();
    run.step();
    assert_eq!(run.status(), RunStatus::Failed);
    let run = run.run();
    assert_eq!(run.params("on_failure:tell"), r#"{"a":"succeeded","code":"no","step":"b"}"#);
    assert_eq!((run.status(), run.run.state().deaths), (RunStatus::Dead, 1));
    let failing =
        Simulation::begin(&rule).replies("b", [Err(no())]).replies("on_failure:tell", [Err(busy()), Err(no())]).run();
    assert_eq!(
        (failing.status(), failing.db.error.unwrap().step.as_str().to_owned()),
        (RunStatus::Dead, "b".to_owned())
    );
}

#[test]
fn retries_keep_the_key_wait_longer_and_run_out() {
    let rule = program(vec![act("a", &json!({})).tries(4)], Vec::new());
    let run = Simulation::begin(&rule).replies("a", (0..9).map(|_| Err(busy()))).run();
    assert_eq!(run.calls.iter().map(|call| call.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(run.keys["a"].len(), 1);
    assert_eq!(run.db.failed_attempts.len(), 4);
    assert_eq!((run.status(), run.db.error.unwrap().class.as_str()), (RunStatus::Dead, "retry"));
    assert!(run.now.since(START) <= Duration::from_secs(1 + 2 + 4));
}

#[test]
fn an_action_says_how_it_is_retried_where_the_step_does_not() {
    let attempts = |step| {
        let run = Simulation::begin(&program(vec![step], Vec::new())).replies("a", (0..9).map(|_| Err(busy()))).run();
        run.calls.len()
    };
    assert_eq!(attempts(choose("a", &json!({}))), 3);
    assert_eq!(attempts(choose("a", &json!({})).tries(5)), 5);
    assert_eq!(attempts(act("a", &json!({}))), 8);
}

#[test]
fn the_other_side_may_ask_for_a_longer_wait() {
    let class = ErrorClass::Retry { after: Some(Duration::from_secs(90)) };
    let limited = ActionError { class, ..busy() };
    let run = Simulation::begin(&program(vec![act("a", &json!({}))], Vec::new())).replies("a", [Err(limited)]).run();
    assert_eq!((run.now, run.status()), (START.after(Duration::from_secs(90)), RunStatus::Succeeded));
}

#[test]
fn no_attempt_begins_past_within() {
    let class = ErrorClass::Retry { after: Some(Duration::from_secs(90)) };
    let mut step = act("a", &json!({}));
    step.retry = Some(oncue_rules::rule::Retry { within: Some(Duration::from_mins(1)), ..Default::default() }.into());
    let rule = program(vec![step], Vec::new());
    let run = Simulation::begin(&rule).replies("a", [Err(ActionError { class, ..busy() })]).run();
    assert_eq!((run.calls.len(), run.status()), (1, RunStatus::Dead));
}

fn held(seconds: u64) -> ActionError {
    ActionError { class: ErrorClass::Held { after: Duration::from_secs(seconds) }, ..busy() }
}

#[test]
fn what_is_held_back_is_no_attempt_and_has_one_row_however_often_it_is() {
    let replies = (0..50).map(|_| Err(held(30))).chain([Err(busy()), Err(held(30))]);
    let mut run = Simulation::begin(&program(vec![act("a", &json!({})).tries(2)], Vec::new())).replies("a", replies);
    run.step();
    assert_eq!((run.status(), run.run.state().rest()), (RunStatus::Waiting, Next::Park));
    run.restart();
    let run = run.run();
    assert_eq!((run.status(), run.db.rows["a"].attempts, run.keys["a"].len()), (RunStatus::Succeeded, 2, 1));
    assert!(
        run.calls[..51].iter().all(|call| call.attempt == 1) && run.calls[51..].iter().all(|call| call.attempt == 2)
    );
    let mut told: Vec<_> = run.db.failed_attempts.iter().map(|failed| (failed.number, failed.at)).collect();
    told.dedup();
    assert_eq!(told.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 1, 2], "held, failed, held");
    assert_eq!(run.db.failed_attempts[0].error.class, "held");
    let waited = run.now.since(START);
    assert!((Duration::from_secs(51 * 30)..Duration::from_secs(51 * 40 + 1)).contains(&waited), "{waited:?}");
    assert!(run.db.timers.is_empty());
}

#[test]
fn what_is_held_back_ends_with_within_or_the_timeout_or_after_three_days() {
    let held_for_ever = |step| {
        let replies = (0..9_000).map(|_| Err(held(60)));
        let run = Simulation::begin(&program(vec![step], Vec::new())).replies("a", replies).run();
        let error = run.db.error.clone().unwrap();
        assert_eq!((run.status(), run.db.rows["a"].attempts), (RunStatus::Dead, 0));
        (error.code, error.class, run.now.since(START))
    };
    let mut bounded = act("a", &json!({}));
    bounded.retry =
        Some(oncue_rules::rule::Retry { within: Some(Duration::from_mins(5)), ..Default::default() }.into());
    let (code, class, after) = held_for_ever(bounded);
    assert_eq!((code.as_str(), class.as_str()), ("busy", "held"));
    assert!((Duration::from_mins(3)..=Duration::from_mins(5)).contains(&after), "{after:?}");
    let (code, _, after) = held_for_ever(act("a", &json!({})).within(300));
    assert_eq!((code.as_str(), after), ("timeout", Duration::from_mins(5)));
    let (code, class, after) = held_for_ever(act("a", &json!({})));
    assert_eq!((code.as_str(), class.as_str()), ("busy", "held"));
    assert!((Duration::from_hours(71)..=Duration::from_hours(72)).contains(&after), "{after:?}");
}

#[test]
fn a_timeout_ends_the_back_off_and_continue_goes_on() {
    let steps = vec![
        act("a", &json!({})).within(1).tries(99).go_on(),
        act("b", &json!({ "o": "${{ steps.a.outcome }}", "c": "${{ steps.a.error.code }}" })),
    ];
    let run = Simulation::begin(&program(steps, Vec::new())).replies("a", (0..500).map(|_| Err(busy()))).run();
    assert_eq!(run.params("b"), r#"{"c":"timeout","o":"timed_out"}"#);
    assert_eq!((run.status(), run.now), (RunStatus::Succeeded, START.after(Duration::from_secs(1))));
    assert!(run.db.timers.is_empty());
}

#[test]
fn the_timeout_of_a_group_ends_what_is_inside() {
    let steps = vec![group("grp", vec![act("each", &json!({})).each(&json!([1, 2]))]).within(5)];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    run.step();
    let call = run.call();
    assert_eq!(
        (call.path.as_str(), call.deadline),
        ("each", None).max(("grp/each[1]", Some(START.after(Duration::from_secs(5)))))
    );
    run.now = START.after(Duration::from_secs(5));
    run.give(Input::Timer { path: "grp".into(), kind: TimerKind::Timeout });
    assert_eq!(run.status(), RunStatus::Dead);
    for path in ["grp", "grp/each", "grp/each[1]"] {
        assert_eq!((run.db.outcome(path), run.db.code(path)), ("timed_out", "timeout"), "{path}");
    }
    assert_eq!(run.db.outcome("grp/each[0]"), "succeeded");
}

#[test]
fn an_attempt_that_was_lost_is_repeated_with_its_key_or_ends_as_unknown() {
    let mut keyed = Simulation::begin(&program(vec![act("a", &json!({}))], Vec::new()));
    keyed.call();
    keyed.restart();
    let keyed = keyed.run();
    assert_eq!((keyed.calls[1].attempt, keyed.keys["a"].len(), keyed.status()), (2, 1, RunStatus::Succeeded));
    let mut single = Simulation::begin(&program(vec![once("a")], Vec::new()));
    single.call();
    single.restart();
    let error = single.db.error.clone().unwrap();
    assert_eq!((single.status(), error.class.as_str()), (RunStatus::Dead, "unknown"));
    assert!(error.message.ends_with("go on with `oncue runs retry RUN --again`"), "{}", error.message);
}

#[test]
fn what_becomes_of_a_lost_attempt_may_depend_on_its_parameters() {
    for (safe, status) in [(true, RunStatus::Succeeded), (false, RunStatus::Dead)] {
        let mut run = Simulation::begin(&program(vec![choose("a", &json!({ "safe": safe }))], Vec::new()));
        let repeatable = if safe { Repeatable::Yes } else { Repeatable::No };
        assert_eq!(run.call().repeatable, repeatable);
        run.restart();
        assert_eq!(run.run().status(), status, "safe: {safe}");
    }
}

#[test]
fn an_attempt_that_was_never_sent_does_not_count() {
    let mut run = Simulation::begin(&program(vec![once("a")], Vec::new()));
    let call = run.call();
    run.give(Input::Unsent { path: call.path.clone(), number: 1 });
    assert_eq!(run.next, Next::Park);
    run.restart();
    let run = run.run();
    assert_eq!((run.calls[1].attempt, run.status()), (1, RunStatus::Succeeded));
}

#[test]
fn a_step_that_keeps_killing_the_process_is_left_alone_for_longer_each_time_and_then_given_up() {
    let mut run = Simulation::begin(&program(vec![act("a", &json!({})).tries(1)], Vec::new()));
    let start = run.now;
    for _ in 0..11 {
        while run.next == Next::Park {
            run.step();
        }
        run.call();
        run.restart();
    }
    assert_eq!((run.status(), run.db.code("a")), (RunStatus::Dead, "interrupted"));
    assert_eq!((run.now.0 - start.0) / 1_000, 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60);
}

#[test]
fn a_timer_that_fires_early_is_set_again() {
    let mut run =
        Simulation::begin(&program(vec![act("a", &json!({})).within(60)], Vec::new())).replies("a", [Err(busy())]);
    run.step();
    let due_at = run.db.timers[&("a".to_owned(), TimerKind::Retry)];
    run.db.timers.clear();
    run.now = Timestamp(due_at.0 - 1);
    run.give(Input::Timer { path: "a".into(), kind: TimerKind::Retry });
    run.give(Input::Timer { path: "a".into(), kind: TimerKind::Timeout });
    assert_eq!(run.next, Next::Park);
    assert_eq!(run.db.timers.len(), 2);
    assert_eq!(run.run().status(), RunStatus::Succeeded);
}

#[test]
fn cancelling_ends_the_run_and_its_steps_without_on_failure() {
    let steps = vec![group("grp", vec![act("a", &json!({}))]).within(9)];
    let mut run = Simulation::begin(&program(steps, vec![act("tell", &json!({}))]));
    run.give(Input::Cancel { reason: "not needed".to_owned() });
    assert_eq!(
        (run.status(), run.db.code("grp"), run.db.code("grp/a")),
        (RunStatus::Cancelled, "cancelled", "cancelled")
    );
    assert_eq!(run.next, Next::End);
}

#[test]
fn limits_have_errors_of_their_own() {
    let large = "x".repeat(70_000);
    let output = Simulation::begin(&program(vec![act("a", &json!({}))], Vec::new()))
        .replies("a", [Ok(json!({ "t": large }))])
        .run();
    assert_eq!(output.db.code("a"), "output_too_large");
    let list = Simulation::begin(&program(vec![act("a", &json!({})).each(&json!("${{ payload }}"))], Vec::new())).run();
    assert_eq!(list.db.code("a"), "not_a_list");
    let items = json!(vec![0; 10_001]);
    let many = Simulation::begin(&program(vec![set("a", &[]).each(&items)], Vec::new())).run();
    assert_eq!(many.db.code("a"), "too_many_items");
    let bits = json!({ "t": "x".repeat(60_000) });
    let replies = |run: Simulation| (0..80).fold(run, |run, i| run.replies(&format!("each[{i}]"), [Ok(bits.clone())]));
    let run =
        replies(Simulation::begin(&program(vec![act("each", &json!({})).each(&json!(vec![0; 80]))], Vec::new()))).run();
    assert_eq!((run.status(), run.db.error.unwrap().code.as_str()), (RunStatus::Dead, "run_too_large"));
    let text =
        Simulation::begin(&program(vec![act("a", &json!({}))], Vec::new())).replies("a", [Ok(json!("text"))]).run();
    assert_eq!(text.db.code("a"), "invalid_output");
}

#[test]
fn a_long_loop_without_calls_is_spread_over_commits() {
    let items = json!(vec![0; 1_000]);
    let run =
        Simulation::begin(&program(vec![set("each", &[("v", json!("${{ item }}"))]).each(&items)], Vec::new())).run();
    assert_eq!(run.status(), RunStatus::Succeeded);
    assert_eq!(run.db.rows.len(), 1_001);
    assert!((8..12).contains(&run.db.commits), "{} commits", run.db.commits);
}

#[test]
fn a_run_that_fails_before_its_first_call_does_so_in_its_second_commit() {
    let rule = program(vec![set("a", &[("v", json!("${{ payload.list > 'x' }}"))])], Vec::new());
    let begun = Simulation::begin(&rule);
    assert_eq!((begun.status(), &begun.next), (RunStatus::Pending, &Next::Continue));
    assert_eq!(begun.run().status(), RunStatus::Dead);
}

#[test]
fn an_empty_loop_and_an_empty_group_succeed() {
    let steps = vec![
        act("each", &json!({})).each(&json!([])),
        group("grp", Vec::new()),
        act("c", &json!({ "r": "${{ steps.each.results }}" })),
    ];
    let run = Simulation::begin(&program(steps, Vec::new())).run();
    assert_eq!((run.params("c").as_str(), run.db.outcome("grp")), (r#"{"r":[]}"#, "succeeded"));
}

#[test]
fn nested_loops_give_the_name_back_to_the_outer_item() {
    let inner = act("inner", &json!({ "i": "${{ item }}" })).each(&json!([7]));
    let after = act("note", &json!({ "o": "${{ item }}" }));
    let run =
        Simulation::begin(&program(vec![group("each", vec![inner, after]).each(&json!([1, 2]))], Vec::new())).run();
    assert_eq!(run.params("each[1]/inner[0]"), r#"{"i":7}"#);
    assert_eq!(run.params("each[1]/note"), r#"{"o":2}"#);
}
