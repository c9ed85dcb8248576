//! `oncue replay`.

use serde_json::{Value, json};

use super::{OtherSide, ask, count, id, run, serve, upload};
use crate::support::{Folder, Serving, oncue};

const RULES: &str = "
rules:
  - name: tells
    on: NewFileUpload
    steps:
      - { id: first, uses: http, with: { url: 'URL/first', allow_private: true } }
      - { id: noted, set: { file: '${{ event.file_id }}', answer: '${{ steps.first.body }}' } }
      - { id: second, uses: http, with: { url: 'URL/second-${{ steps.noted.file }}-${{ steps.noted.answer }}', allow_private: true } }
  - name: other
    on: NewFileUpload
    if: event.file_id != '2'
    steps: [{ id: only, uses: http, with: { url: 'URL/other', allow_private: true } }]
";

fn runs(answer: &Value) -> Vec<(String, String)> {
    let word = |run: &Value, name: &str| run[name].as_str().unwrap().to_owned();
    answer["runs"].as_array().unwrap().iter().map(|run| (word(run, "rule"), word(run, "outcome"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(rule, outcome)| ((*rule).to_owned(), (*outcome).to_owned())).collect()
}

fn clean(folder: &Folder, serving: Serving) {
    assert_eq!(serving.stop(), 0);
    oncue(&["verify"]).within(folder).success();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_an_event_starts_what_the_live_rules_would_start_now() {
    let other = OtherSide::start().await;
    let (folder, serving) = serve(RULES, &other);
    upload(&serving, "1").await;
    count(&serving, "succeeded", 2).await;
    let event = serving.get("/events").await["items"][0]["id"].as_str().unwrap().to_owned();
    other.calls();
    let (code, dry) = ask(&folder, &["replay", &event, "--dry-run"]);
    assert_eq!((code, runs(&dry)), (0, pairs(&[("tells", "dry_run"), ("other", "dry_run")])), "{dry}");
    let steps = json!([
        { "step": "first", "outcome": "succeeded", "doubt": null },
        { "step": "second", "outcome": "succeeded", "doubt": null },
    ]);
    assert_eq!(dry["runs"][0]["repeats"], steps, "{dry}");
    assert_eq!(serving.get("/runs").await["items"].as_array().unwrap().len(), 2, "a dry run starts nothing");

    let (code, done) = ask(&folder, &["replay", &event]);
    assert_eq!((code, runs(&done)), (0, pairs(&[("tells", "started"), ("other", "started")])), "{done}");
    count(&serving, "succeeded", 4).await;
    assert_eq!(other.sorted_calls(), ["first", "other", "second-1-7"]);
    let new = serving.get(&format!("/runs/{}", done["runs"][0]["run"].as_str().unwrap())).await;
    assert_eq!((&new["replay_of"], &new["run"]["event"]), (&json!(event), &json!(event)));
    assert_eq!(new["steps"][0]["generation"], json!(1_000), "new requests to the other side: {new}");
    let said = oncue(&["runs", "show", id(&new)]).within(&folder).success().stdout;
    assert!(said.contains(&format!("replay of    {event}\n")), "{said}");

    let (code, one) = ask(&folder, &["replay", &event, "--only", "other"]);
    assert_eq!((code, runs(&one)), (0, pairs(&[("other", "started")])), "{one}");
    count(&serving, "succeeded", 5).await;
    let (code, none) = ask(&folder, &["replay", &event, "--only", "never"]);
    assert_eq!(code, 7, "{none}");
    assert!(none["error"]["message"].as_str().unwrap().contains("does not match"), "{none}");
    assert_eq!(serving.get("/events").await["items"].as_array().unwrap().len(), 1, "the event is there once");
    clean(&folder, serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_a_run_may_begin_with_a_step_and_take_the_rule_as_it_was_or_as_it_is() {
    let other = OtherSide::start().await;
    other.answers("second-1-7", 400);
    let (folder, serving) = serve(RULES, &other);
    upload(&serving, "1").await;
    count(&serving, "succeeded", 1).await;
    let dead = run(&serving, "dead").await;
    other.calls();
    let changed = RULES.replace("URL/second", "URL/third").replace("URL", &other.url());
    folder.write("rules/rules.yaml", &changed);
    ask(&folder, &["rules", "reload"]);
    let (code, refused) = ask(&folder, &["replay", id(&dead), "--from", "absent"]);
    assert_eq!(code, 7, "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("begin with one of first, noted, second"), "{message}");

    let (code, done) = ask(&folder, &["replay", id(&dead), "--from", "second"]);
    assert_eq!((code, runs(&done)), (0, pairs(&[("tells", "started")])), "{done}");
    count(&serving, "succeeded", 2).await;
    assert_eq!(other.calls(), ["third-1-7"], "the live rule, with what the other run had");
    let new = serving.get(&format!("/runs/{}", done["runs"][0]["run"].as_str().unwrap())).await;
    assert_eq!(new["replay_of"], dead["run"]["id"]);
    let paths: Vec<_> = new["steps"].as_array().unwrap().iter().map(|step| step["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["first", "noted", "second"]);

    other.answers("second-1-7", 200);
    let (code, done) = ask(&folder, &["replay", id(&dead), "--rules", "original"]);
    assert_eq!((code, &done["runs"][0]["replay_of"]), (0, &dead["run"]["id"]), "{done}");
    count(&serving, "succeeded", 3).await;
    assert_eq!(other.calls(), ["first", "second-1-7"]);
    let (code, late) = ask(&folder, &["runs", "retry", id(&dead)]);
    assert_eq!(code, 7, "{late}");
    assert!(late["error"]["message"].as_str().unwrap().contains("was replayed as run_"), "{late}");
    clean(&folder, serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_again_starts_nothing_more_also_after_a_crash() {
    let other = OtherSide::start().await;
    let (folder, serving) = serve(RULES, &other);
    upload(&serving, "2").await;
    count(&serving, "succeeded", 1).await;
    let done = run(&serving, "succeeded").await;
    other.calls();
    let call = json!({ "request": "0198c0de-5a7c-7b3e-9f0d-1c2b3a495867" });
    let path = format!("/runs/{}/replay", id(&done));
    let asked = futures_util::future::join_all((0..8).map(|_| serving.post_json(&path, &call))).await;
    let outcome = |answer: &Value| answer["runs"][0]["outcome"].as_str().unwrap().to_owned();
    let started: Vec<_> = asked.iter().filter(|answer| outcome(answer) == "started").collect();
    assert_eq!(started.len(), 1, "{asked:?}");
    let new = &started[0]["runs"][0]["run"];
    assert!(asked.iter().all(|answer| &answer["runs"][0]["run"] == new), "{asked:?}");
    serving.kill();
    let serving = Serving::start(&folder);
    let again = serving.post_json(&path, &call).await;
    assert_eq!((outcome(&again), &again["runs"][0]["run"]), ("already".to_owned(), new));
    count(&serving, "succeeded", 2).await;
    assert_eq!(serving.get("/runs").await["items"].as_array().unwrap().len(), 2);
    clean(&folder, serving);
}

const SLOW: &str = "
rules:
  - { name: rests, on: NewFileUpload, steps: [{ id: rest, sleep: 1h }] }
  - name: orders
    on: NewFileUpload
    steps:
      - { id: order, uses: http, with: { method: POST, url: 'URL/order', body: 1, repeatable: false, allow_private: true } }
";

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_ended_or_may_have_had_its_effect_is_not_replayed_without_consent() {
    let other = OtherSide::start().await;
    other.answers("order", 502);
    let (folder, serving) = serve(SLOW, &other);
    upload(&serving, "1").await;
    let (waiting, dead) = (run(&serving, "waiting").await, run(&serving, "dead").await);
    let (code, refused) = ask(&folder, &["replay", id(&waiting)]);
    assert_eq!(code, 7, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("has not ended: cancel it first"), "{refused}");
    let (code, refused) = ask(&folder, &["replay", id(&dead)]);
    assert_eq!(code, 7, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("--new-key"), "{refused}");
    let event = dead["run"]["event"].as_str().unwrap();
    let (code, both) = ask(&folder, &["replay", event]);
    assert_eq!((code, runs(&both)), (7, pairs(&[("rests", "refused"), ("orders", "refused")])), "{both}");
    other.answers("order", 200);
    let (code, done) = ask(&folder, &["replay", id(&dead), "--new-key"]);
    assert_eq!((code, runs(&done)), (0, pairs(&[("orders", "started")])), "{done}");
    count(&serving, "succeeded", 1).await;
    assert_eq!(other.calls(), ["order", "order"]);
    assert_eq!(ask(&folder, &["replay", "run_0198c0de5a7c7b3e9f0d1c2b3a495867"]).0, 4);
    assert_eq!(ask(&folder, &["replay", "evt_0198c0de5a7c7b3e9f0d1c2b3a495867"]).0, 4);
    clean(&folder, serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_filter_names_is_replayed_each_once() {
    let other = OtherSide::start().await;
    let (folder, serving) = serve(RULES, &other);
    for file in ["11", "12", "13"] {
        other.answers(&format!("second-{file}-7"), 400);
        upload(&serving, file).await;
    }
    count(&serving, "dead", 3).await;
    count(&serving, "succeeded", 3).await;
    let (code, still) = ask(&folder, &["replay", "--status", "dead"]);
    assert_eq!((code, runs(&still)), (0, pairs(&[("tells", "started"); 3])), "{still}");
    count(&serving, "dead", 6).await;
    for file in ["11", "12", "13"] {
        other.answers(&format!("second-{file}-7"), 200);
    }
    other.calls();
    let dry = ask(&folder, &["replay", "--status", "dead", "--rule", "tells", "--from", "second", "--dry-run"]).1;
    assert_eq!(runs(&dry), pairs(&[("tells", "dry_run"); 3]), "of two runs for one event the last: {dry}");
    let (code, done) = ask(&folder, &["replay", "--status", "dead", "--rule", "tells", "--from", "second"]);
    assert_eq!((code, runs(&done)), (0, pairs(&[("tells", "started"); 3])), "{done}");
    count(&serving, "succeeded", 6).await;
    assert_eq!(other.sorted_calls(), ["second-11-7", "second-12-7", "second-13-7"]);
    let words = ["replay", "--type", "NewFileUpload", "--since", "2026-01-31T08:00:00Z", "--rule", "other"];
    let (code, events) = ask(&folder, &words);
    assert_eq!((code, runs(&events)), (0, pairs(&[("other", "started"); 3])), "{events}");
    count(&serving, "succeeded", 9).await;
    let text = oncue(&["replay", "--type", "NoneSuch"]).within(&folder).success().stdout;
    assert_eq!(text, "0 runs are started, 0 are refused\n");
    clean(&folder, serving);
}

#[test]
fn a_replay_that_names_nothing_or_too_much_is_wrong_usage() {
    let folder = Folder::with_rules("rules: []\n");
    for wrong in [
        &["replay"][..],
        &["replay", "--rule", "one"],
        &["replay", "run_1", "--status", "dead"],
        &["replay", "--status", "waiting"],
        &["replay", "--status", "dead", "--type", "X"],
        &["replay", "job_1"],
        &["replay", "run_1", "--only", "r"],
        &["replay", "evt_1", "--from", "a"],
        &["replay", "--type", "X", "--rules", "original"],
        &["replay", "run_1", "--rules", "old"],
    ] {
        assert_eq!(oncue(wrong).within(&folder).failure().code, 2, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_whose_answer_is_lost_is_asked_for_again_by_the_command() {
    let other = OtherSide::start().await;
    let (folder, serving) = serve(RULES, &other);
    upload(&serving, "2").await;
    count(&serving, "succeeded", 1).await;
    let done = run(&serving, "succeeded").await;
    // One between the command and the server that loses the first answer to a POST.
    let lossy = super::other_side::Lossy::start(serving.admin).await;
    let config = folder.read("oncue.yaml");
    folder.write(
        "by-way.yaml",
        &config.replace(&format!("admin: {}", serving.admin), &format!("admin: {}", lossy.address)),
    );
    let (code, answer) = ask(&folder, &["replay", id(&done), "--config", "by-way.yaml"]);
    assert_eq!((code, runs(&answer)), (0, pairs(&[("tells", "already")])), "{answer}");
    assert_eq!(lossy.posts(), 2);
    count(&serving, "succeeded", 2).await;
    assert_eq!(serving.get("/runs").await["items"].as_array().unwrap().len(), 2);
}
