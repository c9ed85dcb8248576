//! Attempts of one run that are under way at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use oncue_plugins::action::{ActionError, Call, Repeatable};
use oncue_rules::rule::Step;
use oncue_rules::value::Value;
use serde_json::json;
use tokio::sync::mpsc;

use super::memory::Memory;
use super::{Node, fine, held, soon};
use crate::clock;
use crate::runner::Settings;
use crate::store::{Delivery, Input, RunStatus, Store};
use crate::workflow::tests::support::{With, act, parallel, set};

fn branches() -> Vec<Step> {
    let two = vec![act("b", &json!({})), act("c", &json!({ "how": "${{ steps.b.outcome }}" }))];
    vec![parallel("grp", vec![("one", vec![act("a", &json!({}))]), ("two", two)]), set("note", &[("x", json!(1))])]
}

/// The keys of so many calls, by their steps.
async fn keys(calls: &mut mpsc::UnboundedReceiver<Call>, count: usize) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for _ in 0..count {
        let call = soon(calls.recv()).await.unwrap();
        keys.insert(call.step.to_string(), call.key.to_string());
    }
    keys
}

#[tokio::test]
async fn branches_are_called_side_by_side_and_go_on_by_themselves() {
    let (action, mut calls) = held(Repeatable::Keyed, |call: &Call| match call.step.as_str() {
        "grp/one" => Err(ActionError::fatal("no", "never")),
        _ => Ok(Value::Null),
    });
    let node = Node::start(&Memory::new(), Arc::clone(&action), branches(), Settings::default());
    let run = node.accept(1).await;
    let begun = keys(&mut calls, 2).await;
    assert_eq!(begun.keys().collect::<Vec<_>>(), ["grp/one", "grp/two/b"]);
    assert_eq!(action.now.load(Ordering::SeqCst), 2);
    action.let_go(1, 2);
    assert_eq!(soon(calls.recv()).await.unwrap().step.as_str(), "grp/two/c");
    action.let_go(1, 1);
    let kept = soon(node.store.ended(run)).await;
    assert_eq!((kept.status(), kept.steps.len()), (RunStatus::Dead, 4), "the other branch ran to its end");
    soon(node.runner.shared.leases.none_left()).await;
}

#[tokio::test]
async fn items_are_called_so_many_at_a_time() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let steps = vec![act("each", &json!({})).each(&json!([1, 2, 3, 4, 5, 6, 7])).at_once(3)];
    let node = Node::start(&Memory::new(), Arc::clone(&action), steps, Settings::default());
    let run = node.accept(1).await;
    for _ in 0..3 {
        soon(calls.recv()).await.unwrap();
    }
    assert_eq!(action.now.load(Ordering::SeqCst), 3);
    action.let_go(1, 7);
    let kept = soon(node.store.ended(run)).await;
    assert_eq!((kept.status(), kept.steps.len()), (RunStatus::Succeeded, 8));
    assert_eq!(action.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_cancel_ends_all_attempts_that_are_under_way() {
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let node = Node::start(&Memory::new(), Arc::clone(&action), branches(), Settings::default());
    let run = node.accept(1).await;
    soon(calls.recv()).await.unwrap();
    soon(calls.recv()).await.unwrap();
    let input = Input::Cancel { reason: "by hand".to_owned() };
    node.store.deliver(Delivery { run, input, at: clock::now() }).await.unwrap();
    node.runner.delivered(run);
    let kept = soon(node.store.ended(run)).await;
    assert_eq!(kept.status(), RunStatus::Cancelled);
    soon(node.runner.shared.leases.none_left()).await;
}

#[tokio::test]
async fn all_attempts_of_a_node_that_died_are_repeated_with_their_keys() {
    let store = Memory::new();
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let first = Node::start(&store, Arc::clone(&action), branches(), Settings::default());
    let run = first.accept(1).await;
    let lost = keys(&mut calls, 2).await;
    store.abandon(run);
    let (action, mut calls) = held(Repeatable::Keyed, fine);
    let second = Node::start(&store, Arc::clone(&action), branches(), Settings::default());
    assert_eq!(keys(&mut calls, 2).await, lost);
    action.let_go(1, 3);
    let kept = soon(store.ended(run)).await;
    assert_eq!((kept.status(), kept.steps.len()), (RunStatus::Succeeded, 5));
    assert!(second.runner.is_alive());
}
