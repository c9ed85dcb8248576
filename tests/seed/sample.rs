//! The sample program's outputs for the twelve sample events, line for line and field for field.

use serde_json::{Value, json};

use super::{Imported, config_json};
use crate::support::{eventually, fixture, root};

/// A line that the sample prints: its text, and what is in it.
type Line = (String, Value);

/// What the sample prints about the end of a procedure (the table of what it does).
fn printed(body: &Value) -> Vec<Line> {
    let event = &body["ProcedureStateChangeEvent"];
    if body["EventType"] != "ProcedureStateChanged" || event["Status"] != "FINISH" {
        return Vec::new();
    }
    let file = event["FileId"].as_str().unwrap();
    if event["ErrCode"] != 0 {
        let (task, code) = (event["TaskId"].as_str().unwrap(), &event["ErrCode"]);
        let text = format!("Procedure failed. FileId: {file}, TaskId: {task}, ErrCode: {code}");
        return vec![(text, json!({ "FileId": file, "TaskId": task, "ErrCode": code }))];
    }
    let results = event["MediaProcessResultSet"].as_array().unwrap();
    let transcodes =
        results.iter().filter(|result| result["Type"] == "Transcode").map(|result| &result["TranscodeTask"]);
    let line = |task: &Value| {
        let (definition, code) = (&task["Input"]["Definition"], &task["ErrCode"]);
        if *code != 0 {
            let text = format!("Transcode failed. FileId: {file}, Definition: {definition}, ErrCode: {code}");
            return (text, json!({ "FileId": file, "Definition": definition, "ErrCode": code }));
        }
        let url = task["Output"]["Url"].as_str().unwrap();
        let text = format!("Transcode succeeded. FileId: {file}, Definition: {definition}, Url: {url}");
        (text, json!({ "FileId": file, "Definition": definition, "Url": url }))
    };
    transcodes.map(line).collect()
}

fn bodies() -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(root().join("tests/fixtures/protocol/events"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.iter().map(|name| fixture(&format!("protocol/events/{name}"))).collect()
}

#[tokio::test]
async fn the_log_holds_what_the_sample_prints_for_the_twelve_events() {
    let imported = Imported::start(&config_json(&json!(1_500_000_001))).await;
    let mut expected: Vec<Line> = Vec::new();
    let bodies = bodies();
    assert_eq!(bodies.len(), 12);
    for text in &bodies {
        let body: Value = serde_json::from_str(text).unwrap();
        if body["EventType"] == "NewFileUpload" {
            let file = imported.upload(text).await;
            expected.push(submitted(&imported, &file).await);
        } else {
            assert_eq!(imported.post(text).await, (200, String::new()));
            expected.extend(printed(&body));
        }
    }
    // Three uploads, and of the procedures two that ended well and one that did not.
    assert_eq!(imported.runs(0).await, 6);
    assert_eq!(expected.len(), 3 + 2 + 2 + 1);
    let all = || async { (imported.serving.logged().len() >= expected.len()).then_some(()) };
    eventually("every line", all).await;
    let mut found: Vec<Line> =
        imported.serving.logged().into_iter().map(|logged| (logged.message, logged.fields)).collect();
    let by_text = |one: &Line, other: &Line| one.0.cmp(&other.0);
    found.sort_by(by_text);
    expected.sort_by(by_text);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn results_are_logged_in_their_order() {
    let imported = Imported::start(&config_json(&json!(1_500_000_001))).await;
    let text = fixture("protocol/events/05_procedure_finish_one_transcode_failed.json");
    imported.post(&text).await;
    let two = || async { Some(imported.serving.logged()).filter(|logged| logged.len() == 2) };
    let logged = eventually("two lines", two).await;
    let expected = printed(&serde_json::from_str(&text).unwrap());
    assert_eq!(
        logged.iter().map(|logged| logged.message.clone()).collect::<Vec<_>>(),
        [expected[0].0.clone(), expected[1].0.clone()]
    );
    assert_eq!(logged.iter().map(|logged| logged.level.as_str()).collect::<Vec<_>>(), ["INFO", "ERROR"]);
}

/// The sample prints the vendor's reply to its submission, which has two ids.
async fn submitted(imported: &Imported, file: &str) -> Line {
    let logged = || async { imported.serving.logged().into_iter().find(|logged| logged.fields["FileId"] == *file) };
    let logged = eventually("the reply in the log", logged).await;
    let tasks = imported.vendor.tasks().await;
    let task = tasks.iter().find(|task| task["file_id"] == *file).unwrap();
    let id = task["task_id"].as_str().unwrap();
    let request = &logged.fields["RequestId"];
    assert!(request.as_str().is_some_and(|request| !request.is_empty()), "{logged:?}");
    (
        format!("ProcessMedia accepted. FileId: {file}, TaskId: {id}"),
        json!({ "FileId": file, "TaskId": id, "RequestId": request }),
    )
}
