//! `archive-then-delete-source`: a month between two acts, the second judged afresh.

use std::time::Duration;

use serde_json::{Value, json};

use super::since::later;
use super::{ONCALL, PROCEDURE, Workflow};
use crate::support::{APP, fixture, http};

const NAME: &str = "archive-then-delete-source";
const RULES: &str = "rules/archive-then-delete-source.yaml";
const ARCHIVE: &str = "archive-original";
const DELETE: &str = "delete-original-when-due";
/// A little more than 30 days, and than the time until it is one o'clock.
const MONTH: Duration = Duration::from_hours(30 * 24 + 1);
const NIGHT: Duration = Duration::from_hours(25);

impl Workflow {
    /// A file that was transcoded on its upload.
    async fn transcoded(&self, medium: Value) -> String {
        let mut medium = medium;
        medium["procedure"] = "any".into();
        self.running.vendor.upload(APP, &medium).await
    }

    /// Lets a month pass, then a night; something happens before the month is over.
    async fn a_month_later(self, archived: usize, due: usize, act: impl FnOnce(&crate::support::Folder)) -> Self {
        self.runs(ARCHIVE, "waiting", archived).await;
        let workflow = self.meanwhile(|folder| {
            act(folder);
            later(folder, MONTH);
        });
        workflow.runs(ARCHIVE, "succeeded", archived).await;
        workflow.runs(DELETE, "waiting", due).await;
        workflow.meanwhile(|folder| later(folder, NIGHT))
    }

    /// The words that the runs of the deletion ended with, sorted.
    async fn ended(&self, count: usize) -> Vec<Value> {
        let runs = self.runs(DELETE, "succeeded", count).await;
        let mut ended: Vec<_> = runs.iter().map(|run| run["end"].clone()).collect();
        ended.sort_by_key(ToString::to_string);
        ended
    }

    /// What the rules have logged.
    fn said(&self) -> Vec<String> {
        self.running.serving.logged().into_iter().map(|logged| logged.message).collect()
    }
}

#[tokio::test]
async fn an_original_is_moved_at_once_and_deleted_a_month_later_and_nothing_else() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.transcoded(json!({})).await;
    workflow.runs(ARCHIVE, "waiting", 1).await;
    assert_eq!(workflow.medium(APP, &file).await["StorageClass"], "STANDARD_IA");
    // Transcoded once more: there is one countdown for a file.
    let mut again: Value = serde_json::from_str(&fixture(PROCEDURE)).unwrap();
    again["ProcedureStateChangeEvent"]["FileId"] = file.as_str().into();
    assert_eq!(workflow.running.serving.post(&again.to_string()).await, Some(200));
    assert_eq!(workflow.running.serving.get("/counts").await["throttled"], 1);

    let workflow = workflow.a_month_later(1, 1, |_| {}).await;
    assert_eq!(workflow.ended(1).await, ["deleted"]);
    let deleted = workflow.events("FileDeleted", 1).await;
    let event = workflow.running.serving.get(&format!("/events/{}", deleted[0]["id"].as_str().unwrap())).await;
    let body = event["body"].to_string();
    assert!(body.contains("OriginalFiles") && body.contains(&file), "{event}");
    assert_eq!(workflow.medium(APP, &file).await["Category"], "Video", "the media lives on");
    let calls = json!({ "ModifyMediaStorageClass": 1, "DescribeMediaInfos": 1, "DeleteMedia": 1 });
    assert_eq!(workflow.calls().await, calls);
    assert!(workflow.receivers.heard(ONCALL).is_empty());
}

#[tokio::test]
async fn a_legal_hold_a_live_recording_a_file_without_a_transcode_and_one_that_is_gone_are_left_alone() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let held = workflow.transcoded(json!({ "tags": ["legal-hold"] })).await;
    let recorded = workflow.transcoded(json!({ "source_type": "Record" })).await;
    let gone = workflow.transcoded(json!({})).await;
    // Its transcodes were deleted meanwhile: the vendor has none.
    let bare = workflow.upload(APP).await;
    let mut event: Value = serde_json::from_str(&fixture(PROCEDURE)).unwrap();
    event["ProcedureStateChangeEvent"]["FileId"] = bare.as_str().into();
    assert_eq!(workflow.running.serving.post(&event.to_string()).await, Some(200));
    workflow.runs(ARCHIVE, "waiting", 4).await;
    let url = format!("{}/simulator/apps/{APP}/media/{gone}", workflow.running.vendor.url());
    assert_eq!(http().delete(url).send().await.unwrap().status(), 200);
    workflow.events("FileDeleted", 1).await;

    let workflow = workflow.a_month_later(4, 4, |_| {}).await;
    assert_eq!(workflow.ended(4).await, ["kept"; 4]);
    let mut said = workflow.said();
    said.sort();
    let mut expected = [(&held, "legal hold"), (&recorded, "live recording"), (&gone, "gone"), (&bare, "no transcode")]
        .map(|(file, why)| format!("original of {file} kept: {why}"));
    expected.sort();
    assert_eq!(said, expected);
    assert_eq!(workflow.calls().await, json!({ "ModifyMediaStorageClass": 4, "DescribeMediaInfos": 4 }));
}

#[tokio::test]
async fn the_rule_of_the_day_decides_not_that_of_a_month_ago() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.transcoded(json!({ "tags": ["contract"] })).await;
    let stricter = |folder: &crate::support::Folder| {
        folder.write(RULES, &folder.read(RULES).replace("\"legal-hold\" in", "\"contract\" in"));
    };
    let workflow = workflow.a_month_later(1, 1, stricter).await;
    assert_eq!(workflow.ended(1).await, ["kept"]);
    assert_eq!(workflow.said(), [format!("original of {file} kept: legal hold")]);
}

#[tokio::test]
async fn what_is_over_the_deletions_of_a_day_keeps_its_original() {
    // The one change: one deletion a day in place of 2,000.
    let change = |folder: &crate::support::Folder| {
        folder.write(RULES, &folder.read(RULES).replace("runs: 2000", "runs: 1"));
    };
    let workflow = Workflow::changed(NAME, &[APP], change).await;
    for _ in 0..3 {
        workflow.transcoded(json!({})).await;
    }
    let workflow = workflow.a_month_later(3, 1, |_| {}).await;
    assert_eq!(workflow.ended(1).await, ["deleted"]);
    let calls = json!({ "ModifyMediaStorageClass": 3, "DescribeMediaInfos": 1, "DeleteMedia": 1 });
    assert_eq!(workflow.calls().await, calls);
    assert_eq!(workflow.running.serving.get("/counts").await["throttled"], 2);
}

#[tokio::test]
async fn what_was_not_transcoded_whole_stays_where_it_is() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let partly = fixture("protocol/events/05_procedure_finish_one_transcode_failed.json");
    assert_eq!(workflow.running.serving.post(&partly).await, Some(200));
    assert_eq!(workflow.running.serving.get("/runs").await["items"], json!([]));
    assert_eq!(workflow.calls().await, json!({}));
}
