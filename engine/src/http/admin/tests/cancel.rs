//! Ending runs.

use oncue_rules::ids::RunId;
use serde_json::json;

use super::Rig;
use crate::store::{Input, RunStatus};

#[tokio::test]
async fn a_cancel_is_delivered_to_a_run_that_goes_on_and_to_no_other() {
    let rig = Rig::new().await;
    let (waiting, ended) = (rig.add_run(RunStatus::Waiting), rig.add_run(RunStatus::Succeeded));
    let answer = rig.call("POST", &format!("/runs/{waiting}/cancel"), r#"{"reason":"wrong file"}"#).await;
    assert_eq!((answer.status, answer.json()), (202, json!({ "run": waiting.to_string(), "outcome": "asked" })));
    assert_eq!(rig.call("POST", &format!("/runs/{waiting}/cancel"), "").await.status, 202);
    assert_eq!(rig.call("POST", &format!("/runs/{ended}/cancel"), "").await.status, 409);
    assert_eq!(rig.call("POST", &format!("/runs/{}/cancel", RunId::generate()), "").await.status, 404);
    let answer = rig.call("POST", &format!("/runs/{waiting}/cancel"), r#"{"reason":7}"#).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_body"));
    let reasons: Vec<_> = rig.admin.store.delivered.lock().unwrap().iter().map(|sent| sent.input.clone()).collect();
    let cancel = |reason: &str| Input::Cancel { reason: reason.to_owned() };
    assert_eq!(reasons, [cancel("wrong file"), cancel("cancelled through the API")]);
}
