//! Rules that start only so many runs, through the real binary.

use serde_json::json;

use crate::support::{Folder, Serving, eventually, oncue, upload};

const RULES: &str = "
rules:
  - name: brake
    on: NewFileUpload
    limit: { runs: 2, per: '${{ payload.MediaBasicInfo.CategoryName }}', every: 1d }
    steps: [{ id: said, set: { file: '${{ event.file_id }}' } }]
  - name: free
    on: NewFileUpload
    steps: [{ id: said, set: { file: '${{ event.file_id }}' } }]
";

#[tokio::test]
async fn a_limit_holds_over_a_kill_and_what_is_above_it_is_shown() {
    let folder = Folder::with_rules(RULES);
    let serving = Serving::start(&folder);
    for (file, category) in [("1", "a"), ("2", "b"), ("2", "b")] {
        assert_eq!(serving.post(&upload(file, category)).await, Some(200));
    }
    serving.kill();
    let serving = Serving::start(&folder);
    for (file, category) in [("3", "a"), ("4", "b"), ("5", "a"), ("6", "a")] {
        assert_eq!(serving.post(&upload(file, category)).await, Some(200));
    }
    eventually("the end of all", || async { (serving.get("/counts").await["runs"]["succeeded"] == 10).then_some(()) })
        .await;
    let runs = serving.get("/runs?rule=brake").await;
    assert_eq!(runs["items"].as_array().unwrap().len(), 4);
    assert_eq!(serving.get("/counts").await["throttled"], 2);
    let event = serving.get("/events").await["items"][0].clone();
    assert_eq!(event["verdicts"]["throttled"], json!(["brake"]));
    assert_eq!(event["verdicts"]["matched"], json!(["brake", "free"]));
    let shown = oncue(&["events", "show", event["id"].as_str().unwrap()]).within(&folder).success().stdout;
    assert!(shown.contains("\nthrottled    brake\n"), "{shown}");
    assert_eq!(serving.stop(), 0);
    oncue(&["verify"]).within(&folder).success();
}
