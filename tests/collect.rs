//! Rules that gather events before a run begins, through the real binary.

use serde_json::{Value, json};

use crate::support::{Folder, Serving, eventually, oncue, upload};

const RULES: &str = "
rules:
  - name: one-for-all
    on: NewFileUpload
    collect:
      key: '${{ event.subappid }}/${{ payload.MediaBasicInfo.CategoryName }}'
      quiet: QUIET
      max: 14h
      max_events: 4
    steps:
      - id: told
        set:
          files: ${{ events.map(|e| e.payload.FileId) }}
          last: ${{ event.file_id }}
          types: ${{ events.map(|e| e.type + ' ' + e.body.EventType) }}
";

fn folder(quiet: &str) -> Folder {
    Folder::with_rules(&RULES.replace("QUIET", quiet))
}

async fn runs(serving: &Serving, status: &str) -> Vec<Value> {
    serving.get(&format!("/runs?status={status}")).await["items"].as_array().unwrap().clone()
}

/// What the runs say that have ended, once there are so many.
async fn told(serving: &Serving, count: usize) -> Vec<Value> {
    let ended = eventually("the runs", || async {
        let ended = runs(serving, "succeeded").await;
        (ended.len() >= count).then_some(ended)
    })
    .await;
    assert_eq!(ended.len(), count);
    let mut told = Vec::new();
    for run in ended.into_iter().rev() {
        let run = serving.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await;
        told.push(run["steps"][0]["output"].clone());
    }
    told
}

#[tokio::test]
async fn events_of_one_key_start_one_run_once_it_has_been_quiet() {
    let folder = folder("2s");
    let serving = Serving::start(&folder);
    for (file, category) in [("1", "a"), ("2", "b"), ("3", "a"), ("3", "a")] {
        assert_eq!(serving.post(&upload(file, category)).await, Some(200));
    }
    let waiting = runs(&serving, "waiting").await;
    assert_eq!(waiting.len(), 2);
    // What is gathered shows where it is looked for.
    let events = serving.get("/events").await;
    let third = events["items"][0]["id"].as_str().unwrap();
    assert_eq!(events["items"][0]["verdicts"]["collected"], json!(["one-for-all"]));
    let event = serving.get(&format!("/events/{third}")).await;
    assert_eq!(event["runs"].as_array().unwrap().len(), 1, "{event}");
    let run = serving.get(&format!("/runs/{}", event["runs"][0]["id"].as_str().unwrap())).await;
    assert_eq!((run["collected"].as_array().unwrap().len(), &run["collected"][1]), (2, &json!(third)), "{run}");
    let shown = oncue(&["events", "show", third]).within(&folder).success().stdout;
    assert!(shown.contains("\ncollected    one-for-all\n"), "{shown}");

    let upload = "NewFileUpload NewFileUpload";
    let expected = [
        json!({ "files": ["1", "3"], "last": "3", "types": [upload, upload] }),
        json!({ "files": ["2"], "last": "2", "types": [upload] }),
    ];
    assert_eq!(told(&serving, 2).await, expected);
    assert_eq!(serving.stop(), 0);
    oncue(&["verify"]).within(&folder).success();
}

#[tokio::test]
async fn a_server_that_is_killed_between_events_gathers_on_and_loses_none() {
    let folder = folder("6h");
    for file in ["1", "2", "3", "4"] {
        let serving = Serving::start(&folder);
        assert_eq!(serving.post(&upload(file, "a")).await, Some(200));
        serving.kill();
    }
    let serving = Serving::start(&folder);
    let told = told(&serving, 1).await;
    assert_eq!(told[0]["files"], json!(["1", "2", "3", "4"]), "the last one filled it");
    assert_eq!(serving.stop(), 0);
    oncue(&["verify"]).within(&folder).success();
}

#[tokio::test]
async fn a_collection_that_was_over_while_the_server_was_down_begins_at_its_start_with_its_own_rule() {
    let folder = folder("50ms");
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&upload("1", "a")).await, Some(200));
    serving.kill();
    // Meanwhile the rule has gone.
    folder.write(
        "rules/rules.yaml",
        "rules:\n  - { name: other, on: PullComplete, steps: [{ uses: log, with: { message: m } }] }\n",
    );
    let serving = Serving::start(&folder);
    assert_eq!(told(&serving, 1).await[0]["files"], json!(["1"]));
}

#[tokio::test]
async fn a_collection_that_is_cancelled_never_runs_and_the_next_event_opens_another() {
    let folder = folder("6h");
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&upload("1", "a")).await, Some(200));
    let first = runs(&serving, "waiting").await[0]["id"].as_str().unwrap().to_owned();
    oncue(&["runs", "cancel", &first]).within(&folder).success();
    for file in ["2", "3", "4", "5"] {
        assert_eq!(serving.post(&upload(file, "a")).await, Some(200));
    }
    assert_eq!(told(&serving, 1).await[0]["files"], json!(["2", "3", "4", "5"]));
    eventually("the end of it", || async { runs(&serving, "cancelled").await.pop() }).await;
}

#[tokio::test]
async fn a_rule_in_shadow_gathers_nothing_and_a_key_that_cannot_be_had_is_an_error() {
    let rules = RULES.replace("QUIET", "1h").replace("    on:", "    mode: shadow\n    on:");
    let broken = rules.replace("one-for-all", "broken").replace("mode: shadow", "mode: live");
    let broken =
        broken.replace("'${{ event.subappid }}/${{ payload.MediaBasicInfo.CategoryName }}'", "'${{ payload.None }}'");
    let folder = Folder::with_rules(&rules);
    folder.write("rules/broken.yaml", &broken);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&upload("1", "a")).await, Some(200));
    let verdicts = &serving.get("/events").await["items"][0]["verdicts"];
    assert_eq!((&verdicts["matched"], &verdicts["collected"]), (&json!(["one-for-all"]), &json!([])), "{verdicts}");
    let error = json!([{ "rule": "broken", "message": "collect.key is null, and must be a text: check what it is taken from" }]);
    assert_eq!(verdicts["errors"], error);
    assert_eq!(serving.get("/runs").await["items"], json!([]));
}

/// What a report of the dead needs: events of our own, gathered.
#[tokio::test]
async fn deaths_are_gathered_as_other_events_are() {
    let folder = Folder::with_rules(
        "
rules:
  - name: dies
    on: NewFileUpload
    steps: [{ uses: fail, with: { message: no } }]
  - name: daily-dead-run-count
    on: RunDead
    collect: { key: all, quiet: 300ms, max: 24h, max_events: 3 }
    steps:
      - { id: told, set: { dead: '${{ events.map(|e| e.body.rule) }}', count: '${{ events.len() }}' } }
",
    );
    let serving = Serving::start(&folder);
    for file in ["1", "2", "3"] {
        assert_eq!(serving.post(&upload(file, "a")).await, Some(200));
    }
    let counted = || async {
        let mut count = 0;
        for run in runs(&serving, "succeeded").await {
            let run = serving.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await;
            count += run["steps"][0]["output"]["count"].as_u64().unwrap();
        }
        (count == 3).then_some(())
    };
    eventually("a count of all three", counted).await;
}
