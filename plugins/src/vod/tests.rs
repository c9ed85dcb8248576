//! What goes over the wire and what is made of each answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use oncue_rules::value::Value;

use super::process_media::ProcessMedia;
use super::{Client, Credentials, tc3};
use crate::action::{Action, ActionError, App, Call, ErrorClass, Repeatable};
use crate::testing::stand_in::{Answer, Request, StandIn};
use crate::testing::{FILE, KEY, call};

const RETRY: ErrorClass = ErrorClass::Retry { after: None };
const KEYED: &str = r#"{"definitions":[100010]}"#;
const UNKEYED: &str = r#"{"definitions":[100010],"SessionId":""}"#;

fn action(address: &str) -> ProcessMedia {
    ProcessMedia::new(Client::new(address.parse().unwrap(), None).unwrap())
}

async fn send(stand_in: &StandIn, call: Call) -> Result<Value, ActionError> {
    action(&format!("http://{}", stand_in.address)).call(call).await
}

async fn answered(answer: Answer, params: &str) -> Result<Value, ActionError> {
    send(&StandIn::start([answer]).await, call(params)).await
}

fn soon(params: &str) -> Call {
    Call { deadline: Instant::now() + Duration::from_secs(1), ..call(params) }
}

fn with_credentials(params: &str, credentials: Credentials) -> Call {
    let mut call = call(params);
    call.app = call.app.map(|app| Arc::new(App { credentials: Some(credentials), ..(*app).clone() }));
    call
}

/// Checks a request as the vendor would.
fn verify(request: &Request, secret_key: &str) -> tc3::Authorization {
    let authorization = tc3::parse_authorization(request.header("authorization").unwrap()).unwrap();
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let timestamp: i64 = request.header("x-tc-timestamp").unwrap().parse().unwrap();
    let received = tc3::Received { secret_key, timestamp, headers: &headers, payload: &request.body };
    assert_eq!(tc3::verify(&authorization, &received), Ok(()));
    assert!(Timestamp::now().as_second().abs_diff(timestamp) <= tc3::CLOCK_TOLERANCE);
    authorization
}

#[tokio::test]
async fn a_call_is_one_signed_request_with_exactly_these_headers_and_bytes() {
    let stand_in = StandIn::start([Answer::task()]).await;
    let outputs = send(&stand_in, call(r#"{"definitions":[100010],"SessionContext":"规则"}"#)).await.unwrap();
    assert_eq!(outputs.to_json(), r#"{"RequestId":"r-2","TaskId":"1500000001-procedurev2-0a1b","duplicate":false}"#);

    let requests = stand_in.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    let authorization = verify(request, "the-secret-key");
    assert_eq!((authorization.secret_id.as_str(), authorization.service.as_str()), ("AKIDEXAMPLE", "vod"));
    let body = format!(
        r#"{{"FileId":"{FILE}","SubAppId":1500000001,"MediaProcessTask":{{"TranscodeTaskSet":[{{"Definition":100010}}]}},"SessionContext":"规则","SessionId":"{KEY}"}}"#
    );
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    assert_eq!(request.line, "POST / HTTP/1.1");
    let varying = |name: &str| request.header(name).unwrap().to_owned();
    let mut expected = vec![
        ("accept", "*/*".to_owned()),
        ("authorization", varying("authorization")),
        ("content-length", body.len().to_string()),
        ("content-type", "application/json".to_owned()),
        ("host", stand_in.address.clone()),
        ("x-tc-action", "ProcessMedia".to_owned()),
        ("x-tc-timestamp", varying("x-tc-timestamp")),
        ("x-tc-version", "2018-07-17".to_owned()),
    ];
    let mut sent: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    sent.sort();
    expected.sort();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_region_and_the_token_of_a_temporary_key_are_sent() {
    let stand_in = StandIn::start([Answer::task()]).await;
    let client = Client::new(format!("http://{}", stand_in.address).parse().unwrap(), Some("ap-guangzhou")).unwrap();
    let credentials = Credentials::fixed("id", "temporary-key", Some("the-token"));
    ProcessMedia::new(client).call(with_credentials(KEYED, credentials)).await.unwrap();
    let requests = stand_in.requests();
    verify(&requests[0], "temporary-key");
    assert_eq!(requests[0].header("x-tc-region"), Some("ap-guangzhou"));
    assert_eq!(requests[0].header("x-tc-token"), Some("the-token"));
}

#[tokio::test]
async fn each_attempt_signs_anew_with_the_key_of_the_moment_and_the_same_session_id() {
    let stand_in = StandIn::start([Answer::error("AuthFailure.TokenFailure"), Answer::task()]).await;
    let lookups = AtomicUsize::new(0);
    let credentials = Credentials::environment(move |name| match name {
        "TENCENTCLOUD_SECRETID" => Some(format!("id-{}", lookups.fetch_add(1, Ordering::Relaxed))),
        "TENCENTCLOUD_SECRETKEY" => Some("the-secret-key".to_owned()),
        _ => None,
    });
    let action = action(&format!("http://{}", stand_in.address));
    let call = with_credentials(KEYED, credentials);
    assert_eq!(action.call(call.clone()).await.unwrap_err().class, RETRY);
    action.call(Call { attempt: 2, ..call }).await.unwrap();
    let requests = stand_in.requests();
    assert_eq!(verify(&requests[0], "the-secret-key").secret_id, "id-0");
    assert_eq!(verify(&requests[1], "the-secret-key").secret_id, "id-1");
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!((requests[0].connection, requests[1].connection), (0, 0), "the connection is used again");
}

#[tokio::test]
async fn a_repeat_that_the_vendor_knows_is_a_success() {
    for code in
        ["InvalidParameterValue.SessionId", "InvalidParameterValue.UniqueIdentifier", "FailedOperation.TaskDuplicate"]
    {
        let outputs = answered(Answer::error(code), KEYED).await.unwrap();
        assert_eq!(outputs.to_json(), r#"{"RequestId":null,"TaskId":null,"duplicate":true}"#, "{code}");
    }
}

#[tokio::test]
async fn the_task_of_a_request_that_was_taken_before_is_found_among_those_of_the_file() {
    let tasks = |tasks: &str, more: &str| {
        let body = format!(r#"{{"Response":{{"TaskSet":[{tasks}],"ScrollToken":"{more}","RequestId":"r-3"}}}}"#);
        Answer::http("200 OK", "", &body)
    };
    let other = r#"{"TaskId":"other","SessionId":"x"}"#;
    let ours = format!(r#"{other},{{"TaskId":"ours","SessionId":"{KEY}"}}"#);
    let duplicate = Answer::error("InvalidParameterValue.SessionId");
    let stand_in = StandIn::start([duplicate.clone(), tasks(other, "next"), tasks(&ours, "")]).await;
    let outputs = send(&stand_in, call(KEYED)).await.unwrap();
    assert_eq!(outputs.to_json(), r#"{"RequestId":null,"TaskId":"ours","duplicate":true}"#);
    let requests = stand_in.requests();
    assert_eq!(requests[1].header("x-tc-action"), Some("DescribeTasks"));
    let query = |at: usize| String::from_utf8_lossy(&requests[at].body).into_owned();
    assert_eq!(query(1), format!(r#"{{"FileId":"{FILE}","Limit":100,"SubAppId":1500000001}}"#));
    assert_eq!(query(2), format!(r#"{{"FileId":"{FILE}","Limit":100,"SubAppId":1500000001,"ScrollToken":"next"}}"#));

    let stand_in = StandIn::start([duplicate, tasks(other, "more")]).await;
    let outputs = send(&stand_in, call(KEYED)).await.unwrap();
    assert_eq!(outputs.to_json(), r#"{"RequestId":null,"TaskId":null,"duplicate":true}"#);
    assert_eq!(stand_in.requests().len(), 4, "it does not look for ever");
}

#[tokio::test]
async fn an_error_of_the_api_keeps_its_code_and_request_and_gets_its_class() {
    for (code, class) in [
        ("RequestLimitExceeded.UinLimitExceeded", RETRY),
        ("InternalError", RETRY),
        ("FailedOperation", RETRY),
        ("InvalidParameterValue.Definition", ErrorClass::Fatal),
        ("UnauthorizedOperation", ErrorClass::Fatal),
        ("FailedOperation.InvalidVodUser", ErrorClass::Fatal),
    ] {
        let error = answered(Answer::error(code), KEYED).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, code));
        assert!(error.message.ends_with("the vendor says \"no\" (request r-1)"), "{error}");
    }
}

#[tokio::test]
async fn an_http_error_keeps_its_status_and_the_pause_that_it_asks_for() {
    let busy = Answer::http("429 Too Many Requests", "Retry-After: 7\r\n", "slow down");
    let error = answered(busy, UNKEYED).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Retry { after: Some(Duration::from_secs(7)) });
    assert_eq!(error.code, "Http429");
    let error = answered(Answer::http("502 Bad Gateway", "", "<html>"), KEYED).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (RETRY, "Http502"));
    let error = answered(Answer::http("502 Bad Gateway", "", "<html>"), UNKEYED).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unknown);
    let error = answered(Answer::http("404 Not Found", "", "{}"), KEYED).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, "Http404"));
}

#[tokio::test]
async fn an_error_of_the_api_counts_more_than_the_status_around_it() {
    let body = r#"{"Response":{"Error":{"Code":"LimitExceeded","Message":"quota"},"RequestId":"r"}}"#;
    let error = answered(Answer::http("503 Service Unavailable", "Retry-After: 7\r\n", body), KEYED).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, "LimitExceeded"));
}

#[tokio::test]
async fn a_result_within_an_http_error_is_not_believed() {
    let task = r#"{"Response":{"TaskId":"t","RequestId":"r"}}"#;
    let error = answered(Answer::http("500 Internal Server Error", "", task), KEYED).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (RETRY, "Http500"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = StandIn::start([Answer::task()]).await;
    let location = format!("Location: http://{}/\r\n", elsewhere.address);
    for status in ["301", "302", "303", "307", "308"] {
        let error = answered(Answer::http(&format!("{status} Elsewhere"), &location, ""), KEYED).await.unwrap_err();
        assert_eq!((error.class, error.code), (ErrorClass::Fatal, format!("Http{status}")));
    }
    assert!(elsewhere.requests().is_empty());
}

/// An answer that leaves open whether the request took effect.
async fn assert_open(answer: Answer, make: fn(&str) -> Call, reason: &str) {
    for (params, class) in [(KEYED, RETRY), (UNKEYED, ErrorClass::Unknown)] {
        let stand_in = StandIn::start([answer.clone()]).await;
        let error = send(&stand_in, make(params)).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, "NoAnswer"), "{error}");
        assert!(error.message.contains(reason), "{error}");
        assert_eq!(stand_in.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let body = " ".repeat(2 * 1024 * 1024);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert_open(Answer::Last(answer), call, "larger than 1048576 bytes").await;
}

#[tokio::test]
async fn an_answer_without_a_length_is_capped_too() {
    let chunks = format!("10000\r\n{}\r\n", " ".repeat(0x10000)).repeat(32);
    let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    assert_open(Answer::Last(answer), call, "larger than 1048576 bytes").await;
}

#[tokio::test]
async fn an_answer_that_drips_ends_at_the_deadline() {
    assert_open(Answer::Drip, soon, "the time for an answer is over").await;
}

#[tokio::test]
async fn a_server_that_says_nothing_ends_at_the_deadline() {
    assert_open(Answer::Silence, soon, "the time for an answer is over").await;
}

#[tokio::test]
async fn a_connection_that_closes_before_the_answer_is_complete_leaves_it_open() {
    assert_open(Answer::Last(String::new()), call, "connection closed").await;
    assert_open(Answer::Last("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned()), call, "body").await;
}

#[tokio::test]
async fn an_answer_that_is_not_of_the_api_leaves_it_open() {
    assert_open(Answer::http("200 OK", "", "<html>welcome</html>"), call, "the answer is not one of the API").await;
    assert_open(Answer::http("200 OK", "", &"[".repeat(100_000)), call, "the answer is not one of the API").await;
    assert_open(Answer::Last("SSH-2.0-OpenSSH\r\n".to_owned()), call, "invalid HTTP").await;
}

#[tokio::test]
async fn what_never_left_can_be_sent_again_even_without_a_session_id() {
    // Bound, so that nobody else gets the port, and not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let error = action(&format!("http://{address}")).call(call(UNKEYED)).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (RETRY, "NotSent"), "{error}");

    let stand_in = StandIn::start([Answer::task()]).await;
    let error = action(&format!("https://{}", stand_in.address)).call(soon(UNKEYED)).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (RETRY, "NotSent"), "{error}");

    let late = Call { deadline: Instant::now(), ..call(UNKEYED) };
    let error = send(&stand_in, late).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (RETRY, "NotSent"), "{error}");
    assert!(stand_in.requests().is_empty());
}

#[tokio::test]
async fn nothing_is_sent_for_parameters_or_credentials_that_are_wrong() {
    let stand_in = StandIn::start([Answer::task()]).await;
    let error = send(&stand_in, call("{}")).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, "InvalidParams"));
    let mut nobody = call(KEYED);
    nobody.app = nobody.app.map(|app| Arc::new(App { credentials: None, ..(*app).clone() }));
    let error = send(&stand_in, nobody).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, "NoCredentials"));
    assert!(error.message.starts_with("the application short-video (1500000001) has no credentials"), "{error}");
    let error = send(&stand_in, with_credentials(KEYED, Credentials::environment(|_| None))).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (RETRY, "NoCredentials"));
    assert!(stand_in.requests().is_empty());
}

#[tokio::test]
async fn no_error_holds_the_secret_key() {
    for answer in
        [Answer::error("AuthFailure.SignatureFailure"), Answer::Last(String::new()), Answer::http("500 X", "", "")]
    {
        let error = answered(answer, KEYED).await.unwrap_err();
        assert!(!format!("{error:?}").contains("the-secret-key"), "{error}");
    }
}

#[test]
fn a_request_without_a_session_id_is_not_repeatable() {
    let action = action("http://127.0.0.1:1");
    let repeatable = |params: &str| action.repeatable(&Value::from_json(params.as_bytes()).unwrap());
    assert_eq!(repeatable("{}"), Repeatable::Keyed);
    assert_eq!(repeatable(r#"{"SessionId":null}"#), Repeatable::Keyed);
    assert_eq!(repeatable(r#"{"SessionId":"mine"}"#), Repeatable::Keyed);
    assert_eq!(repeatable(r#"{"SessionId":""}"#), Repeatable::No);
}
