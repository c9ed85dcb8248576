use super::*;
use crate::testing::call;
use crate::testing::captured::Captured;

/// What a call with these parameters writes, as parsed JSON lines, and what it gives.
async fn logged(params: &str) -> (Vec<serde_json::Value>, Result<Value, ActionError>) {
    let captured = Captured::start();
    let result = Log::new().call(call(params)).await;
    (captured.lines(), result)
}

#[tokio::test]
async fn one_event_says_what_and_of_which_run() {
    let (lines, result) = logged(r#"{"message":"hello","level":"warn","fields":{"n":1}}"#).await;
    let call = call("{}");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["target"], TARGET);
    assert_eq!(lines[0]["level"], "WARN");
    let expected = serde_json::json!({
        "message": "hello", "fields": "{\"n\":1}", "run": call.run.to_string(), "rule": "hd", "step": "first",
        "event": call.event.id.to_string(),
    });
    assert_eq!(lines[0]["fields"], expected);
    assert_eq!(result.unwrap().to_json(), r#"{"message":"hello"}"#);
}

#[tokio::test]
async fn every_level_is_written_as_such_and_info_is_the_default() {
    for level in ["trace", "debug", "info", "warn", "error"] {
        let (lines, _) = logged(&format!(r#"{{"message":1,"level":"{level}"}}"#)).await;
        assert_eq!(lines[0]["level"], level.to_uppercase());
    }
    let (lines, _) = logged(r#"{"message":1,"level":null,"fields":null}"#).await;
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["fields"].get("fields"), None);
}

#[tokio::test]
async fn a_value_that_is_no_text_is_written_as_json_with_exact_numbers() {
    let (lines, _) = logged(r#"{"message":{"id":50000000000000000011,"list":[null,true]}}"#).await;
    assert_eq!(lines[0]["fields"]["message"], r#"{"id":50000000000000000011,"list":[null,true]}"#);
}

#[tokio::test]
async fn a_message_cannot_forge_a_line() {
    let (lines, result) = logged(r#"{"message":"a\nERROR b\r\u001b[31m\u2028\u202ec"}"#).await;
    assert_eq!(lines[0]["fields"]["message"], r"a\nERROR b\r\u{1b}[31m\u{2028}\u{202e}c");
    assert_eq!(result.unwrap().get("message").as_text(), Some("a\nERROR b\r\u{1b}[31m\u{2028}\u{202e}c"));
}

#[tokio::test]
async fn a_long_message_is_cut_between_characters_and_says_so() {
    let long = "界".repeat(LIMIT);
    let (lines, result) = logged(&format!(r#"{{"message":"{long}","fields":{{"x":"{long}"}}}}"#)).await;
    let message = lines[0]["fields"]["message"].as_str().unwrap();
    assert_eq!(message, format!("{}… [cut: {} bytes in all]", "界".repeat(LIMIT / 3), LIMIT * 3));
    assert_eq!(result.unwrap().get("message").as_text(), Some(message));
    assert!(lines[0]["fields"]["fields"].as_str().unwrap().len() < LIMIT + 60);
    let exact = "x".repeat(LIMIT);
    assert_eq!(cut(exact.clone()), exact);
}

#[tokio::test]
async fn wrong_parameters_are_refused_and_nothing_is_written() {
    for (params, problem) in [
        ("{}", "with: missing field `message`"),
        (r#"{"message":1,"level":"warning"}"#, "level: unknown variant \"warning\": did you mean \"warn\"?"),
        (r#"{"message":1,"fields":[]}"#, "fields: expected a map, found sequence"),
        (r#"{"mesage":1}"#, "mesage: unknown field \"mesage\": did you mean \"message\"?"),
    ] {
        let (lines, result) = logged(params).await;
        assert_eq!(lines.len(), 0);
        assert_eq!(result.unwrap_err(), ActionError::fatal(params::INVALID, problem));
    }
}
