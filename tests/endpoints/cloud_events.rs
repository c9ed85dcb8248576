//! `CloudEvents` in both modes: as the specification writes them, and as the SDK for Python makes them.

use std::collections::BTreeMap;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{digits, folder};
use crate::sdk::python_or_skip;
use crate::support::{Folder, Serving, http, root};

const SECRET: &str = "9f4c1d7be2a8460395d1c07be86a2f14";
const ENDPOINTS: &str = "
secrets: { cms: \"${env:CMS_TOKEN}\" }
endpoints:
  - path: /events
    format: cloudevents
    keys: { ticket: \"${{ body.data.ticket }}\" }
    verify: { hmac_sha256: { header: X-Signature, secret: \"${{ secrets.cms }}\" } }
  - path: /any
    format: cloudevents
    verify: { hmac_sha256: { header: X-Signature, secret: \"${{ secrets.cms }}\" } }
";
const RULES: &str = "
rules:
  - name: heard
    on: com.example.ticket.decided
    steps: [{ uses: log, with: { message: heard, fields: { source: '${{ event.source }}', keys: '${{ event.keys }}', payload: '${{ payload }}', subject: '${{ body.subject }}' } } }]
";
const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"https://desk.example/tickets","type":"com.example.ticket.decided","subject":"工单 7","data":{"ticket":"7"}}"#;

fn desk() -> Folder {
    let folder = folder(ENDPOINTS);
    folder.write("rules/rules.yaml", RULES);
    folder
}

async fn send(serving: &Serving, headers: &BTreeMap<String, String>, body: &[u8]) -> (u16, Value) {
    send_to(serving, "/events", &digits(SECRET, body), headers, body).await
}

async fn send_to(
    serving: &Serving,
    path: &str,
    signature: &str,
    headers: &BTreeMap<String, String>,
    body: &[u8],
) -> (u16, Value) {
    let request = http().post(format!("http://{}{path}", serving.listen)).body(body.to_vec());
    let request = request.header("X-Signature", signature);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn headers(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn both_modes_of_one_event_are_one_event_and_rules_see_one_shape() {
    let folder = desk();
    let serving = Serving::start(&folder);
    let binary = headers(&[
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "https://desk.example/tickets"),
        ("ce-type", "com.example.ticket.decided"),
        ("ce-subject", "%E5%B7%A5%E5%8D%95%207"),
        ("content-type", "application/json"),
    ]);
    let (status, first) = send(&serving, &binary, br#"{"ticket":"7"}"#).await;
    assert_eq!(status, 200, "{first}");
    let structured = headers(&[("content-type", "application/cloudevents+json")]);
    let (status, again) = send(&serving, &structured, EVENT.as_bytes()).await;
    assert_eq!((status, &again["event"], &again["duplicate"]), (200, &first["event"], &json!(true)));
    let other = EVENT.replace(r#""id":"1""#, r#""id":"2""#);
    assert_eq!(send(&serving, &structured, other.as_bytes()).await.1["duplicate"], false);
    let expected = json!({ "source": "https://desk.example/tickets", "keys": { "ticket": "7" }, "payload": { "ticket": "7" }, "subject": "工单 7" });
    assert_eq!(serving.heard(2).await, [expected.clone(), expected]);
    let stored = serving.get(&format!("/events/{}", first["event"].as_str().unwrap())).await;
    let body: Value = serde_json::from_str(stored["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["specversion"], &body["data"]), (&json!("1.0"), &json!({ "ticket": "7" })), "{body}");
}

#[tokio::test]
async fn batches_forgeries_and_what_is_no_cloud_event_are_refused() {
    let folder = desk();
    let serving = Serving::start(&folder);
    let structured = headers(&[("content-type", "application/cloudevents+json")]);
    let batch = headers(&[("content-type", "application/cloudevents-batch+json")]);
    let plain = headers(&[("content-type", "application/json")]);
    for (headers, body, status, code) in [
        (&batch, format!("[{EVENT}]"), 415, "unsupported_media_type"),
        (&plain, EVENT.to_owned(), 415, "unsupported_media_type"),
        (&structured, EVENT.replace("1.0", "0.3"), 400, "no_cloud_event"),
        (&structured, EVENT.replace("com.example.ticket.decided", "NewFileUpload"), 422, "wrong_type"),
        (&structured, EVENT.replace("https://desk.example/tickets", "oncue"), 422, "wrong_source"),
    ] {
        let (said, answer) = send(&serving, headers, body.as_bytes()).await;
        assert_eq!((said, answer["error"]["code"].as_str().unwrap()), (status, code), "{body}: {answer}");
    }
    let forged =
        [("content-type", "application/cloudevents+json"), ("X-Signature", &*digits("a guess", EVENT.as_bytes()))];
    assert_eq!(serving.send("/events", &forged, EVENT).await.0, 401);
    assert_eq!(serving.stored().await, (0, 0));
}

/// A request: its name, its headers, and its body.
type Made = (String, BTreeMap<String, String>, Vec<u8>);

/// What the SDK makes.
fn made() -> Option<Vec<Made>> {
    let output = Command::new(python_or_skip()?).arg(root().join("tests/sdk/make_cloud_events.py")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let request = |line: &str| {
        let made: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let headers = made["headers"].as_object().unwrap();
        let headers = headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        (text(&made["name"]), headers, STANDARD.decode(text(&made["body"])).unwrap())
    };
    Some(lines.lines().map(request).collect())
}

#[tokio::test]
async fn what_the_sdk_makes_is_taken_and_what_is_altered_is_not() {
    let Some(made) = made() else { return };
    let folder = desk();
    let serving = Serving::start(&folder);
    let mut events = Vec::new();
    for (name, headers, body) in &made {
        let (status, answer) = send_to(&serving, "/any", &digits(SECRET, body), headers, body).await;
        assert_eq!(status, 200, "{name}: {answer}");
        let stored = serving.get(&format!("/events/{}", answer["event"].as_str().unwrap())).await;
        assert_eq!(stored["event"]["type"], "com.example.ticket.decided", "{name}");
        let body: Value = serde_json::from_str(stored["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&body["subject"], &body["source"]),
            (&json!("工单 7"), &stored["event"]["source"]),
            "{name}: {body}"
        );
        events.push((name.as_str(), answer, body));
    }
    let find = |name: &str| events.iter().find(|event| event.0 == name).unwrap();
    let data = json!({ "ticket": "7", "decision": "publish", "who": "李" });
    for name in ["structured", "binary", "an extension", "no media type"] {
        assert_eq!(find(name).2["data"], data, "{name}");
    }
    let (first, again) = (&find("binary").1, &find("binary again in structured mode").1);
    assert_eq!((&again["event"], &again["duplicate"]), (&first["event"], &json!(true)));
    assert!(find("an extension").2["traceparent"].as_str().unwrap().starts_with("00-"));
    assert_eq!(find("bytes in structured mode").2["data_base64"], "/wA=");
    assert_eq!(find("text in binary mode").2["data"], "yes");
    let stored = serving.stored().await;
    for (name, headers, body) in &made {
        let altered = [body.as_slice(), b" "].concat();
        assert_eq!(send_to(&serving, "/any", &digits(SECRET, body), headers, &altered).await.0, 401, "{name}");
        assert_eq!(send_to(&serving, "/any", &digits("a guess", body), headers, body).await.0, 401, "{name}");
    }
    assert_eq!(serving.stored().await, stored);
}
