use serde_json::{Value, json};

use super::*;
use crate::simulator::misbehaviour::Trouble;
use crate::simulator::options::{AppOptions, Mode, Options, Switches};
use crate::simulator::state::medium::Upload;

const APP: u64 = 1_500_000_001;
const OTHER: u64 = 1_500_000_002;
const PULLED: u64 = 1_500_000_003;
const START: Timestamp = Timestamp(1_700_000_000_000);

fn state() -> State {
    let mut other = AppOptions::new(OTHER);
    other.templates.insert(4_711);
    let mut pulled = AppOptions::new(PULLED);
    pulled.mode = Mode::Pull;
    pulled.switches = Switches { upload: true, delete: true, persistence: false };
    State::new(Options { apps: vec![AppOptions::new(APP), other, pulled], ..Options::default() }).unwrap()
}

fn file(state: &mut State, subappid: u64) -> String {
    state.upload(subappid, Upload::default(), START).unwrap().0.to_string()
}

fn call_at(state: &mut State, action: &str, body: &Value, now: Timestamp) -> Value {
    let body = body.to_string();
    let call = Call { action, version: "2018-07-17", body: body.as_bytes(), again: action == "PullEvents" };
    match state.answer(&call, now).body {
        Body::Json(mut value) => value["Response"].take(),
        Body::Text(text) => panic!("{text}"),
    }
}

fn call(state: &mut State, action: &str, body: &Value) -> Value {
    call_at(state, action, body, START)
}

fn code(response: &Value) -> &str {
    response["Error"]["Code"].as_str().unwrap_or("none")
}

fn transcode(subappid: u64, file_id: &str) -> Value {
    json!({ "SubAppId": subappid, "FileId": file_id, "MediaProcessTask": { "TranscodeTaskSet": [{ "Definition": 100_010 }] } })
}

fn with(mut body: Value, members: Value) -> Value {
    let (Some(body_map), Value::Object(members)) = (body.as_object_mut(), members) else { panic!("no objects") };
    body_map.extend(members);
    body
}

#[test]
fn a_task_is_accepted_with_an_id_of_the_vendors_form() {
    let mut state = state();
    let file = file(&mut state, APP);
    let response = call(&mut state, "ProcessMedia", &transcode(APP, &file));
    let task = response["TaskId"].as_str().unwrap();
    let hash = task.strip_prefix("1500000001-procedurev2-").unwrap().strip_suffix("tt0").unwrap();
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{task}");
    assert_eq!(response["RequestId"].as_str().unwrap().len(), 36);
}

#[test]
fn the_same_seed_and_calls_give_the_same_answers() {
    let run = || {
        let mut state = state();
        let file = file(&mut state, APP);
        call(&mut state, "ProcessMedia", &transcode(APP, &file))
    };
    assert_eq!(run(), run());
}

#[test]
fn process_media_refuses_with_the_vendors_codes() {
    let mut state = state();
    let file = file(&mut state, APP);
    let good = transcode(APP, &file);
    let task = |set: &str, item: Value| with(good.clone(), json!({ "MediaProcessTask": { set: [item] } }));
    let cases = [
        (with(good.clone(), json!({ "SubAppId": null })), "FailedOperation.InvalidVodUser"),
        (with(good.clone(), json!({ "SubAppId": "1500000001" })), "InvalidParameter"),
        (with(good.clone(), json!({ "SubAppId": 1 })), "InvalidParameterValue.SubAppId"),
        (transcode(OTHER, &file), "InvalidParameterValue.FileId"),
        (transcode(APP, "5000"), "InvalidParameterValue.FileId"),
        (with(good.clone(), json!({ "FileId": 5 })), "InvalidParameter"),
        (with(good.clone(), json!({ "FileId": null })), "MissingParameter"),
        (with(good.clone(), json!({ "Url": "http://x/y.mp4" })), "InvalidParameter"),
        (with(good.clone(), json!({ "FileId": "", "MediaStoragePath": "/a" })), "UnsupportedOperation"),
        (with(good.clone(), json!({ "Whatever": 1 })), "UnknownParameter"),
        (with(good.clone(), json!({ "MediaProcessTask": null })), "MissingParameter"),
        (with(good.clone(), json!({ "MediaProcessTask": { "TranscodeTaskSet": [] } })), "MissingParameter"),
        (with(good.clone(), json!({ "MediaProcessTask": { "Transcode": [] } })), "UnknownParameter"),
        (with(good.clone(), json!({ "MediaProcessTask": { "TranscodeTaskSet": [1] } })), "InvalidParameter"),
        (task("TranscodeTaskSet", json!({ "Definition": 4_711 })), "InvalidParameterValue.Definition"),
        (task("TranscodeTaskSet", json!({})), "MissingParameter"),
        (task("AnimatedGraphicTaskSet", json!({ "Definition": 20_000 })), "MissingParameter"),
        (task("CoverBySnapshotTaskSet", json!({ "Definition": 10, "PositionType": "Time" })), "MissingParameter"),
        (
            task("CoverBySnapshotTaskSet", json!({ "Definition": 10, "PositionType": "Now", "PositionValue": 0 })),
            "InvalidParameterValue",
        ),
        (
            with(good.clone(), json!({ "AiAnalysisTask": { "Definition": 1 } })),
            "InvalidParameterValue.AiAnalysisTaskDefinition",
        ),
        (with(good.clone(), json!({ "TasksPriority": 11 })), "InvalidParameterValue"),
        (with(good.clone(), json!({ "TasksNotifyMode": "Often" })), "InvalidParameterValue"),
        (with(good.clone(), json!({ "OutputAsIndependentMedia": "ON" })), "UnsupportedOperation"),
        (with(good.clone(), json!({ "SessionId": "x".repeat(51) })), "InvalidParameterValue.SessionIdTooLong"),
        (
            with(good.clone(), json!({ "SessionContext": "x".repeat(1_001) })),
            "InvalidParameterValue.SessionContextTooLong",
        ),
    ];
    for (body, expected) in cases {
        let response = call(&mut state, "ProcessMedia", &body);
        assert_eq!(code(&response), expected, "{body}");
    }
    assert!(state.tasks.is_empty());
    let longest = json!({ "SessionId": "规".repeat(50), "SessionContext": "规".repeat(1_000) });
    assert_eq!(code(&call(&mut state, "ProcessMedia", &with(good, longest))), "none");
}

#[test]
fn too_many_sub_tasks_are_refused() {
    let mut state = state();
    let file = file(&mut state, APP);
    let items = |count| vec![json!({ "Definition": 10 }); count];
    let many = json!({ "MediaProcessTask": { "TranscodeTaskSet": items(60), "SampleSnapshotTaskSet": items(41) } });
    let response = call(&mut state, "ProcessMedia", &with(transcode(APP, &file), many));
    assert_eq!(code(&response), "InvalidParameterValue");
}

#[test]
fn a_template_of_one_application_is_unknown_to_the_others() {
    let mut state = state();
    let own = json!({ "MediaProcessTask": { "TranscodeTaskSet": [{ "Definition": 4_711 }] } });
    for (subappid, expected) in [(APP, "InvalidParameterValue.Definition"), (OTHER, "none")] {
        let file = file(&mut state, subappid);
        let response = call(&mut state, "ProcessMedia", &with(transcode(subappid, &file), own.clone()));
        assert_eq!(code(&response), expected);
    }
}

#[test]
fn a_url_becomes_a_file() {
    let mut state = state();
    let body = with(transcode(APP, ""), json!({ "Url": "https://cdn.example/a/clip.mov?x=1" }));
    assert_eq!(code(&call(&mut state, "ProcessMedia", &body)), "none");
    assert_eq!(state.media.values().next().unwrap().name(), "clip.mov");
}

#[test]
fn a_session_id_is_refused_for_three_days_in_its_application() {
    let mut state = state();
    let (here, there) = (file(&mut state, APP), file(&mut state, OTHER));
    let session = json!({ "SessionId": "evt-1" });
    let body = with(transcode(APP, &here), session.clone());
    let three_days = Duration::from_hours(72);
    assert_eq!(code(&call(&mut state, "ProcessMedia", &body)), "none");
    assert_eq!(code(&call(&mut state, "ProcessMedia", &body)), "InvalidParameterValue.SessionId");
    let just_before = Timestamp(START.after(three_days).0 - 1);
    assert_eq!(code(&call_at(&mut state, "ProcessMedia", &body, just_before)), "InvalidParameterValue.SessionId");
    assert_eq!(code(&call_at(&mut state, "ProcessMedia", &body, START.after(three_days))), "none");
    assert_eq!(code(&call(&mut state, "ProcessMedia", &with(transcode(OTHER, &there), session))), "none");
    assert_eq!(state.tasks.len(), 3);
}

#[test]
fn a_refused_submission_does_not_use_up_its_session_id() {
    let mut state = state();
    let file = file(&mut state, APP);
    let session = json!({ "SessionId": "evt-1" });
    assert_ne!(code(&call(&mut state, "ProcessMedia", &with(transcode(APP, "5"), session.clone()))), "none");
    assert_eq!(code(&call(&mut state, "ProcessMedia", &with(transcode(APP, &file), session))), "none");
}

#[test]
fn what_is_no_call_is_refused() {
    let mut state = state();
    let mut answer = |action, version, body: &str| {
        let call = Call { action, version, body: body.as_bytes(), again: false };
        match state.answer(&call, START).body {
            Body::Json(value) => value["Response"]["Error"]["Code"].as_str().unwrap().to_owned(),
            Body::Text(text) => panic!("{text}"),
        }
    };
    assert_eq!(answer("ComposeMedia", "2018-07-17", r#"{"SubAppId":1500000001}"#), "InvalidAction");
    assert_eq!(answer("ProcessMedia", "2017-01-01", "{}"), "NoSuchVersion");
    assert_eq!(answer("ProcessMedia", "2018-07-17", "[]"), "InvalidParameter");
    assert_eq!(answer("ProcessMedia", "2018-07-17", "{"), "InvalidParameter");
}

#[test]
fn a_task_is_described_while_it_runs_and_afterwards() {
    let mut state = state();
    let file = file(&mut state, APP);
    let session = json!({ "SessionId": "evt-1", "SessionContext": "rule=hd" });
    let task = call(&mut state, "ProcessMedia", &with(transcode(APP, &file), session))["TaskId"].clone();
    let ask = json!({ "SubAppId": APP, "TaskId": task });
    let running = call(&mut state, "DescribeTaskDetail", &ask);
    assert_eq!((&running["TaskType"], &running["Status"]), (&json!("Procedure"), &json!("PROCESSING")));
    let result = &running["ProcedureTask"]["MediaProcessResultSet"][0]["TranscodeTask"];
    assert_eq!((&result["Status"], &result["Output"]), (&json!("PROCESSING"), &Value::Null));
    state.advance(START.after(Duration::from_mins(1)));
    let ended = call(&mut state, "DescribeTaskDetail", &ask);
    assert_eq!(ended["Status"], "FINISH");
    assert_eq!(ended["ProcedureTask"]["SessionId"], "evt-1");
    assert_eq!(ended["ProcedureTask"]["SessionContext"], "rule=hd");
    assert_eq!(ended["ProcedureTask"]["MediaProcessResultSet"][0]["TranscodeTask"]["Status"], "SUCCESS");
    let elsewhere = json!({ "SubAppId": OTHER, "TaskId": task });
    assert_eq!(code(&call(&mut state, "DescribeTaskDetail", &elsewhere)), "InvalidParameterValue.TaskId");
    assert_eq!(code(&call(&mut state, "DescribeTaskDetail", &json!({ "SubAppId": APP }))), "MissingParameter");
}

#[test]
fn files_are_described_with_what_was_made_of_them() {
    let mut state = state();
    let (here, there) = (file(&mut state, APP), file(&mut state, OTHER));
    call(&mut state, "ProcessMedia", &transcode(APP, &here));
    state.advance(START.after(Duration::from_mins(1)));
    let ask = json!({ "SubAppId": APP, "FileIds": [here, there] });
    let all = call(&mut state, "DescribeMediaInfos", &ask);
    assert_eq!(all["NotExistFileIdSet"], json!([there]));
    let info = &all["MediaInfoSet"][0];
    assert_eq!(info["BasicInfo"]["Category"], "Video");
    assert_eq!(info["MetaData"]["Height"], 1080);
    assert_eq!(info["TranscodeInfo"]["TranscodeSet"][0]["Definition"], 100_010);
    let some = call(&mut state, "DescribeMediaInfos", &with(ask.clone(), json!({ "Filters": ["metaData"] })));
    assert_eq!(some["MediaInfoSet"][0]["BasicInfo"], Value::Null);
    assert_eq!(some["MediaInfoSet"][0]["MetaData"]["Height"], 1080);
    let many = with(ask.clone(), json!({ "FileIds": vec!["5"; 21] }));
    assert_eq!(code(&call(&mut state, "DescribeMediaInfos", &many)), "InvalidParameterValue.FileIds");
    let numbers = with(ask, json!({ "FileIds": [5] }));
    assert_eq!(code(&call(&mut state, "DescribeMediaInfos", &numbers)), "InvalidParameter");
}

#[test]
fn events_are_pulled_and_confirmed() {
    let mut state = state();
    let ask = json!({ "SubAppId": PULLED });
    assert_eq!(code(&call(&mut state, "PullEvents", &ask)), "ResourceNotFound");
    let file = file(&mut state, PULLED);
    let pulled = call(&mut state, "PullEvents", &ask);
    assert_eq!(pulled["EventSet"][0]["EventType"], "NewFileUpload");
    assert_eq!(pulled["EventSet"][0]["FileUploadEvent"]["FileId"], file);
    let handle = &pulled["EventSet"][0]["EventHandle"];
    assert_eq!(code(&call(&mut state, "PullEvents", &ask)), "ResourceNotFound");
    let confirm = |handles: Value| json!({ "SubAppId": PULLED, "EventHandles": handles });
    for bad in [json!([]), json!(["1"]), json!(vec!["1"; 17])] {
        assert_eq!(code(&call(&mut state, "ConfirmEvents", &confirm(bad))), "InvalidParameterValue");
    }
    assert_eq!(code(&call(&mut state, "ConfirmEvents", &confirm(json!([null])))), "InvalidParameter");
    let late = START.after(Duration::from_secs(30));
    assert_eq!(code(&call_at(&mut state, "ConfirmEvents", &confirm(json!([handle])), late)), "InvalidParameterValue");
    let again = call_at(&mut state, "PullEvents", &ask, late);
    let handle = &again["EventSet"][0]["EventHandle"];
    assert_eq!(code(&call_at(&mut state, "ConfirmEvents", &confirm(json!([handle])), late)), "none");
    let later = late.after(Duration::from_secs(30));
    assert_eq!(code(&call_at(&mut state, "PullEvents", &ask, later)), "ResourceNotFound");
}

#[test]
fn the_event_configuration_is_shown_and_changed() {
    let mut state = state();
    let shown = call(&mut state, "DescribeEventConfig", &json!({ "SubAppId": APP }));
    assert_eq!((&shown["Mode"], &shown["NotificationUrl"]), (&json!("PUSH"), &json!("")));
    assert_eq!(shown["UploadMediaCompleteEventSwitch"], "OFF");
    let change = json!({
        "SubAppId": APP, "Mode": "PULL", "NotificationUrl": "http://127.0.0.1:1/vod", "SignKey": "abc123",
        "UploadMediaCompleteEventSwitch": "ON",
    });
    assert_eq!(code(&call(&mut state, "ModifyEventConfig", &change)), "none");
    let shown = call(&mut state, "DescribeEventConfig", &json!({ "SubAppId": APP }));
    assert_eq!((&shown["Mode"], &shown["NotificationUrl"]), (&json!("PULL"), &json!("http://127.0.0.1:1/vod")));
    assert_eq!(shown["UploadMediaCompleteEventSwitch"], "ON");
    assert_eq!(shown["DeleteMediaCompleteEventSwitch"], "OFF");
    assert!(shown.get("SignKey").is_none());
    for bad in [
        json!({ "Mode": "BOTH" }),
        json!({ "NotificationUrl": "ftp://x" }),
        json!({ "SignKey": "no-hyphen" }),
        json!({ "SignKey": "x".repeat(33) }),
        json!({ "DeleteMediaCompleteEventSwitch": "on", "Mode": "PUSH" }),
    ] {
        let response = call(&mut state, "ModifyEventConfig", &with(json!({ "SubAppId": APP }), bad));
        assert_eq!(code(&response), "InvalidParameterValue");
    }
    assert_eq!(call(&mut state, "DescribeEventConfig", &json!({ "SubAppId": APP }))["Mode"], "PULL");
    call(&mut state, "ModifyEventConfig", &json!({ "SubAppId": APP, "NotificationUrl": "" }));
    assert_eq!(call(&mut state, "DescribeEventConfig", &json!({ "SubAppId": APP }))["NotificationUrl"], "");
}

#[test]
fn a_call_refused_on_request_has_no_effect_and_one_spoilt_on_request_has() {
    for (fault, status, ending, tasks) in [
        (Fault::TooManyRequests, 429, Ending::Sent, 0),
        (Fault::RequestLimitExceeded, 200, Ending::Sent, 0),
        (Fault::ServerError, 503, Ending::Sent, 0),
        (Fault::InternalError, 200, Ending::Sent, 0),
        (Fault::NoAnswer, 200, Ending::Silence, 1),
        (Fault::HangUp, 200, Ending::HangUp, 1),
        (Fault::Slow, 200, Ending::Sent, 1),
    ] {
        let mut state = state();
        let file = file(&mut state, APP);
        state.mischief.add(vec![Trouble::new(fault).action("ProcessMedia").times(1)]).unwrap();
        let body = transcode(APP, &file).to_string();
        let call = Call { action: "ProcessMedia", version: "2018-07-17", body: body.as_bytes(), again: false };
        let answer = state.answer(&call, START);
        assert_eq!((answer.status, answer.ending, state.tasks.len()), (status, ending, tasks), "{fault:?}");
        assert_eq!(answer.delay.as_millis() > 0, fault == Fault::Slow);
        assert_eq!(state.answer(&call, START).ending, Ending::Sent, "{fault:?}");
        assert_eq!(state.tasks.len(), tasks + 1);
    }
}

#[test]
fn a_refused_call_is_not_spoilt() {
    let mut state = state();
    state.mischief.add(vec![Trouble::new(Fault::HangUp)]).unwrap();
    let body = transcode(APP, "5").to_string();
    let call = Call { action: "ProcessMedia", version: "2018-07-17", body: body.as_bytes(), again: false };
    assert_eq!(state.answer(&call, START).ending, Ending::Sent);
}

#[test]
fn tags_and_storage_of_a_file_change_and_are_told() {
    let mut state = state();
    let upload = Upload { tags: vec!["a".into(), "b".into()], ..Upload::default() };
    let file = state.upload(APP, upload, START).unwrap().0.to_string();
    let kept = state.bytes;
    let modify = json!({ "SubAppId": APP, "FileId": file, "AddTags": ["b", "c"], "DeleteTags": ["a"], "Name": "n" });
    assert_eq!(code(&call(&mut state, "ModifyMediaInfo", &modify)), "none");
    let move_to = |class: &str| json!({ "SubAppId": APP, "FileIds": [file], "StorageClass": class });
    assert_eq!(code(&call(&mut state, "ModifyMediaStorageClass", &move_to("STANDARD_IA"))), "none");
    let refused = call(&mut state, "ModifyMediaStorageClass", &move_to("COLD"));
    assert_eq!(code(&refused), "InvalidParameterValue.StorageClass");
    let infos = call(&mut state, "DescribeMediaInfos", &json!({ "SubAppId": APP, "FileIds": [file] }));
    let info = &infos["MediaInfoSet"][0]["BasicInfo"];
    assert_eq!((&info["Name"], &info["TagSet"]), (&json!("n"), &json!(["b", "c"])));
    assert_eq!(info["StorageClass"], "STANDARD_IA");
    assert_eq!(state.bytes, kept + 1, "the name");
    for tags in [json!([]), json!([1]), json!(vec!["t"; 17])] {
        let refused = call(&mut state, "ModifyMediaInfo", &with(modify.clone(), json!({ "AddTags": tags })));
        assert_ne!(code(&refused), "none", "{tags}");
    }
    assert!(state.delete(APP, &file, START) && state.bytes == kept - 256 - 2 * 25);
}

#[test]
fn usage_is_told_by_day_the_last_one_included() {
    let mut state = state();
    let told = [("2025-12-31", 60), ("2026-01-01", 120), ("2026-01-02", 180)];
    state.apps.get_mut(&APP).unwrap().usage = told.map(|(day, seconds)| (day.to_owned(), seconds)).into();
    let ask = |from: &str, to: &str, kind: &str| {
        json!({ "SubAppId": APP, "StartTime": format!("{from}T00:00:00+08:00"), "EndTime": format!("{to}T00:00:00+08:00"),
            "Type": kind })
    };
    let mut usage = |ask: Value| call(&mut state, "DescribeMediaProcessUsageData", &ask);
    let seconds = |response: &Value| -> Vec<u64> {
        let days = response["MediaProcessDataSet"][0]["Summary"].as_array().cloned().unwrap_or_default();
        days.iter().map(|day| day["Usage"].as_u64().unwrap()).collect()
    };
    assert_eq!(seconds(&usage(ask("2025-12-31", "2026-01-01", "Transcoding"))), [60, 120]);
    assert_eq!(seconds(&usage(ask("2026-01-02", "2026-01-02", "Transcoding"))), [180]);
    assert_eq!(usage(ask("2026-01-02", "2026-01-02", "Editing"))["MediaProcessDataSet"], json!([]));
    assert_eq!(code(&usage(ask("2026-01-02", "2026-01-01", "Transcoding"))), "InvalidParameterValue.StartTime");
    assert_eq!(code(&usage(ask("yesterday", "2026-01-01", "Transcoding"))), "InvalidParameterValue");
}
