//! What a runner does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use oncue_plugins::action::{ActionError, Call, ErrorClass, Repeatable};
use oncue_rules::closure::PinnedRule;
use oncue_rules::rule::Retry;
use oncue_rules::value::Value;
use serde_json::json;

use super::memory::Memory;
use super::{Node, fine, held, soon};
use crate::clock;
use crate::runner::Settings;
use crate::runner::gates::Line;
use crate::store::{Delivery, Input, RunStatus, Store};
use crate::workflow::tests::applications::acting_for;
use crate::workflow::tests::support::{With, act, once, rule};

fn two_calls() -> Vec<oncue_rules::rule::Step> {
    vec![act("a", &json!({})), act("b", &json!({}))]
}

#[tokio::test]
async fn a_run_is_carried_through_its_steps() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let node = Node::start(&Memory::new(), Arc::clone(&action), two_calls(), Settings::default());
    let run = node.accept(1).await;
    action.let_go(1, 2);
    let kept = soon(node.store.ended(run)).await;
    assert_eq!((kept.status(), kept.steps.len()), (RunStatus::Succeeded, 2));
    let (a, b) = (calls.recv().await.unwrap(), calls.recv().await.unwrap());
    assert_eq!((a.step.as_str(), b.step.as_str(), a.event.id), ("a", "b", kept.event_id()));
    assert_ne!(a.key, b.key);
    soon(node.runner.shared.leases.none_left()).await;
    assert!(node.runner.is_alive());
}

#[tokio::test]
async fn attempts_wait_in_the_line_of_the_application_that_the_step_acts_for() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let settings = Settings { attempts_per_action: 1, ..Settings::default() };
    let steps = vec![acting_for(act("a", &json!({})), "two")];
    let node = Node::start(&Memory::new(), Arc::clone(&action), steps, settings);
    let runs = [node.accept(1).await, node.accept(2).await, node.accept(3).await];
    action.let_go(2, 3);
    for run in runs {
        assert_eq!(soon(node.store.ended(run)).await.status(), RunStatus::Succeeded);
        let call = calls.recv().await.unwrap();
        assert_eq!(call.app.unwrap().subappid.0, 2);
    }
    assert_eq!(action.most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn attempts_of_one_application_wait_in_line_and_another_is_not_held_up() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let settings = Settings { attempts_per_action: 2, ..Settings::default() };
    let node = Node::start(&Memory::new(), Arc::clone(&action), vec![act("a", &json!({}))], settings);
    let mut slow = Vec::new();
    for _ in 0..5 {
        slow.push(node.accept(1).await);
    }
    calls.recv().await.unwrap();
    calls.recv().await.unwrap();
    let quick = node.accept(2).await;
    action.let_go(2, 1);
    assert_eq!(soon(node.store.ended(quick)).await.status(), RunStatus::Succeeded);
    assert_eq!(action.now.load(Ordering::SeqCst), 2);
    action.let_go(1, 5);
    for run in slow {
        soon(node.store.ended(run)).await;
    }
    assert!(action.most.load(Ordering::SeqCst) <= 3, "two of one application and one of the other");
}

#[tokio::test]
async fn what_finds_no_room_is_taken_up_later() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let settings = Settings { runs_per_app: 1, ..Settings::default() };
    let node = Node::start(&Memory::new(), Arc::clone(&action), vec![act("a", &json!({}))], settings);
    let first = node.accept(1).await;
    calls.recv().await.unwrap();
    let second = node.accept(1).await;
    assert_eq!(node.store.kept(second).status(), RunStatus::Pending);
    action.let_go(1, 2);
    soon(node.store.ended(first)).await;
    let kept = soon(node.store.ended(second)).await;
    assert_eq!((kept.status(), kept.failed_attempts), (RunStatus::Succeeded, 0));
}

#[tokio::test]
async fn a_panic_fails_the_step_and_nothing_else() {
    let (action, _calls) = held(Repeatable::Keyed, |_| panic!("boom"));
    let node = Node::start(&Memory::new(), Arc::clone(&action), two_calls(), Settings::default());
    let run = node.accept(1).await;
    action.let_go(1, 1);
    let kept = soon(node.store.ended(run)).await;
    let error = kept.row.error.unwrap();
    assert_eq!((kept.row.status, error.code.as_str(), error.class.as_str()), (RunStatus::Dead, "panic", "fatal"));
    assert_eq!(error.message, "the action panicked: boom");
    assert!(node.runner.is_alive());
}

#[tokio::test]
async fn a_retry_is_parked_and_comes_back_by_its_timer() {
    let busy_once = |call: &Call| match call.attempt {
        1 => Err(ActionError::retry("busy", "later")),
        _ => Ok(Value::Null),
    };
    let (action, mut calls) = held(Repeatable::Keyed, busy_once);
    let initial = Duration::from_millis(1);
    let step = act("a", &json!({})).edit(|step| step.retry = Some(Retry { initial, ..Retry::default() }.into()));
    let node = Node::start(&Memory::new(), Arc::clone(&action), vec![step], Settings::default());
    let run = node.accept(1).await;
    action.let_go(1, 2);
    let kept = soon(node.store.ended(run)).await;
    assert_eq!((kept.status(), kept.failed_attempts), (RunStatus::Succeeded, 1));
    let (first, second) = (calls.recv().await.unwrap(), calls.recv().await.unwrap());
    assert_eq!((first.key, first.attempt + 1), (second.key, second.attempt));
}

#[tokio::test]
async fn an_attempt_past_its_deadline_is_ended_by_class() {
    for (repeatable, class) in [(Repeatable::Keyed, "retry"), (Repeatable::No, "unknown")] {
        let (action, _calls) = held(repeatable, fine);
        let step = if repeatable == Repeatable::No { once("a") } else { act("a", &json!({})) };
        let settings = Settings { attempt: Duration::from_millis(20), ..Settings::default() };
        let node = Node::start(&Memory::new(), action, vec![step.tries(1)], settings);
        let run = node.accept(1).await;
        let error = soon(node.store.ended(run)).await.row.error.unwrap();
        assert_eq!((error.code.as_str(), error.class.as_str()), ("timeout", class));
    }
}

#[tokio::test]
async fn a_lost_lease_drops_the_run_and_its_late_result() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let node = Node::start(&Memory::new(), Arc::clone(&action), two_calls(), Settings::default());
    let run = node.accept(1).await;
    calls.recv().await.unwrap();
    node.store.steal(run);
    action.let_go(1, 1);
    soon(node.runner.shared.leases.none_left()).await;
    let kept = node.store.kept(run);
    assert_eq!(kept.steps["a"].outcome.as_str(), "running");
    assert_eq!(node.runner.in_hand(), 0);
}

#[tokio::test]
async fn renewal_finds_that_a_lease_was_lost_and_ends_the_attempt() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let settings = Settings { lease: Duration::from_millis(300), ..Settings::default() };
    let node = Node::start(&Memory::new(), action, two_calls(), settings);
    let run = node.accept(1).await;
    calls.recv().await.unwrap();
    node.store.steal(run);
    soon(node.runner.shared.leases.none_left()).await;
    assert_eq!(node.store.kept(run).steps["a"].outcome.as_str(), "running");
}

#[tokio::test]
async fn a_store_that_comes_back_gets_the_result_that_it_missed() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let node = Node::start(&Memory::new(), Arc::clone(&action), two_calls(), Settings::default());
    let run = node.accept(1).await;
    calls.recv().await.unwrap();
    node.store.set_down(true);
    action.let_go(1, 2);
    // The first attempt has ended once its place in line is free again.
    let line = Line { app: Some(oncue_rules::ids::SubAppId(1)), action: "act".into(), lane: None };
    soon(node.runner.shared.gates.is_empty(line)).await;
    node.store.set_down(false);
    let kept = soon(node.store.ended(run)).await;
    assert_eq!((kept.status(), kept.failed_attempts), (RunStatus::Succeeded, 0));
}

#[tokio::test]
async fn a_run_of_a_node_that_died_is_repeated_with_its_key_by_another() {
    let store = Memory::new();
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let first = Node::start(&store, Arc::clone(&action), vec![act("a", &json!({}))], Settings::default());
    let run = first.accept(1).await;
    let lost = calls.recv().await.unwrap();
    store.abandon(run);
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let second = Node::start(&store, Arc::clone(&action), vec![act("a", &json!({}))], Settings::default());
    let repeated = soon(calls.recv()).await.unwrap();
    assert_eq!((repeated.key, repeated.attempt), (lost.key, 2));
    action.let_go(1, 1);
    assert_eq!(soon(store.ended(run)).await.status(), RunStatus::Succeeded);
    assert!(second.runner.is_alive());
}

#[tokio::test]
async fn a_cancelled_run_ends_while_its_attempt_is_under_way() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let node = Node::start(&Memory::new(), action, two_calls(), Settings::default());
    let run = node.accept(1).await;
    calls.recv().await.unwrap();
    let input = Input::Cancel { reason: "not needed".to_owned() };
    node.store.deliver(Delivery { run, input, at: clock::now() }).await.unwrap();
    node.runner.delivered(run);
    assert_eq!(soon(node.store.ended(run)).await.status(), RunStatus::Cancelled);
    soon(node.runner.shared.leases.none_left()).await;
}

#[tokio::test]
async fn stopping_lets_attempts_end_and_begins_no_more() {
    let (action, mut calls) = held(Repeatable::No, fine);
    let settings = Settings { attempts_per_action: 1, ..Settings::default() };
    let store = Memory::new();
    let node = Node::start(&store, Arc::clone(&action), vec![once("a"), once("b")], settings);
    let under_way = node.accept(1).await;
    calls.recv().await.unwrap();
    let in_line = node.accept(1).await;
    let stopping = tokio::spawn({
        let runner = node.runner.clone();
        async move { runner.stop(Duration::from_secs(20)).await }
    });
    soon(store.until(in_line, |kept| kept.row.status == RunStatus::Waiting)).await;
    action.let_go(1, 1);
    soon(stopping).await.unwrap();
    assert_eq!(store.kept(under_way).steps["a"].outcome.as_str(), "succeeded");
    assert!(!store.is_leased(under_way) && !store.is_leased(in_line));
    assert!(node.runner.reserve(None, 0).is_none());

    let (action, _calls) = held(Repeatable::No, fine);
    let next = Node::start(&store, Arc::clone(&action), vec![once("a"), once("b")], settings);
    action.let_go(1, 3);
    for run in [under_way, in_line] {
        let kept = soon(next.store.ended(run)).await;
        assert_eq!((kept.status(), kept.failed_attempts), (RunStatus::Succeeded, 0));
    }
}

#[tokio::test]
async fn stopping_gives_up_what_does_not_end_and_hands_it_back() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let store = Memory::new();
    let node = Node::start(&store, action, two_calls(), Settings::default());
    let run = node.accept(1).await;
    calls.recv().await.unwrap();
    soon(node.runner.stop(Duration::from_millis(10))).await;
    assert!(!store.is_leased(run));
    assert_eq!(node.runner.in_hand(), 0);
}

#[tokio::test]
async fn a_run_whose_rule_cannot_be_opened_is_paused_with_the_reason_and_can_be_cancelled() {
    let (action, _calls) = held(Repeatable::Keyed, fine);
    let settings = Settings { runs: 0, ..Settings::default() };
    let store = Memory::new();
    let node = Node::start(&store, Arc::clone(&action), two_calls(), settings);
    let run = node.accept(1).await;
    let other = Node::start(&store, action, two_calls(), Settings::default());
    other.programs.replace_live(std::iter::empty::<PinnedRule>()).unwrap();
    other.runner.nudge();
    let kept = soon(store.until(run, |kept| kept.row.status == RunStatus::Paused)).await;
    assert_eq!(kept.row.error.unwrap().message, "its closure c1 is not stored");
    let input = Input::Cancel { reason: "not needed".to_owned() };
    store.deliver(Delivery { run, input, at: clock::now() }).await.unwrap();
    other.runner.delivered(run);
    assert_eq!(soon(store.ended(run)).await.status(), RunStatus::Cancelled);
}

#[tokio::test]
async fn an_unknown_result_is_not_tried_again() {
    let unknown = |_: &Call| {
        Err(ActionError { class: ErrorClass::Unknown, code: "cut".to_owned(), message: "no answer".to_owned() })
    };
    let (action, _calls) = held(Repeatable::Keyed, unknown);
    let node = Node::start(&Memory::new(), Arc::clone(&action), two_calls(), Settings::default());
    let run = node.accept(1).await;
    action.let_go(1, 9);
    let kept = soon(node.store.ended(run)).await;
    assert_eq!((kept.row.error.unwrap().class.as_str(), kept.failed_attempts), ("unknown", 1));
}

#[tokio::test]
async fn rules_that_did_not_change_keep_their_programs() {
    let (action, _calls) = held(Repeatable::Keyed, fine);
    let node = Node::start(&Memory::new(), action, two_calls(), Settings::default());
    let again = PinnedRule { rule: Arc::new(rule(two_calls(), Vec::new())), vars: Value::Null };
    let programs = node.programs.replace_live([again]).unwrap();
    assert!(Arc::ptr_eq(&programs[0], &node.program));
    let missing = PinnedRule { rule: Arc::new(rule(vec![once("a")], Vec::new())), vars: Value::Null };
    let mut other = (*missing.rule).clone();
    other.closure = "c2".into();
    let error = node.programs.replace_live([PinnedRule { rule: Arc::new(other), ..missing }]).unwrap_err();
    assert_eq!(error.to_string(), "there is no action once: add the plugin that provides it");
    assert!(node.programs.live(&"c1".into()).is_some());
}
