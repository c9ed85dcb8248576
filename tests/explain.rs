//! `oncue explain`: why rules match an event or do not, through the real binary.

use serde_json::{Value, json};

use crate::support::{APP, Folder, Serving, fixture, oncue};

const RULES: &str = r#"
rules:
  - name: wants-audio
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Audio, payload.MediaBasicInfo.Type: mp4 }
    steps: [{ id: said, set: { file: "${{ event.file_id }}" } }]
  - name: wants-mov
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Video, payload.MediaBasicInfo.Type: mov }
    steps: [{ id: said, set: { file: "${{ event.file_id }}" } }]
  - name: takes-all
    on: "*"
    steps: [{ id: said, set: { file: "${{ event.file_id }}" } }]
  - name: braked
    on: NewFileUpload
    limit: { runs: 1, per: all, every: 1d }
    steps: [{ id: said, set: { file: "${{ event.file_id }}" } }]
  - { name: only-watches, on: NewFileUpload, mode: shadow, steps: [{ id: said, set: { a: 1 } }] }
  - { name: never, on: NewFileUpload, if: event.depth > 9, steps: [{ id: said, set: { a: 1 } }] }
  - { name: broken, on: NewFileUpload, if: event.depth > null, steps: [{ id: said, set: { a: 1 } }] }
  - { name: elsewhere, on: NewFileUpload, subappid: 1500000002, steps: [{ id: said, set: { a: 1 } }] }
  - { name: of-deletes, on: FileDeleted, steps: [{ id: said, set: { a: 1 } }] }
  - { name: of-tickets, on: TicketOpened, match: { payload.urgent: true }, steps: [{ id: said, set: { a: 1 } }] }
  - { name: asleep, on: NewFileUpload, mode: off, steps: [{ id: said, set: { a: 1 } }] }
"#;

/// As the rules come for an upload of a video in mp4: verdict, rule, why.
const NEAREST: [(&str, &str, &str); 9] = [
    ("matched", "braked", ""),
    ("matched", "only-watches", "in mode shadow: nothing is started"),
    ("matched", "takes-all", ""),
    ("error", "broken", ""),
    ("unmatched", "never", "its `if` is false"),
    ("unmatched", "wants-mov", "payload.MediaBasicInfo.Type: expected \"mov\", found \"mp4\""),
    ("unmatched", "wants-audio", "payload.MediaBasicInfo.Category: expected \"Audio\", found \"Video\""),
    ("unmatched", "elsewhere", "it is for other applications"),
    ("unmatched", "asleep", "its mode is off"),
];

fn folder() -> Folder {
    let folder = Folder::with_rules(RULES);
    let second = "  - { subappid: 1500000002, name: second, insecure: true }\n";
    folder.configure(second);
    folder.write_event("event.json");
    folder
}

fn upload(file: &str) -> String {
    let mut event: Value = serde_json::from_str(&fixture("protocol/events/01_new_file_upload_plain.json")).unwrap();
    event["FileUploadEvent"]["FileId"] = file.into();
    event.to_string()
}

fn asked(folder: &Folder, arguments: &[&str]) -> String {
    oncue(&[&["explain"], arguments].concat()).within(folder).success().stdout
}

fn asked_json(folder: &Folder, arguments: &[&str]) -> Value {
    serde_json::from_str(&asked(folder, &[arguments, &["--json"]].concat())).unwrap()
}

/// Verdict, rule and the rest of each row of the table.
fn rows(shown: &str) -> Vec<(&str, &str, &str)> {
    let table = shown.lines().skip_while(|line| !line.starts_with("VERDICT")).skip(1);
    table
        .take_while(|line| !line.starts_with("and "))
        .map(|line| {
            let (verdict, rest) = line.split_once(' ').unwrap();
            let (rule, why) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
            (verdict, rule, why.trim())
        })
        .collect()
}

async fn stored(serving: &Serving, file: &str) -> String {
    assert_eq!(serving.post(&upload(file)).await, Some(200));
    let events = serving.get(&format!("/events?file_id={file}")).await;
    events["items"][0]["id"].as_str().unwrap().to_owned()
}

fn assert_nearest(shown: &str) {
    let rows = rows(shown);
    assert_eq!(rows.len(), NEAREST.len(), "{shown}");
    for (row, expected) in rows.iter().zip(NEAREST) {
        assert_eq!((row.0, row.1), (expected.0, expected.1), "{shown}");
        assert!(row.1 == "broken" || row.2 == expected.2, "{shown}");
    }
    assert!(shown.ends_with("\nand 2 rules listen to other types (--all lists them)\n"), "{shown}");
}

#[tokio::test]
async fn every_rule_says_why_the_nearest_first() {
    let folder = folder();
    let serving = Serving::start(&folder);
    let id = stored(&serving, "1").await;
    let shown = asked(&folder, &[&id]);
    assert!(shown.starts_with(&format!("{id}, NewFileUpload of application {APP}\n")), "{shown}");
    assert_nearest(&shown);
    let broken = rows(&shown)[3].2;
    assert!(broken.contains("null"), "{shown}");
    // A file gives the same answer, and leaves nothing behind.
    let app = APP.to_string();
    assert_nearest(&asked(&folder, &["event.json", "--app", &app]));
    assert_nearest(&asked(&folder, &["event.json", "--subappid", &app]));
    assert_eq!(serving.get("/counts").await["events"], 1);

    let all = asked(&folder, &[&id, "--all"]);
    let last = rows(&all)[8..].to_vec();
    let types = "it listens to other types";
    let expected =
        [("unmatched", "of-deletes", types), ("unmatched", "of-tickets", types), ("unmatched", "asleep", NEAREST[8].2)];
    assert_eq!(last, expected, "{all}");
    let some = asked(&folder, &[&id, "--limit", "2"]);
    assert_eq!(rows(&some).len(), 2);
    assert!(some.ends_with("--all lists them)\nand 7 rules are farther from a match (--limit)\n"), "{some}");
}

#[tokio::test]
async fn one_rule_is_asked_alone() {
    let folder = folder();
    let serving = Serving::start(&folder);
    let id = stored(&serving, "1").await;
    let answer = asked_json(&folder, &[&id, "--rule", "wants-mov"]);
    let condition = json!({ "path": "payload.MediaBasicInfo.Type", "expected": "\"mov\"", "actual": "\"mp4\"" });
    let item = json!({
        "rule": "wants-mov", "mode": "live", "verdict": "unmatched", "why": "condition", "condition": condition,
        "message": null,
    });
    assert_eq!(answer["items"], json!([item]), "{answer}");
    assert_eq!(asked_json(&folder, &[&id, "--rule", "of-deletes"])["items"][0]["why"], "type");
    let counts = json!({
        "application": 1, "condition": 2, "error": 1, "if": 1, "matched": 3, "off": 1, "type": 2,
    });
    assert_eq!(asked_json(&folder, &[&id])["counts"], counts);
    let absent = oncue(&["explain", &id, "--rule", "nobody"]).within(&folder).failure();
    assert_eq!((absent.code, absent.stderr.as_str()), (4, "error: there is no rule \"nobody\" live\n"));
}

#[tokio::test]
async fn a_file_says_what_it_is_or_is_told() {
    let folder = folder();
    folder.write("ticket.json", r#"{"urgent": true}"#);
    folder.write("broken.json", r#"{"urgent": "#);
    let serving = Serving::start(&folder);
    let code = |arguments: &[&str]| {
        let ran = oncue(&[&["explain"], arguments].concat()).within(&folder).failure();
        (ran.code, ran.stderr)
    };
    let (refused, why) = code(&["event.json"]);
    let expected = "name one (such as 1500000001, 1500000002)";
    assert!(refused == 2 && why.contains(expected), "{why}");
    let (refused, why) = code(&["event.json", "--app", "7"]);
    assert!(refused == 2 && why.contains("there is no application 7"), "{why}");
    let (refused, why) = code(&["event.json", "--type", "TicketOpened"]);
    assert!(refused == 2 && why.contains("the body says that its type is NewFileUpload"), "{why}");
    assert_eq!(code(&["broken.json", "--type", "T"]).0, 2);
    assert_eq!(code(&["ticket.json", "--app", "1500000001"]).0, 2);
    assert_eq!(code(&["absent.json"]).0, 4);
    assert_eq!(code(&["evt_1", "--app", "1"]).0, 2);
    assert_eq!(code(&["event.json", "--then"]).0, 2);
    assert_eq!(code(&["evt_00000000000000000000000000000000"]).0, 4);
    let shown = asked(&folder, &["ticket.json", "--type", "TicketOpened"]);
    assert!(shown.starts_with("TicketOpened of no application\n"), "{shown}");
    assert_eq!(rows(&shown)[0], ("matched", "of-tickets", ""), "{shown}");
    drop(serving);
    assert_eq!(code(&["event.json", "--app", "1500000001"]).0, 5);
}

#[tokio::test]
async fn what_the_rules_of_then_said_is_shown_as_far_as_it_is_kept() {
    let folder = folder();
    let serving = Serving::start(&folder);
    let _first = stored(&serving, "1").await;
    let id = stored(&serving, "2").await;
    let rules = RULES.replace("Type: mov", "Type: mp4").replacen("file: \"${{ event.file_id }}\"", "again: 1", 4);
    let rules = rules.replace("  - name: braked", "  - name: unbraked");
    folder.write("rules/rules.yaml", &rules);
    oncue(&["rules", "reload"]).within(&folder).success();

    let shown = asked(&folder, &[&id, "--then"]);
    let rows = rows(&shown[..shown.find("\n4 rules").unwrap()]).into_iter().map(|(verdict, rule, _)| (verdict, rule));
    let expected =
        [("matched", "takes-all"), ("throttled", "braked"), ("matched", "only-watches"), ("error", "broken")];
    assert_eq!(rows.collect::<Vec<_>>(), expected, "{shown}");
    assert!(shown.contains("; the rule has changed since"), "{shown}");
    let kept = "\n4 rules listened to this type and did not match; the store keeps neither which, nor why";
    assert!(shown.contains(kept), "{shown}");
    let answer = asked_json(&folder, &[&id, "--then", "--rule", "takes-all"]);
    let item = &answer["items"][0];
    assert_eq!((&item["verdict"], &item["since"]), (&json!("matched"), &json!("changed")), "{answer}");
    assert_eq!(item["runs"].as_array().unwrap().len(), 1, "{answer}");
    let absent = asked(&folder, &[&id, "--then", "--rule", "wants-mov"]);
    assert!(absent.contains("wants-mov neither matched nor failed: "), "{absent}");
    // The live rules say something else.
    assert_eq!(asked_json(&folder, &[&id, "--rule", "wants-mov"])["items"][0]["verdict"], "matched");
    assert_eq!(oncue(&["explain", &id, "--rule", "braked"]).within(&folder).failure().code, 4);
}
