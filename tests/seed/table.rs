//! The table of what the sample does, row by row.

use serde_json::{Value, json};

use super::{Imported, config_json};
use crate::support::{Folder, Serving, eventually, fixture, http};

async fn imported() -> Imported {
    Imported::start(&config_json(&json!(1_500_000_001))).await
}

fn procedure(change: impl FnOnce(&mut Value)) -> String {
    let text = fixture("protocol/events/04_procedure_finish_two_transcodes_and_cover.json");
    let mut body: Value = serde_json::from_str(&text).unwrap();
    change(&mut body["ProcedureStateChangeEvent"]);
    body.to_string()
}

#[tokio::test]
async fn an_upload_is_submitted_with_the_configured_definitions() {
    let imported = imported().await;
    let file = imported.upload(&fixture("protocol/events/01_new_file_upload_plain.json")).await;
    assert_eq!(imported.runs(0).await, 1);
    let tasks = imported.vendor.tasks().await;
    let mut request = tasks[0]["request"].clone();
    // The sample has none, and so submits twice what is delivered twice.
    request.as_object_mut().unwrap().remove("SessionId").unwrap();
    let expected = json!({
        "FileId": file, "SubAppId": 1_500_000_001,
        "MediaProcessTask": { "TranscodeTaskSet": [{ "Definition": 100_010 }, { "Definition": 100_020 }] },
    });
    assert_eq!((tasks.len(), request), (1, expected));
}

#[tokio::test]
async fn no_subappid_is_sent_where_the_sample_sends_none() {
    for absent in [json!(0), json!("0"), json!(""), json!(null)] {
        let imported = Imported::start(&config_json(&absent)).await;
        let file = imported.upload(&fixture("protocol/events/01_new_file_upload_plain.json")).await;
        assert_eq!(imported.runs(0).await, 1);
        let tasks = imported.vendor.tasks().await;
        assert_eq!((tasks[0]["file_id"].as_str(), tasks[0]["request"].get("SubAppId")), (Some(file.as_str()), None));
        let events = imported.serving.get("/events").await;
        assert_eq!(events["items"][0]["subappid"], 1, "{events}");
        assert!(!imported.serving.log().contains("names application"), "the number is made up");
    }
}

#[tokio::test]
async fn an_error_of_the_api_is_logged_and_the_event_is_answered_200_all_the_same() {
    let imported = imported().await;
    // The vendor does not know the file of the sample event.
    let body = fixture("protocol/events/01_new_file_upload_plain.json");
    assert_eq!(imported.post(&body).await, (200, String::new()));
    assert_eq!(imported.runs(1).await, 1);
    let error = || async { imported.serving.logged().into_iter().find(|logged| logged.level == "ERROR") };
    let logged = eventually("the error in the log", error).await;
    assert_eq!(logged.fields["Code"], "InvalidParameterValue.FileId", "{logged:?}");
    assert_eq!(logged.fields["FileId"], "5000000000000000001");
}

#[tokio::test]
async fn an_upload_without_its_event_or_file_is_refused_with_the_reason_and_kept() {
    let imported = imported().await;
    let bodies = [
        (r#"{"EventType":"NewFileUpload"}"#, "FileUploadEvent is missing"),
        (r#"{"EventType":"NewFileUpload","FileUploadEvent":null}"#, "FileUploadEvent is missing"),
        (r#"{"EventType":"NewFileUpload","FileUploadEvent":{}}"#, "FileUploadEvent.FileId is missing"),
        (r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":null}}"#, "FileUploadEvent.FileId is missing"),
    ];
    for (body, reason) in bodies {
        let (status, answer) = imported.post(body).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer.contains(reason), "{body}: {answer}");
    }
    let counts = imported.serving.get("/counts").await;
    assert_eq!((&counts["events"], &counts["quarantined"]), (&json!(0), &json!(4)), "{counts}");
}

#[tokio::test]
async fn a_procedure_under_way_is_answered_200_and_starts_nothing() {
    let imported = imported().await;
    let body = fixture("protocol/events/06_procedure_processing.json");
    assert_eq!(imported.post(&body).await, (200, String::new()));
    assert_eq!(imported.verdicts("ProcedureStateChanged").await["matched"], json!([]));
    assert_eq!(imported.runs(0).await, 0);
}

#[tokio::test]
async fn a_procedure_that_failed_is_answered_200_and_logged() {
    let imported = imported().await;
    let body = fixture("protocol/events/07_procedure_finish_errcode_nonzero.json");
    assert_eq!(imported.post(&body).await, (200, String::new()));
    assert_eq!(imported.runs(0).await, 1);
    let logged = || async { imported.serving.logged().into_iter().next() };
    let logged = eventually("the line", logged).await;
    let task = "1500000001-procedurev2-0a1b2c3d4e5f60718293a4b5c6d7e8f6tt0";
    assert_eq!(logged.fields, json!({ "FileId": "5000000000000000006", "TaskId": task, "ErrCode": 60000 }));
    assert_eq!((logged.level.as_str(), logged.rule.as_str()), ("ERROR", "log-failed-procedures"));
}

#[tokio::test]
async fn a_procedure_without_results_is_answered_200_and_its_verdict_says_so() {
    for nothing in [None, Some(json!(null)), Some(json!([]))] {
        let imported = imported().await;
        let body = procedure(|event| {
            let event = event.as_object_mut().unwrap();
            event.remove("MediaProcessResultSet");
            if let Some(nothing) = nothing {
                event.insert("MediaProcessResultSet".to_owned(), nothing);
            }
        });
        assert_eq!(imported.post(&body).await, (200, String::new()));
        let matched = imported.verdicts("ProcedureStateChanged").await["matched"].clone();
        let names = matched.as_array().unwrap();
        assert!(names.contains(&json!("log-procedures-without-results")), "{matched}");
        imported.runs(0).await;
        let warned = || async { imported.serving.logged().into_iter().find(|logged| logged.level == "WARN") };
        assert!(eventually("the warning", warned).await.message.starts_with("Procedure without results"));
    }
}

#[tokio::test]
async fn results_of_other_types_are_skipped() {
    let imported = imported().await;
    let body = procedure(|event| {
        let results = event["MediaProcessResultSet"].as_array_mut().unwrap();
        results.retain(|result| result["Type"] != "Transcode");
        assert!(!results.is_empty(), "the sample event has a cover");
    });
    assert_eq!(imported.post(&body).await, (200, String::new()));
    assert_eq!(imported.runs(0).await, 1);
    assert_eq!(imported.serving.logged(), []);
}

#[tokio::test]
async fn any_other_event_is_stored_and_counted_as_unmatched() {
    let imported = imported().await;
    let body = fixture("protocol/events/09_file_deleted.json");
    assert_eq!(imported.post(&body).await, (200, String::new()));
    assert_eq!(imported.verdicts("FileDeleted").await["matched"], json!([]));
    assert_eq!(imported.runs(0).await, 0);
}

#[tokio::test]
async fn what_is_no_json_is_refused_with_its_place() {
    let imported = imported().await;
    for (body, place) in [("", "line 1, column 1"), ("{\"EventType\":\n ?}", "line 2, column 2")] {
        let (status, answer) = imported.post(body).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer.contains(place), "{body}: {answer}");
    }
}

#[tokio::test]
async fn pages_may_read_the_answers_only_where_the_configuration_says_so() {
    let mut imported = imported().await;
    let (status, headers) = options(&imported.serving).await;
    assert_eq!((status, headers.get("access-control-allow-origin")), (405, None));
    for origin in ["*", "https://console.example"] {
        let config = imported.folder.read("oncue.yaml");
        let config: Vec<_> = config.lines().filter(|line| !line.starts_with("cors: ")).collect();
        imported.folder.write("oncue.yaml", &format!("{}\ncors: \"{origin}\"\n", config.join("\n")));
        assert_eq!(imported.serving.stop(), 0);
        imported.serving = Serving::start(&imported.folder);
        let (status, headers) = options(&imported.serving).await;
        assert_eq!(status, 204);
        assert_eq!(headers["access-control-allow-origin"], origin);
        assert_eq!(headers["access-control-allow-methods"], "POST, OPTIONS");
        assert_eq!(headers.contains_key("vary"), origin != "*");
        let url = format!("http://{}{}", imported.serving.listen, imported.serving.door(imported.app));
        for (url, status) in [(url, 400), (format!("http://{}/nowhere", imported.serving.listen), 404)] {
            let answer = http().post(url).body("{").send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
                (status, &origin.parse().unwrap())
            );
        }
    }
}

async fn options(serving: &Serving) -> (u16, reqwest::header::HeaderMap) {
    let url = format!("http://{}{}", serving.listen, serving.door(1_500_000_001));
    let answer = http().request(reqwest::Method::OPTIONS, url).send().await.unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

#[tokio::test]
async fn a_probe_is_stored_and_starts_nothing_even_where_a_rule_takes_everything() {
    let everything = "rules:\n  - { name: all, on: '*', steps: [{ uses: log, with: { message: seen } }] }\n";
    let folder = Folder::with_rules(everything);
    let serving = Serving::start(&folder);
    let probe = r#"{"EventType":"OncueProbe","OncueProbe":{"Id":"1"}}"#;
    let (status, answer) = serving.post_to(&serving.door(1_500_000_001), probe).await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let event = serving.get(&format!("/events/{}", answer["probe"].as_str().unwrap())).await;
    assert_eq!((status, event["event"]["type"].as_str()), (200, Some("OncueProbe")));
    assert_eq!(serving.get("/runs").await["items"], json!([]));
}
