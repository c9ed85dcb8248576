//! Steps that wait for the end of the work that they start, told in simulated time.

use oncue_rules::rule::Need;
use oncue_rules::value::Value;
use serde_json::json;

use super::support::{Simulation, With, act, program};
use super::work::{work, work_done, work_in_rounds};
use crate::workflow::Next;
use crate::workflow::record::{RunStatus, TimerKind};

const PARTS: &[(&str, bool)] = &[("A", false), ("B", true)];

/// A run whose work was started; its next step tells what came of it.
fn started(need: Need) -> Simulation {
    let tell = act(
        "note",
        &json!({ "how": "${{ steps.a.outcome }}", "task": "${{ steps.a.TaskId }}", "all": "${{ (steps.a.results ?? []).len() }}",
                 "failed": "${{ (steps.a.failed ?? []).map(|part| part.Type) }}", "event": "${{ steps.a.event.type }}" }),
    );
    let mut run = Simulation::begin(&program(vec![work("a", need).go_on(), tell], Vec::new()));
    let call = run.call();
    run.answer(&call, Ok(json!({ "TaskId": "task-1" })));
    assert_eq!((&run.next, run.status(), run.db.outcome("a")), (&Next::Park, RunStatus::Waiting, "running"));
    run
}

#[test]
fn the_end_is_known_by_the_key_that_went_out_or_by_the_task() {
    let run = started(Need::All);
    let keys: Vec<_> = run.db.waits.iter().map(|wait| (wait.key.name.as_str(), wait.key.value.as_str())).collect();
    assert_eq!(keys, [("session_id", run.calls[0].key.as_str()), ("task_id", "task-1")]);
    for key in [("session_id", run.calls[0].key.as_str()), ("task_id", "task-1")] {
        let mut run = started(Need::All);
        run.deliver(&work_done(1, ("task_id", "another"), &[("A", false)]));
        assert_eq!(run.next, Next::Park, "another's work has ended");
        run.deliver(&work_done(2, key, &[("A", false)]));
        assert_eq!((run.db.outcome("a"), run.db.waits.len(), run.db.timers.len()), ("succeeded", 0, 0));
    }
}

#[test]
fn what_came_of_it_is_read_by_later_steps_also_after_a_restart() {
    let mut run = started(Need::Any);
    run.restart();
    run.deliver(&work_done(1, ("task_id", "task-1"), PARTS));
    run.restart();
    let run = run.run();
    let expected = r#"{"all":2,"event":"WorkDone","failed":["B"],"how":"partly_failed","task":"task-1"}"#;
    assert_eq!((run.params("note"), run.db.outcome("a")), (expected.to_owned(), "succeeded"));
    assert_eq!(run.db.output("a"), r#"{"$event":"evt_01010101010101010101010101010101","TaskId":"task-1"}"#);
    assert_eq!((run.calls.len(), run.db.rows["a"].attempts), (2, 1), "the work was started once");
}

#[test]
fn what_is_needed_decides_and_outputs_stay_readable() {
    let types = |names: &[&str]| Need::Types(names.iter().map(|name| (*name).to_owned()).collect());
    for (need, outcome) in [
        (Need::All, "failed"),
        (Need::Any, "succeeded"),
        (types(&["A"]), "succeeded"),
        (types(&["A", "B"]), "failed"),
        (types(&["C"]), "failed"),
    ] {
        let mut run = started(need.clone());
        run.deliver(&work_done(1, ("task_id", "task-1"), PARTS));
        let run = run.run();
        assert_eq!(run.db.outcome("a"), outcome, "{need:?}");
        assert!(run.params("note").contains(r#""failed":["B"],"how":"partly_failed""#), "{}", run.params("note"));
        let code = if outcome == "failed" { "partly_failed" } else { "none" };
        assert_eq!(run.db.code("a"), code, "{need:?}");
    }
}

#[test]
fn work_that_does_not_end_in_time_is_over() {
    let run = started(Need::All).run();
    assert_eq!((run.db.outcome("a"), run.db.code("a"), run.status()), ("timed_out", "timeout", RunStatus::Succeeded));
    assert!(run.params("note").contains(r#""how":"timed_out""#), "{}", run.params("note"));
}

#[test]
fn work_that_cannot_be_started_is_tried_again_and_then_fails() {
    let busy = || Err(oncue_plugins::action::ActionError::retry("busy", "later"));
    let run = Simulation::begin(&program(vec![work("a", Need::All).tries(2)], Vec::new()));
    let run = run.replies("a", [busy(), busy()]).run();
    assert_eq!((run.status(), run.db.code("a"), run.calls.len()), (RunStatus::Dead, "busy", 2));
    assert_eq!(run.calls[0].params, Value::map(std::collections::BTreeMap::new()));
}

/// Work that has three rounds at most, of which the first was started.
fn in_rounds(need: Need) -> Simulation {
    let tell = act(
        "note",
        &json!({ "how": "${{ steps.a.outcome }}", "task": "${{ steps.a.TaskId }}",
                 "all": "${{ (steps.a.results ?? []).filter(|part| !part.failed).map(|part| part.Type) }}" }),
    );
    let mut run = Simulation::begin(&program(vec![work_in_rounds("a", need, 3).go_on(), tell], Vec::new()));
    start_round(&mut run);
    run
}

/// Answers the call of a round with a task that is called by its number.
fn start_round(run: &mut Simulation) {
    let call = run.call();
    let task = format!("task-{}", run.calls.len());
    run.answer(&call, Ok(json!({ "TaskId": task })));
}

/// Tells of the end of the latest round, with an event of its own.
fn tell(run: &mut Simulation, parts: &[(&str, bool)]) {
    let number = u8::try_from(run.calls.len()).unwrap();
    let task = format!("task-{number}");
    run.deliver(&work_done(number, ("task_id", &task), parts));
}

#[test]
fn what_failed_is_submitted_again_alone_and_with_a_key_of_its_own() {
    let mut run = in_rounds(Need::All);
    tell(&mut run, &[("A", false), ("B", true), ("C", true)]);
    assert_eq!((&run.next, run.db.outcome("a")), (&Next::Park, "running"));
    run.restart();
    run.fire();
    start_round(&mut run);
    tell(&mut run, &[("B", false), ("C", true)]);
    run.fire();
    run.restart();
    start_round(&mut run);
    run.restart();
    tell(&mut run, &[("C", false)]);
    let keys: std::collections::BTreeSet<_> = run.calls.iter().map(|call| call.key.as_str()).collect();
    assert_eq!(keys.len(), 3);
    run.restart();
    let run = run.run();
    let rounds: Vec<_> = run.calls.iter().map(|call| call.params.to_json()).take(3).collect();
    assert_eq!(rounds, ["{}", r#"{"parts":["B","C"]}"#, r#"{"parts":["C"]}"#]);
    let told = r#"{"all":["A","B","C"],"how":"succeeded","task":"task-3"}"#;
    assert_eq!(
        (run.params("note"), run.db.outcome("a"), run.db.rows["a"].generation),
        (told.to_owned(), "succeeded", 2)
    );
    assert_eq!((run.db.waits.len(), run.db.timers.len()), (0, 0));
}

#[test]
fn the_rounds_come_to_an_end_and_what_failed_last_counts() {
    for (need, outcome) in [(Need::All, "failed"), (Need::Any, "succeeded")] {
        let mut run = in_rounds(need);
        for _ in 0..2 {
            tell(&mut run, &[("A", true)]);
            run.fire();
            start_round(&mut run);
        }
        tell(&mut run, &[("A", false), ("B", true)]);
        assert_eq!(run.db.outcome("a"), outcome);
        assert_eq!(run.calls.len(), 3);
        assert!(run.run().params("note").contains(r#""how":"partly_failed""#));
    }
}

#[test]
fn an_earlier_round_that_is_told_of_again_changes_nothing() {
    let mut run = in_rounds(Need::All);
    tell(&mut run, &[("A", true)]);
    run.fire();
    start_round(&mut run);
    run.deliver(&work_done(9, ("task_id", "task-1"), &[("A", false)]));
    assert_eq!((&run.next, run.db.outcome("a")), (&Next::Park, "running"));
    tell(&mut run, &[("A", false)]);
    assert_eq!(run.db.outcome("a"), "succeeded");
}

#[test]
fn each_round_has_its_own_attempts() {
    let busy = || Err(oncue_plugins::action::ActionError::retry("busy", "later"));
    let mut run = Simulation::begin(&program(vec![work_in_rounds("a", Need::All, 2).tries(2)], Vec::new()));
    for (number, reply) in
        [busy(), Ok(json!({ "TaskId": "t" })), busy(), Ok(json!({ "TaskId": "u" }))].into_iter().enumerate()
    {
        let call = run.call();
        assert_eq!(usize::try_from(call.attempt).unwrap(), number + 1);
        run.answer(&call, reply);
        if number == 1 {
            run.deliver(&work_done(1, ("task_id", "t"), &[("A", true)]));
        }
        if number < 3 {
            run.fire();
        }
    }
    run.deliver(&work_done(2, ("task_id", "u"), &[("A", false)]));
    assert_eq!((run.status(), run.db.rows["a"].attempts), (RunStatus::Succeeded, 4));
}

#[test]
fn silence_is_asked_about_until_the_end_is_told() {
    let mut run = in_rounds(Need::All);
    assert!(run.db.timers.contains_key(&("a".to_owned(), TimerKind::Silence)));
    run.restart();
    run.fire();
    assert_eq!(run.asked, ["a work task-1"]);
    assert_eq!((&run.next, run.db.outcome("a")), (&Next::Park, "running"));
    tell(&mut run, &[("A", true)]);
    run.fire();
    start_round(&mut run);
    run.fire();
    assert_eq!(run.asked.last().map(String::as_str), Some("a work task-2"));
    tell(&mut run, &[("A", false)]);
    assert_eq!((run.db.outcome("a"), run.db.timers.len()), ("succeeded", 0));
}

#[test]
fn work_whose_task_is_not_known_is_asked_about_with_the_call_that_started_it() {
    let mut run = Simulation::begin(&program(vec![work("a", Need::All)], Vec::new()));
    let call = run.call();
    run.answer(&call, Ok(json!({ "duplicate": true })));
    run.fire();
    assert_eq!(run.asked, ["a work unknown"]);
    let asked = run.last_ask.unwrap().call;
    assert_eq!((asked.key, asked.params, asked.attempt), (call.key, call.params, 1));
}
