mod outlines;

use std::time::Duration;

use oncue_rules::event::Payload;
use oncue_rules::ids::SubAppId;
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use proptest::prelude::*;

use super::sign::{SignError, verify};
use super::*;
use crate::secret::Secret;

const APP: SubAppId = SubAppId(1_500_000_001);
const WEEK: Duration = Duration::from_hours(7 * 24);
const TEN_MINUTES: Duration = Duration::from_mins(10);

fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../tests/fixtures/protocol/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn recognised(name: &str) -> Recognised {
    take(std::str::from_utf8(&sample(name)).unwrap())
}

fn take(body: &str) -> Recognised {
    recognise(&parse(body.as_bytes()).unwrap(), APP).unwrap_or_else(|refusal| panic!("{refusal}: {body}"))
}

fn refusal(body: &str) -> Refusal {
    parse(body.as_bytes()).and_then(|opened| recognise(&opened, APP)).expect_err(body)
}

/// The member that is the payload.
fn member(event: &Recognised) -> Option<&str> {
    match event.body.payload_place() {
        Payload::Member(name) => Some(name),
        Payload::None | Payload::Whole => None,
    }
}

fn keys(event: &Recognised) -> String {
    event.keys.iter().map(|key| format!("{}={}", key.name, key.value)).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_sample_is_recognised_with_its_payload_keys_and_lifetime() {
    let task = "1500000001-procedurev2-0a1b2c3d4e5f60718293a4b5c6d7e8f2tt0";
    let publish = "1500000001-WechatMiniProgramPublish-6a1b2c3d4e5f60718293a4b5c6d7e8f2tt0";
    let publish_keys = format!("file_id=5000000000000000002 task_id={publish}");
    let edit = "1500000001-EditMedia-4a1b2c3d4e5f60718293a4b5c6d7e8f0tt0";
    let review = "1500000001-ReviewAudioVideo-5a1b2c3d4e5f60718293a4b5c6d7e8f1tt0";
    let cases = [
        ("01_new_file_upload_plain", "FileUploadEvent", "file_id=5000000000000000001".to_owned()),
        ("extra/signed_new_file_upload", "FileUploadEvent", "file_id=5000000000000000001".to_owned()),
        (
            "04_procedure_finish_two_transcodes_and_cover",
            "ProcedureStateChangeEvent",
            format!(
                "file_id=5000000000000000002 {}task_id={task}",
                session("04_procedure_finish_two_transcodes_and_cover")
            ),
        ),
        ("09_file_deleted", "FileDeleteEvent", "file_id=5000000000000000008 file_id=5000000000000000009".to_owned()),
        (
            "10_edit_media_complete",
            "EditMediaCompleteEvent",
            format!("file_id=5000000000000000010 session_id=edit-7 task_id={edit}"),
        ),
        (
            "11_review_audio_video_complete",
            "ReviewAudioVideoCompleteEvent",
            format!("file_id=5000000000000000002 session_id=rev-2 task_id={review}"),
        ),
        ("12_wechat_mini_program_publish_complete", "WechatMiniProgramPublishCompleteEvent", publish_keys.clone()),
        ("extra/wechat_mini_program_publish_wire_name", "WechatMiniProgramPublishEvent", publish_keys),
    ];
    for (name, field, expected) in cases {
        let event = recognised(name);
        assert_eq!(member(&event), Some(field), "{name}");
        assert_eq!(keys(&event), expected, "{name}");
        assert_eq!(event.marks, [], "{name}");
    }
}

fn session(name: &str) -> String {
    let body = Value::from_json(&sample(name)).unwrap();
    let session = body.get("ProcedureStateChangeEvent").get("SessionId").as_text().unwrap_or_default().to_owned();
    if session.is_empty() { String::new() } else { format!("session_id={session} ") }
}

#[test]
fn every_numbered_sample_is_taken_without_a_mark() {
    let folder = format!("{}/../tests/fixtures/protocol/events", env!("CARGO_MANIFEST_DIR"));
    let mut taken = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let event = take(&std::fs::read_to_string(&path).unwrap());
            assert_eq!(event.marks, [], "{}", path.display());
            taken += 1;
        }
    }
    assert_eq!(taken, 12);
}

#[test]
fn the_items_of_a_pull_answer_are_recognised_one_by_one() {
    let answer = Value::from_json(&sample("extra/pull_events_response")).unwrap();
    let events = answer.get("Response").get("EventSet").as_list().unwrap();
    let taken: Vec<Recognised> = events.iter().map(|event| take(&event.to_json())).collect();
    assert_eq!(taken[0].dedupe_key, recognised("01_new_file_upload_plain").dedupe_key);
}

#[test]
fn an_unknown_type_is_taken_with_its_one_object_as_payload() {
    let event =
        take(r#"{"EventType":"HologramComplete","Old":null,"HologramEvent":{"TaskId":"t","FileId":"f"},"N":1}"#);
    assert_eq!(member(&event), Some("HologramEvent"));
    assert_eq!(event.marks, [Mark::UnknownType]);
    assert_eq!(keys(&event), "file_id=f task_id=t");
    assert_eq!(event.dedupe_for, WEEK);
}

#[test]
fn an_unknown_type_with_several_objects_or_none_has_no_payload() {
    for body in [r#"{"EventType":"X","A":{},"B":{}}"#, r#"{"EventType":"X","A":[]}"#] {
        let event = take(body);
        assert_eq!((member(&event), event.body.payload()), (None, &Value::Null), "{body}");
        assert_eq!(event.dedupe_for, TEN_MINUTES, "{body}");
    }
}

#[test]
fn the_context_is_the_parsed_object_and_nothing_else() {
    let of = |context: &str| {
        let context = Value::text(context).to_json();
        take(&format!(
            r#"{{"EventType":"PullComplete","PullCompleteEvent":{{"TaskId":"t","SessionContext":{context}}}}}"#
        ))
        .context
    };
    assert_eq!(of(r#"{"user":7}"#).get("user").to_json(), "7");
    for plain in ["", "rule=hd", "[1]", "7", "{"] {
        assert_eq!(of(plain), Value::Null, "{plain}");
    }
    assert!(recognised("02_new_file_upload_with_procedure").context.as_map().is_some());
}

#[test]
fn refusals_name_what_is_wrong_and_what_to_do() {
    let cases = [
        ("{\"EventType\":\n  nope}", "malformed_json", "line 2"),
        ("", "malformed_json", "line 1"),
        ("[]", "not_an_object", "a list"),
        ("{}", "no_event_type", "is missing"),
        (r#"{"EventType":""}"#, "no_event_type", "is empty"),
        (r#"{"EventType":7}"#, "no_event_type", "a number"),
        (r#"{"EventType":"NewFileUpload","FileUploadEvent":null}"#, "no_payload", "FileUploadEvent is missing"),
        (r#"{"EventType":"NewFileUpload","FileUploadEvent":[]}"#, "no_payload", "FileUploadEvent is a list"),
        (r#"{"EventType":"NewFileUpload","FileUploadEvent":{}}"#, "no_file_id", "FileUploadEvent.FileId is missing"),
        (r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":5}}"#, "no_file_id", "is a number"),
        (r#"{"EventType":"WorkflowTask","Timestamp":1}"#, "other_product", "MPS"),
        (r#"{"event_type":1,"stream_id":"s","t":1,"sign":"x"}"#, "other_product", "Live"),
        (r#"{"EventGroupId":1,"EventType":101,"EventInfo":{}}"#, "other_product", "TRTC"),
        (r#"{"CallbackCommand":"C2C.CallbackAfterSendMsg"}"#, "other_product", "IM"),
    ];
    for (body, code, part) in cases {
        let refusal = refusal(body);
        assert_eq!(refusal.code(), code, "{body}");
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
}

#[test]
fn a_body_of_format_2_0_is_told_where_the_3_0_address_goes() {
    for name in ["extra/legacy_v2_new_file_upload", "extra/legacy_v2_procedure_state_changed"] {
        let text = refusal(std::str::from_utf8(&sample(name)).unwrap()).to_string();
        assert!(text.contains("3.0 callback URL") && text.contains("clear its 2.0"), "{text}");
    }
}

#[test]
fn answers_of_api_calls_are_no_notifications() {
    for name in ["pull_events_response", "pull_events_empty_error", "process_media_response"] {
        let refusal = refusal(std::str::from_utf8(&sample(&format!("extra/{name}"))).unwrap());
        assert_eq!(refusal.code(), "other_product", "{name}");
    }
}

#[test]
fn a_control_character_or_an_endless_type_is_refused() {
    assert_eq!(refusal(r#"{"EventType":"a\nb"}"#).code(), "no_event_type");
    assert_eq!(refusal(&format!(r#"{{"EventType":"{}"}}"#, "a".repeat(200))).code(), "no_event_type");
}

#[test]
fn a_refusal_does_not_repeat_a_long_body() {
    for filling in ["9e", "x", "\\u", "\u{1f3ac}"] {
        let body = format!(r#"{{"EventType":{}}}"#, filling.repeat(100_000));
        assert!(refusal(&body).to_string().len() < 1_000, "{filling}");
    }
}

#[test]
fn what_names_another_application_is_marked() {
    let other = |place, named| Mark::OtherApplication { place, named: SubAppId(named) };
    let cases = [
        (r#""TaskId":"1500000002-procedurev2-ab""#, vec![other("TaskId", 1_500_000_002)]),
        (
            r#""TaskId":"t-1","FileUrl":"https://play.example/6ce20d3bvodcq1500000003/5/f0.mp4""#,
            vec![other("FileUrl", 1_500_000_003)],
        ),
        (r#""FileUrl":"http://1500000001.vod2.myqcloud.com/00000000vodtranscq1500000001/5/f0.mp4""#, vec![]),
        (r#""FileUrl":"http://1500000009.vod2.myqcloud.com/x""#, vec![other("FileUrl", 1_500_000_009)]),
        (r#""TaskId":"12-34","FileUrl":"not a url""#, vec![]),
        (r#""FileUrl":"https://é.example/ééééé/x""#, vec![]),
    ];
    for (members, expected) in cases {
        let body = format!(r#"{{"EventType":"PullComplete","PullCompleteEvent":{{{members}}}}}"#);
        assert_eq!(take(&body).marks, expected, "{members}");
    }
}

#[test]
fn a_task_at_work_and_a_finished_task_are_different_events() {
    let (working, finished) =
        (recognised("06_procedure_processing"), recognised("04_procedure_finish_two_transcodes_and_cover"));
    let event = |status: &str, sub: &str| {
        take(&format!(
            r#"{{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{{"TaskId":"t","Status":"{status}",
            "MediaProcessResultSet":[{{"Type":"Transcode","TranscodeTask":{{"Status":"{sub}","Input":{{"Definition":1}}}}}}]}}}}"#
        ))
        .dedupe_key
    };
    assert_ne!(working.dedupe_key, finished.dedupe_key);
    assert_ne!(event("PROCESSING", "SUCCESS"), event("FINISH", "SUCCESS"));
    assert_ne!(event("PROCESSING", "PROCESSING"), event("PROCESSING", "SUCCESS"));
    assert_eq!(event("FINISH", "PROCESSING"), event("FINISH", "SUCCESS"));
}

#[test]
fn deleting_a_file_is_known_for_long_and_deleting_parts_is_not() {
    let deleted = |parts: &str| {
        take(&format!(
            r#"{{"EventType":"FileDeleted","FileDeleteEvent":{{"FileIdSet":["a"],
            "FileDeleteResultInfo":[{{"FileId":"a","DeleteParts":[{parts}]}}]}}}}"#
        ))
    };
    let part = r#"{"Type":"TranscodeFiles","Definition":0}"#;
    assert_eq!(deleted("").dedupe_for, WEEK);
    assert_eq!(deleted(part).dedupe_for, TEN_MINUTES);
    assert_ne!(deleted("").dedupe_key, deleted(part).dedupe_key);
}

#[test]
fn the_order_of_deleted_files_does_not_matter() {
    let deleted = |files: [&str; 2]| {
        let info = files.map(|file| format!(r#"{{"FileId":"{file}","DeleteParts":[]}}"#)).join(",");
        let body = format!(r#"{{"EventType":"FileDeleted","FileDeleteEvent":{{"FileDeleteResultInfo":[{info}]}}}}"#);
        take(&body).dedupe_key
    };
    assert_eq!(deleted(["a", "b"]), deleted(["b", "a"]));
    assert_ne!(deleted(["a", "b"]), deleted(["a", "c"]));
}

#[test]
fn a_type_known_by_content_alone_is_a_duplicate_for_ten_minutes() {
    let restored = |day: u8| {
        take(&format!(
            r#"{{"EventType":"RestoreMediaComplete","RestoreMediaCompleteEvent":{{"FileId":"f","RestoreDay":{day},"X":null}}}}"#
        ))
    };
    assert_eq!(restored(1).dedupe_for, TEN_MINUTES);
    assert_eq!(restored(1).dedupe_key, restored(1).dedupe_key);
    assert_ne!(restored(1).dedupe_key, restored(2).dedupe_key);
}

#[test]
fn a_very_long_task_id_makes_a_short_key() {
    let body = format!(r#"{{"EventType":"PullComplete","PullCompleteEvent":{{"TaskId":"{}"}}}}"#, "t".repeat(100_000));
    assert!(take(&body).dedupe_key.len() < 400);
}

fn resent(body: &Value, sign: &str, time: u32, nulls: &[String]) -> Value {
    let mut members = body.as_map().unwrap().clone();
    members.insert("Sign".to_owned(), Value::text(sign));
    members.insert("T".to_owned(), Value::Number(u64::from(time).into()));
    members.insert("EventHandle".to_owned(), Value::text(time.to_string()));
    for name in nulls {
        members.entry(format!("{name}Event")).or_default();
    }
    Value::map(members)
}

proptest! {
    #[test]
    fn another_signature_handle_or_null_sibling_makes_no_other_event(
        which in 0..6usize,
        sign in "[0-9a-f]{32}",
        time: u32,
        nulls in prop::collection::vec("[A-Z][a-z]{1,8}", 0..4),
    ) {
        let bodies = [
            String::from_utf8(sample("01_new_file_upload_plain")).unwrap(),
            String::from_utf8(sample("06_procedure_processing")).unwrap(),
            String::from_utf8(sample("09_file_deleted")).unwrap(),
            String::from_utf8(sample("extra/unknown_event_type")).unwrap(),
            r#"{"EventType":"Unheard","Event":{"A":1}}"#.to_owned(),
            r#"{"EventType":"Unheard","A":1}"#.to_owned(),
        ];
        let again = resent(&Value::from_json(bodies[which].as_bytes()).unwrap(), &sign, time, &nulls);
        prop_assert_eq!(take(&bodies[which]).dedupe_key, take(&again.to_json()).dedupe_key);
    }

    #[test]
    fn no_body_makes_it_panic(text in r#"\{"EventType":"(NewFileUpload|FileDeleted|X)","[A-Za-z]{0,9}":[\[{]?[0-9a-z"]{0,9}[\]}]?\}"#) {
        if let Ok(opened) = parse(text.as_bytes()) {
            let _either = recognise(&opened, APP).is_ok();
        }
    }
}

const KEY: &str = "VodSignKey0000000000000000000001";
const T: i64 = 1_700_000_600;
const SIGN: &str = "9c62faf80d36f43ffbbb13797ed48b6b";
const MPS_SIGN: &str = "0c546ebadd7007d7816804dd2fda678a";

fn check(body: &str, query: &str, now: i64) -> Result<(), SignError> {
    let keys = [Secret::new("another"), Secret::new(KEY)];
    verify(&keys, parse(body.as_bytes()).unwrap().outline(), query, Timestamp(now * 1000))
}

#[test]
fn the_vector_of_the_vendor_counts_in_every_place_and_spelling() {
    let upper = SIGN.to_uppercase();
    let cases = [
        (format!(r#"{{"Sign":"{SIGN}","T":{T}}}"#), String::new()),
        (format!(r#"{{"Sign":"{upper}","T":"{T}"}}"#), String::new()),
        (format!(r#"{{"sign":"{SIGN}","t":{T}}}"#), String::new()),
        ("{}".to_owned(), format!("a=b&Sign={SIGN}&T={T}")),
        ("{}".to_owned(), format!("t={T}&sign={SIGN}")),
    ];
    for (body, query) in cases {
        assert_eq!(check(&body, &query, T - 600), Ok(()), "{body} {query}");
    }
}

#[test]
fn a_signature_counts_within_its_time_and_a_skew() {
    let body = format!(r#"{{"Sign":"{SIGN}","T":{T}}}"#);
    assert_eq!(check(&body, "", T + 300), Ok(()));
    assert_eq!(check(&body, "", T + 301), Err(SignError::Expired { seconds: 301 }));
    assert_eq!(check(&body, "", T - 900), Ok(()));
    assert_eq!(check(&body, "", T - 901), Err(SignError::TooFar { seconds: 901 }));
}

#[test]
fn a_missing_wrong_or_turned_signature_does_not_count() {
    let cases = [
        ("{}".to_owned(), SignError::Missing),
        (format!(r#"{{"Sign":"{SIGN}"}}"#), SignError::Missing),
        (format!(r#"{{"T":{T}}}"#), SignError::Missing),
        (format!(r#"{{"Sign":"{SIGN}","T":1.5}}"#), SignError::BadTime),
        (format!(r#"{{"Sign":"{SIGN}","T":"soon"}}"#), SignError::BadTime),
        (format!(r#"{{"Sign":"{SIGN}","T":99999999999999999999}}"#), SignError::BadTime),
        (format!(r#"{{"Sign":"{SIGN}0","T":{T}}}"#), SignError::Wrong),
        (format!(r#"{{"Sign":"","T":{T}}}"#), SignError::Wrong),
        (format!(r#"{{"Sign":"{SIGN}","T":{}}}"#, T + 1), SignError::Wrong),
        (format!(r#"{{"Sign":"{MPS_SIGN}","T":{T}}}"#), SignError::MpsOrder),
    ];
    for (body, expected) in cases {
        assert_eq!(check(&body, "", T), Err(expected), "{body}");
    }
}

#[test]
fn a_wrong_signature_in_the_body_is_not_made_good_by_the_query() {
    let body = format!(r#"{{"Sign":"{MPS_SIGN}","T":{T}}}"#);
    assert_eq!(check(&body, &format!("Sign={SIGN}&T={T}"), T), Err(SignError::MpsOrder));
}

#[test]
fn an_empty_key_signs_nothing() {
    let body = format!(r#"{{"Sign":"{}","T":1}}"#, "c4ca4238a0b923820dcc509a6f75849b");
    let opened = parse(body.as_bytes()).unwrap();
    assert_eq!(verify(&[Secret::new("")], opened.outline(), "", Timestamp(0)), Err(SignError::Wrong));
}
