//! Waits for what an earlier step has submitted, and for what came since an earlier step has ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use oncue_plugins::action::ActionError;
use oncue_rules::event::{Body, Event};
use oncue_rules::ids::{EventType, StepId, SubAppId};
use oncue_rules::rule::{Awaited, By, Need, Step, StepKind};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use serde_json::json;

use super::applications::acting_for;
use super::support::{START, Simulation, With, act, done, facts, group, parallel, program, set, sleep, step, wait_for};
use super::work::{work, work_done};
use crate::workflow::{RunStatus, idempotency_key};

/// A step that submits work and does not wait for its end.
fn submit(id: &str) -> Step {
    work(id, Need::All).edit(|step| {
        if let StepKind::Uses { wait, .. } = &mut step.kind {
            *wait = None;
        }
        step.timeout = None;
    })
}

/// A wait for the end of what a step has submitted, or for these events of it.
fn wait_for_work(id: &str, of: &str, on: &[&str]) -> Step {
    let on: BTreeSet<_> = on.iter().map(|kind| EventType::from(*kind)).collect();
    let awaited = Awaited { on, by: By::Work(StepId::from(of)), pattern: None, since: None };
    step(id, StepKind::WaitFor(vec![awaited])).within(60)
}

/// The same wait, for what came since a step has ended.
fn since(wait: Step, id: &str) -> Step {
    wait.edit(|step| {
        if let StepKind::WaitFor(awaited) = &mut step.kind {
            for one in awaited {
                one.since = Some(StepId::from(id));
            }
        }
    })
}

fn key_of(path: &str) -> String {
    idempotency_key(&facts().event, &"transcode".into(), &path.into(), 0)
}

/// What is looked for: type, name and value of the key.
fn looked_for(run: &Simulation) -> Vec<(String, String, String)> {
    let wait = |wait: &crate::workflow::Wait| (wait.kind.to_string(), wait.key.name.clone(), wait.key.value.clone());
    run.db.waits.iter().map(wait).collect()
}

fn sought(keys: &[(&str, &str)]) -> Vec<(String, String, String)> {
    keys.iter().map(|(name, value)| ("WorkDone".to_owned(), (*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_end_of_what_a_step_submitted_is_found_by_its_session_or_its_task() {
    let after = act("note", &json!({ "parts": "${{ steps.w.payload.parts.len() }}", "w": "${{ steps.w.outcome }}" }));
    let steps = vec![submit("a"), set("b", &[]), wait_for_work("w", "a", &[]), after];
    let mut run = Simulation::begin(&program(steps, Vec::new())).replies("a", [Ok(json!({ "TaskId": "t" }))]);
    run.step();
    assert_eq!(looked_for(&run), sought(&[("session_id", &key_of("a")), ("task_id", "t")]));
    run.restart();
    let body = Body::from(Value::Null);
    let under_way = Event { body, ..(*work_done(8, ("task_id", "t"), &[])).clone() };
    run.deliver(&Arc::new(under_way));
    run.deliver(&work_done(9, ("task_id", "other"), &[("A", false)]));
    assert_eq!(run.db.outcome("w"), "running", "neither of them is the end of it");
    run.deliver(&work_done(10, ("task_id", "t"), &[("A", false), ("B", true)]));
    run.restart();
    let run = run.run();
    assert_eq!((run.status(), run.params("note").as_str()), (RunStatus::Succeeded, r#"{"parts":2,"w":"succeeded"}"#));
}

#[test]
fn what_may_have_been_submitted_is_waited_for_and_what_was_not_is_an_error() {
    let lost =
        || Err(ActionError { class: oncue_plugins::action::ErrorClass::Unknown, ..ActionError::fatal("t", "t") });
    let refused = || Err(ActionError::fatal("no", "never"));
    for (reply, waits) in [(lost(), true), (refused(), false)] {
        let steps = vec![submit("a").go_on(), wait_for_work("w", "a", &[])];
        let mut run = Simulation::begin(&program(steps, Vec::new())).replies("a", [reply]);
        run.step();
        if waits {
            assert_eq!(looked_for(&run), sought(&[("session_id", &key_of("a"))]));
        } else {
            assert_eq!((run.status(), run.db.code("w")), (RunStatus::Dead, "not_submitted"));
        }
    }
    for first in [submit("a").when("false"), group("", vec![submit("a")]).when("false")] {
        let run = Simulation::begin(&program(vec![first, wait_for_work("w", "a", &[])], Vec::new())).run();
        assert_eq!(run.db.code("w"), "not_submitted");
    }
    let late = vec![work("a", Need::All).within(5).go_on(), wait_for_work("w", "a", &[])];
    let mut run = Simulation::begin(&program(late, Vec::new())).replies("a", [Ok(json!({ "TaskId": "t" }))]);
    run.step();
    run.fire();
    assert_eq!(looked_for(&run), sought(&[("session_id", &key_of("a"))]), "it was given up, and is under way");
}

#[test]
fn an_item_waits_for_its_own_submission_in_the_application_that_it_was_made_for() {
    let body = vec![acting_for(submit("a"), "replay"), wait_for_work("w", "a", &[])];
    for at_once in [1, 2] {
        let each = group("each", body.clone()).each(&json!([1, 2])).at_once(at_once);
        let mut run = Simulation::begin(&program(vec![each], Vec::new()));
        for item in 0..2 {
            run.step();
            run.restart();
            let (wait, path) = (run.db.waits.last().unwrap().clone(), format!("each[{item}]/a"));
            assert_eq!((wait.key.value, wait.subappid), (key_of(&path), Some(SubAppId(1_500_000_002))), "{at_once}");
            if at_once == 1 {
                run.deliver(&work_done(9, ("session_id", &key_of(&path)), &[("A", false)]));
            }
        }
        if at_once == 2 {
            for item in [1, 0] {
                let (path, key) = (format!("each[{item}]/w"), key_of(&format!("each[{item}]/a")));
                run.deliver_to(&path.as_str().into(), &work_done(9, ("session_id", &key), &[("A", false)]));
            }
        }
        assert_eq!(run.status(), RunStatus::Succeeded, "{at_once}");
    }
}

#[test]
fn any_event_of_a_submission_that_is_named_will_do() {
    let steps = vec![submit("a"), wait_for_work("w", "a", &["Done"])];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    run.step();
    assert_eq!(looked_for(&run), [("Done".to_owned(), "session_id".to_owned(), key_of("a"))]);
    let mut event = (*done(9, "")).clone();
    event.keys = work_done(9, ("session_id", &key_of("a")), &[]).keys.clone();
    run.deliver(&Arc::new(event));
    assert_eq!(run.status(), RunStatus::Succeeded);
}

#[test]
fn events_count_since_the_step_that_is_named_has_ended() {
    let wait = || since(wait_for("w", &json!("t")).within(60), "b");
    let steps = vec![parallel("fork", vec![("one", vec![sleep("b", 10)]), ("two", vec![sleep("c", 20)])]), wait()];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    while run.db.waits.is_empty() {
        run.step();
    }
    let ended = Timestamp(START.0 + 10_000);
    assert_eq!(run.db.waits[0].since, ended);
    run.restart();
    let at = |millis: i64| Arc::new(Event { received_at: Timestamp(ended.0 + millis), ..(*done(9, "t")).clone() });
    run.deliver(&at(-1));
    assert_eq!(run.db.outcome("w"), "running");
    run.deliver(&at(0));
    assert_eq!(run.status(), RunStatus::Succeeded);

    let mut run = Simulation::begin(&program(vec![group("", vec![set("b", &[])]).when("false"), wait()], Vec::new()));
    run.step();
    assert_eq!(run.db.waits[0].since, START, "a step that has not run says nothing");
}
