use std::time::Duration;

use serde_json::{Value, json};

use super::life::NewTask;
use super::outbox::Outgoing;
use super::task::{Notify, Work, sub_tasks};
use super::*;
use crate::simulator::bodies::object;
use crate::simulator::misbehaviour::{Fault, Trouble};
use crate::simulator::options::{Limits, Mode, Switches};

const APP: u64 = 1_500_000_001;
const START: Timestamp = Timestamp(1_700_000_000_000);
const LATER: Timestamp = Timestamp(1_700_000_600_000);

fn options() -> Options {
    let mut app = AppOptions::new(APP);
    app.callback_url = Some("http://127.0.0.1:1/vod".to_owned());
    app.switches = Switches { upload: true, delete: true, persistence: false };
    Options { apps: vec![app], task_delay: Duration::from_secs(10), ..Options::default() }
}

fn state() -> State {
    State::new(options()).unwrap()
}

/// A state with one file, whose event is gone already.
fn with_file() -> (State, Arc<str>) {
    let mut state = state();
    let file = state.add_medium(APP, Upload::default(), START).unwrap();
    (state, file)
}

fn start(state: &mut State, file_id: &Arc<str>, notify: Notify) -> Arc<str> {
    let request = object(json!({
        "FileId": &**file_id,
        "MediaProcessTask": {
            "TranscodeTaskSet": [{ "Definition": 100_010 }, { "Definition": 100_020, "WatermarkSet": [{ "Definition": 1 }] }],
            "AnimatedGraphicTaskSet": [{ "Definition": 20_000, "StartTimeOffset": 0, "EndTimeOffset": 3 }],
            "SnapshotByTimeOffsetTaskSet": [{ "Definition": 10 }],
            "SampleSnapshotTaskSet": [{ "Definition": 10 }],
            "ImageSpriteTaskSet": [{ "Definition": 10 }],
            "CoverBySnapshotTaskSet": [{ "Definition": 10, "PositionType": "Time", "PositionValue": 0 }],
            "AdaptiveDynamicStreamingTaskSet": [{ "Definition": 10 }],
        },
        "AiAnalysisTask": { "Definition": 10 },
        "AiRecognitionTask": { "Definition": 10 },
        "AiContentReviewTask": { "Definition": 10 },
    }));
    let new = NewTask {
        work: Work::Procedure,
        subappid: APP,
        file_id: file_id.clone(),
        session_id: "evt-1".to_owned(),
        session_context: "rule=hd".to_owned(),
        priority: 3,
        notify,
        sub_tasks: sub_tasks(&request),
        request: Value::Object(request).to_string().into(),
    };
    state.start_task(new, START).unwrap()
}

fn bodies(outgoing: &[Outgoing]) -> Vec<Value> {
    outgoing.iter().flat_map(|outgoing| &outgoing.bodies).map(|body| serde_json::from_str(body).unwrap()).collect()
}

/// The callbacks of all that is due until `now`, with all of them answered.
fn callbacks(state: &mut State, now: Timestamp) -> Vec<Value> {
    state.advance(now);
    let outgoing = state.take_outgoing(now);
    for sent in &outgoing {
        state.sent(sent.subappid, &sent.tasks, outbox::Sent::default());
    }
    bodies(&outgoing)
}

fn statuses(callbacks: &[Value]) -> Vec<&str> {
    let status = |callback: &'_ Value| callback["ProcedureStateChangeEvent"]["Status"].as_str().is_some();
    assert!(callbacks.iter().all(status), "{callbacks:?}");
    callbacks.iter().map(|callback| callback["ProcedureStateChangeEvent"]["Status"].as_str().unwrap()).collect()
}

fn misbehave(state: &mut State, fault: Fault) {
    state.mischief.add(vec![Trouble::new(fault).times(1)]).unwrap();
}

#[test]
fn an_upload_is_told_when_the_switch_is_on_and_only_then() {
    let mut state = state();
    let upload = Upload {
        name: Some("raw-1".to_owned()),
        source_context: r#"{"tenant":"t-17"}"#.to_owned(),
        metadata: Some(false),
        ..Upload::default()
    };
    let (file, task) = state.upload(APP, upload.clone(), START).unwrap();
    assert_eq!(task, None);
    let told = callbacks(&mut state, START);
    let [event] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(event["EventType"], "NewFileUpload");
    assert_eq!(event["ProcedureStateChangeEvent"], Value::Null);
    assert!(event.as_object().unwrap().contains_key("ReviewAudioVideoCompleteEvent"));
    let payload = &event["FileUploadEvent"];
    assert_eq!(payload["FileId"], *file);
    assert_eq!((&payload["ProcedureTaskId"], &payload["MetaData"]), (&json!(""), &Value::Null));
    let info = &payload["MediaBasicInfo"];
    assert_eq!((&info["Name"], &info["Category"]), (&json!("raw-1"), &json!("Video")));
    assert_eq!(info["CreateTime"], "2023-11-14T22:13:20Z");
    assert_eq!(info["SourceInfo"]["SourceContext"], r#"{"tenant":"t-17"}"#);
    let url = info["MediaUrl"].as_str().unwrap();
    assert!(url.starts_with("http://1500000001.vod2.myqcloud.com/"), "{url}");
    assert!(url.ends_with(&format!("vodcq1500000001/{file}/f0.mp4")), "{url}");

    state.apps.get_mut(&APP).unwrap().config.switches.upload = false;
    state.upload(APP, upload, START).unwrap();
    assert!(callbacks(&mut state, START).is_empty());
}

#[test]
fn an_upload_with_a_procedure_starts_a_task() {
    let mut state = state();
    let upload = Upload { procedure: Some("LongVideo".to_owned()), ..Upload::default() };
    let (file, task) = state.upload(APP, upload, START).unwrap();
    let told = callbacks(&mut state, START);
    assert_eq!(told[0]["FileUploadEvent"]["ProcedureTaskId"].as_str(), task.as_deref());
    let ended = callbacks(&mut state, LATER);
    let payload = &ended[0]["ProcedureStateChangeEvent"];
    assert_eq!((payload["TaskId"].as_str(), payload["FileId"].as_str()), (task.as_deref(), Some(&*file)));
}

#[test]
fn a_deletion_is_told() {
    let (mut state, file) = with_file();
    assert!(!state.delete(1, &file, START));
    assert!(state.delete(APP, &file, START));
    assert!(!state.delete(APP, &file, START));
    let told = callbacks(&mut state, START);
    assert_eq!(told[0]["FileDeleteEvent"]["FileIdSet"], json!([&*file]));
    assert_eq!(state.bytes, 0);
}

#[test]
fn a_task_ends_after_its_delay_with_a_result_for_each_sub_task() {
    let (mut state, file) = with_file();
    let task = start(&mut state, &file, Notify::Finish);
    assert!(callbacks(&mut state, Timestamp(START.0 + 9_999)).is_empty());
    assert!(!state.is_idle());
    let ended = callbacks(&mut state, START.after(Duration::from_secs(10)));
    let [event] = ended.as_slice() else { panic!("{ended:?}") };
    assert!(state.is_idle());
    let payload = &event["ProcedureStateChangeEvent"];
    assert_eq!((payload["TaskId"].as_str(), payload["Status"].as_str()), (Some(&*task), Some("FINISH")));
    assert_eq!((&payload["SessionId"], &payload["SessionContext"]), (&json!("evt-1"), &json!("rule=hd")));
    assert_eq!((&payload["TasksPriority"], &payload["TasksNotifyMode"]), (&json!(3), &json!("Finish")));
    let results = payload["MediaProcessResultSet"].as_array().unwrap();
    let fields = [
        ("Transcode", "TranscodeTask", "Url"),
        ("Transcode", "TranscodeTask", "Url"),
        ("AnimatedGraphics", "AnimatedGraphicTask", "Url"),
        ("SnapshotByTimeOffset", "SnapshotByTimeOffsetTask", "PicInfoSet"),
        ("SampleSnapshot", "SampleSnapshotTask", "ImageUrlSet"),
        ("ImageSprites", "ImageSpriteTask", "WebVttUrl"),
        ("CoverBySnapshot", "CoverBySnapshotTask", "CoverUrl"),
        ("AdaptiveDynamicStreaming", "AdaptiveDynamicStreamingTask", "Url"),
    ];
    assert_eq!(results.len(), fields.len());
    for (result, (kind, field, output)) in results.iter().zip(fields) {
        assert_eq!((result["Type"].as_str(), &result[field]["Status"]), (Some(kind), &json!("SUCCESS")));
        assert!(!result[field]["Output"][output].is_null(), "{result}");
        let empty = result.as_object().unwrap().values().filter(|value| value.is_null()).count();
        assert_eq!((result.as_object().unwrap().len(), empty), (8, 6), "{result}");
    }
    assert_eq!(results[1]["TranscodeTask"]["Input"]["WatermarkSet"], json!([{ "Definition": 1 }]));
    for (set, field) in [
        ("AiAnalysisResultSet", "ClassificationTask"),
        ("AiRecognitionResultSet", "AsrFullTextRecognitionTask"),
        ("AiContentReviewResultSet", "PornTask"),
    ] {
        assert_eq!(payload[set][0][field]["Status"], "SUCCESS");
    }
}

#[test]
fn the_mode_change_tells_each_sub_task_and_the_mode_none_nothing() {
    let (mut state, file) = with_file();
    start(&mut state, &file, Notify::Change);
    let told = callbacks(&mut state, LATER);
    let told = statuses(&told);
    assert_eq!(told.len(), 11);
    assert!(told.iter().take(10).all(|status| *status == "PROCESSING"));
    assert_eq!(told.last(), Some(&"FINISH"));
    let task = start(&mut state, &file, Notify::Never);
    assert!(callbacks(&mut state, LATER).is_empty());
    assert_eq!(state.task(APP, &task).unwrap().status(), "FINISH");
}

#[test]
fn sub_tasks_fail_on_request_and_a_task_without_success_has_a_code() {
    let (mut state, file) = with_file();
    let code = "SourceFileError.ContentUnsupported";
    let fails = Trouble { code: Some(code.to_owned()), ..Trouble::new(Fault::SubTaskFails) };
    state.mischief.add(vec![Trouble { definition: Some(100_020), ..fails.clone() }]).unwrap();
    start(&mut state, &file, Notify::Finish);
    let told = callbacks(&mut state, LATER);
    let payload = &told[0]["ProcedureStateChangeEvent"];
    assert_eq!((&payload["Status"], &payload["ErrCode"]), (&json!("FINISH"), &json!(0)));
    let failed = &payload["MediaProcessResultSet"][1]["TranscodeTask"];
    assert_eq!((&failed["Status"], &failed["ErrCodeExt"]), (&json!("FAIL"), &json!(code)));
    assert_eq!((&failed["ErrCode"], &failed["Output"]), (&json!(60_000), &Value::Null));
    assert_eq!(payload["MediaProcessResultSet"][0]["TranscodeTask"]["Status"], "SUCCESS");

    state.mischief.add(vec![fails]).unwrap();
    start(&mut state, &file, Notify::Finish);
    let told = callbacks(&mut state, LATER.after(Duration::from_mins(1)));
    assert_eq!(told[0]["ProcedureStateChangeEvent"]["ErrCode"], 60_000);
}

#[test]
fn a_callback_is_lost_doubled_or_followed_by_an_older_state_on_request() {
    for (fault, expected) in [
        (Fault::CallbackLost, &[][..]),
        (Fault::CallbackDuplicated, &["FINISH", "FINISH"]),
        (Fault::ProcessingAfterFinish, &["FINISH", "PROCESSING"]),
    ] {
        let (mut state, file) = with_file();
        misbehave(&mut state, fault);
        start(&mut state, &file, Notify::Finish);
        assert_eq!(statuses(&callbacks(&mut state, LATER)), expected);
        assert!(state.is_idle());
    }
}

#[test]
fn a_late_callback_comes_after_its_delay() {
    let (mut state, file) = with_file();
    misbehave(&mut state, Fault::CallbackLate);
    start(&mut state, &file, Notify::Finish);
    let ends = START.after(Duration::from_secs(10));
    assert!(callbacks(&mut state, ends).is_empty());
    assert!(!state.is_idle());
    assert!(callbacks(&mut state, Timestamp(ends.0 + 999)).is_empty());
    assert_eq!(callbacks(&mut state, Timestamp(ends.0 + 1_000)).len(), 1);
}

#[test]
fn a_reordered_callback_comes_in_one_batch_after_the_next_one() {
    let (mut state, file) = with_file();
    misbehave(&mut state, Fault::CallbackReordered);
    let (first, second) = (start(&mut state, &file, Notify::Finish), start(&mut state, &file, Notify::Finish));
    let ends = START.after(Duration::from_secs(10));
    state.advance(ends);
    let outgoing = state.take_outgoing(ends);
    let [batch] = outgoing.as_slice() else { panic!("{outgoing:?}") };
    assert_eq!(batch.tasks, [second, first]);
    assert_eq!(batch.bodies.len(), 2);
}

#[test]
fn a_reordered_callback_that_none_follows_comes_after_its_delay() {
    let (mut state, file) = with_file();
    misbehave(&mut state, Fault::CallbackReordered);
    start(&mut state, &file, Notify::Finish);
    let ends = START.after(Duration::from_secs(10));
    assert!(callbacks(&mut state, ends).is_empty());
    assert_eq!(callbacks(&mut state, Timestamp(ends.0 + 1_000)).len(), 1);
}

#[test]
fn hurrying_ends_everything_at_once_in_order() {
    let (mut state, file) = with_file();
    start(&mut state, &file, Notify::Change);
    state.hurry(START);
    assert_eq!(statuses(&callbacks(&mut state, START)).last(), Some(&"FINISH"));
    assert!(state.is_idle());
}

#[test]
fn callbacks_under_way_are_limited_and_the_rest_waits() {
    let mut options = options();
    options.limits = Limits { callbacks_in_flight: 1, ..Limits::default() };
    let mut state = State::new(options).unwrap();
    (0..2).for_each(|_| drop(state.upload(APP, Upload::default(), START).unwrap()));
    let first = state.take_outgoing(START);
    assert_eq!(first.len(), 1);
    assert!(state.take_outgoing(START).is_empty());
    state.sent(APP, &first[0].tasks, outbox::Sent::default());
    assert_eq!(state.take_outgoing(START).len(), 1);
}

#[test]
fn limits_refuse_with_the_name_of_the_limit_or_drop_and_count() {
    let limited = |limits: Limits| State::new(Options { limits, ..options() }).unwrap();
    let mut state = limited(Limits { media: 0, ..Limits::default() });
    let error = state.upload(APP, Upload::default(), START).unwrap_err();
    assert_eq!(error.code, "LimitExceeded");
    assert!(error.message.contains("0 media at most"), "{error}");
    let mut state = limited(Limits { bytes: 100, ..Limits::default() });
    assert!(state.upload(APP, Upload::default(), START).unwrap_err().message.contains("100 bytes"));
    let mut state = limited(Limits { tasks: 0, ..Limits::default() });
    let procedure = Upload { procedure: Some("P".to_owned()), ..Upload::default() };
    assert!(state.upload(APP, procedure, START).unwrap_err().message.contains("0 tasks"));
    let mut state = limited(Limits { events: 1, ..Limits::default() });
    (0..3).for_each(|_| drop(state.upload(APP, Upload::default(), START).unwrap()));
    assert_eq!(state.stats.events.dropped, 2);
    state.apps.get_mut(&APP).unwrap().config.mode = Mode::Pull;
    (0..3).for_each(|_| drop(state.upload(APP, Upload::default(), START).unwrap()));
    assert_eq!((state.stats.events.queued, state.stats.events.dropped), (1, 4));
}

#[test]
fn events_without_a_url_go_nowhere_and_are_counted() {
    let mut state = state();
    state.apps.get_mut(&APP).unwrap().config.callback_url = None;
    state.upload(APP, Upload::default(), START).unwrap();
    assert_eq!(state.stats.events.without_url, 1);
    assert!(state.is_idle());
}

#[test]
fn a_reset_forgets_and_ids_go_on() {
    let (mut state, file) = with_file();
    start(&mut state, &file, Notify::Finish);
    state.use_session(APP, "evt-1", START);
    state.reset();
    assert!(state.is_idle());
    assert_eq!((state.media.len(), state.tasks.len(), state.bytes), (0, 0, 0));
    assert!(!state.session_is_used(APP, "evt-1", START));
    let next = state.add_medium(APP, Upload::default(), START).unwrap();
    assert_ne!(next, file);
}

#[test]
fn options_that_cannot_be_are_refused() {
    use crate::simulator::error::InvalidOptions;
    let key =
        crate::simulator::options::Key { secret_id: "AKID".to_owned(), secret_key: "key".to_owned(), token: None };
    let good = Options { keys: vec![key], ..options() };
    assert_eq!(good.check(), Ok(()));
    assert_eq!(Options { apps: Vec::new(), ..good.clone() }.check(), Err(InvalidOptions::NoApps));
    assert_eq!(Options { keys: Vec::new(), ..good.clone() }.check(), Err(InvalidOptions::NoKeys));
    let twice = Options { apps: vec![AppOptions::new(1), AppOptions::new(1)], ..good.clone() };
    assert_eq!(twice.check(), Err(InvalidOptions::AppTwice { subappid: 1 }));
    let mut bad = good.clone();
    bad.apps[0].callback_url = Some("127.0.0.1".to_owned());
    assert_eq!(bad.check(), Err(InvalidOptions::CallbackUrl { subappid: APP }));
    let mut bad = good.clone();
    bad.apps[0].sign_key = Some("no hyphens-".to_owned());
    assert_eq!(bad.check(), Err(InvalidOptions::SignKey { subappid: APP }));
    let bad = Options { misbehaviour: vec![Trouble { probability: 2.0, ..Trouble::new(Fault::Slow) }], ..good.clone() };
    assert!(matches!(bad.check(), Err(InvalidOptions::Misbehaviour { index: 0, .. })));
    assert!(!format!("{good:?}").contains("key\""), "secrets must not be shown");
}
