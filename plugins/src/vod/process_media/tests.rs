use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::action::{App, ErrorClass};
use crate::testing::{FILE, KEY, call};

fn body(params: &str) -> serde_json::Value {
    request_body(&call(params)).unwrap()
}

fn problem(call: &Call) -> String {
    let error = request_body(call).unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, parameters::INVALID));
    error.message
}

#[test]
fn what_is_implied_is_filled_in() {
    let expected = json!({
        "FileId": FILE, "SubAppId": 1_500_000_001, "SessionId": KEY,
        "MediaProcessTask": { "TranscodeTaskSet": [{ "Definition": 100_010 }, { "Definition": 100_020 }] },
    });
    assert_eq!(body(r#"{"definitions":[100010,100020]}"#), expected);
}

#[test]
fn an_application_that_is_addressed_without_a_number_leaves_it_out() {
    let mut call = call(r#"{"definitions":[100010]}"#);
    call.app = call.app.map(|app| Arc::new(App { send_subappid: false, ..(*app).clone() }));
    assert_eq!(request_body(&call).unwrap().get("SubAppId"), None);
    call.params = Value::from_json(br#"{"definitions":[100010],"SubAppId":9}"#).unwrap();
    assert_eq!(request_body(&call).unwrap()["SubAppId"], 9);
}

#[test]
fn what_is_written_beats_what_is_implied() {
    let written = r#"{"FileId":"7","SubAppId":9,"SessionId":"mine","AiAnalysisTask":{"Definition":10}}"#;
    assert_eq!(body(written), serde_json::from_str::<serde_json::Value>(written).unwrap());
}

#[test]
fn null_is_as_good_as_left_out() {
    let with_nulls = r#"{"definitions":[10],"FileId":null,"SubAppId":null,"SessionId":null,"SessionContext":null,
        "MediaProcessTask":{"CoverBySnapshotTaskSet":null},"TasksPriority":null}"#;
    assert_eq!(body(with_nulls), body(r#"{"definitions":[10]}"#));
}

#[test]
fn another_source_is_not_joined_by_the_file_of_the_event() {
    for source in ["Url", "MediaStoragePath"] {
        let body = body(&format!(r#"{{"definitions":[10],"{source}":"x"}}"#));
        assert_eq!(body[source], "x");
        assert_eq!(body.get("FileId"), None);
    }
}

#[test]
fn definitions_follow_the_transcodes_that_are_written_out() {
    let body = body(
        r#"{"definitions":[30,30],"MediaProcessTask":{"TranscodeTaskSet":[{"Definition":10,"StartTimeOffset":1.50}],
        "ImageSpriteTaskSet":[{"Definition":10}],"SampleSnapshotTaskSet":[]}}"#,
    );
    let expected = json!({
        "TranscodeTaskSet": [{ "Definition": 10, "StartTimeOffset": 1.5 }, { "Definition": 30 }, { "Definition": 30 }],
        "ImageSpriteTaskSet": [{ "Definition": 10 }],
    });
    assert_eq!(body["MediaProcessTask"], expected);
}

/// Every field of the request, spelled as the vendor spells it.
#[test]
fn every_field_of_the_api_passes_through_unchanged() {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/process_media_all.json")).unwrap();
    assert_eq!(body(&all.to_string()), all);
}

#[test]
fn a_request_that_asks_for_nothing_says_how_to_ask() {
    for empty in
        ["{}", r#"{"definitions":[]}"#, r#"{"MediaProcessTask":{}}"#, r#"{"MediaProcessTask":{"TranscodeTaskSet":[]}}"#]
    {
        let fix = "MediaProcessTask: asks for nothing: write `definitions: [100010]`, a list in MediaProcessTask, or an Ai...Task";
        assert_eq!(problem(&call(empty)), fix, "{empty}");
    }
    let ai = body(r#"{"AiRecognitionTask":{"Definition":10},"MediaProcessTask":{"TranscodeTaskSet":[]}}"#);
    assert_eq!(ai.get("MediaProcessTask"), None);
}

#[test]
fn a_wrong_value_is_named_by_its_path() {
    for (params, start) in [
        (
            r#"{"definitions":["100010"]}"#,
            "definitions[0]: expected a whole number that is not negative, found the text",
        ),
        (r#"{"definitions":100010}"#, "definitions: expected a list, found integer"),
        (
            r#"{"FileId":5000000000000000001}"#,
            "FileId: expected a text, found integer `5000000000000000001`; put it in quotes",
        ),
        (r#"{"SubAppId":"1500000001"}"#, "SubAppId: expected a whole number"),
        (
            r#"{"MediaProcessTask":{"CoverBySnapshotTaskSet":[{"Definition":1,"PositionType":"Time"}]}}"#,
            "MediaProcessTask.CoverBySnapshotTaskSet[0]: missing field `PositionValue`",
        ),
        (
            r#"{"MediaProcessTask":{"TranscodeTaskSet":[{"Definition":1,"StartTimeOffset":"2"}]}}"#,
            "MediaProcessTask.TranscodeTaskSet[0].StartTimeOffset: ",
        ),
        (r#"{"TasksNotifyMode":"finish"}"#, "TasksNotifyMode: unknown variant \"finish\": did you mean \"Finish\"?"),
        (r#"{"Fileid":"1"}"#, "Fileid: unknown field \"Fileid\": did you mean \"FileId\"?"),
        (r#"{"definitions":[1],"TasksPriority":11}"#, "TasksPriority: write a whole number from -10 to 10"),
    ] {
        let problem = problem(&call(params));
        assert!(problem.starts_with(start), "{problem}");
    }
}

#[test]
fn texts_that_the_vendor_limits_are_measured_in_characters() {
    let with = |name: &str, length: usize| format!(r#"{{"definitions":[1],"{name}":"{}"}}"#, "界".repeat(length));
    body(&with("SessionId", 50));
    body(&with("SessionContext", 1000));
    assert!(problem(&call(&with("SessionId", 51))).starts_with("SessionId: longer than 50"));
    assert!(problem(&call(&with("SessionContext", 1001))).starts_with("SessionContext: longer than 1000"));
}

#[test]
fn an_event_without_one_file_needs_a_written_one() {
    let mut call = call(r#"{"definitions":[1]}"#);
    let mut event = (*call.event).clone();
    event.keys.push(event.keys[0].clone());
    call.event = event.clone().into();
    assert_eq!(problem(&call), "FileId: the event names 2 files: write which one");
    event.keys.clear();
    call.event = event.into();
    assert_eq!(problem(&call), "FileId: the event NewFileUpload names no file: write FileId, MediaStoragePath or Url");
}

#[test]
fn without_an_application_no_sub_app_id_is_sent() {
    let mut call = call(r#"{"definitions":[1]}"#);
    call.app = None;
    assert_eq!(request_body(&call).unwrap().get("SubAppId"), None);
    assert_eq!(crate::tencent::key(call.app.as_deref()).unwrap_err().code, "NoApplication");
}

#[test]
fn only_an_empty_session_id_gives_up_the_check_for_repeats() {
    assert_eq!(body(r#"{"definitions":[1]}"#)["SessionId"], KEY);
    assert_eq!(body(r#"{"definitions":[1],"SessionId":""}"#)["SessionId"], "");
}
