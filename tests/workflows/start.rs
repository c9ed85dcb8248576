//! `business-webhook-start`: another system starts the work by a signed request, and gets the answer.

use serde_json::{Value, json};

use super::{CMS, Workflow};
use crate::endpoints::digits;
use crate::support::{APP, eventually};

const NAME: &str = "business-webhook-start";
const RULE: &str = "start-by-cms";
/// What the CMS and Oncue share.
const SECRET: &str = "9f4c1d7be2a8460395d1c07be86a2f14";

impl Workflow {
    /// A file that the vendor has.
    async fn file(&self) -> String {
        let file = self.upload(APP).await;
        self.events("NewFileUpload", 1).await;
        file
    }

    /// What the CMS sends, signed; status and answer.
    async fn order(&self, body: &str) -> (u16, Value) {
        self.running.serving.send("/hooks/cms", &[("X-Signature", &digits(SECRET, body))], body).await
    }

    /// The only answer that the CMS gets.
    async fn answer_to(&self, request: &str) -> Value {
        let told = self.receivers.first(CMS).await.json();
        assert_eq!((&told["request_id"], self.receivers.heard(CMS).len()), (&json!(request), 1), "{told}");
        told
    }
}

fn order(request: &str, file: &str) -> String {
    json!({ "kind": "StartTranscode", "request_id": request, "app": "short-video", "file_id": file }).to_string()
}

#[tokio::test]
async fn a_signed_request_starts_a_transcode_and_is_answered_under_its_id() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.file().await;
    let (status, answer) = workflow.order(&order("r-1", &file)).await;
    assert_eq!((status, &answer["duplicate"]), (200, &json!(false)), "{answer}");
    workflow.runs(RULE, "succeeded", 1).await;
    assert_eq!(workflow.submitted().await, [["Transcode 100010", "Transcode 100020"]]);
    let told = workflow.answer_to("r-1").await;
    assert_eq!((&told["outcome"], told["results"].as_array().map(Vec::len)), (&json!("succeeded"), Some(2)), "{told}");
}

#[tokio::test]
async fn the_definitions_of_the_request_win_over_those_of_the_application() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.file().await;
    let mut order: Value = serde_json::from_str(&order("r-1", &file)).unwrap();
    order["definitions"] = json!([100_030]);
    assert_eq!(workflow.order(&order.to_string()).await.0, 200);
    workflow.runs(RULE, "succeeded", 1).await;
    assert_eq!(workflow.submitted().await, [["Transcode 100030"]]);
}

#[tokio::test]
async fn a_request_that_is_sent_again_starts_nothing_new_though_its_bytes_differ() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.file().await;
    let first = order("r-1", &file);
    let (_, accepted) = workflow.order(&first).await;
    let (status, again) = workflow.order(&first).await;
    assert_eq!((status, &again["event"], &again["duplicate"]), (200, &accepted["event"], &json!(true)));
    // Written otherwise it is another event, and the limit of the rule stops it.
    assert_eq!(workflow.order(&format!("{first}\n")).await.0, 200);
    workflow.runs(RULE, "succeeded", 1).await;
    assert_eq!(workflow.running.serving.get("/counts").await["throttled"], 1);
    assert_eq!(workflow.order(&order("r-2", &file)).await.0, 200);
    workflow.runs(RULE, "succeeded", 2).await;
    assert_eq!(workflow.submitted().await.len(), 2);
}

#[tokio::test]
async fn a_failure_is_an_answer_too_with_step_code_and_message() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    assert_eq!(workflow.order(&order("r-1", "5000000000000009999")).await.0, 200);
    workflow.runs(RULE, "dead", 1).await;
    let told = workflow.answer_to("r-1").await;
    let error = &told["error"];
    assert_eq!((&told["outcome"], &error["step"]), (&json!("failed"), &json!("transcode")), "{told}");
    assert!(error["code"].as_str().unwrap().contains("FileId") && !error["message"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_else_starts_anything_and_no_other_application_can_be_named() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.file().await;
    let good = order("r-1", &file);
    let forged = [("X-Signature", digits("a guess", &good))];
    let forged = forged.each_ref().map(|(name, value)| (*name, value.as_str()));
    let serving = &workflow.running.serving;
    assert_eq!(serving.send("/hooks/cms", &forged, &good).await.0, 401);
    assert_eq!(serving.send("/hooks/cms", &[], &good).await.0, 401);
    assert_eq!(workflow.order(&good.replace("short-video", "replay")).await.0, 422);
    // The rule says what a request must have.
    assert_eq!(workflow.order(&good.replace(&format!("\"{file}\""), "7")).await.0, 200);
    assert_eq!(workflow.order(&good.replace("r-1", "")).await.0, 200);
    workflow.events("StartTranscode", 2).await;
    let runs = || async { serving.get(&format!("/runs?rule={RULE}")).await["items"].as_array().map(Vec::len) };
    assert_eq!(eventually("the runs", runs).await, 0);
}
