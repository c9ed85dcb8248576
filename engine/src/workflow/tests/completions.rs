//! Steps that wait for the end of the work that they start, told in simulated time.

use oncue_rules::rule::Need;
use oncue_rules::value::Value;
use serde_json::json;

use super::support::{Simulation, With, act, program, work, work_done};
use crate::workflow::Next;
use crate::workflow::record::RunStatus;

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
