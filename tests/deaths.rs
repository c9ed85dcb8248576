//! Runs that die, and the event that tells of them, through the real binary.

use serde_json::{Value, json};

use crate::support::{APP, Folder, Serving, eventually, fixture, oncue};

const UPLOAD: &str = "protocol/events/01_new_file_upload_plain.json";
const FILE: &str = "5000000000000000001";

const FAILS: &str = "
rules:
  - name: fails
    on: NewFileUpload
    steps:
      - { id: sent, uses: fail, with: { code: NoWay, message: 'no way' } }
    on_failure:
      - { uses: log, with: { message: '${{ error.code }}' } }
";
const ONCALL: &str = "
  - name: oncall
    on: RunDead
    match: { body.rule: fails }
    steps:
      - id: told
        set:
          text: '${{ body.app }}: ${{ body.rule }}: ${{ body.step }}: ${{ body.error.code }}: ${{ body.error.message }}'
          run: ${{ body.run }}
          file: ${{ event.file_id }}
          app: ${{ app.name }}
";

fn rules(more: &[&str]) -> Folder {
    Folder::with_rules(&(FAILS.to_owned() + more.concat().as_str()))
}

/// All of a list.
async fn all(serving: &Serving, path: &str) -> Vec<Value> {
    serving.get(path).await["items"].as_array().unwrap().clone()
}

/// All of a list, once there are so many.
async fn some(serving: &Serving, path: &str, count: usize) -> Vec<Value> {
    eventually(path, || async {
        let items = all(serving, path).await;
        (items.len() >= count).then_some(items)
    })
    .await
}

#[tokio::test]
async fn a_dead_run_is_told_to_the_rules_that_listen() {
    let folder = rules(&[ONCALL]);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let told = some(&serving, "/runs?rule=oncall&status=succeeded", 1).await;
    let dead = all(&serving, "/runs?status=dead").await;
    let told = serving.get(&format!("/runs/{}", told[0]["id"].as_str().unwrap())).await;
    let expected = json!({
        "text": "main: fails: sent: NoWay: no way", "run": dead[0]["id"], "file": FILE, "app": "main",
    });
    assert_eq!(told["steps"][0]["output"], expected, "{told}");
    let event = serving.get(&format!("/events/{}", told["run"]["event"].as_str().unwrap())).await;
    assert_eq!((&event["event"]["source"], &event["event"]["subappid"]), (&json!("oncue"), &json!(APP)), "{event}");
    assert_eq!((&event["envelope"]["cause"], &event["envelope"]["depth"]), (&dead[0]["id"], &json!(1)), "{event}");
}

#[tokio::test]
async fn a_death_of_which_nobody_wants_to_know_is_no_event() {
    let other = "
  - { name: other-application, on: RunDead, subappid: 1500000099, steps: [{ end: told }] }
  - { name: off, on: RunDead, mode: off, steps: [{ end: told }] }
";
    let folder = rules(&[other]);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    some(&serving, "/runs?status=dead", 1).await;
    assert_eq!(all(&serving, "/events").await.len(), 1);
}

#[tokio::test]
async fn rules_that_die_of_deaths_end_each_other_after_three() {
    let dying = |name: &str| {
        format!("  - {{ name: {name}, on: RunDead, steps: [{{ uses: fail, with: {{ message: too }} }}] }}\n")
    };
    let folder = rules(&[&dying("a"), &dying("b")]);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let deaths = some(&serving, "/events?type=RunDead", 7).await;
    assert_eq!((deaths.len(), some(&serving, "/runs?status=dead", 7).await.len()), (7, 7));
    let refused: Vec<_> =
        deaths.iter().map(|event| event["verdicts"]["refused"].as_array().map_or(0, Vec::len)).collect();
    // Newest first: two at the end of the chain start nothing, four start only the other rule, the first starts both.
    assert_eq!(refused, [2, 2, 1, 1, 1, 1, 0], "{deaths:?}");
}

#[tokio::test]
async fn a_step_may_wait_for_the_death_of_what_works_on_its_file() {
    let waits = "
  - name: waits
    on: NewFileUpload
    steps:
      - id: done
        wait_for: { on: RunDead, keys: { file_id: '${{ trigger.file_id }}' }, match: { body.rule: fails }, timeout: 1h }
";
    let folder = rules(&[waits]);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    some(&serving, "/runs?rule=waits&status=succeeded", 1).await;
}

#[tokio::test]
async fn a_death_is_told_once_wherever_the_server_crashes() {
    let points = [("after_accept", 1), ("before_call", 2), ("after_call", 2), ("after_commit", 2)];
    let points = points.iter().filter(|(name, _)| oncue::failpoint::NAMES.contains(name));
    for crash in points.flat_map(|(name, passes)| (1..=*passes).map(move |pass| format!("{name}:{pass}"))) {
        let folder = rules(&[ONCALL]);
        let mut serving = Serving::start_with(&folder, &[("ONCUE_CRASH_AT", &crash)]);
        // The sender repeats what was not answered.
        let answer = serving.post(&fixture(UPLOAD)).await;
        eventually(&crash, || std::future::ready(serving.has_ended().then_some(()))).await;
        drop(serving);
        let serving = Serving::start(&folder);
        if answer.is_none() {
            assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200), "{crash}");
        }
        some(&serving, "/runs?rule=oncall&status=succeeded", 1).await;
        let counts = (all(&serving, "/events?type=RunDead").await.len(), all(&serving, "/runs").await.len());
        assert_eq!(counts, (1, 2), "{crash}");
        assert_eq!(serving.stop(), 0);
        oncue(&["verify"]).within(&folder).success();
    }
}
