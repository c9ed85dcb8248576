//! New runs that take over what another one did.

use oncue_plugins::action::{ActionError, ErrorClass};
use serde_json::json;

use super::support::{START, Simulation, With, act, choose, facts, group, program, set};
use crate::workflow::record::{RunStatus, StepOutcome};
use crate::workflow::{Events, Input, Next, NoBeginning, Run};

fn no() -> ActionError {
    ActionError::fatal("no", "never")
}

#[test]
fn a_run_that_begins_with_a_step_sees_what_the_other_had_before_it() {
    let inner = vec![act("inner", &json!({ "i": "${{ item }}" }))];
    let rule = program(
        vec![
            group("each", inner).each(&json!([1, 2])),
            set("", &[]),
            act("b", &json!({})).go_on(),
            act(
                "c",
                &json!({ "r": "${{ steps.each.results.map(|r| r.outputs.inner.x) }}", "b": "${{ steps.b.error.code }}" }),
            ),
        ],
        Vec::new(),
    );
    let run = Simulation::begin(&rule)
        .replies("each[0]/inner", [Ok(json!({ "x": 5 }))])
        .replies("each[1]/inner", [Ok(json!({ "x": 6 }))])
        .replies("b", [Err(no())])
        .replies("c", [Err(no())])
        .run();
    assert_eq!(run.status(), RunStatus::Dead);
    let begun = rule.begin_from(Some("c"), &run.db.rows(), START).unwrap();
    assert!(begun.steps.iter().all(|row| row.key.is_none()), "it has sent nothing itself");
    assert_eq!(begun.redone(&run.db.rows()).iter().map(|step| step.path.as_str()).collect::<Vec<_>>(), ["c"]);
    let state = begun.state.to_json();
    let mut new = Run::restore(std::sync::Arc::clone(&rule), facts(), &state, &begun.steps, &Events::new()).unwrap();
    let decision = new.transition(Input::Resume, START);
    let Next::Call(calls) = decision.next else { panic!("{decision:?}") };
    assert_eq!((calls[0].path.as_str(), calls[0].params.to_json().as_str()), ("c", r#"{"b":"no","r":[5,6]}"#));
    for (from, paths) in [("1", 5), ("each", 0)] {
        let begun = rule.begin_from(Some(from), &run.db.rows(), START).unwrap();
        assert_eq!(begun.steps.len(), paths, "{from}");
    }
    let all = rule.begin_from(None, &run.db.rows(), START).unwrap();
    assert_eq!((all.steps.len(), all.redone(&run.db.rows()).len()), (0, 4));
}

#[test]
fn a_step_that_is_not_there_or_comes_after_one_that_has_no_result_is_no_beginning() {
    let rule = program(vec![act("a", &json!({})), act("b", &json!({})), act("c", &json!({}))], Vec::new());
    let run = Simulation::begin(&rule).replies("b", [Err(no())]).run();
    let refused = |from: &str| rule.begin_from(Some(from), &run.db.rows(), START).unwrap_err();
    assert_eq!(refused("c"), NoBeginning::NotOver { step: "b".into() });
    assert_eq!(refused("x").to_string(), "the rule has no step `x` in its own list: begin with one of a, b, c");
    assert_eq!(refused("a/b"), NoBeginning::NoStep { from: "a/b".to_owned(), known: "a, b, c".to_owned() });
}

#[test]
fn what_was_sent_without_an_answer_is_told_apart() {
    let rule = program(vec![act("a", &json!({})), choose("b", &json!({}))], vec![act("tell", &json!({}))]);
    let lost = ActionError { class: ErrorClass::Unknown, ..no() };
    let run = Simulation::begin(&rule).replies("b", [Err(lost)]).run();
    let redone = rule.begin_from(None, &run.db.rows(), START).unwrap().redone(&run.db.rows());
    let told: Vec<_> = redone.iter().map(|step| (step.path.as_str(), step.outcome, step.is_unknown)).collect();
    assert_eq!(told, [("a", StepOutcome::Succeeded, false), ("b", StepOutcome::Failed, true)]);
}
