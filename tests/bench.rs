//! `oncue bench match`, through the real binary. How fast anything is, no test can say.

use serde_json::{Value, json};

use crate::support::{APP, Folder, fixture, oncue, upload};

const RULES: &str = r#"
rules:
  - { name: all, on: "*", steps: [{ id: said, set: { a: 1 } }] }
  - { name: videos, on: NewFileUpload, match: { payload.MediaBasicInfo.CategoryName: Video }, steps: [{ id: said, set: { a: 1 } }] }
  - { name: main, on: NewFileUpload, apps: main, if: payload.FileId == '1', steps: [{ id: said, set: { a: 1 } }] }
  - { name: broken, on: FileDeleted, if: event.depth > null, steps: [{ id: said, set: { a: 1 } }] }
"#;

const WITHOUT_APPS: &str = "
rules:
  - { name: uploads, on: NewFileUpload, steps: [{ id: said, set: { a: 1 } }] }
  - { name: tickets, on: TicketOpened, match: { payload.urgent: true }, steps: [{ id: said, set: { a: 1 } }] }
";

/// Two uploads, of which one is a video, and a deletion.
fn events() -> String {
    let one_line = |text: &str| serde_json::from_str::<Value>(text).unwrap().to_string();
    let deleted = one_line(&fixture("protocol/events/09_file_deleted.json"));
    format!("{}\n\n{}\r\n{deleted}", upload("1", "Video"), upload("2", "Audio"))
}

fn folder() -> Folder {
    let folder = Folder::with_rules(RULES);
    folder.write("events.jsonl", &events());
    folder
}

fn measured(folder: &Folder, arguments: &[&str]) -> Value {
    let fixed = ["bench", "match", "--events", "events.jsonl", "--seconds", "1", "--json"];
    let ran = oncue(&[&fixed, arguments].concat()).within(folder).success();
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Exit code and message of a run that must not end well.
fn refused(folder: &Folder, arguments: &[&str]) -> (i32, String) {
    let ran = oncue(&[&["bench", "match"], arguments].concat()).within(folder).failure();
    assert_eq!(ran.stdout, "");
    (ran.code, ran.stderr)
}

#[test]
fn the_rules_of_a_project_are_measured_with_bodies() {
    let folder = folder();
    let value = measured(&folder, &[]);
    let most = json!([
        { "rule": "all", "events": 3 }, { "rule": "main", "events": 1 }, { "rule": "videos", "events": 1 },
    ]);
    assert_eq!(value["rules_that_match_most"], most, "{value:#}");
    assert_eq!((&value["rules"], &value["rule_files"], &value["events"]), (&json!(4), &json!(1), &json!(3)));
    assert_eq!((&value["events_without_match"], &value["errors"]), (&json!(0), &json!(1)));
    assert!(value["first_error"].as_str().unwrap().starts_with("broken: "), "{value:#}");
    let matches = value["matches_per_event"].as_f64().unwrap();
    assert!((matches - 5.0 / 3.0).abs() < 1e-9, "{matches}");
    let raw: usize = events().lines().map(|line| line.trim().len()).sum();
    assert_eq!(value["event_bytes"], raw);
    for figure in [
        "load_seconds",
        "load_to_yaml_parser",
        "events_per_second",
        "json_parser_events_per_second",
        "ratio_to_json_parser",
        "part_of_time_reading",
        "matcher_bytes",
        "matcher_bytes_per_rule",
    ] {
        assert!(value[figure].as_f64().is_some_and(|figure| figure > 0.0), "{figure}: {value:#}");
    }
    assert!(!folder.file("data").exists(), "nothing is stored");
}

#[test]
fn people_read_the_same() {
    let folder = folder();
    let arguments = ["bench", "match", "--events", "-", "--seconds", "1", "--rules", "rules"];
    let shown = oncue(&arguments).within(&folder).with_input(&events()).success().stdout;
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].starts_with("rules       4 (files: 1), loaded in "), "{shown}");
    assert!(shown.contains("\nmatches     1.67 an event; 0 of 3 events match no rule\n"), "{shown}");
    assert!(shown.contains("\nerrors      1, the first of broken: "), "{shown}");
    assert!(shown.ends_with("\n\nEVENTS  RULE\n3       all\n1       main\n1       videos\n"), "{shown}");
}

#[test]
fn rules_are_a_file_a_folder_or_a_project_with_or_without_a_configuration() {
    let project = folder();
    let elsewhere = Folder::new();
    elsewhere.write("events.jsonl", &events());
    elsewhere.write("some/uploads.yaml", WITHOUT_APPS);
    let rules = |path: &str| measured(&elsewhere, &["--rules", path])["rules"].clone();
    assert_eq!(rules("some"), 2);
    assert_eq!(rules("some/uploads.yaml"), 2);
    assert_eq!(rules(project.path().to_str().unwrap()), 4);
    assert_eq!(rules(project.file("oncue.yaml").to_str().unwrap()), 4);
    // What is configured gives its applications to other rules.
    project.write("other.yaml", RULES);
    assert_eq!(measured(&project, &["--rules", "other.yaml"])["rules_that_match"], 3);

    elsewhere.write("main.yaml", RULES);
    let (code, message) = refused(&elsewhere, &["--rules", "main.yaml", "--events", "events.jsonl"]);
    assert_eq!(code, 3, "{message}");
    assert!(message.contains("--> main.yaml:") && message.contains("there is no application `main`"), "{message}");
    assert!(message.contains("name the configuration that they belong to with --config"), "{message}");
}

#[test]
fn a_stored_event_says_its_type_and_application_itself() {
    let folder = Folder::with_rules(WITHOUT_APPS);
    folder.configure("  - { subappid: 1500000002, name: second, insecure: true }\n");
    let stored = |kind: &str, source: &str, body: &str| {
        let event =
            json!({ "id": "evt_0198c0de5a7c7b3e9f0d1c2b3a495867", "type": kind, "source": source, "subappid": APP });
        json!({ "event": event, "body": body, "runs": [] }).to_string()
    };
    let lines = [
        stored("NewFileUpload", "vod", &upload("1", "Video")),
        stored("TicketOpened", "oncue", r#"{"urgent":true}"#),
        stored("TicketOpened", "oncue", r#"{"urgent":false}"#),
    ];
    folder.write("events.jsonl", &lines.join("\n"));
    let value = measured(&folder, &[]);
    let most = json!([{ "rule": "tickets", "events": 1 }, { "rule": "uploads", "events": 1 }]);
    assert_eq!((&value["rules_that_match_most"], &value["events_without_match"]), (&most, &json!(1)));

    // Bodies do not: of two applications, one has to be named.
    folder.write("events.jsonl", &upload("1", "Video"));
    let (code, message) = refused(&folder, &["--events", "events.jsonl"]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("name one with --app"), "{message}");
    assert_eq!(measured(&folder, &["--app", "1500000002"])["rules_that_match"], 1);
    folder.write("events.jsonl", r#"{"urgent":true}"#);
    assert_eq!(measured(&folder, &["--app", "1500000002", "--type", "TicketOpened"])["rules_that_match"], 1);
}

#[test]
fn what_cannot_be_measured_is_named_with_its_line() {
    let folder = folder();
    let said = |events: &str| {
        folder.write("bad.jsonl", events);
        let (code, message) = refused(&folder, &["--events", "bad.jsonl"]);
        assert_eq!(code, 2, "{message}");
        message
    };
    let good = upload("1", "Video");
    let message = said(&format!("{good}\n\n{{\"EventType\": \n{good}"));
    assert!(message.starts_with("error: bad.jsonl:3: it is not JSON: "), "{message}");
    assert!(said("[]").starts_with("error: bad.jsonl:1: it is a list: "));
    let message = said(&format!("{good}\n{{\"a\": 1}}"));
    assert!(message.starts_with("error: bad.jsonl:2: EventType "), "{message}");
    assert!(message.ends_with("(with --type, bodies are those of another type)\n"), "{message}");
    assert!(said("\n").starts_with("error: bad.jsonl holds no event: "));

    assert_eq!(refused(&folder, &["--events", "absent.jsonl"]).0, 4);
    assert_eq!(refused(&folder, &["--events", "events.jsonl", "--rules", "absent"]).0, 4);
    assert_eq!(refused(&folder, &["--events", "events.jsonl", "--config", "absent.yaml"]).0, 4);
    assert_eq!(refused(&folder, &["--events", "events.jsonl", "--seconds", "0"]).0, 2);
    folder.write("rules/bad.yaml", "rules:\n  - { name: x, onn: y }\n");
    let (code, message) = refused(&folder, &["--events", "events.jsonl"]);
    assert_eq!(code, 3);
    assert!(message.contains("rules/bad.yaml:2:"), "{message}");
}
