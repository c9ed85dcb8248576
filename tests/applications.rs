//! Steps that act for other applications than that of the event, through the real binary.

use oncue::simulator::{AppOptions, Options, Switches};
use serde_json::{Value, json};

use crate::support::{APP, Folder, Serving, Vendor, eventually, fixture};

const OTHER: u64 = 1_500_000_002;
const UPLOAD: &str = "protocol/events/01_new_file_upload_plain.json";

/// Submits for every application, and for one that is not there.
const RULES: &str = "
rules:
  - name: everywhere
    on: NewFileUpload
    steps:
      - id: each
        for_each: ${{ apps }}
        as: a
        uses: vod.process_media
        app: ${{ a.name }}
        with: { FileId: \"${{ a.vars.file }}\", definitions: [100010] }
        wait: { timeout: 1h }
      - { uses: emit, app: other, with: { type: Everywhere, body: { names: '${{ apps.map(|a| a.name) }}' } } }
      - { uses: vod.process_media, app: \"no-${{ app.name }}\", with: { definitions: [100010] } }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_step_acts_for_the_application_that_it_names_and_waits_for_its_events() {
    let folder = Folder::with_rules(RULES);
    let app = |app| AppOptions {
        callback_url: Some(format!("http://{}/vod/{app}/{}", folder.listen(), crate::support::TOKEN)),
        switches: Switches { upload: false, ..Switches::default() },
        ..AppOptions::new(app)
    };
    let vendor = Vendor::with(Options { apps: vec![app(APP), app(OTHER)], ..Options::default() }).await;
    let (own, other) = (vendor.upload(APP, &json!({})).await, vendor.upload(OTHER, &json!({})).await);
    let config = folder.read("oncue.yaml").replace("definitions: [100010, 100020]", &format!("file: '{own}'"));
    let app = format!(
        "  - {{ subappid: {OTHER}, name: other, credentials: main, callback: {{ token: {} }}, vars: {{ file: '{other}' }} }}\n",
        crate::support::TOKEN
    );
    folder.write("oncue.yaml", &(config + app.as_str()));
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let dead = eventually("the end", || async {
        let runs = serving.get(&format!("/runs?status=dead&subappid={APP}")).await;
        let id = runs["items"].get(0)?["id"].as_str().map(str::to_owned)?;
        Some(serving.get(&format!("/runs/{id}")).await)
    })
    .await;
    let error = &dead["run"]["error"];
    assert_eq!((&error["code"], &error["step"]), (&json!("unknown_application"), &json!("2")), "{dead}");
    let tasks: Vec<Value> = vendor.tasks().await;
    let submitted: Vec<_> = tasks.iter().map(|task| (task["subappid"].clone(), task["file_id"].clone())).collect();
    assert_eq!(submitted, [(json!(APP), json!(own)), (json!(OTHER), json!(other))], "{tasks:?}");
    let emitted = serving.get("/events?type=Everywhere").await;
    assert_eq!(emitted["items"][0]["subappid"], json!(OTHER), "{emitted}");
}
