//! `edit-then-process`: an opening and an ending for every upload, and nothing of ours edited again.

use serde_json::{Value, json};

use super::{ONCALL, Workflow};
use crate::support::{APP, oncue};

const NAME: &str = "edit-then-process";
const RULES: &str = "rules/edit-then-process.yaml";

/// The workflow with an opening and an ending that the vendor has: uploads too, which their tag keeps out.
async fn branded() -> (Workflow, [String; 2]) {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let branding =
        async |name: &str| workflow.running.vendor.upload(APP, &json!({ "name": name, "tags": ["branding"] })).await;
    let files = [branding("opening").await, branding("ending").await];
    workflow.events("NewFileUpload", 2).await;
    let folder = &workflow.running.folder;
    let config = folder.read("oncue.yaml");
    let config = config.replace("5000000000000000101", &files[0]).replace("5000000000000000102", &files[1]);
    folder.write("oncue.yaml", &config);
    oncue(&["rules", "reload"]).within(folder).success();
    (workflow, files)
}

impl Workflow {
    /// What the vendor took, each with its request.
    async fn taken(&self) -> Vec<(String, Value)> {
        let of = |task: Value| (task["action"].as_str().unwrap().to_owned(), task["request"].clone());
        self.running.vendor.tasks().await.into_iter().map(of).collect()
    }

    async fn actions(&self) -> Vec<String> {
        self.taken().await.into_iter().map(|(action, _)| action).collect()
    }
}

fn definitions(request: &Value) -> Vec<u64> {
    let set = request["MediaProcessTask"]["TranscodeTaskSet"].as_array().unwrap();
    set.iter().map(|item| item["Definition"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_upload_is_joined_with_opening_and_ending_and_what_came_of_it_is_transcoded_and_never_edited_again() {
    let (workflow, [opening, ending]) = branded().await;
    let vendor = &workflow.running.vendor;
    let file = vendor.upload(APP, &json!({ "name": "clip", "source_context": "order 7" })).await;
    workflow.run("succeeded").await;
    let taken = workflow.taken().await;
    let [(edit, edited), (process, processed)] = &taken[..] else { panic!("{taken:?}") };
    assert_eq!((edit.as_str(), process.as_str()), ("EditMedia", "ProcessMedia"));
    let parts = json!([{ "FileId": opening }, { "FileId": file }, { "FileId": ending }]);
    assert_eq!((&edited["FileInfos"], &edited["SessionContext"]), (&parts, &json!("order 7")));
    assert_eq!(edited["OutputConfig"], json!({ "MediaName": "clip-full", "Type": "mp4" }));
    let joined = processed["FileId"].as_str().unwrap();
    assert!(![&opening, &file, &ending].contains(&&joined.to_owned()), "{taken:?}");
    assert_eq!(definitions(processed), [100_010, 100_020]);
    let medium = workflow.medium(APP, joined).await;
    assert_eq!((&medium["Name"], &medium["TagSet"]), (&json!("clip-full"), &json!(["with-opening"])));
    assert_eq!(workflow.calls().await, json!({ "EditMedia": 1, "ModifyMediaInfo": 1, "ProcessMedia": 1 }));

    // Should the vendor announce the joined file: its name, its tag and its source each stop the rule.
    for announced in [
        json!({ "name": "clip-full" }),
        json!({ "name": "clip", "tags": ["with-opening"] }),
        json!({ "name": "clip", "source_type": "VideoProcessing" }),
    ] {
        vendor.upload(APP, &announced).await;
    }
    workflow.events("NewFileUpload", 6).await;
    workflow.runs("add-opening-and-ending", "succeeded", 1).await;
    assert_eq!(workflow.running.serving.get("/runs").await["items"].as_array().unwrap().len(), 1);
    assert!(workflow.receivers.heard(ONCALL).is_empty());
}

#[tokio::test]
async fn a_join_that_failed_for_a_passing_reason_is_tried_once_more() {
    let (workflow, _) = branded().await;
    workflow.misbehave(&json!([{ "fault": "sub_task_fails", "action": "EditMedia", "times": 1 }])).await;
    workflow.upload(APP).await;
    workflow.run("succeeded").await;
    assert_eq!(workflow.actions().await, ["EditMedia", "EditMedia", "ProcessMedia"]);
    assert!(workflow.receivers.heard(ONCALL).is_empty());
}

/// The upload was transcoded as it is, and the on-call knows why.
async fn is_published_as_it_is(workflow: &Workflow, file: &str, why: &str) {
    workflow.run("dead").await;
    let taken = workflow.taken().await;
    let processed: Vec<_> = taken.iter().filter(|(action, _)| action == "ProcessMedia").collect();
    assert_eq!(processed.len(), 1, "{taken:?}");
    assert_eq!((&processed[0].1["FileId"], definitions(&processed[0].1)), (&json!(file), vec![100_010, 100_020]));
    let heard = workflow.receivers.heard(ONCALL);
    assert_eq!(heard.len(), 1);
    let message = heard[0].json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with(&format!("{file} was published without opening and ending: ")), "{message}");
    assert!(message.contains(why), "{message}");
}

#[tokio::test]
async fn when_joining_fails_the_upload_is_transcoded_as_it_is_and_the_on_call_sees_it() {
    let (workflow, _) = branded().await;
    workflow.misbehave(&json!([{ "fault": "sub_task_fails", "action": "EditMedia" }])).await;
    let file = workflow.upload(APP).await;
    is_published_as_it_is(&workflow, &file, "InternalError").await;
    assert_eq!(workflow.actions().await, ["EditMedia", "EditMedia", "ProcessMedia"]);
}

#[tokio::test]
async fn without_an_opening_the_upload_is_transcoded_as_it_is() {
    // That of the example is none that the vendor has.
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.upload(APP).await;
    is_published_as_it_is(&workflow, &file, "InvalidParameterValue.FileId").await;
    assert_eq!(workflow.calls().await, json!({ "EditMedia": 1, "ProcessMedia": 1 }));
}

#[tokio::test]
async fn a_daily_cap_bounds_the_bill() {
    // The one change: 2 a day in place of 500.
    let change = |folder: &crate::support::Folder| {
        folder.write(RULES, &folder.read(RULES).replace("runs: 500", "runs: 2"));
    };
    let workflow = Workflow::changed(NAME, &[APP], change).await;
    for _ in 0..4 {
        workflow.upload(APP).await;
    }
    workflow.events("NewFileUpload", 4).await;
    workflow.runs("add-opening-and-ending", "dead", 2).await;
    assert_eq!(workflow.running.serving.get("/counts").await["throttled"], 2);
    assert_eq!(workflow.calls().await, json!({ "EditMedia": 2, "ProcessMedia": 2 }));
}
