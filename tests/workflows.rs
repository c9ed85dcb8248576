//! Workflows of real teams, as the heads of their files say: each runs to its end against the stand-in for the vendor, in
//! its good path and in its bad ones.

mod archive;
mod edit;
mod nightly;
mod receiver;
mod replay;
mod review;
mod since;
mod start;

use receiver::Receivers;
use serde_json::{Value, json};

use crate::examples::{Running, copy};
use crate::support::{APP, Folder, Serving, eventually, fixture, http, oncue, root};

const REPLAY: u64 = APP + 1;
const CMS: &str = "/hooks/vod";
const ONCALL: &str = "/hooks/media";
const SEARCH: &str = "/ingest";
const WAREHOUSE: &str = "/vod";

/// A workflow that runs, with the systems that it tells.
struct Workflow {
    running: Running,
    receivers: Receivers,
}

impl Workflow {
    async fn start(name: &str, apps: &[u64]) -> Self {
        Self::changed(name, apps, |_| {}).await
    }

    /// One of which something is changed before it starts.
    async fn changed(name: &str, apps: &[u64], change: impl FnOnce(&Folder)) -> Self {
        let receivers = Receivers::start().await;
        let folder = copy(&format!("workflows/{name}"));
        change(&folder);
        let running = Running::within(folder, apps, Some(receivers.port)).await;
        Self { running, receivers }
    }

    /// Does something while the server is down.
    fn meanwhile(self, act: impl FnOnce(&Folder)) -> Self {
        let Running { vendor, serving, folder } = self.running;
        assert_eq!(serving.stop(), 0);
        act(&folder);
        let serving = Serving::start(&folder);
        Self { running: Running { vendor, serving, folder }, ..self }
    }

    /// The runs of a rule that have this status, the first one first, once there are so many.
    async fn runs(&self, rule: &str, status: &str, count: usize) -> Vec<Value> {
        let serving = &self.running.serving;
        let path = format!("/runs?rule={rule}&status={status}");
        let mut runs = eventually(&format!("{count} runs at {path}"), || async {
            let runs = serving.get(&path).await["items"].as_array().unwrap().clone();
            (runs.len() >= count).then_some(runs)
        })
        .await;
        assert_eq!(runs.len(), count, "{runs:?}");
        runs.reverse();
        runs
    }

    /// The events of a type, the first one first, once there are so many.
    async fn events(&self, kind: &str, count: usize) -> Vec<Value> {
        let serving = &self.running.serving;
        let mut events = eventually(&format!("{count} events {kind}"), || async {
            let events = serving.get(&format!("/events?type={kind}")).await["items"].as_array().unwrap().clone();
            (events.len() >= count).then_some(events)
        })
        .await;
        assert_eq!(events.len(), count, "{events:?}");
        events.reverse();
        events
    }

    /// How often the vendor was called, by action.
    async fn calls(&self) -> Value {
        self.running.vendor.get("statistics").await["calls"].clone()
    }

    /// What the vendor knows of a file.
    async fn medium(&self, app: u64, file: &str) -> Value {
        self.running.vendor.get(&format!("apps/{app}/media/{file}")).await
    }

    async fn upload(&self, app: u64) -> String {
        self.running.vendor.upload(app, &json!({ "name": "clip" })).await
    }

    async fn misbehave(&self, troubles: &Value) {
        let url = format!("{}/simulator/misbehaviour", self.running.vendor.url());
        assert_eq!(http().put(url).json(troubles).send().await.unwrap().status(), 200);
    }

    /// The one run, once it has this status.
    async fn run(&self, status: &str) -> Value {
        let serving = &self.running.serving;
        eventually(status, || async {
            let runs = serving.get("/runs").await["items"].clone();
            assert!(runs.as_array().unwrap().len() <= 1, "{runs}");
            let id = runs[0]["id"].as_str().filter(|_| runs[0]["status"] == status)?.to_owned();
            Some(serving.get(&format!("/runs/{id}")).await)
        })
        .await
    }

    /// What was submitted, by task set and definition, one list for each submission.
    async fn submitted(&self) -> Vec<Vec<String>> {
        let of = |task: &Value| {
            let sets = task["request"]["MediaProcessTask"].as_object().unwrap().clone();
            let part = |(set, parts): (String, Value)| {
                let parts = parts.as_array().unwrap().clone();
                parts.into_iter().map(move |part| format!("{} {}", set.trim_end_matches("TaskSet"), part["Definition"]))
            };
            let mut parts: Vec<_> = sets.into_iter().flat_map(part).collect();
            parts.sort();
            parts
        };
        self.running.vendor.tasks().await.iter().map(of).collect()
    }
}

#[test]
fn every_workflow_is_listed_loads_and_is_documented_by_its_rule_file() {
    let folder = root().join("examples/workflows");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let folders = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut seen = 0;
    for path in folders {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(index.contains(&format!("]({name}/)")), "{name}");
        let rules = std::fs::read_to_string(path.join(format!("rules/{name}.yaml"))).unwrap();
        assert!(rules.starts_with("# The ") || rules.starts_with("# Three "), "{name} says what the team wants");
        oncue(&["check"]).within(&copy(&format!("workflows/{name}"))).success();
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[tokio::test]
async fn a_transcode_by_application_is_told_to_a_cms_that_was_down() {
    let workflow = Workflow::start("transcode-notify-cms", &[APP, REPLAY]).await;
    workflow.receivers.answer(CMS, &[(503, ""), (200, r#"{"code":1}"#)]);
    let file = workflow.upload(REPLAY).await;
    workflow.run("succeeded").await;
    assert_eq!(workflow.submitted().await, [["Transcode 100030"]]);
    let heard = workflow.receivers.heard(CMS);
    assert_eq!(heard.len(), 3, "down, then refused in words, then well");
    assert!(heard.iter().all(|again| again.header("webhook-id") == heard[0].header("webhook-id")));
    let told = heard[2].json();
    assert_eq!((&told["file_id"], &told["app"]), (&json!(file), &json!("replay")));
    assert_eq!((&told["outcome"], &told["failed"], &told["error"]), (&json!("succeeded"), &json!([]), &Value::Null));
    assert_eq!(told["results"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(heard[2].header("x-signature").len(), 64);
    assert!(workflow.receivers.heard(ONCALL).is_empty());
}

#[tokio::test]
async fn a_definition_that_failed_for_a_passing_reason_is_submitted_again_alone() {
    let workflow = Workflow::start("transcode-notify-cms", &[APP]).await;
    workflow.misbehave(&json!([{ "fault": "sub_task_fails", "definition": 100_020, "times": 1 }])).await;
    workflow.upload(APP).await;
    workflow.run("succeeded").await;
    let submitted = workflow.submitted().await;
    assert_eq!(submitted, [vec!["Transcode 100010", "Transcode 100020"], vec!["Transcode 100020"]]);
    let told = workflow.receivers.first(CMS).await.json();
    assert_eq!((&told["outcome"], told["results"].as_array().map(Vec::len)), (&json!("succeeded"), Some(2)), "{told}");
}

#[tokio::test]
async fn a_video_of_which_something_failed_is_never_announced_as_ready_and_the_on_call_hears() {
    let workflow = Workflow::start("transcode-notify-cms", &[APP]).await;
    let trouble =
        json!([{ "fault": "sub_task_fails", "definition": 100_020, "code": "SourceFileError.ContentUnsupported" }]);
    workflow.misbehave(&trouble).await;
    let file = workflow.upload(APP).await;
    let dead = workflow.run("dead").await;
    assert_eq!(workflow.submitted().await.len(), 1, "what cannot succeed is not submitted again");
    let told = workflow.receivers.first(CMS).await.json();
    assert_eq!(told["outcome"], "partly_failed", "{told}");
    assert_eq!(told["failed"][0]["TranscodeTask"]["ErrCodeExt"], "SourceFileError.ContentUnsupported", "{told}");
    let oncall = workflow.receivers.first(ONCALL).await;
    assert_eq!(oncall.json()["message"], format!("{file}: transcode partly_failed"), "{dead}");
    assert!(oncall.header("webhook-signature").starts_with("v1,"));
    assert_eq!((workflow.receivers.heard(CMS).len(), workflow.receivers.heard(ONCALL).len()), (1, 1));
}

#[tokio::test]
async fn stream_cover_and_sprite_come_of_one_submission_and_one_message() {
    let workflow = Workflow::start("adaptive-cover-sprite", &[APP]).await;
    let file = workflow.upload(APP).await;
    workflow.run("succeeded").await;
    let all = ["AdaptiveDynamicStreaming 10", "CoverBySnapshot 10", "ImageSprite 10"];
    assert_eq!(workflow.submitted().await, [all]);
    let heard = workflow.receivers.heard(CMS);
    assert_eq!(heard.len(), 1);
    let told = heard[0].json();
    assert_eq!((&told["file_id"], &told["state"], &told["missing"]), (&json!(file), &json!("playable"), &json!([])));
    for what in ["streams", "covers", "sprites"] {
        let urls = told[what].as_array().unwrap();
        assert!(urls.len() == 1 && urls[0].as_str().unwrap().starts_with("http"), "{what}: {told}");
    }
}

#[tokio::test]
async fn only_the_part_that_failed_is_submitted_again() {
    let workflow = Workflow::start("adaptive-cover-sprite", &[APP]).await;
    workflow.misbehave(&json!([{ "fault": "sub_task_fails", "definition": 10, "times": 1 }])).await;
    workflow.upload(APP).await;
    workflow.run("succeeded").await;
    let submitted = workflow.submitted().await;
    assert_eq!(submitted.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1], "{submitted:?}");
    let told = workflow.receivers.first(CMS).await.json();
    let found = ["streams", "covers", "sprites", "missing"].map(|what| told[what].as_array().map(Vec::len));
    assert_eq!(found, [Some(1), Some(1), Some(1), Some(0)], "{told}");
}

#[tokio::test]
async fn without_its_stream_a_video_is_not_playable_and_the_cms_hears_why() {
    let workflow = Workflow::start("adaptive-cover-sprite", &[APP]).await;
    workflow.misbehave(&json!([{ "fault": "sub_task_fails", "code": "SourceFileError.NoVideoMedia" }])).await;
    workflow.upload(APP).await;
    workflow.run("dead").await;
    assert_eq!(workflow.submitted().await.len(), 1);
    let heard = workflow.receivers.heard(CMS);
    assert_eq!(heard.len(), 1);
    let told = heard[0].json();
    assert_eq!((&told["state"], told["missing"].as_array().map(Vec::len)), (&json!("failed"), Some(3)), "{told}");
    assert_eq!((&told["error"]["step"], &told["error"]["code"]), (&json!("media"), &json!("failed")), "{told}");
}

const PROCEDURE: &str = "protocol/events/04_procedure_finish_two_transcodes_and_cover.json";

#[tokio::test]
async fn three_receivers_hear_once_each_though_one_was_down() {
    let workflow = Workflow::start("fan-out", &[APP]).await;
    workflow.receivers.answer(SEARCH, &[(500, "")]);
    let event = fixture(PROCEDURE);
    assert_eq!(workflow.running.serving.post(&event).await, Some(200));
    workflow.run("succeeded").await;
    let heard = [CMS, SEARCH, WAREHOUSE].map(|path| workflow.receivers.heard(path));
    assert_eq!(heard.each_ref().map(Vec::len), [1, 2, 1]);
    let [cms, search, warehouse] = heard;
    assert_eq!(cms[0].json()["results"].as_array().unwrap().len(), 3);
    assert_eq!(search[0].header("webhook-id"), search[1].header("webhook-id"));
    assert!(search[1].json()["duration"].is_number(), "{}", search[1].json());
    assert_eq!(warehouse[0].body, event.as_bytes(), "the very bytes");
    let ids: std::collections::BTreeSet<_> =
        [&cms[0], &search[0], &warehouse[0]].iter().map(|heard| heard.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn when_one_receiver_gives_up_the_others_have_heard_and_the_run_names_it() {
    let workflow = Workflow::start("fan-out", &[APP]).await;
    workflow.receivers.answer(SEARCH, &[(410, "")]);
    assert_eq!(workflow.running.serving.post(&fixture(PROCEDURE)).await, Some(200));
    let dead = workflow.run("dead").await;
    let heard = [CMS, SEARCH, WAREHOUSE].map(|path| workflow.receivers.heard(path).len());
    assert_eq!(heard, [1, 1, 1]);
    assert!(dead["run"]["error"]["message"].as_str().unwrap().contains("search"), "{}", dead["run"]["error"]);
    let outcome = |path: &str| {
        let steps = dead["steps"].as_array().unwrap();
        steps.iter().find(|step| step["path"].as_str().unwrap().ends_with(path)).unwrap()["outcome"].clone()
    };
    assert_eq!(["cms", "search", "warehouse"].map(outcome), ["succeeded", "failed", "succeeded"]);
}

#[tokio::test]
async fn a_retry_sends_to_the_receiver_that_gave_up_and_to_no_other() {
    let workflow = Workflow::start("fan-out", &[APP]).await;
    workflow.receivers.answer(SEARCH, &[(410, "")]);
    assert_eq!(workflow.running.serving.post(&fixture(PROCEDURE)).await, Some(200));
    let dead = workflow.run("dead").await;
    let id = dead["run"]["id"].as_str().unwrap();
    let said = oncue(&["runs", "retry", id]).within(&workflow.running.folder).success().stdout;
    assert_eq!(said, format!("{id} goes on from fan/search\n"));
    let well = workflow.run("succeeded").await;
    assert_eq!((&well["run"]["id"], &well["run"]["error"]), (&json!(id), &Value::Null));
    let [cms, search, warehouse] = [CMS, SEARCH, WAREHOUSE].map(|path| workflow.receivers.heard(path));
    assert_eq!((cms.len(), search.len(), warehouse.len()), (1, 2, 1));
    assert_eq!(search[0].header("webhook-id"), search[1].header("webhook-id"), "it may know that it has heard this");
    assert_eq!(search[0].body, search[1].body);
}
