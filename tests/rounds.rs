//! Work that fails in part, or of which nothing is heard, through the real binary and against the stand-in.

use serde_json::{Value, json};

use crate::support::{APP, Folder, Serving, Vendor, eventually, fixture, http};

const ROUNDS: &str = "
rules:
  - name: transcode
    on: NewFileUpload
    steps:
      - id: transcode
        uses: vod.process_media
        with: { definitions: [100010, 100020], MediaProcessTask: { CoverBySnapshotTaskSet: [{ Definition: 10, PositionType: Percent, PositionValue: 5 }] } }
        wait: { timeout: 1h, retry_failed: { max_attempts: 3 } }
        retry: { initial: 10ms }
      - { id: told, set: { urls: '${{ steps.transcode.results.map(|r| r.TranscodeTask.Output.Url) }}' } }
";

async fn trouble(vendor: &Vendor, trouble: Value) {
    let put = http().put(format!("{}/simulator/misbehaviour", vendor.url())).json(&json!([trouble]));
    assert_eq!(put.send().await.unwrap().status(), 200);
}

async fn ended(serving: &Serving, status: &str) -> Value {
    let id = eventually(&format!("a run that is {status}"), || async {
        serving.get(&format!("/runs?status={status}")).await["items"].get(0)?["id"].as_str().map(str::to_owned)
    })
    .await;
    serving.get(&format!("/runs/{id}")).await
}

fn output<'v>(run: &'v Value, path: &str) -> &'v Value {
    let steps = run["steps"].as_array().unwrap();
    steps.iter().find(|step| step["path"] == path).map_or(&Value::Null, |step| &step["output"])
}

/// How many parts each submission asked for, oldest first, with the `SessionId`s.
async fn submitted(vendor: &Vendor) -> (Vec<usize>, Vec<String>) {
    let tasks = vendor.tasks().await;
    let count = |task: &Value| {
        let sets = task["request"]["MediaProcessTask"].as_object().unwrap().values();
        sets.map(|set| set.as_array().unwrap().len()).sum()
    };
    let session = |task: &Value| task["request"]["SessionId"].as_str().unwrap().to_owned();
    (tasks.iter().map(count).collect(), tasks.iter().map(session).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_failed_for_a_passing_reason_is_submitted_again_alone() {
    let folder = Folder::with_rules(ROUNDS);
    let vendor = Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    trouble(&vendor, json!({ "fault": "sub_task_fails", "definition": 100_020, "code": "InternalError", "times": 2 }))
        .await;
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({})).await;
    let run = ended(&serving, "succeeded").await;
    let (parts, mut sessions) = submitted(&vendor).await;
    assert_eq!(parts, [3, 1, 1], "{run}");
    sessions.dedup();
    assert_eq!(sessions.len(), 3);
    let urls = output(&run, "told")["urls"].as_array().unwrap();
    assert!(urls[0].is_string() && urls[1].is_string(), "{urls:?}");
    let kept = output(&run, "transcode");
    assert_eq!(kept["$earlier"].as_array().map(Vec::len), Some(2), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_fails_for_good_is_not_paid_for_again() {
    let folder = Folder::with_rules(ROUNDS);
    let vendor = Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    trouble(
        &vendor,
        json!({ "fault": "sub_task_fails", "definition": 100_020, "code": "SourceFileError.NoVideoMedia" }),
    )
    .await;
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({})).await;
    let run = ended(&serving, "dead").await;
    assert_eq!(submitted(&vendor).await.0, [3]);
    assert_eq!(run["run"]["error"]["code"], "partly_failed", "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whose_notification_is_lost_is_asked_for_and_taken_as_an_event() {
    let folder = Folder::with_rules(&ROUNDS.replace("timeout: 1h,", "timeout: 1h, on_silence: 100ms,"));
    let vendor = Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    trouble(&vendor, json!({ "fault": "callback_lost" })).await;
    let serving = Serving::start(&folder);
    let file = vendor.upload(APP, &json!({})).await;
    let upload = fixture("protocol/events/01_new_file_upload_plain.json").replace("5000000000000000001", &file);
    assert_eq!(serving.post(&upload).await, Some(200));
    let run = ended(&serving, "succeeded").await;
    let reference = output(&run, "transcode")["$event"].as_str().unwrap().to_owned();
    let event = serving.get(&format!("/events/{reference}")).await["event"].clone();
    assert_eq!((&event["type"], &event["source"]), (&json!("ProcedureStateChanged"), &json!("vod")));
    assert_eq!(submitted(&vendor).await.0, [3]);
}
