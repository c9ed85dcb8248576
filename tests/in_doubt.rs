//! What may have had its effect and must not be done twice is not done again by itself.

use oncue::simulator::{AppOptions, Fault, Options, Trouble};
use serde_json::json;

use crate::support::{APP, Folder, Serving, Vendor, eventually, fixture};

const RULES: &str = "
rules:
  - name: once
    on: NewFileUpload
    steps: [{ id: submit, uses: vod.process_media, with: { definitions: [100010], SessionId: '' } }]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_without_a_session_id_that_was_cut_off_is_not_made_again() {
    let folder = Folder::with_rules(RULES);
    let silent = Trouble::new(Fault::NoAnswer).action("ProcessMedia").times(1);
    let apps = vec![AppOptions::new(APP)];
    let vendor = Vendor::with(Options { apps, misbehaviour: vec![silent], ..Options::default() }).await;
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    let file = vendor.upload(APP, &json!({})).await;
    let upload = fixture("protocol/events/01_new_file_upload_plain.json").replace("5000000000000000001", &file);
    assert_eq!(serving.post(&upload).await, Some(200));
    eventually("a task", || async { (!vendor.tasks().await.is_empty()).then_some(()) }).await;
    serving.kill();

    let serving = Serving::start(&folder);
    let dead = eventually("a dead run", || async {
        let run = serving.get("/runs").await["items"][0].clone();
        ["dead", "succeeded"].contains(&run["status"].as_str()?).then_some(run)
    })
    .await;
    assert_eq!((&dead["status"], &dead["error"]["class"]), (&json!("dead"), &json!("unknown")), "{dead}");
    assert!(dead["error"]["message"].as_str().unwrap().contains("`oncue runs retry RUN --again`"), "{dead}");
    assert_eq!(vendor.tasks().await.len(), 1);
}
