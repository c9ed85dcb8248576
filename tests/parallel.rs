//! Branches and items that run at the same time, through the real binary.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{APP, Folder, Serving, Vendor, eventually, fixture, http};

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

/// Submits two kinds of work at the same time; one branch waits for a person meanwhile.
const FORK: &str = "
rules:
  - name: fork
    on: NewFileUpload
    steps:
      - id: all
        parallel:
          hd: { id: hd, uses: vod.process_media, with: { definitions: [100030] }, wait: { timeout: 12h } }
          small: { id: small, uses: vod.process_media, with: { definitions: [100010, 100020] }, wait: { timeout: 12h } }
          gone:
            - id: gone
              wait_for: { on: FileDeleted, keys: { file_id: '${{ trigger.file_id }}' }, timeout: 12h }
            - { set: { a: 1 } }
      - id: each
        for_each: '${{ steps.small.results }}'
        max_parallel: 2
        group:
          - { id: definition, set: { n: '${{ item.TranscodeTask.Input.Definition }}' } }
          - { uses: log, with: { message: '${{ steps.definition.n }}' } }
      - id: told
        set:
          how: '${{ steps.hd.outcome }} ${{ steps.small.outcome }} ${{ steps.gone.outcome }}'
          definitions: '${{ steps.each.results.map(|r| r.outputs.definition.n) }}'
";

#[tokio::test(flavor = "multi_thread")]
async fn branches_submit_and_wait_at_the_same_time_across_a_kill() {
    let folder = Folder::with_rules(FORK);
    let options = oncue::simulator::Options {
        apps: vec![oncue::simulator::AppOptions {
            switches: oncue::simulator::Switches { upload: true, delete: true, ..Default::default() },
            callback_url: Some(format!("http://{}/vod/{APP}/{}", folder.listen(), crate::support::TOKEN)),
            ..oncue::simulator::AppOptions::new(APP)
        }],
        // The tasks end when the test says so.
        task_delay: Duration::from_hours(1),
        ..Default::default()
    };
    let vendor = Vendor::with(options).await;
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    let file = vendor.upload(APP, &json!({})).await;
    let waiting = run(&serving, "waiting").await;
    let branches = ["all/hd", "all/small", "all/gone/gone"].map(|path| step(&waiting, path)["outcome"].clone());
    assert_eq!(branches, ["running", "running", "running"], "{waiting}");
    serving.kill();

    let serving = Serving::start(&folder);
    http().post(format!("{}/simulator/hurry", vendor.url())).send().await.unwrap();
    eventually("the end of both tasks", || async {
        let run = run(&serving, "waiting").await;
        let ended = |path| step(&run, path)["outcome"] == "succeeded";
        (ended("all/hd") && ended("all/small")).then_some(())
    })
    .await;
    let deleted = fixture("protocol/events/09_file_deleted.json").replace(FILE, &file);
    let mut deleted: Value = serde_json::from_str(&deleted).unwrap();
    deleted["FileDeleteEvent"]["FileIdSet"] = json!([file]);
    assert_eq!(serving.post(&deleted.to_string()).await, Some(200));
    let well = run(&serving, "succeeded").await;
    let expected = json!({ "how": "succeeded succeeded succeeded", "definitions": [100_010, 100_020] });
    assert_eq!(step(&well, "told")["output"], expected, "{well}");
    assert_eq!(vendor.tasks().await.len(), 2, "nothing was submitted twice");
}

const FAILING: &str = "
rules:
  - name: fork
    on: NewFileUpload
    steps:
      - id: tell
        parallel:
          cms: { uses: fail, with: { message: 'the CMS is gone' } }
          search:
            - sleep: 50ms
            - { id: told, set: { file: '${{ event.file_id }}' } }
";

#[tokio::test]
async fn a_branch_that_fails_is_named_and_the_others_run_to_their_end() {
    let folder = Folder::with_rules(FAILING);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let dead = run(&serving, "dead").await;
    assert_eq!(step(&dead, "tell/search/told")["output"], json!({ "file": FILE }), "{dead}");
    let error = &dead["run"]["error"];
    assert_eq!((&error["step"], &error["message"]), (&json!("tell/cms"), &json!("branch `cms`: the CMS is gone")));
}
