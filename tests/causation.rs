//! What a run of ours caused is recognised by its SessionId, and a workflow never feeds itself.

use serde_json::json;

use crate::support::{APP, Folder, Serving, Vendor, eventually};

/// The second rule answers each completion with another submission: without a guard, each would start the next one.
const RULES: &str = "
rules:
  - name: transcode
    on: NewFileUpload
    match: { event.depth: 0 }
    steps: [{ uses: vod.process_media, with: { definitions: [100010] } }]
  - name: once-more
    on: ProcedureStateChanged
    match: { payload.Status: FINISH }
    steps: [{ uses: vod.process_media, with: { definitions: [100020] } }]
";

#[tokio::test]
async fn an_event_that_a_run_of_a_rule_caused_does_not_start_that_rule_again() {
    let folder = Folder::with_rules(RULES);
    let vendor = Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({})).await;
    let last = eventually("the second completion", || async {
        let events = serving.get("/events?type=ProcedureStateChanged").await;
        let events = events["items"].as_array().unwrap();
        (events.len() == 2).then(|| events[0].clone())
    })
    .await;
    let refused = &last["verdicts"]["refused"][0];
    assert_eq!(refused["rule"], "once-more", "{last}");
    assert_eq!(refused["message"], "the event was caused by a run of this rule");
    let event = serving.get(&format!("/events/{}", last["id"].as_str().unwrap())).await;
    assert_eq!((event["envelope"]["depth"].as_u64(), event["runs"].as_array().unwrap().len()), (Some(2), 0), "{event}");
    let path = format!("/events/{}/explain?rule=once-more", last["id"].as_str().unwrap());
    let explained = &serving.get(&path).await["items"][0];
    assert_eq!((&explained["verdict"], &explained["message"]), (&json!("matched"), &refused["message"]));
    let then = &serving.get(&path.replace("/explain", "/verdicts")).await["items"][0];
    assert_eq!((&then["verdict"], &then["message"]), (&json!("refused"), &refused["message"]));
    let run = event["envelope"]["cause"].as_str().unwrap();
    assert_eq!(serving.get(&format!("/runs/{run}")).await["run"]["rule"], "once-more");
    assert_eq!(vendor.tasks().await.len(), 2);
}
