//! What is read of a body first tells the same as the whole body.

use oncue_rules::event::Body;

use super::*;
use crate::sources::vod::table::KINDS;

/// What is said of a body of which all was read.
fn from_the_whole(body: &str) -> Result<Recognised, Refusal> {
    let body = Body::read(body.as_bytes()).unwrap();
    let outline = body.value().clone();
    recognise(&Opened { body, outline }, APP)
}

fn agrees(body: &str) {
    let Ok(opened) = parse(body.as_bytes()) else { return };
    assert_eq!(recognise(&opened, APP), from_the_whole(body), "{body}");
    let keys = [Secret::new(KEY)];
    let whole = Value::from_json(body.as_bytes()).unwrap();
    let at = Timestamp(T * 1000);
    assert_eq!(verify(&keys, opened.outline(), "", at), verify(&keys, &whole, "", at), "{body}");
}

#[test]
fn every_sample_is_recognised_by_its_outline_as_by_all_of_it() {
    let folder = format!("{}/../tests/fixtures/protocol/events", env!("CARGO_MANIFEST_DIR"));
    let folders = [folder.clone(), format!("{folder}/extra")];
    let mut compared = 0;
    for entry in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            agrees(&std::fs::read_to_string(&path).unwrap());
            compared += 1;
        }
    }
    assert!(compared > 12, "{compared}");
}

#[test]
fn no_value_is_made_of_uploads_and_finished_tasks() {
    for (name, has_value) in [
        ("01_new_file_upload_plain", false),
        ("03_new_file_upload_unicode_name", false),
        ("04_procedure_finish_two_transcodes_and_cover", false),
        ("10_edit_media_complete", false),
        ("06_procedure_processing", true),
        ("09_file_deleted", true),
    ] {
        assert_eq!(recognised(name).body.has_value(), has_value, "{name}");
    }
    assert!(take(r#"{"EventType":"Unheard","Event":{"TaskId":"t","Status":"FINISH"}}"#).body.has_value());
}

/// Members that a payload may have, some of them objects of objects.
fn members() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "FileId",
        "TaskId",
        "Status",
        "SessionId",
        "SessionContext",
        "ProcedureTaskId",
        "FileUrl",
        "Url",
        "FileIdSet",
        "FileInfoSet",
        "FileInfo",
        "FileDeleteResultInfo",
        "DeleteParts",
        "Input",
        "Output",
        "MediaBasicInfo",
        "MediaUrl",
        "SourceInfo",
        "SourceContext",
        "MediaProcessResultSet",
        "Type",
        "Definition",
        "N",
        "\\u0046ileId",
    ]);
    let scalar = prop::sample::select(vec![
        "null",
        "\"\"",
        "\"f\"",
        "\"FINISH\"",
        "\"PROCESSING\"",
        "7",
        "1.0",
        "true",
        "\"{\\\"a\\\":1}\"",
        "\"1500000002-procedurev2-ab\"",
        "\"http://1500000009.vod2.myqcloud.com/x\"",
        "[]",
        "{}",
    ]);
    scalar.prop_map(str::to_owned).prop_recursive(3, 24, 4, move |inner| {
        let map = prop::collection::vec((name.clone(), inner.clone()), 0..5);
        let list = prop::collection::vec(inner, 0..3);
        prop_oneof![
            map.prop_map(|members| format!("{{{}}}", joined(&members))),
            list.prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

/// An object with members before its own that make a payload whole; anything else as it is.
fn with(known: [bool; 3], payload: &str) -> String {
    let members = ["\"FileId\":\"f\",", "\"TaskId\":\"t\",", "\"Status\":\"FINISH\","];
    match payload.strip_prefix('{') {
        None | Some("}") => payload.to_owned(),
        Some(rest) => {
            let members: String =
                members.into_iter().zip(known).filter(|(_, is_known)| *is_known).map(|(member, _)| member).collect();
            format!("{{{members}{rest}")
        }
    }
}

fn joined(members: &[(impl AsRef<str>, String)]) -> String {
    members.iter().map(|(name, value)| format!("\"{}\":{value}", name.as_ref())).collect::<Vec<_>>().join(",")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn any_body_is_recognised_by_its_outline_as_by_all_of_it(
        kind in prop::sample::select(KINDS.iter().map(|kind| (kind.name, kind.fields)).chain([("Unheard", &["Event"] as &[&str])]).collect::<Vec<_>>()),
        payloads in prop::collection::vec(members(), 1..4),
        known: [bool; 3],
        strays in prop::collection::vec((prop::sample::select(vec![
            "version", "data", "eventType", "EventInfo", "EventGroupId", "Response", "Sign", "T", "sign", "t", "EventType", "X",
        ]), members()), 0..3),
        is_first in any::<bool>(),
    ) {
        let (name, fields) = kind;
        let kind = ("EventType".to_owned(), format!("\"{name}\""));
        let payloads = payloads.into_iter().enumerate();
        let payloads = payloads.map(|(at, payload)| (fields[at % fields.len()].to_owned(), with(known, &payload)));
        let strays = strays.into_iter().map(|(name, value)| (name.to_owned(), value));
        let body: Vec<(String, String)> = if is_first {
            [kind].into_iter().chain(payloads).chain(strays).collect()
        } else {
            strays.chain(payloads).chain([kind]).collect()
        };
        agrees(&format!("{{{}}}", joined(&body)));
    }
}
