//! What is live, how much is stored, and what was not taken.

use serde_json::json;

use super::Rig;
use crate::http::tests::support::now;
use crate::store::{Page, QuarantineRow};

#[tokio::test]
async fn rules_counts_and_quarantine_are_shown() {
    let rig = Rig::new().await;
    let rules = rig.get("/rules").await.body;
    let rule =
        r#"{"name":"r","description":null,"mode":"live","on":["NewFileUpload"],"apps":[1500000001],"hash":"ab"}"#;
    let attempt = |outcome: &str| {
        let at = "2026-01-31T08:00:00.000Z";
        let rest = r#""findings":[],"at_next_start":[],"added":[],"changed":[],"removed":[]"#;
        format!(r#"{{"at":"{at}","cause":"change","outcome":"{outcome}",{rest}}}"#)
    };
    let files = r#""hash":"cd","files":["rules/r.yaml"]"#;
    let status = format!(r#"{{"loaded_at":"2026-01-30T08:00:00.000Z",{files},"last_attempt":{}}}"#, attempt("refused"));
    assert_eq!(rules, format!(r#"{{"items":[{rule}],"next":null,"status":{status}}}"#));
    let shown = rig.get("/rules/r").await.body;
    assert_eq!(shown, format!(r#"{{"rule":{rule},"file":"rules/r.yaml","line":2,"yaml":"name: r\n"}}"#));
    assert_eq!(rig.call("POST", "/rules/reload", "").await.body, attempt("unchanged"));
    let counts = rig.get("/counts").await.body;
    assert_eq!(counts, r#"{"events":3,"duplicates":1,"runs":{"dead":2},"throttled":5,"quarantined":4,"store":null}"#);
    let row = QuarantineRow {
        number: 258,
        received_at: now(),
        subappid: None,
        reason: "malformed_json: no".to_owned(),
        body: b"{\xff".to_vec(),
    };
    rig.admin.quarantine.lock().unwrap().push(row);
    let list = rig.get("/quarantine?limit=1&before=258").await.json();
    assert_eq!((list["items"][0]["body"].clone(), list["next"].clone()), (json!("{\u{fffd}"), json!("258")));
    let mut before = [0; 16];
    before[14] = 1;
    before[15] = 2;
    assert_eq!(rig.last_question(), format!("{:?}", Page { limit: 1, before: Some(before) }));
}
