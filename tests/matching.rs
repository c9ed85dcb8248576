//! `oncue match`, through the real binary.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Folder, oncue, root};

fn vectors() -> String {
    std::fs::read_to_string(root().join("rules/tests/fixtures/matching/vectors.jsonl")).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

fn pair(pattern: &str, event: &str) -> Value {
    json!({ "pattern": pattern, "event": event })
}

#[test]
fn a_stream_gets_the_verdict_of_every_vector_in_their_order() {
    let ran = oncue(&["match"]).with_input(&vectors()).success();
    let (expected, answers) = (lines(&vectors()), lines(&ran.stdout));
    assert_eq!(answers.len(), expected.len());
    for (answer, vector) in answers.iter().zip(&expected) {
        let verdict = if answer["error"].is_null() { &answer["matched"] } else { &answer["error"] };
        assert_eq!((&answer["id"], verdict), (&vector["id"], &vector["expected"]), "{vector}");
        let members: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(members == ["id", "matched"] || members == ["id", "error", "message"], "{answer}");
    }
}

#[test]
fn each_vector_gets_its_verdict_and_exit_code_as_a_pair_too() {
    let mut tried = std::collections::BTreeMap::new();
    for vector in lines(&vectors()) {
        // A process each: a few of every group and verdict.
        let asked: &mut u32 = tried.entry((vector["group"].to_string(), vector["expected"].to_string())).or_default();
        let (pattern, event) = (vector["pattern"].as_str().unwrap(), vector["event"].as_str().unwrap());
        if *asked == 2 || !pattern.starts_with('{') || !event.starts_with('{') {
            continue;
        }
        *asked += 1;
        let ran = oncue(&["match", "--pattern", pattern, "--event", event]).run();
        let expected = match vector["expected"].as_str() {
            Some("invalid-pattern") => 3,
            Some(_) => 2,
            None if vector["expected"] == true => 0,
            None => 8,
        };
        assert_eq!(ran.code, expected, "{vector}\n{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout.starts_with("matched"), expected == 0, "{vector}");
        assert_eq!(ran.stdout.starts_with("not matched: "), expected == 8, "{vector}");
    }
    assert!(tried.len() > 30, "{tried:?}");
}

#[test]
fn what_is_no_pair_is_named_by_its_line_and_the_others_are_answered() {
    let good = pair(r#"{"a":1}"#, r#"{"a":1.0}"#).to_string();
    let input = [
        good.as_str(),
        "{\"pattern\": ",
        "[]",
        "",
        r#"{"id": 7, "pattern": "{\"a\":1}"}"#,
        r#"{"id": {"b": 1.50}, "pattern": {"a": 1}, "event": "{}"}"#,
        r#"{"id": "last", "pattern": "{\"a\":2}", "event": "{\"a\":1}", "event": "{\"a\":2}"}"#,
    ];
    let ran = oncue(&["match"]).with_input(&input.join("\r\n")).failure();
    assert_eq!(ran.code, 2);
    assert_eq!(ran.stderr, "error: 4 lines of standard input are no pair of pattern and event\n");
    let expected = [
        r#"{"matched":true}"#,
        r#"{"line":2,"error":"invalid-line","message":"it is not JSON: "#,
        r#"{"line":3,"error":"invalid-line","message":"it is a list: write an object"}"#,
        r#"{"line":5,"id":7,"error":"invalid-line","message":"it has no event: write it as JSON text in a string"}"#,
        r#"{"line":6,"id":{"b":1.5},"error":"invalid-line","message":"its pattern is a map: write it as JSON text in a string"}"#,
        r#"{"id":"last","matched":true}"#,
    ];
    let answers: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(answers.len(), expected.len(), "{}", ran.stdout);
    for (answer, expected) in answers.iter().zip(expected) {
        assert!(answer.starts_with(expected), "{answer}\n{expected}");
    }
}

#[test]
fn a_line_may_hold_a_large_event_and_one_that_is_too_long_is_passed_over() {
    let event = json!({ "a": "x\"".repeat(1 << 19) }).to_string();
    let large = pair(r#"{"a":{"suffix":"\""}}"#, &event).to_string();
    let too_long = "x".repeat(17 << 20);
    let ran = oncue(&["match"]).with_input(&format!("{large}\n{too_long}\n{large}\n{too_long}")).failure();
    let answers = lines(&ran.stdout);
    assert_eq!((&answers[0]["matched"], &answers[2]["matched"]), (&json!(true), &json!(true)));
    for (answer, line) in [(&answers[1], 2), (&answers[3], 4)] {
        assert_eq!((&answer["line"], &answer["error"]), (&json!(line), &json!("invalid-line")));
        assert_eq!(answer["message"], "it has more than 16777216 bytes: send smaller events");
    }
}

#[test]
fn an_answer_does_not_wait_for_the_next_line_and_a_reader_may_go_away() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_oncue"))
        .arg("match")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for value in 0..3 {
        writeln!(input, "{}", pair(r#"{"a":1}"#, &format!("{{\"a\":{value}}}"))).unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        assert_eq!(answer, format!("{{\"matched\":{}}}\n", value == 1));
    }
    drop(output);
    writeln!(input, "{}", pair(r#"{"a":1}"#, "{}")).unwrap();
    drop(input);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn a_pair_says_which_condition_failed() {
    let pattern = r#"{"Category":"Video","Name":[{"prefix":"raw-"},{"suffix":".mov"}],"Size":{"numeric":[">",10]}}"#;
    let event = r#"{"Category":"Video","Name":"clip.mp4","Size":3}"#;
    let ran = oncue(&["match", "--pattern", pattern, "--event", event]).failure();
    let expected = "not matched: Name: expected [{\"prefix\":\"raw-\"},{\"suffix\":\".mov\"}], found \"clip.mp4\"\n";
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (8, expected, ""));
    let ran = oncue(&["match", "--json", "--pattern", r#"{"a":1}"#, "--event", r#"{"a":[2,3]}"#]).failure();
    let expected = json!({ "matched": false, "mismatch": { "path": "a", "expected": "1", "actual": "[2,3]" } });
    assert_eq!((ran.code, serde_json::from_str::<Value>(&ran.stdout).unwrap()), (8, expected));
    let ran = oncue(&["match", "--json", "--pattern", r#"{"a":1}"#, "--event", r#" {"a":1}"#]).success();
    let expected = json!({ "matched": true, "mismatch": null });
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap(), expected);
}

#[test]
fn what_is_not_found_out_within_the_limits_is_neither_a_match_nor_none() {
    // One value is compared with so many alternatives that a long list of them takes too many steps.
    let wildcards: Vec<_> = (0..1_000).map(|n| json!({ "wildcard": format!("*{n}*") })).collect();
    let pattern = json!({ "a": wildcards }).to_string();
    let event = json!({ "a": vec!["x"; 100_000] }).to_string();
    let message = "whether it matches was not found out within 2000000 steps for one match and 20000000 for all rules";
    let ran = oncue(&["match"]).with_input(&pair(&pattern, &event).to_string()).success();
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&answer["error"], &answer["matched"]), (&json!("too-costly"), &Value::Null));
    assert!(answer["message"].as_str().unwrap().starts_with(message), "{answer}");

    let folder = Folder::new();
    folder.write("pattern.json", &pattern);
    folder.write("event.json", &event);
    let ran = oncue(&["match", "--pattern", "pattern.json", "--event", "event.json"]).within(&folder).failure();
    assert_eq!((ran.code, ran.stdout.as_str()), (7, ""));
    assert!(ran.stderr.starts_with(&format!("error: {message}")), "{}", ran.stderr);
}

#[test]
fn patterns_and_events_are_texts_files_or_standard_input() {
    let folder = Folder::new();
    folder.write("pattern.json", r#"{"a":{"prefix":"x"}}"#);
    folder.write("pattern.yaml", "# either\na: [{ prefix: x }, 1]\n");
    folder.write("event.json", r#"{"a":"xy"}"#);
    let run = |pattern: &str, event: &str, input: &str| {
        oncue(&["match", "--pattern", pattern, "--event", event]).within(&folder).with_input(input).run()
    };
    assert_eq!(run("pattern.json", "event.json", "").code, 0);
    assert_eq!(run("pattern.yaml", "event.json", "").code, 0);
    assert_eq!(run("pattern.yaml", r#"{"a":2}"#, "").code, 8);
    assert_eq!(run("-", "event.json", r#"{"a":"x"}"#).code, 8);
    assert_eq!(run("pattern.json", "-", r#"{"a":"x"}"#).code, 0);
    assert_eq!(run("-", "-", "{}").code, 2);
    let absent = run("absent.json", "event.json", "");
    assert_eq!(absent.code, 4);
    assert!(absent.stderr.contains("cannot read absent.json (JSON text begins with {)"), "{}", absent.stderr);
    assert_eq!(oncue(&["match", "--pattern", "{}"]).failure().code, 2);
}

#[test]
fn an_invalid_pattern_is_shown_with_its_place() {
    let folder = Folder::new();
    folder.write("pattern.yaml", "a: 1\nb: [{ prefixx: x }]\n");
    let ran = oncue(&["match", "--pattern", "pattern.yaml", "--event", "{}"]).within(&folder).failure();
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("--> pattern.yaml:2:") && ran.stderr.contains("hint: "), "{}", ran.stderr);
    let ran = oncue(&["match", "--pattern", "{\"a\":[]}", "--event", "{}"]).failure();
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("--> --pattern:1:6"), "{}", ran.stderr);
    let ran = oncue(&["match", "--pattern", "{\"a\":1}", "--event", "{\"a\":1"]).failure();
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: the event in --event: it is not JSON: "), "{}", ran.stderr);
}
