//! `review-then-publish`: a machine's verdict, a person for the doubtful, and silence means no.

use serde_json::{Value, json};

use super::{CMS, ONCALL, Workflow};
use crate::endpoints::digits;
use crate::support::{APP, Folder, fixture, upload};

const NAME: &str = "review-then-publish";
const RULE: &str = "review-then-publish";
const RULES: &str = "rules/review-then-publish.yaml";
const DESK: &str = "/tickets";
/// What the desk and Oncue share.
const SECRET: &str = "5d41402abc4b2a76b9719d911017c592";

impl Workflow {
    /// An upload in which the review finds what its tag says.
    async fn suspect(&self, tag: &str) -> String {
        self.running.vendor.upload(APP, &json!({ "name": "clip", "tags": [tag] })).await
    }

    /// What the desk sends, signed with this secret; the status.
    async fn decide(&self, secret: &str, ticket: &Value, decision: &str) -> u16 {
        let body = json!({ "ticket": ticket, "app": "short-video", "decision": decision, "who": "li" }).to_string();
        let signed = digits(secret, &body);
        self.running.serving.send("/hooks/review-desk", &[("X-Signature", &signed)], &body).await.0
    }

    /// How the one run ended, what the CMS was told, and whether the file can be seen.
    async fn outcome(&self, file: &str) -> (String, Value, String) {
        let run = self.run("succeeded").await;
        let heard = self.receivers.heard(CMS);
        assert_eq!((heard.len(), &heard[0].json()["file_id"]), (1, &json!(file)));
        let status = self.medium(APP, file).await["Status"].as_str().unwrap().to_owned();
        (run["run"]["end"].as_str().unwrap().to_owned(), heard[0].json(), status)
    }
}

fn told(file: &str, state: &str, by: &str) -> Value {
    json!({ "file_id": file, "state": state, "by": by })
}

#[tokio::test]
async fn what_passes_is_published_and_nobody_is_asked() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.upload(APP).await;
    let outcome = workflow.outcome(&file).await;
    assert_eq!(outcome, ("published".to_owned(), told(&file, "Pass", "machine"), "Normal".to_owned()));
    assert!(workflow.receivers.heard(DESK).is_empty());
    assert_eq!(workflow.calls().await, json!({ "ReviewAudioVideo": 1, "WeChatMiniProgramPublish": 1 }));
}

#[tokio::test]
async fn what_is_blocked_is_forbidden_and_nobody_is_asked() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.suspect("suggest-block").await;
    let outcome = workflow.outcome(&file).await;
    assert_eq!(outcome, ("forbidden".to_owned(), told(&file, "Forbidden", "machine"), "Forbidden".to_owned()));
    assert!(workflow.receivers.heard(DESK).is_empty());
    assert_eq!(workflow.calls().await, json!({ "ReviewAudioVideo": 1, "ForbidMediaDistribution": 1 }));
}

#[tokio::test]
async fn the_doubtful_is_published_on_the_word_of_the_desk_alone() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.suspect("suggest-review").await;
    let asked = workflow.receivers.first(DESK).await.json();
    assert_eq!((&asked["file_id"], &asked["review"]["Suggestion"]), (&json!(file), &json!("review")), "{asked}");
    let ticket = &asked["ticket"];
    assert_eq!(workflow.decide("a guess", ticket, "publish").await, 401);
    assert_eq!(workflow.decide(SECRET, &json!("run_of_another"), "publish").await, 200);
    assert_eq!(workflow.decide(SECRET, ticket, "perhaps").await, 200);
    let waiting = workflow.run("waiting").await;
    assert_eq!(&waiting["run"]["id"], ticket);
    assert_eq!(workflow.decide(SECRET, ticket, "publish").await, 200);
    let outcome = workflow.outcome(&file).await;
    assert_eq!(outcome, ("published".to_owned(), told(&file, "Pass", "li"), "Normal".to_owned()));
}

#[tokio::test]
async fn the_doubtful_is_forbidden_on_the_word_of_the_desk() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let file = workflow.suspect("suggest-review").await;
    let ticket = workflow.receivers.first(DESK).await.json()["ticket"].clone();
    assert_eq!(workflow.decide(SECRET, &ticket, "forbid").await, 200);
    let outcome = workflow.outcome(&file).await;
    assert_eq!(outcome, ("forbidden".to_owned(), told(&file, "Forbidden", "li"), "Forbidden".to_owned()));
}

#[tokio::test]
async fn a_desk_that_is_silent_for_too_long_means_no() {
    // The one change: a second in place of two days.
    let change = |folder: &Folder| folder.write(RULES, &folder.read(RULES).replace("timeout: 48h", "timeout: 1s"));
    let workflow = Workflow::changed(NAME, &[APP], change).await;
    let file = workflow.suspect("suggest-review").await;
    let ticket = workflow.receivers.first(DESK).await.json()["ticket"].clone();
    let outcome = workflow.outcome(&file).await;
    assert_eq!(outcome, ("forbidden".to_owned(), told(&file, "Forbidden", "machine"), "Forbidden".to_owned()));
    // A word that comes too late changes nothing.
    assert_eq!(workflow.decide(SECRET, &ticket, "publish").await, 200);
    workflow.events("ReviewDecision", 1).await;
    assert_eq!(workflow.medium(APP, &file).await["Status"], "Forbidden");
}

#[tokio::test]
async fn a_review_that_fails_goes_to_a_person() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    let trouble = json!([{ "fault": "sub_task_fails", "action": "ReviewAudioVideo", "code": "SourceFileError" }]);
    workflow.misbehave(&trouble).await;
    let file = workflow.upload(APP).await;
    let asked = workflow.receivers.first(DESK).await.json();
    assert_eq!((&asked["file_id"], &asked["review"]), (&json!(file), &Value::Null), "{asked}");
    assert_eq!(workflow.decide(SECRET, &asked["ticket"], "publish").await, 200);
    assert_eq!(workflow.outcome(&file).await.0, "published");
}

#[tokio::test]
async fn a_review_that_the_upload_started_itself_is_awaited_and_not_paid_for_twice() {
    let workflow = Workflow::start(NAME, &[APP]).await;
    // The vendor has the file; no rule is for sound.
    let file = workflow.running.vendor.upload(APP, &json!({ "category": "Audio" })).await;
    workflow.events("NewFileUpload", 1).await;
    let task = format!("{APP}-ReviewAudioVideo-00000000000000000000000000000001tt0");
    let mut event: Value = serde_json::from_str(&upload(&file, "Video")).unwrap();
    event["FileUploadEvent"]["ReviewAudioVideoTaskId"] = json!(task);
    // It is the same file, so the store is told that this is not the same upload: the first one is a week old.
    let workflow = workflow.meanwhile(forget);
    assert_eq!(workflow.running.serving.post(&event.to_string()).await, Some(200));
    workflow.runs(RULE, "waiting", 1).await;
    let reviewed = fixture("protocol/events/11_review_audio_video_complete.json")
        .replace("1500000001-ReviewAudioVideo-5a1b2c3d4e5f60718293a4b5c6d7e8f1tt0", &task)
        .replace("\"Suggestion\": \"review\"", "\"Suggestion\": \"pass\"");
    assert_eq!(workflow.running.serving.post(&reviewed).await, Some(200));
    workflow.runs(RULE, "succeeded", 1).await;
    assert_eq!(workflow.calls().await, json!({ "WeChatMiniProgramPublish": 1 }));
}

/// Has a store forget what is a duplicate.
fn forget(folder: &Folder) {
    let database = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
    database.execute("DELETE FROM dedupe", ()).unwrap();
}

#[tokio::test]
async fn a_publication_that_cannot_be_is_heard_by_the_on_call_and_forbids_nothing() {
    // The one change: a parameter that the vendor does not know, which no repetition mends.
    let change =
        |folder: &Folder| folder.write(RULES, &folder.read(RULES).replace("SourceDefinition: 0", "Unknown: 0"));
    let workflow = Workflow::changed(NAME, &[APP], change).await;
    let file = workflow.upload(APP).await;
    workflow.run("dead").await;
    let heard = workflow.receivers.first(ONCALL).await.json();
    assert_eq!((&heard["file_id"], &heard["error"]["step"]), (&json!(file), &json!("6/publish")), "{heard}");
    assert_eq!(workflow.medium(APP, &file).await["Status"], "Normal");
    assert!(workflow.receivers.heard(CMS).is_empty());
}
