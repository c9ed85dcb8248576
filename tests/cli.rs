//! The command line: what it prints, and how it ends.

use serde_json::Value;

use crate::support::{APP, Folder, Serving, oncue};

#[test]
fn the_demo_shows_both_urls_and_ends_well() {
    let ran = oncue(&["demo"]).success();
    for part in ["NewFileUpload", "transcode-new-uploads", "100010 and 100020", "ProcedureStateChanged", "SessionId"] {
        assert!(ran.stdout.contains(part), "no {part} in:\n{}", ran.stdout);
    }
    let urls: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("output") && line.contains("http")).collect();
    assert_eq!(urls.len(), 2, "{}", ran.stdout);
}

#[test]
fn init_writes_what_check_accepts_and_replaces_nothing() {
    let folder = Folder::new();
    oncue(&["init"]).within(&folder).success();
    let checked = oncue(&["check"]).within(&folder).success();
    assert_eq!(checked.stdout, "2 rules, 0 errors, 0 warnings\n");
    let again = oncue(&["init"]).within(&folder).failure();
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
}

#[test]
fn two_inits_make_two_tokens() {
    let (one, other) = (Folder::new(), Folder::new());
    oncue(&["init"]).within(&one).success();
    oncue(&["init"]).within(&other).success();
    assert_ne!(one.read("oncue.yaml"), other.read("oncue.yaml"));
}

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let folder = Folder::with_rules("rules: 7\n");
    let code = |arguments: &[&str]| oncue(arguments).within(&folder).failure().code;
    assert_eq!(code(&["chekc"]), 2, "wrong usage");
    assert_eq!(code(&["check"]), 3, "invalid rules");
    assert_eq!(code(&["serve"]), 3, "invalid rules");
    assert_eq!(code(&["check", "--config", "absent.yaml"]), 4, "no such file");
    assert_eq!(code(&["events"]), 5, "no server");
}

#[test]
fn check_prints_every_finding_as_json() {
    let folder = Folder::with_rules("rules:\n  - { name: a, on: X, steps: [] }\n  - { nmae: b }\n");
    let ran = oncue(&["check", "--json"]).within(&folder).failure();
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["errors"].as_u64().unwrap() >= 3, "{report}");
    let lines: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| finding["line"].as_u64()).collect();
    assert!(lines.contains(&Some(2)) && lines.contains(&Some(3)), "{report}");
}

#[test]
fn an_emitted_event_is_listed_with_its_run() {
    let folder = Folder::with_rules(
        "rules:\n  - { name: seen, on: NewFileUpload, steps: [{ uses: log, with: { message: '${{ event.file_id }}' } }] }\n",
    );
    let _serving = Serving::start(&folder);
    folder.write_event("event.json");
    let app = APP.to_string();
    let emit = || oncue(&["emit", "--app", &app, "event.json"]).within(&folder).success().stdout;
    assert!(emit().starts_with("accepted as evt_"));
    assert!(emit().starts_with("duplicate of evt_"));
    let unknown = oncue(&["emit", "--app", "7", "event.json"]).within(&folder).failure();
    assert!(unknown.stderr.contains("there is no application 7"), "{}", unknown.stderr);
    let events = oncue(&["events", "--file-id", "5000000000000000001"]).within(&folder).success().stdout;
    assert!(events.contains("NewFileUpload") && events.contains("seen"), "{events}");
    let runs: Value =
        serde_json::from_str(&oncue(&["runs", "--rule", "seen", "--json"]).within(&folder).success().stdout).unwrap();
    let run = runs["items"][0]["id"].as_str().unwrap();
    assert!(oncue(&["runs", "show", run]).within(&folder).success().stdout.contains("seen"));
    let unknown = oncue(&["runs", "show", "run_00000000000000000000000000000000"]).within(&folder).failure();
    assert_eq!(unknown.code, 4, "{}", unknown.stderr);
}

#[test]
fn a_second_server_on_the_same_store_is_refused() {
    let folder = Folder::with_rules("rules: []\n");
    let _serving = Serving::start(&folder);
    folder.move_to_free_ports();
    let config = folder
        .read("oncue.yaml")
        .replace("listen: ", "listen: 127.0.0.1:0 # ")
        .replace("admin: ", "admin: 127.0.0.1:0 # ");
    folder.write("second.yaml", &config);
    let refused = oncue(&["serve", "--config", "second.yaml"]).within(&folder).failure();
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("in use by another process"), "{}", refused.stderr);
}

#[test]
fn every_subcommand_explains_itself_with_examples() {
    for command in [
        &["serve"][..],
        &["check"],
        &["emit"],
        &["match"],
        &["bench", "match"],
        &["explain"],
        &["events"],
        &["runs"],
        &["rules"],
        &["init"],
        &["demo"],
        &["vod", "simulate"],
        &["vod", "callback"],
    ] {
        let help = oncue(&[command, &["--help"]].concat()).success().stdout;
        assert!(help.contains("Examples:"), "{command:?}:\n{help}");
    }
}
