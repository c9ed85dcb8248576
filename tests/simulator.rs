//! The simulator as its clients see it: signed calls, the control plane, and callbacks, all by HTTP.

use std::time::Duration;

use oncue::simulator::{Fault, Options, Simulator, Trouble};
use serde_json::{Value, json};
use tokio::net::TcpListener;

mod bench;

use bench::{APP, Bench, GOOD, PULLED, Planned, Receiver, Signed, code, options, response, transcode, with_file};

#[tokio::test]
async fn only_calls_that_are_signed_well_are_answered() {
    let bench = Bench::start(options(None)).await;
    let body = json!({ "SubAppId": APP }).to_string();
    let refused = [
        (Signed { secret_id: "AKIDOTHER", ..GOOD }, "AuthFailure.SecretIdNotFound"),
        (Signed { secret_key: "other", ..GOOD }, "AuthFailure.SignatureFailure"),
        (Signed { service: "cvm", ..GOOD }, "AuthFailure.SignatureFailure"),
        (Signed { offset: -330, ..GOOD }, "AuthFailure.SignatureExpire"),
        (Signed { offset: 330, ..GOOD }, "AuthFailure.SignatureExpire"),
        (Signed { version: "2017-01-01", ..GOOD }, "NoSuchVersion"),
        (Signed { offset: -270, ..GOOD }, "none"),
        (GOOD, "none"),
    ];
    for (signed, expected) in refused {
        let answer = response(bench.request(signed, "DescribeEventConfig", &body).send().await.unwrap()).await;
        assert_eq!(code(&answer), expected);
        assert_eq!(answer["RequestId"].as_str().unwrap().len(), 36);
    }
    let changed = bench.request(GOOD, "DescribeEventConfig", &body).body(format!("{body} ")).send().await.unwrap();
    assert_eq!(code(&response(changed).await), "AuthFailure.SignatureFailure");
    let mut temporary = options(None);
    temporary.keys[0].token = Some("t".to_owned());
    let temporary = Bench::start(temporary).await;
    for (token, expected) in [("t", "none"), ("u", "AuthFailure.TokenFailure"), ("", "AuthFailure.TokenFailure")] {
        let request = temporary.request(GOOD, "DescribeEventConfig", &body).header("X-TC-Token", token);
        assert_eq!(code(&response(request.send().await.unwrap()).await), expected);
    }
    let foreign = bench.request(GOOD, "DescribeEventConfig", &body).header("X-TC-Token", "t").send().await.unwrap();
    assert_eq!(code(&response(foreign).await), "AuthFailure.TokenFailure");
}

#[tokio::test]
async fn what_is_no_call_of_the_api_is_refused() {
    let bench = Bench::start(options(None)).await;
    let url = format!("http://{}/", bench.handle.addr());
    let unsigned = bench.client.post(&url).header("Content-Type", "application/json").body("{}");
    assert_eq!(code(&response(unsigned.send().await.unwrap()).await), "AuthFailure.InvalidAuthorization");
    let garbled = bench.client.post(&url).header("Content-Type", "application/json").header("Authorization", "TC3 x");
    assert_eq!(code(&response(garbled.send().await.unwrap()).await), "AuthFailure.InvalidAuthorization");
    let form = bench.client.post(&url).header("Content-Type", "application/x-www-form-urlencoded").body("a=1");
    assert_eq!(code(&response(form.send().await.unwrap()).await), "UnsupportedProtocol");
    assert_eq!(code(&response(bench.client.get(&url).send().await.unwrap()).await), "UnsupportedProtocol");
    let long = " ".repeat(10_000_001);
    let long = bench.request(GOOD, "DescribeEventConfig", &long).send().await.unwrap();
    assert_eq!(code(&response(long).await), "RequestSizeLimitExceeded");
    assert_eq!(code(&bench.call("ComposeMedia", &json!({ "SubAppId": APP })).await), "InvalidAction");
}

#[tokio::test]
async fn an_upload_is_called_back_and_processing_it_too() {
    let mut receiver = Receiver::start(Vec::new()).await;
    let bench = Bench::start(options(Some(&receiver))).await;
    let file = bench.upload(APP).await;
    let uploaded = receiver.next().await;
    assert_eq!(uploaded["EventType"], "NewFileUpload");
    assert_eq!(uploaded["FileUploadEvent"]["FileId"], file);
    assert_eq!(uploaded.get("Sign"), None);
    let answer = bench.call("ProcessMedia", &transcode(APP, &file, "evt-1")).await;
    let ended = receiver.next().await;
    assert_eq!(ended["EventType"], "ProcedureStateChanged");
    let payload = &ended["ProcedureStateChangeEvent"];
    assert_eq!((&payload["TaskId"], &payload["Status"]), (&answer["TaskId"], &json!("FINISH")));
    assert_eq!((&payload["SessionId"], &payload["SessionContext"]), (&json!("evt-1"), &json!("rule=hd")));
    assert_eq!(payload["MediaProcessResultSet"].as_array().unwrap().len(), 2);
    bench.settle().await;
    let tasks = bench.told("GET", &format!("/simulator/tasks?subappid={APP}"), Value::Null).await;
    assert_eq!((&tasks["total"], &tasks["next"]), (&json!(1), &Value::Null));
    let task = &tasks["tasks"][0];
    assert_eq!((&task["session_id"], &task["status"]), (&json!("evt-1"), &json!("FINISH")));
    assert_eq!(task["request"], transcode(APP, &file, "evt-1"));
    bench.told("DELETE", &format!("/simulator/apps/{APP}/media/{file}"), Value::Null).await;
    assert_eq!(receiver.next().await["FileDeleteEvent"]["FileIdSet"], json!([file]));
    bench.settle().await;
    assert_eq!(bench.events().await["delivered"], 3);
    bench.handle.stop().await;
}

#[tokio::test]
async fn callbacks_are_signed_when_there_is_a_key() {
    use md5::{Digest, Md5};
    let mut receiver = Receiver::start(Vec::new()).await;
    let mut options = options(Some(&receiver));
    options.apps[0].sign_key = Some("VodSignKey01".to_owned());
    let bench = Bench::start(options).await;
    let before = jiff::Timestamp::now().as_second();
    bench.upload(APP).await;
    let body = receiver.next().await;
    let until = body["T"].as_i64().unwrap();
    assert!((before + 600..=jiff::Timestamp::now().as_second() + 600).contains(&until));
    assert_eq!(body["Sign"], hex::encode(Md5::digest(format!("VodSignKey01{until}"))));
}

#[tokio::test]
async fn a_callback_that_fails_is_sent_three_times_at_most() {
    let plan = vec![Planned::Status(500), Planned::Status(503), Planned::Status(404)];
    let (bench, mut receiver, file) = with_file(plan, |_| {}).await;
    bench.call("ProcessMedia", &transcode(APP, &file, "")).await;
    bench.settle().await;
    assert_eq!(receiver.seen(), 3);
    let events = bench.events().await;
    assert_eq!((&events["given_up"], &events["resent"], &events["delivered"]), (&json!(1), &json!(2), &json!(0)));
}

#[tokio::test]
async fn a_callback_that_is_not_answered_in_time_is_sent_again() {
    let plan = vec![Planned::Never];
    let (bench, mut receiver, file) =
        with_file(plan, |options| options.callback_timeout = Duration::from_secs(1)).await;
    bench.call("ProcessMedia", &transcode(APP, &file, "")).await;
    let first = receiver.next().await;
    assert_eq!(receiver.next().await, first);
    bench.settle().await;
    let events = bench.events().await;
    assert_eq!((&events["resent"], &events["delivered"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_status_is_no_failure_where_only_the_network_counts() {
    let (bench, mut receiver, file) =
        with_file(vec![Planned::Status(500)], |options| options.resend_on_status = false).await;
    bench.call("ProcessMedia", &transcode(APP, &file, "")).await;
    bench.settle().await;
    assert_eq!(receiver.seen(), 1);
}

#[tokio::test]
async fn a_session_id_is_refused_the_second_time() {
    let (bench, _receiver, file) = with_file(Vec::new(), |_| {}).await;
    assert_eq!(code(&bench.call("ProcessMedia", &transcode(APP, &file, "evt-1")).await), "none");
    let again = bench.call("ProcessMedia", &transcode(APP, &file, "evt-1")).await;
    assert_eq!(code(&again), "InvalidParameterValue.SessionId");
}

#[tokio::test]
async fn an_answer_that_never_comes_leaves_a_task_behind() {
    for fault in [Fault::NoAnswer, Fault::HangUp] {
        let (bench, mut receiver, file) = with_file(Vec::new(), |_| {}).await;
        bench.misbehave(Trouble::new(fault).times(1)).await;
        let body = transcode(APP, &file, "evt-1");
        let mut request = bench.request(GOOD, "ProcessMedia", &body.to_string());
        if fault == Fault::NoAnswer {
            request = request.timeout(Duration::from_millis(500));
        }
        let error = request.send().await.unwrap_err();
        assert_eq!(error.is_timeout(), fault == Fault::NoAnswer, "{error:?}");
        assert_eq!(receiver.next_status().await, "FINISH");
        assert_eq!(code(&bench.call("ProcessMedia", &body).await), "InvalidParameterValue.SessionId");
        let tasks = bench.told("GET", "/simulator/tasks?session_id=evt-1", Value::Null).await;
        assert_eq!(tasks["total"], 1);
    }
}

#[tokio::test]
async fn calls_are_refused_as_asked_and_leave_nothing_behind() {
    let (bench, _receiver, file) = with_file(Vec::new(), |_| {}).await;
    let body = transcode(APP, &file, "evt-1");
    let cases = [
        (Fault::TooManyRequests, 429, Some("RequestLimitExceeded")),
        (Fault::RequestLimitExceeded, 200, Some("RequestLimitExceeded")),
        (Fault::InternalError, 200, Some("InternalError")),
        (Fault::ServerError, 503, None),
    ];
    for (fault, status, expected) in cases {
        bench.misbehave(Trouble::new(fault).action("ProcessMedia").times(1)).await;
        let answer = bench.try_call("ProcessMedia", &body).await.unwrap();
        assert_eq!(answer.status(), status);
        let answer = serde_json::from_str::<Value>(&answer.text().await.unwrap()).ok();
        assert_eq!(answer.as_ref().map(|answer| code(&answer["Response"])), expected);
    }
    bench.misbehave(Trouble { delay_ms: 1, ..Trouble::new(Fault::Slow).times(1) }).await;
    assert_eq!(code(&bench.call("ProcessMedia", &body).await), "none");
    let set = bench.told("GET", "/simulator/misbehaviour", Value::Null).await;
    let struck: Vec<u64> = set.as_array().unwrap().iter().map(|trouble| trouble["struck"].as_u64().unwrap()).collect();
    assert_eq!(struck, [1; 5]);
    assert_eq!(bench.told("DELETE", "/simulator/misbehaviour", Value::Null).await, json!([]));
}

#[tokio::test]
async fn a_callback_may_be_answered_before_the_call_is() {
    let (bench, mut receiver, file) =
        with_file(Vec::new(), |options| options.task_delay = Duration::from_hours(1)).await;
    bench.misbehave(Trouble::new(Fault::CallbackBeforeReply)).await;
    assert_eq!(code(&bench.call("ProcessMedia", &transcode(APP, &file, "")).await), "none");
    assert_eq!(receiver.seen(), 1);
    assert_eq!(bench.told("GET", "/simulator/statistics", Value::Null).await["tasks_finished"], 1);
}

#[tokio::test]
async fn callbacks_come_twice_in_the_wrong_order_late_or_never() {
    let (bench, mut receiver, file) = with_file(Vec::new(), |_| {}).await;
    let submit = async |session_id: &str| {
        assert_eq!(code(&bench.call("ProcessMedia", &transcode(APP, &file, session_id)).await), "none");
    };
    bench.misbehave(Trouble::new(Fault::CallbackDuplicated).times(1)).await;
    submit("twice").await;
    assert_eq!(receiver.next().await, receiver.next().await);
    bench.misbehave(Trouble::new(Fault::ProcessingAfterFinish).times(1)).await;
    submit("backwards").await;
    assert_eq!([receiver.next_status().await, receiver.next_status().await], ["FINISH", "PROCESSING"]);
    bench.settle().await;
    bench.misbehave(Trouble { delay_ms: 600_000, ..Trouble::new(Fault::CallbackReordered).times(1) }).await;
    submit("first").await;
    submit("second").await;
    let sessions = [receiver.next().await, receiver.next().await]
        .map(|body| body["ProcedureStateChangeEvent"]["SessionId"].as_str().unwrap().to_owned());
    assert_eq!(sessions, ["second", "first"]);
    bench.told("POST", "/simulator/hurry", Value::Null).await;
    bench.settle().await;
    bench.misbehave(Trouble { delay_ms: 600_000, ..Trouble::new(Fault::CallbackLate).times(1) }).await;
    submit("late").await;
    let patience = bench.told("POST", "/simulator/settle?timeout_ms=50", Value::Null).await;
    assert_eq!((patience, receiver.seen()), (json!({ "idle": false }), 0));
    bench.told("POST", "/simulator/hurry", Value::Null).await;
    bench.settle().await;
    assert_eq!(receiver.seen(), 1);
    bench.misbehave(Trouble::new(Fault::CallbackLost).times(1)).await;
    submit("lost").await;
    bench.settle().await;
    assert_eq!((receiver.seen(), &bench.events().await["lost"]), (0, &json!(1)));
}

#[tokio::test]
async fn sub_tasks_fail_on_request() {
    let (bench, mut receiver, file) = with_file(Vec::new(), |_| {}).await;
    let fails = json!({ "fault": "sub_task_fails", "definition": 100_020, "code": "InternalError", "times": 1 });
    bench.told("PUT", "/simulator/misbehaviour", json!([fails])).await;
    for expected in [["SUCCESS", "FAIL"], ["SUCCESS", "SUCCESS"]] {
        bench.call("ProcessMedia", &transcode(APP, &file, "")).await;
        let ended = receiver.next().await;
        let results = ended["ProcedureStateChangeEvent"]["MediaProcessResultSet"].as_array().unwrap();
        let statuses: Vec<&str> =
            results.iter().map(|result| result["TranscodeTask"]["Status"].as_str().unwrap()).collect();
        assert_eq!(statuses, expected);
    }
}

#[tokio::test]
async fn events_are_pulled_sixteen_at_a_time_and_confirmed() {
    let bench = Bench::start(options(None)).await;
    let ask = json!({ "SubAppId": PULLED });
    assert_eq!(code(&bench.call("PullEvents", &ask).await), "ResourceNotFound");
    for _ in 0..17 {
        bench.upload(PULLED).await;
    }
    for expected in [16, 1] {
        let pulled = bench.call("PullEvents", &ask).await;
        let events = pulled["EventSet"].as_array().unwrap();
        assert_eq!(events.len(), expected);
        let handles: Vec<&Value> = events.iter().map(|event| &event["EventHandle"]).collect();
        let confirm = json!({ "SubAppId": PULLED, "EventHandles": handles });
        assert_eq!(code(&bench.call("ConfirmEvents", &confirm).await), "none");
        assert_eq!(code(&bench.call("ConfirmEvents", &confirm).await), "InvalidParameterValue");
    }
    let events = bench.events().await;
    assert_eq!((&events["queued"], &events["confirmed"]), (&json!(17), &json!(17)));
}

#[tokio::test]
async fn a_pull_waits_for_an_event() {
    let bench = Bench::start(Options { pull_wait: Duration::from_hours(1), ..options(None) }).await;
    let ask = json!({ "SubAppId": PULLED });
    let (pulled, file) = tokio::join!(bench.call("PullEvents", &ask), bench.upload(PULLED));
    assert_eq!(pulled["EventSet"][0]["FileUploadEvent"]["FileId"], file);
    let statistics = bench.told("GET", "/simulator/statistics", Value::Null).await;
    assert_eq!((&statistics["calls"]["PullEvents"], &statistics["errors"]), (&json!(1), &json!({})));
}

#[tokio::test]
async fn an_event_that_is_not_confirmed_comes_again() {
    let bench = Bench::start(Options {
        visibility: Duration::from_millis(50),
        pull_wait: Duration::from_hours(1),
        ..options(None)
    })
    .await;
    let file = bench.upload(PULLED).await;
    let ask = json!({ "SubAppId": PULLED });
    let first = bench.call("PullEvents", &ask).await["EventSet"][0].take();
    let second = bench.call("PullEvents", &ask).await["EventSet"][0].take();
    assert_eq!(
        (&first["FileUploadEvent"]["FileId"], &second["FileUploadEvent"]["FileId"]),
        (&json!(file), &json!(file))
    );
    assert_ne!(first["EventHandle"], second["EventHandle"]);
    let confirm = json!({ "SubAppId": PULLED, "EventHandles": [first["EventHandle"]] });
    assert_eq!(code(&bench.call("ConfirmEvents", &confirm).await), "InvalidParameterValue");
}

#[tokio::test]
async fn tasks_are_listed_in_pages() {
    let (bench, _receiver, file) = with_file(Vec::new(), |_| {}).await;
    for number in 0..5 {
        bench.call("ProcessMedia", &transcode(APP, &file, &format!("evt-{number}"))).await;
    }
    let mut sessions = Vec::new();
    let mut after = json!(0);
    while !after.is_null() {
        let page = bench.told("GET", &format!("/simulator/tasks?limit=2&after={after}"), Value::Null).await;
        sessions.extend(page["tasks"].as_array().unwrap().iter().map(|task| task["session_id"].clone()));
        after = page["next"].clone();
    }
    assert_eq!(sessions, ["evt-0", "evt-1", "evt-2", "evt-3", "evt-4"]);
    let none = bench.told("GET", &format!("/simulator/tasks?subappid={PULLED}"), Value::Null).await;
    assert_eq!(none, json!({ "total": 0, "tasks": [], "next": null }));
}

#[tokio::test]
async fn the_control_plane_says_what_is_wrong() {
    let bench = Bench::start(options(None)).await;
    let media = format!("/simulator/apps/{APP}/media");
    let missing = format!("{media}/5");
    let cases = [
        ("GET", "/simulator/nothing", Value::Null, 404, "GET /simulator/nothing is not known"),
        ("POST", "/simulator/apps/7/media", Value::Null, 404, "application 7 is not known"),
        ("POST", "/simulator/apps/x/media", Value::Null, 400, "x is no SubAppId"),
        ("DELETE", missing.as_str(), Value::Null, 404, "has no file 5"),
        ("POST", media.as_str(), json!({ "nmae": "x" }), 400, "unknown field `nmae`"),
        ("POST", media.as_str(), json!({ "name": "x".repeat(1_000_000) }), 413, "longer than 1000000 bytes"),
        ("PUT", "/simulator/misbehaviour", json!([{ "fault": "fire" }]), 400, "unknown variant `fire`"),
        ("PUT", "/simulator/misbehaviour", json!([{ "fault": "slow", "probability": 2 }]), 400, "from 0 to 1"),
        ("GET", "/simulator/tasks?limit=0", Value::Null, 400, "limit must be from 1 to 1000"),
        ("GET", "/simulator/tasks?page=1", Value::Null, 400, "page is not known"),
        ("POST", "/simulator/settle?timeout_ms=x", Value::Null, 400, "it must be a number"),
    ];
    for (method, path, body, status, message) in cases {
        let (got, answer) = bench.control(method, path, body).await;
        let error = answer["error"].as_str().unwrap();
        assert!(got == status && error.contains(message), "{method} {path}: {got} {error}");
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids_and_a_reset_starts_afresh() {
    let mut ids = Vec::new();
    for seed in [1, 1, 2] {
        let bench = Bench::start(Options { seed, ..options(None) }).await;
        let file = bench.upload(APP).await;
        let task = bench.call("ProcessMedia", &transcode(APP, &file, "evt-1")).await;
        ids.push((file.clone(), task["TaskId"].clone()));
        bench.told("POST", "/simulator/reset", Value::Null).await;
        let gone = bench.call("ProcessMedia", &transcode(APP, &file, "evt-1")).await;
        assert_eq!(code(&gone), "InvalidParameterValue.FileId");
        assert_eq!(bench.told("GET", "/simulator/statistics", Value::Null).await["tasks"], 0);
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn options_that_cannot_be_start_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = Simulator::start(Options::default(), listener).unwrap_err();
    assert_eq!(error.to_string(), "the options of the simulator are not valid");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "there is no application: give at least one");
}

#[tokio::test]
async fn a_stopped_simulator_answers_nobody() {
    let bench = Bench::start(options(None)).await;
    bench.upload(APP).await;
    let url = format!("http://{}/simulator/statistics", bench.handle.addr());
    bench.handle.stop().await;
    assert!(bench.client.get(url).send().await.unwrap_err().is_connect());
}
