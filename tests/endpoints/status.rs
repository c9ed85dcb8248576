//! `reply: runs`: the sender hears what he started, and can ask what became of it.

use serde_json::{Value, json};

use super::folder;
use crate::support::{Folder, Serving, eventually, http};

const ENDPOINTS: &str = "
endpoints:
  - { path: /told, source: cms, type: StartTranscode, dedupe: \"${{ body.id }}\", reply: runs, insecure: true }
  - { path: /quiet, source: cms, type: Quiet, insecure: true }
";
const RULES: &str = "
rules:
  - name: well
    on: StartTranscode
    if: body.fails != true
    steps: [{ end: done }]
  - name: badly
    on: StartTranscode
    if: body.fails == true
    steps: [{ id: give_up, uses: fail, with: { message: 'the key of the safe is 1234', code: safe_closed } }]
";

fn desk() -> Folder {
    let folder = folder(ENDPOINTS);
    folder.write("rules/rules.yaml", RULES);
    folder
}

async fn ask(serving: &Serving, path: &str) -> (u16, Value) {
    let answer = http().get(format!("http://{}{path}", serving.listen)).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_sender_hears_its_runs_and_asks_again_with_a_path_that_nobody_guesses() {
    let folder = desk();
    let serving = Serving::start(&folder);
    let (status, answer) = serving.send("/told", &[], r#"{"id":1}"#).await;
    assert_eq!((status, answer["runs"].as_array().map(Vec::len)), (200, Some(1)), "{answer}");
    assert_eq!((&answer["runs"][0]["rule"], &answer["runs"][0]["end"]), (&json!("well"), &json!("done")));
    let path = answer["status_path"].as_str().unwrap();
    let (status, told) = ask(&serving, path).await;
    assert_eq!(status, 200);
    assert_eq!((&told["event"], &told["type"]), (&answer["event"], &json!("StartTranscode")));
    assert_eq!((&told["runs"][0]["id"], &told["runs"][0]["status"]), (&answer["runs"][0]["id"], &json!("succeeded")));

    let (_, again) = serving.send("/told", &[], r#"{"id":1}"#).await;
    assert_eq!((&again["duplicate"], &again["status_path"]), (&json!(true), &answer["status_path"]));
    let (event, other) = (answer["event"].as_str().unwrap(), serving.send("/told", &[], r#"{"id":2}"#).await.1);
    assert_ne!(other["status_path"], answer["status_path"]);
    let token = other["status_path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let wrong = [
        format!("/status/{event}/{token}"),
        format!("/status/{event}/"),
        format!("/status/{event}"),
        format!("{path}/"),
        format!("{path}x"),
        "/status/evt_00000000000000000000000000000000/x".to_owned(),
        "/status/x/y".to_owned(),
        "/status".to_owned(),
    ];
    for path in wrong {
        let (status, answer) = ask(&serving, &path).await;
        assert_eq!(
            (status, answer["error"]["message"].as_str()),
            (404, Some("there is nothing at this path")),
            "{path}"
        );
    }
    assert!(!serving.log().contains(&token), "{}", serving.log());
}

#[tokio::test]
async fn a_failure_is_told_by_its_step_and_code_and_not_by_its_message() {
    let folder = desk();
    let serving = Serving::start(&folder);
    let (_, answer) = serving.send("/told", &[], r#"{"id":1,"fails":true}"#).await;
    let path = answer["status_path"].as_str().unwrap();
    let told = eventually("the run to die", || async {
        let told = ask(&serving, path).await.1;
        (told["runs"][0]["status"] == "dead").then_some(told)
    })
    .await;
    assert_eq!(told["runs"][0]["error"], json!({ "step": "give_up", "code": "safe_closed" }));
    assert!(!told.to_string().contains("1234"), "{told}");
}

#[tokio::test]
async fn an_endpoint_that_does_not_tell_has_no_status() {
    let folder = desk();
    let serving = Serving::start(&folder);
    let (_, answer) = serving.send("/quiet", &[], "{}").await;
    assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    let event = answer["event"].as_str().unwrap();
    for token in ["", "null", "0"] {
        assert_eq!(ask(&serving, &format!("/status/{event}/{token}")).await.0, 404);
    }
}
