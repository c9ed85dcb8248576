//! Secrets on their way to an action, and what comes back of them.

use std::time::Duration;

use oncue_plugins::action::{ActionError, Call, Repeatable};
use oncue_rules::ids::SecretName;
use oncue_rules::rule::{Retry, Step, StepKind};
use oncue_rules::template::Template;
use oncue_rules::value::Value;
use serde_json::json;

use super::memory::Memory;
use super::{Node, held, soon};
use crate::runner::Settings;
use crate::secret::Secret;
use crate::secrets::KnownSecrets;
use crate::store::RunStatus;
use crate::workflow::tests::support::{With, act};

fn known(value: &str) -> KnownSecrets {
    KnownSecrets { named: [(SecretName::from("cms"), Secret::new(value))].into(), others: Vec::new() }
}

/// A step whose parameter `token` is the secret `cms`, tried again at once.
fn step() -> Step {
    let with = Template::map(vec![("token".to_owned(), Template::Secret(SecretName::from("cms")))]);
    act("a", &json!({})).edit(|step| {
        step.kind = StepKind::Uses { action: "act".into(), with, wait: None, app: None };
        let wait = Duration::from_millis(1);
        step.retry = Some(Retry { max_attempts: 1_000, initial: wait, max: wait * 10, within: None }.into());
    })
}

fn busy_once(call: &Call) -> Result<Value, ActionError> {
    let token = call.params.get("token").as_text().unwrap_or_default();
    match call.attempt {
        1 => Err(ActionError::retry(format!("no.{token}"), format!("the token {token} is refused"))),
        _ => Ok(Value::map([("echo".to_owned(), Value::text(format!("<{token}>")))].into())),
    }
}

#[tokio::test]
async fn each_attempt_resolves_a_secret_anew_and_nothing_stored_holds_it() {
    let (action, mut calls) = held(Repeatable::Keyed, busy_once);
    let node = Node::start(&Memory::new(), action.clone(), vec![step()], Settings::default());
    node.secrets.replace(known("marker-1"));
    let run = node.accept(1).await;
    let first = soon(calls.recv()).await.unwrap();
    assert_eq!(first.params.to_json(), r#"{"token":"marker-1"}"#);
    node.secrets.replace(KnownSecrets { others: vec![Secret::new("marker-1")], ..known("marker-2") });
    action.let_go(1, 2);
    let second = soon(calls.recv()).await.unwrap();
    assert_eq!(second.params.to_json(), r#"{"token":"marker-2"}"#);
    let kept = soon(node.store.ended(run)).await;
    assert_eq!((kept.status(), kept.failed_attempts), (RunStatus::Succeeded, 1));
    let stored = format!("{:?}{:?}", kept.row, kept.steps);
    assert!(stored.contains("<***>") && !stored.contains("marker"), "{stored}");
}

#[tokio::test]
async fn an_unknown_secret_is_waited_for() {
    let (action, mut calls) = held(Repeatable::Keyed, busy_once);
    let node = Node::start(&Memory::new(), action.clone(), vec![step()], Settings::default());
    let run = node.accept(1).await;
    soon(node.store.until(run, |kept| kept.failed_attempts > 0)).await;
    node.secrets.replace(known("marker-1"));
    action.let_go(1, 1);
    assert_eq!(soon(calls.recv()).await.unwrap().params.get("token"), &Value::text("marker-1"));
    assert_eq!(soon(node.store.ended(run)).await.status(), RunStatus::Succeeded);
}

#[tokio::test]
async fn the_error_of_a_panic_is_scrubbed() {
    let (action, _calls) = held(Repeatable::Keyed, |call| panic!("no such token: {}", call.params.to_json()));
    let node = Node::start(&Memory::new(), action.clone(), vec![step()], Settings::default());
    node.secrets.replace(known("marker-1"));
    let run = node.accept(1).await;
    action.let_go(1, 1);
    let error = soon(node.store.ended(run)).await.row.error.unwrap();
    assert_eq!(error.message, r#"the action panicked: no such token: {"token":"***"}"#);
}
