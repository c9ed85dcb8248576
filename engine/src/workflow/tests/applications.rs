//! Steps that act for another application than that of the event.

use std::sync::Arc;

use oncue_plugins::action::ActionError;
use oncue_rules::ids::SubAppId;
use oncue_rules::rule::{Need, Step, StepKind};
use oncue_rules::value::Value;
use serde_json::json;

use super::support::{Simulation, With, act, facts, program, template};
use super::work::{work, work_done};
use crate::workflow::{Facts, Input, Next, Run, RunStatus, idempotency_key};

const OWN: Option<SubAppId> = Some(SubAppId(1_500_000_001));
const OTHER: Option<SubAppId> = Some(SubAppId(1_500_000_002));

/// The applications of the tests: that of the event, and another.
pub(crate) const APPS: &str = r#"[
    {"subappid":1500000001,"name":"short-video","labels":{"team":"feed"},"vars":{"definitions":[10,20]}},
    {"subappid":1500000002,"name":"replay","labels":{},"vars":{}}]"#;

/// The step, acting for the application of this name.
pub(crate) fn acting_for(step: Step, name: &str) -> Step {
    let name = template(&json!(name));
    step.edit(|step| {
        if let StepKind::Uses { app, .. } = &mut step.kind {
            *app = Some(name);
        }
    })
}

#[test]
fn an_item_is_called_for_the_application_that_it_names_under_a_key_of_the_event() {
    let each = act("each", &json!({ "app": "${{ item.subappid }}", "team": "${{ item.labels.team }}" }));
    let each = acting_for(each.each(&json!("${{ apps }}")), "${{ item.name }}");
    let run = Simulation::begin(&program(vec![each, act("a", &json!({}))], Vec::new())).run();
    let apps: Vec<_> = run.calls.iter().map(|call| call.app).collect();
    assert_eq!((run.status(), apps), (RunStatus::Succeeded, vec![OWN, OTHER, OWN]));
    assert_eq!(run.params("each[0]"), r#"{"app":1500000001,"team":"feed"}"#);
    let key = idempotency_key(&facts().event, &"transcode".into(), &"each[1]".into(), 0);
    assert_eq!(run.calls[1].key, key);
}

#[test]
fn a_name_that_is_not_configured_fails_the_step() {
    let step = acting_for(act("a", &json!({})), "re${{ 'run' }}");
    let run = Simulation::begin(&program(vec![step], Vec::new())).run();
    let error = run.db.error.as_ref().unwrap();
    assert_eq!((run.calls.len(), error.code.as_str(), error.class.as_str()), (0, "unknown_application", "fatal"));
    assert_eq!(error.message, "there is no application `rerun`: configured are short-video, replay");
}

#[test]
fn further_attempts_are_made_for_the_application_of_the_first_whatever_it_is_called_then() {
    let steps = vec![acting_for(act("a", &json!({})), "replay").tries(3)];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    let renamed = Value::from_json(br#"[{"subappid":1500000001,"name":"replay"}]"#).unwrap();
    // Lost by a crash, then repeated after an error: the name stands for another application meanwhile.
    let later = Facts { apps: renamed, ..facts() };
    let program = Arc::clone(run.run.program());
    run.run = Run::restore(program, later, &run.db.state, &run.db.rows(), &run.events).unwrap();
    run.pending.clear();
    run.give(Input::Resume);
    let second = run.call();
    run.answer(&second, Err(ActionError::retry("busy", "later")));
    run.fire();
    let third = run.call();
    assert_eq!((second.attempt, second.app, third.attempt, third.app), (2, OTHER, 3, OTHER));
}

#[test]
fn work_is_waited_for_in_the_application_that_it_was_started_for() {
    let steps = vec![acting_for(work("w", Need::All), "replay")];
    let mut run = Simulation::begin(&program(steps, Vec::new()));
    let call = run.call();
    run.answer(&call, Ok(json!({ "TaskId": "t" })));
    assert_eq!((call.app, &run.next), (OTHER, &Next::Park));
    assert!(run.db.waits.iter().all(|wait| wait.subappid == OTHER) && run.db.waits.len() == 2);
    run.restart();
    run.deliver(&work_done(9, ("task_id", "t"), &[("A", false)]));
    assert_eq!(run.status(), RunStatus::Succeeded);
}
