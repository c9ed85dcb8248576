//! Runs that wait, through the real binary: for events, for a while, and across a kill.

use serde_json::{Value, json};

use crate::support::{APP, Folder, Serving, Vendor, eventually, fixture, http, oncue};

/// Submits, waits for the end of the task, and tells what came of it.
const TRANSCODE: &str = "
rules:
  - name: transcode
    on: NewFileUpload
    steps:
      - { id: submit, uses: vod.process_media, with: { definitions: [100010, 100020] } }
      - id: done
        wait_for:
          on: ProcedureStateChanged
          keys: { task_id: '${{ steps.submit.TaskId }}' }
          match: { payload.Status: FINISH }
          timeout: 1h
      - switch: ${{ steps.done.outcome }}
        cases:
          succeeded:
            - id: told
              set:
                file: ${{ event.file_id }}
                urls: ${{ steps.done.payload.MediaProcessResultSet.map(|r| r.TranscodeTask.Output.Url) }}
            - end: transcoded
      - { id: never, set: { a: 1 } }
";
const UPLOAD: &str = "protocol/events/01_new_file_upload_plain.json";
const FILE: &str = "5000000000000000001";

async fn run(serving: &Serving, status: &str) -> Value {
    let id = eventually(&format!("a run that is {status}"), || async {
        let runs = serving.get(&format!("/runs?status={status}")).await;
        runs["items"].get(0)?["id"].as_str().map(str::to_owned)
    })
    .await;
    serving.get(&format!("/runs/{id}")).await
}

fn step<'v>(run: &'v Value, path: &str) -> &'v Value {
    let steps = run["steps"].as_array().unwrap();
    steps.iter().find(|step| step["path"] == path).unwrap_or(&Value::Null)
}

/// An event of the vendor's about this file: a finished procedure, or another.
fn finished(file: &str, task: &str) -> String {
    let event = fixture("protocol/events/04_procedure_finish_two_transcodes_and_cover.json");
    let mut event: Value = serde_json::from_str(&event).unwrap();
    event["ProcedureStateChangeEvent"]["FileId"] = file.into();
    event["ProcedureStateChangeEvent"]["TaskId"] = task.into();
    event.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_what_its_submission_comes_to_and_ends_early_and_well() {
    let folder = Folder::with_rules(TRANSCODE);
    let vendor = Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    let file = vendor.upload(APP, &json!({})).await;
    let run = run(&serving, "succeeded").await;
    let told = &step(&run, "2/0/told")["output"];
    assert_eq!((&told["file"], told["urls"].as_array().map(Vec::len)), (&json!(file), Some(2)), "{run}");
    assert_eq!(step(&run, "2/0/1")["output"], json!({ "end": "transcoded" }));
    assert_eq!(run["run"]["end"], json!("transcoded"));
    let listed = oncue(&["runs"]).within(&folder).success().stdout;
    assert!(listed.contains("succeeded (transcoded)"), "{listed}");
    let shown = oncue(&["runs", "show", run["run"]["id"].as_str().unwrap()]).within(&folder).success().stdout;
    assert!(shown.contains("\nend          transcoded\n"), "{shown}");
    assert_eq!(step(&run, "never"), &Value::Null);
    // The event is kept once: the step refers to it.
    let reference = step(&run, "done")["output"]["$event"].as_str().unwrap().to_owned();
    assert_eq!(serving.get(&format!("/events/{reference}")).await["event"]["type"], "ProcedureStateChanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_that_is_faster_than_the_reply_is_found() {
    let folder = Folder::with_rules(TRANSCODE);
    let vendor = Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    let trouble = json!([{ "fault": "callback_before_reply" }]);
    let put = http().put(format!("{}/simulator/misbehaviour", vendor.url())).json(&trouble);
    assert_eq!(put.send().await.unwrap().status(), 200);
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({})).await;
    let run = run(&serving, "succeeded").await;
    let completion = step(&run, "done")["output"]["$event"].as_str().unwrap();
    let received = serving.get(&format!("/events/{completion}")).await["event"]["received_at"].clone();
    assert!(received.as_str() < step(&run, "submit")["ended_at"].as_str(), "{run}");
}

/// Goes on at once after it has submitted, and waits for the end later.
const LATER: &str = "
rules:
  - name: later
    on: NewFileUpload
    steps:
      - { id: submit, uses: vod.process_media, with: { definitions: [100010] } }
      - sleep: 100ms
      - { id: awake, set: { a: 1 } }
      - { id: done, wait_for: { step: submit, timeout: 1h } }
      - id: again
        wait_for: { step: submit, since: awake, timeout: 100ms }
        on_timeout: continue
      - { id: told, set: { task: '${{ steps.done.payload.TaskId }}', again: '${{ steps.again.outcome }}' } }
";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_submitted_has_ended_before_it_is_waited_for_and_tells_nothing_since() {
    let folder = Folder::with_rules(LATER);
    let vendor = Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    let trouble = json!([{ "fault": "callback_before_reply" }]);
    let put = http().put(format!("{}/simulator/misbehaviour", vendor.url())).json(&trouble);
    assert_eq!(put.send().await.unwrap().status(), 200);
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({})).await;
    let run = run(&serving, "succeeded").await;
    let task = step(&run, "submit")["output"]["TaskId"].clone();
    assert_eq!(step(&run, "told")["output"], json!({ "task": task, "again": "timed_out" }), "{run}");
}

/// Waits in vain, has other steps do something about it, across a kill, and goes on.
const INSTEAD: &str = "
rules:
  - name: instead
    on: NewFileUpload
    steps:
      - id: done
        wait_for: { on: FileDeleted, keys: { file_id: '${{ trigger.file_id }}' }, timeout: 100ms }
        on_timeout:
          - { id: why, set: { text: '${{ steps.done.outcome }}: ${{ steps.done.error.code }}' } }
          - { id: at_last, wait_for: { on: FileDeleted, keys: { file_id: '${{ trigger.file_id }}' }, timeout: 1h } }
      - { id: told, set: { why: '${{ steps.why.text }}', at_last: '${{ steps.at_last.outcome }}' } }
";

#[tokio::test]
async fn steps_run_in_place_of_a_time_out_across_a_kill() {
    let folder = Folder::with_rules(INSTEAD);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    eventually("the second wait", || async {
        let run = run(&serving, "waiting").await;
        (step(&run, "done/on_timeout:at_last")["outcome"] == "running").then_some(())
    })
    .await;
    serving.kill();
    let serving = Serving::start(&folder);
    let mut deleted: Value = serde_json::from_str(&fixture("protocol/events/09_file_deleted.json")).unwrap();
    deleted["FileDeleteEvent"]["FileIdSet"] = json!([FILE]);
    assert_eq!(serving.post(&deleted.to_string()).await, Some(200));
    let run = run(&serving, "succeeded").await;
    let expected = json!({ "why": "timed_out: timeout", "at_last": "succeeded" });
    assert_eq!(
        (&step(&run, "told")["output"], &step(&run, "done")["outcome"]),
        (&expected, &json!("timed_out")),
        "{run}"
    );
}

const WATCH: &str = "
rules:
  - name: watch
    on: NewFileUpload
    steps:
      - sleep: 50ms
      - id: done
        wait_for:
          any:
            - on: ProcedureStateChanged
              keys: { file_id: '${{ trigger.file_id }}' }
              match: { payload.MediaProcessResultSet.TranscodeTask.Status: SUCCESS }
            - { on: FileDeleted, keys: { file_id: '${{ trigger.file_id }}' } }
          timeout: 6h
      - { id: told, set: { task: '${{ steps.done.payload.TaskId }}', kind: '${{ steps.done.event.type }}', own: '${{ payload.FileId }}' } }
";

#[tokio::test]
async fn a_killed_server_goes_on_waiting_and_takes_the_event_for_which_it_waits() {
    let folder = Folder::with_rules(WATCH);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    eventually("the wait", || async {
        let run = run(&serving, "waiting").await;
        (step(&run, "done")["outcome"] == "running").then_some(())
    })
    .await;
    serving.kill();

    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&finished("5000000000000000099", "other")).await, Some(200));
    let failed = fixture("protocol/events/07_procedure_finish_errcode_nonzero.json");
    let mut failed: Value = serde_json::from_str(&failed).unwrap();
    failed["ProcedureStateChangeEvent"]["FileId"] = FILE.into();
    assert_eq!(serving.post(&failed.to_string()).await, Some(200));
    assert_eq!(run(&serving, "waiting").await["steps"].as_array().unwrap().len(), 2, "neither is the awaited event");
    assert_eq!(serving.post(&finished(FILE, "task-7")).await, Some(200));
    let told = run(&serving, "succeeded").await;
    let expected = json!({ "task": "task-7", "kind": "ProcedureStateChanged", "own": FILE });
    assert_eq!(step(&told, "told")["output"], expected, "{told}");
    assert_eq!(serving.stop(), 0);
}

#[tokio::test]
async fn a_wait_that_nothing_ends_ends_at_its_time() {
    let rules = WATCH
        .replace("timeout: 6h", "timeout: 100ms")
        .replace("      - { id: told", "        on_timeout: continue\n      - { id: told");
    let folder = Folder::with_rules(&rules);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let run = run(&serving, "succeeded").await;
    assert_eq!(
        (&step(&run, "done")["outcome"], &step(&run, "told")["output"]["task"]),
        (&json!("timed_out"), &Value::Null)
    );
}

/// As workflow 01 of real teams: the CMS hears of failure too, and then the run fails for the on-call.
const TELL: &str = "
rules:
  - name: transcode-then-tell
    on: NewFileUpload
    match: { event.depth: 0 }
    steps:
      - id: transcode
        uses: vod.process_media
        with: { definitions: [100010, 100020] }
        wait: { timeout: 12h }
        on_error: continue
        on_timeout: continue
      - id: tell_cms
        set:
          how: ${{ steps.transcode.outcome }}
          parts: ${{ steps.transcode.results.len() }}
          failed: ${{ steps.transcode.failed.map(|r| r.TranscodeTask.ErrCodeExt) }}
          task: ${{ steps.transcode.TaskId == steps.transcode.payload.TaskId }}
      - if: steps.transcode.outcome != 'succeeded'
        uses: fail
        with: { message: '${{ event.file_id }}: transcode ${{ steps.transcode.outcome }}' }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_with_wait_is_as_good_as_what_came_of_it() {
    let folder = Folder::with_rules(TELL);
    let vendor = Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({})).await;
    let well = run(&serving, "succeeded").await;
    let expected = json!({ "how": "succeeded", "parts": 2, "failed": [], "task": true });
    assert_eq!(step(&well, "tell_cms")["output"], expected, "{well}");

    let trouble =
        json!([{ "fault": "sub_task_fails", "definition": 100_020, "code": "SourceFileError.ContentUnsupported" }]);
    let put = http().put(format!("{}/simulator/misbehaviour", vendor.url())).json(&trouble);
    assert_eq!(put.send().await.unwrap().status(), 200);
    vendor.upload(APP, &json!({})).await;
    let dead = run(&serving, "dead").await;
    let told = &step(&dead, "tell_cms")["output"];
    assert_eq!(
        (&told["how"], &told["failed"][0]),
        (&json!("partly_failed"), &json!("SourceFileError.ContentUnsupported")),
        "{dead}"
    );
    let error = &step(&dead, "transcode")["error"];
    assert_eq!(error["code"], "partly_failed");
    assert!(error["message"].as_str().unwrap().starts_with("Transcode: SourceFileError.ContentUnsupported"), "{error}");
    assert!(dead["run"]["error"]["message"].as_str().unwrap().ends_with(": transcode partly_failed"), "{dead}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_that_waits_for_the_end_of_a_task_submits_nothing_again() {
    let folder = Folder::with_rules(TELL);
    let options = oncue::simulator::Options {
        apps: vec![oncue::simulator::AppOptions {
            switches: oncue::simulator::Switches { upload: true, ..Default::default() },
            callback_url: Some(format!("http://{}/vod/{APP}/{}", folder.listen(), crate::support::TOKEN)),
            ..oncue::simulator::AppOptions::new(APP)
        }],
        // The task ends when the test says so.
        task_delay: std::time::Duration::from_hours(1),
        ..Default::default()
    };
    let vendor = Vendor::with(options).await;
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({})).await;
    run(&serving, "waiting").await;
    serving.kill();
    let serving = Serving::start(&folder);
    http().post(format!("{}/simulator/hurry", vendor.url())).send().await.unwrap();
    let well = run(&serving, "succeeded").await;
    assert_eq!((vendor.tasks().await.len(), &step(&well, "transcode")["attempts"]), (1, &json!(1)), "{well}");
}
