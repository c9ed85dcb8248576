//! Sleeps, waits, choices and early ends, told in simulated time.

use oncue_rules::rule::{Sleep, StepKind};
use oncue_rules::schedule::Schedule;
use oncue_rules::time::Timestamp;
use serde_json::json;

use super::support::{START, Simulation, With, act, done, end, group, program, set, sleep, step, switch, wait_for};
use crate::workflow::record::{RunStatus, TimerKind};
use crate::workflow::{Input, Next};

#[test]
fn a_sleep_is_a_timer_that_a_restart_does_not_move() {
    let mut run = Simulation::begin(&program(vec![sleep("a", 60), act("b", &json!({}))], Vec::new()));
    // A new run is not parked: it pauses in its second commit.
    assert_eq!((&run.next, run.db.timers.len()), (&Next::Continue, 0));
    run.step();
    let until = Timestamp(START.0 + 60_000);
    assert_eq!((&run.next, run.status()), (&Next::Park, RunStatus::Waiting));
    assert_eq!(run.db.timers, [(("a".to_owned(), TimerKind::Wake), until)].into());
    run.now = Timestamp(START.0 + 30_000);
    run.restart();
    assert_eq!((&run.next, run.db.outcome("a")), (&Next::Park, "running"));
    assert_eq!(run.db.timers[&("a".to_owned(), TimerKind::Wake)], until);
    run.now = Timestamp(START.0 + 90_000);
    run.restart();
    assert_eq!((run.call().path.as_str(), run.db.outcome("a")), ("b", "succeeded"));
    assert!(run.db.timers.is_empty());
}

#[test]
fn a_sleep_until_a_time_of_day_goes_by_the_clock_of_its_zone() {
    let schedule = Schedule::new("0 1 * * *", "Asia/Shanghai").unwrap();
    let until = StepKind::Sleep(Sleep::Until(Box::new(schedule)));
    let mut run = Simulation::begin(&program(vec![step("a", until)], Vec::new()));
    run.step();
    // 1970-01-01 08:16:40 in Shanghai; 01:00 is next on the 2nd, at 17:00 UTC on the 1st.
    assert_eq!(run.db.timers[&("a".to_owned(), TimerKind::Wake)], Timestamp(17 * 3_600_000));
}

#[test]
fn an_end_leaves_everything_it_lies_in_and_the_run_has_succeeded() {
    let inner = group("grp", vec![set("b", &[]), end("", "kept").when("item == 2"), act("c", &json!({}))]);
    let chosen = switch("a", &json!("${{ item }}"), vec![("2", vec![inner])], Vec::new());
    let steps = vec![chosen.each(&json!([1, 2, 3])), act("note", &json!({}))];
    let run = Simulation::begin(&program(steps, vec![act("tell", &json!({}))])).run();
    assert_eq!((run.status(), run.calls.len()), (RunStatus::Succeeded, 0));
    assert_eq!(run.run.standing().end.as_deref(), Some("kept"));
    assert_eq!(run.db.output("a[1]/0/grp/1"), r#"{"end":"kept"}"#);
    let outcomes = ["a", "a[0]", "a[1]", "a[1]/0/grp", "a[2]", "note"].map(|path| run.db.outcome(path));
    assert_eq!(outcomes, ["succeeded", "succeeded", "succeeded", "succeeded", "none", "none"]);
}

#[test]
fn an_end_in_on_failure_does_not_make_the_run_well() {
    let steps = vec![act("a", &json!({})).when("payload.list > 'x'")];
    let run = Simulation::begin(&program(steps, vec![end("", "told"), act("tell", &json!({}))])).run();
    assert_eq!((run.status(), run.calls.len()), (RunStatus::Dead, 0));
    assert_eq!(run.run.standing().end, None);
}

#[test]
fn a_switch_takes_one_case_by_its_text_or_the_default() {
    for (value, taken) in
        [(json!("x"), "sw/0/a"), (json!(7), "sw/1/b"), (json!(null), "sw/2/c"), (json!("z"), "sw/2/c")]
    {
        let cases = vec![("x", vec![act("a", &json!({}))]), ("7", vec![act("b", &json!({}))])];
        let chosen = switch("sw", &value, cases, vec![act("c", &json!({}))]);
        let later = act("note", &json!({ "a": "${{ steps.a.outcome }}", "c": "${{ steps.c.outcome }}" }));
        let mut run = Simulation::begin(&program(vec![chosen, later], Vec::new()));
        assert_eq!(run.call().path.as_str(), taken, "{value}");
        run.restart();
        let run = run.run();
        let known = |path| if path == taken { r#""succeeded""# } else { "null" };
        let expected = format!(r#"{{"a":{},"c":{}}}"#, known("sw/0/a"), known("sw/2/c"));
        assert_eq!((run.status(), run.params("note")), (RunStatus::Succeeded, expected));
    }
}

#[test]
fn a_wait_keeps_a_reference_and_later_steps_see_the_event_also_after_a_restart() {
    let steps = vec![
        wait_for("w", &json!("t-${{ trigger.file_id }}")).within(60),
        act(
            "note",
            &json!({ "n": "${{ steps.w.payload.number }}", "kind": "${{ steps.w.event.type }}", "own": "${{ event.type }}" }),
        ),
    ];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    run.step();
    let wait = &run.db.waits[0];
    assert_eq!((wait.kind.as_str(), wait.key.value.as_str(), wait.since), ("Done", "t-528", START));
    run.deliver(&done(8, "t-529"));
    assert_eq!((&run.next, run.db.outcome("w"), run.db.waits.len()), (&Next::Park, "running", 1));
    run.restart();
    run.deliver(&done(9, "t-528"));
    assert_eq!((run.db.output("w"), run.db.waits.len()), (r#"{"$event":"evt_09090909090909090909090909090909"}"#, 0));
    run.restart();
    let run = run.run();
    assert_eq!(run.params("note"), r#"{"kind":"Done","n":9,"own":"NewFileUpload"}"#);
    assert_eq!((run.status(), run.db.timers.len()), (RunStatus::Succeeded, 0));
}

#[test]
fn a_wait_that_is_over_fails_or_goes_on_as_on_timeout_says() {
    let wait = || wait_for("w", &json!("t")).within(60);
    let after = || act("note", &json!({ "w": "${{ steps.w.outcome }}", "payload": "${{ steps.w.payload.number }}" }));
    let goes_on = Simulation::begin(&program(vec![wait().go_on_when_late(), after()], Vec::new())).run();
    assert_eq!(
        (goes_on.status(), goes_on.params("note")),
        (RunStatus::Succeeded, r#"{"payload":null,"w":"timed_out"}"#.to_owned())
    );
    assert_eq!(goes_on.now, Timestamp(START.0 + 60_000));
    let fails = Simulation::begin(&program(vec![wait(), after()], Vec::new())).run();
    assert_eq!((fails.status(), fails.db.code("w"), fails.calls.len()), (RunStatus::Dead, "timeout", 0));
    let also_goes_on = Simulation::begin(&program(vec![wait().go_on(), after()], Vec::new())).run();
    assert_eq!(also_goes_on.status(), RunStatus::Succeeded, "on_error says so where on_timeout does not");
}

#[test]
fn a_late_event_changes_nothing() {
    let mut run = Simulation::begin(&program(vec![wait_for("w", &json!("t")).within(60), sleep("a", 60)], Vec::new()));
    run.step();
    run.deliver(&done(1, "t"));
    let (state, next) = (run.db.state.clone(), run.next.clone());
    run.events.insert(done(2, "t").id, done(2, "t"));
    run.give(Input::Event { path: "w".into(), event: done(2, "t") });
    assert_eq!((&run.db.state, &run.next), (&state, &next));
}

#[test]
fn a_wait_without_a_key_is_an_error_of_its_own() {
    for (ticket, message) in
        [(json!(""), "is empty"), (json!("${{ payload.list }}"), "is a list"), (json!("${{ steps.a.x }}"), "is null")]
    {
        let run = Simulation::begin(&program(vec![wait_for("w", &ticket).within(60)], Vec::new())).run();
        let error = run.db.rows["w"].error.as_ref().unwrap();
        assert!(error.code == "no_key" && error.message.contains(message), "{error:?}");
    }
}

#[test]
fn a_waiting_run_is_cancelled_at_once() {
    let mut run =
        Simulation::begin(&program(vec![group("grp", vec![wait_for("w", &json!("t")).within(60)])], Vec::new()));
    run.step();
    run.give(Input::Cancel { reason: "no need".to_owned() });
    assert_eq!((run.status(), run.db.outcome("grp/w")), (RunStatus::Cancelled, "failed"));
    assert_eq!(run.db.error.as_ref().unwrap().class, "fatal");
    assert!(run.db.waits.is_empty() && run.db.timers.is_empty());
}
