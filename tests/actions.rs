//! The actions `emit`, `fail`, `script` and `tencent.call` through the real binary.

use oncue::simulator::{AppOptions, Handle, Key, Options, Simulator};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{APP, Folder, Serving, eventually, fixture, free_port, oncue};

const UPLOAD: &str = "protocol/events/01_new_file_upload_plain.json";

/// A run, with what is told of it beside it.
async fn show(serving: &Serving, id: &str) -> Value {
    let mut detail = serving.get(&format!("/runs/{id}")).await;
    let run = detail["run"].take();
    detail.as_object_mut().unwrap().extend(run.as_object().unwrap().clone());
    detail
}

/// The run of a rule, once it has ended.
pub async fn ended(serving: &Serving, rule: &str) -> Value {
    eventually(&format!("the end of a run of {rule}"), || async {
        let runs = serving.get("/runs").await;
        let run = runs["items"].as_array()?.iter().find(|run| run["rule"] == rule)?.clone();
        let is_final = ["succeeded", "dead", "cancelled"].contains(&run["status"].as_str()?);
        if is_final { Some(show(serving, run["id"].as_str()?).await) } else { None }
    })
    .await
}

pub fn output<'v>(run: &'v Value, step: &str) -> &'v Value {
    let steps = run["steps"].as_array().unwrap();
    &steps.iter().find(|known| known["path"] == step).unwrap_or_else(|| panic!("no step {step} in {run}"))["output"]
}

async fn vendor(address: &str) -> Handle {
    let options = Options {
        keys: vec![Key { secret_id: "AKIDEXAMPLE".into(), secret_key: "EXAMPLEKEY".into(), token: None }],
        apps: vec![AppOptions::new(APP)],
        ..Options::default()
    };
    Simulator::start(options, TcpListener::bind(address).await.unwrap()).unwrap()
}

const CHAIN: &str = "
rules:
  - name: first
    on: NewFileUpload
    steps:
      - id: tell
        uses: emit
        with: { type: Link, body: { n: 18446744073709551617, at: 1 }, keys: { file_id: \"${{ event.file_id }}\", lot: a } }
  - name: second
    on: Link
    match: { event.source: oncue, event.depth: 1, body.at: 1 }
    steps:
      - id: seen
        set: { keys: \"${{ event.keys }}\", n: \"${{ payload.n.to_string() }}\", cause: \"${{ event.cause }}\", app: \"${{ app.name }}\" }
      - { uses: emit, with: { type: Link, body: { at: 2 } } }
  - name: third
    on: Link
    match: { event.depth: 2 }
    steps: [{ uses: emit, with: { type: Link } }]
  - name: fourth
    on: Link
    match: { event.depth: 3 }
    steps: [{ uses: emit, with: { type: Link } }]
    on_failure: [{ uses: log, with: { message: \"${{ error.code }}\" } }]
";

#[tokio::test]
async fn emitted_events_start_other_rules_until_the_chain_is_too_long() {
    let folder = Folder::with_rules(CHAIN);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let first = ended(&serving, "first").await;
    let tell = output(&first, "tell");
    assert_eq!(tell["duplicate"], false);
    let event = serving.get(&format!("/events/{}", tell["event"].as_str().unwrap())).await;
    assert_eq!(
        (&event["event"]["source"], &event["event"]["type"], &event["event"]["subappid"]),
        (&json!("oncue"), &json!("Link"), &json!(APP))
    );
    assert_eq!(event["envelope"]["cause"], first["id"]);
    assert_eq!(event["body"], r#"{"at":1,"n":18446744073709551617}"#);
    let second = ended(&serving, "second").await;
    let seen = output(&second, "seen");
    assert_eq!(seen["keys"], json!({ "file_id": "5000000000000000001", "lot": "a" }));
    assert_eq!((&seen["cause"], &seen["app"]), (&first["id"], &json!("main")));
    assert_eq!(seen["n"], "18446744073709551617");
    assert_eq!(ended(&serving, "third").await["status"], "succeeded");
    let fourth = ended(&serving, "fourth").await;
    assert_eq!((&fourth["status"], &fourth["error"]["code"]), (&json!("dead"), &json!("emit_too_deep")));
}

#[tokio::test]
async fn what_a_rule_emits_does_not_start_it_again() {
    let folder = Folder::with_rules(
        "rules:\n  - { name: all, on: '*', steps: [{ uses: emit, with: { type: Again } }] }\n  \
         - { name: other, on: Again, steps: [{ uses: log, with: { message: heard } }] }\n",
    );
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    assert_eq!(ended(&serving, "other").await["status"], "succeeded");
    let runs = serving.get("/runs").await;
    assert_eq!(runs["items"].as_array().unwrap().len(), 2, "{runs}");
}

#[tokio::test]
async fn fail_ends_a_run_with_its_words_and_on_failure_sees_them() {
    let folder = Folder::with_rules(
        "rules:\n  - name: no\n    on: NewFileUpload\n    steps:\n      \
         - { uses: fail, with: { message: '${{ event.file_id }} is no film', code: no_film } }\n      \
         - { id: never, set: { a: 1 } }\n    on_failure:\n      - { id: last, set: { said: '${{ error.code }}: ${{ error.message }}' } }\n",
    );
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    let run = ended(&serving, "no").await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("dead"), &json!("no_film")));
    assert_eq!(run["error"]["message"], "5000000000000000001 is no film");
    assert_eq!(run["steps"].as_array().unwrap().len(), 2, "{run}");
    assert_eq!(output(&run, "on_failure:last")["said"], "no_film: 5000000000000000001 is no film");
}

/// Scripts that take too much, and the code that each ends with.
const HOSTILE: [(&str, &str, &str); 6] = [
    ("endless", "loop {}", "script_operations"),
    ("texts", "let s = `x`; loop { s += s; }", "script_size"),
    ("lists", "let a = [1]; loop { a = [a, a]; }", "script_size"),
    ("maps", "let m = #{ x: 1 }; loop { m = #{ a: m, b: m }; }", "script_size"),
    ("deep", "fn f(n) { f(n + 1) } f(0)", "script_depth"),
    ("huge", "let a = []; a.pad(9000, 1234567); a", "script_size"),
];

#[tokio::test]
async fn hostile_scripts_end_one_by_one_while_other_runs_go_on() {
    let hostile = HOSTILE.map(|(name, code, _)| {
        format!("  - {{ name: {name}, on: NewFileUpload, steps: [{{ uses: script, with: {{ code: '{code}' }} }}] }}\n")
    });
    let mut rules = "rules:\n".to_owned() + hostile.concat().as_str();
    rules.push_str(
        "  - { name: flood, on: NewFileUpload, steps: [{ uses: script, with: { code: 'for i in 0..5000 { print(`line ${i}`); }' } }] }\n  \
         - { name: good, on: FileDeleted, steps: [{ id: sum, uses: script, with: { code: '40 + args.two', args: { two: 2 } } }] }\n",
    );
    let folder = Folder::with_rules(&rules);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    assert_eq!(serving.post(&fixture("protocol/events/09_file_deleted.json")).await, Some(200));
    assert_eq!(output(&ended(&serving, "good").await, "sum")["value"], 42);
    for (name, _, code) in HOSTILE {
        let run = ended(&serving, name).await;
        assert_eq!((&run["status"], &run["error"]["code"]), (&json!("dead"), &json!(code)), "{run}");
        assert_eq!(run["steps"][0]["attempts"], 1, "{run}");
    }
    assert_eq!(ended(&serving, "flood").await["status"], "succeeded");
    let log = serving.log();
    assert!(log.contains("line 0") && log.contains("line 99") && !log.contains("line 100\""), "{log}");
    assert!(log.contains("the script prints no more"), "{log}");
}

const PINNED: &str = "
rules:
  - name: pinned
    on: NewFileUpload
    steps:
      - id: media
        uses: tencent.call
        with:
          service: vod
          version: \"2018-07-17\"
          action: DescribeMediaInfos
          params: { SubAppId: \"${{ event.subappid }}\", FileIds: [\"5000000000000000001\"] }
        retry: { max_attempts: 1000, initial: 100ms, max: 1s }
      - { id: check, uses: script, with: { file: scripts/check.rhai, args: { missing: \"${{ steps.media.NotExistFileIdSet }}\" } } }
";

#[tokio::test]
async fn a_run_keeps_the_script_that_it_began_with() {
    let folder = Folder::with_rules(PINNED);
    folder.write("rules/scripts/check.rhai", "#{ missing: args.missing.len(), text: \"old\" }\n");
    let address = format!("127.0.0.1:{}", free_port());
    let config = folder.read("oncue.yaml");
    folder.write("oncue.yaml", &format!("{config}vod: {{ endpoint: \"http://{address}\" }}\n"));
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
    eventually("a failed attempt", || async {
        let runs = serving.get("/runs").await;
        let run = show(&serving, runs["items"][0]["id"].as_str()?).await;
        (!run["failed_attempts"].as_array()?.is_empty()).then_some(())
    })
    .await;
    serving.kill();
    folder.write("rules/scripts/check.rhai", "#{ text: \"new\" }\n");
    let _vendor = vendor(&address).await;
    let serving = Serving::start(&folder);
    let run = ended(&serving, "pinned").await;
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(output(&run, "check"), &json!({ "missing": 1, "text": "old" }));
    assert!(output(&run, "media")["RequestId"].is_string(), "{run}");
    assert_eq!(serving.post(&fixture(UPLOAD).replace("5000000000000000001", "5000000000000000002")).await, Some(200));
    eventually("a run with the new text", || async {
        let runs = serving.get("/runs").await;
        let id = runs["items"][0]["id"].as_str().filter(|id| *id != run["id"])?.to_owned();
        let run = show(&serving, &id).await;
        (run["status"] == "succeeded" && output(&run, "check") == &json!({ "text": "new" })).then_some(())
    })
    .await;
}

#[test]
fn check_shows_the_place_in_the_script_file_and_refuses_files_outside() {
    let folder = Folder::with_rules(
        "rules:\n  - name: a\n    on: X\n    steps:\n      - { uses: script, with: { file: scripts/bad.rhai } }\n      \
         - { uses: script, with: { file: ../oncue.yaml } }\n      - { uses: script, with: { file: absent.rhai } }\n",
    );
    folder.write("rules/scripts/bad.rhai", "let x = 1;\nlet y = x +;\n");
    let ran = oncue(&["check"]).within(&folder).failure();
    assert_eq!(ran.code, 3);
    let report = ran.stdout;
    assert!(report.contains("rules/scripts/bad.rhai:2:12\n"), "{report}");
    assert!(report.contains("`../oncue.yaml` is outside of the folder of the rules"), "{report}");
    assert!(report.contains("there is no such file"), "{report}");
}

const MEDIA: &str = "
rules:
  - name: review
    on: NewFileUpload
    match: { event.depth: 0 }
    steps: [{ id: submit, uses: vod.review_audio_video, with: { ReviewContents: [Media, Cover] } }]
  - name: edit
    on: NewFileUpload
    match: { event.depth: 0 }
    steps:
      - id: submit
        uses: vod.edit_media
        with:
          InputType: File
          FileInfos: [{ FileId: '${{ event.file_id }}', EndTimeOffset: 10.5 }, { FileId: '${{ event.file_id }}' }]
          OutputConfig: { MediaName: joined, Type: mp4 }
  - name: reviewed
    on: ReviewAudioVideoComplete
    steps: [{ id: seen, set: { said: '${{ payload.Output.Suggestion }}', cover: '${{ payload.Output.CoverReviewResult.Suggestion }}' } }]
  - name: edited
    on: EditMediaComplete
    steps:
      - id: seen
        set: { name: '${{ payload.Output.MediaName }}', depth: '${{ event.depth }}' }
      - { id: gone, uses: vod.delete_media, with: { FileId: '${{ payload.Output.FileId }}', everything: true } }
";

#[tokio::test(flavor = "multi_thread")]
async fn media_are_reviewed_edited_and_deleted_and_events_tell_of_it() {
    let folder = Folder::with_rules(MEDIA);
    let vendor = crate::support::Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({ "tags": ["suggest-review"] })).await;
    let reviewed = ended(&serving, "reviewed").await;
    assert_eq!(output(&reviewed, "seen"), &json!({ "said": "review", "cover": "pass" }));
    let edited = ended(&serving, "edited").await;
    assert_eq!(
        output(&edited, "seen"),
        &json!({ "name": "joined", "depth": 1 }),
        "our own edit is known by its SessionId"
    );
    assert_eq!((&edited["status"], &output(&edited, "gone")["gone"]), (&json!("succeeded"), &json!(false)), "{edited}");
    let actions: Vec<_> = vendor.tasks().await.iter().map(|task| task["action"].clone()).collect();
    assert_eq!(actions.len(), 2, "{actions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_whose_answer_was_lost_has_its_task_all_the_same() {
    let folder = Folder::with_rules(
        "rules:\n  - name: submit\n    on: NewFileUpload\n    steps:\n      \
         - { id: sent, uses: vod.process_media, with: { definitions: [100010] }, retry: { initial: 10ms, max: 10ms } }\n",
    );
    let vendor = crate::support::Vendor::start(Some(&folder)).await;
    vendor.serve(&folder);
    let trouble = json!([{ "fault": "hang_up", "action": "ProcessMedia", "times": 1 }]);
    let put = crate::support::http().put(format!("{}/simulator/misbehaviour", vendor.url())).json(&trouble);
    assert_eq!(put.send().await.unwrap().status(), 200);
    let serving = Serving::start(&folder);
    vendor.upload(APP, &json!({})).await;
    let run = ended(&serving, "submit").await;
    let tasks = vendor.tasks().await;
    assert_eq!((tasks.len(), &output(&run, "sent")["duplicate"]), (1, &json!(true)), "{run}");
    assert_eq!(output(&run, "sent")["TaskId"], tasks[0]["task_id"], "{run}");
}
