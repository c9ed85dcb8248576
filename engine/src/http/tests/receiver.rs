use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::support::*;
use crate::http::Limits;
use crate::http::body::{BodyLimits, Memory};
use crate::http::receiver::Doors;

const SAMPLES: [&str; 15] = [
    "01_new_file_upload_plain",
    "02_new_file_upload_with_procedure",
    "03_new_file_upload_unicode_name",
    "04_procedure_finish_two_transcodes_and_cover",
    "05_procedure_finish_one_transcode_failed",
    "06_procedure_processing",
    "07_procedure_finish_errcode_nonzero",
    "08_pull_complete",
    "09_file_deleted",
    "10_edit_media_complete",
    "11_review_audio_video_complete",
    "12_wechat_mini_program_publish_complete",
    "extra/signed_new_file_upload",
    "extra/unknown_event_type",
    "extra/wechat_mini_program_publish_wire_name",
];

#[tokio::test]
async fn every_sample_notification_is_handed_over_to_the_byte_and_answered_200_without_a_body() {
    let rig = Rig::new().await;
    for name in SAMPLES {
        let body = sample(name);
        let answer = rig.post(&path(APP), &body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{name}");
        let taken = rig.ingest.taken.lock().unwrap();
        assert_eq!(&**taken.last().unwrap().1.body.text(), body.as_bytes(), "{name}");
    }
    assert!(rig.store.quarantined.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_duplicate_is_answered_200_too() {
    let rig = Rig::new().await;
    let body = sample("extra/unknown_event_type");
    assert_eq!(rig.post(&path(APP), &body).await.status, 200);
    assert_eq!(rig.post(&path(APP), &body).await.status, 200);
    let unheard = r#"{"EventType":"Unheard","UnheardEvent":{}}"#;
    assert_eq!(rig.post(&path(APP), unheard).await.status, 200);
}

#[tokio::test]
async fn bodies_that_are_no_notification_are_refused_and_kept() {
    let rig = Rig::new().await;
    let legacy = sample("extra/legacy_v2_new_file_upload");
    let cases = [
        ("{", "malformed_json", "line 1"),
        (legacy.as_str(), "legacy_format", "3.0 callback URL"),
        (r#"{"EventType":"NewFileUpload"}"#, "no_payload", "FileUploadEvent"),
        (r#"{"EventType":"NewFileUpload","FileUploadEvent":{}}"#, "no_file_id", "FileId"),
        (r#"{"EventType":"WorkflowTask"}"#, "other_product", "MPS"),
    ];
    for (body, code, part) in cases {
        let answer = rig.post(&path(APP), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{body}");
        assert!(answer.body.contains(part), "{}", answer.body);
        let kept = rig.store.quarantined.lock().unwrap().pop().unwrap();
        assert_eq!(&*kept.body, &body.as_bytes()[..body.len().min(100)], "kept up to the limit");
        assert_eq!((kept.subappid.unwrap().0, kept.keep), (APP, 7));
        assert!(kept.reason.starts_with(code), "{}", kept.reason);
    }
    assert!(rig.ingest.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn why_a_body_is_refused_is_said_without_secrets() {
    let rig = Rig::new().await;
    let body = format!(r#"{{"eventType":"{SCRUBBED}","version":"4.0","data":{{}}}}"#);
    let answer = rig.post(&path(APP), &body).await;
    let kept = rig.store.quarantined.lock().unwrap().pop().unwrap();
    for text in [&answer.body, &kept.reason] {
        assert!(text.contains("***") && !text.contains(SCRUBBED), "{text}");
    }
}

#[tokio::test]
async fn a_refused_body_is_answered_400_even_when_it_cannot_be_kept() {
    let rig = Rig::new().await;
    *rig.store.broken.lock().unwrap() = true;
    assert_eq!(rig.post(&path(APP), "{").await.status, 400);
}

#[tokio::test]
async fn a_wrong_missing_or_empty_token_is_answered_401_whatever_the_method() {
    let rig = Rig::new().await;
    let body = sample("01_new_file_upload_plain");
    for path in ["/vod/1500000001/wrong", "/vod/1500000001", "/vod/1500000005", "/vod/1500000005/any"] {
        for method in ["POST", "GET", "OPTIONS"] {
            let mut client = rig.server.connect().await;
            let answer = client.call(method, path, "", &body).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "wrong_token"), "{method} {path}");
            assert!(answer.headers.contains_key("www-authenticate"), "{answer:?}");
        }
    }
    assert!(rig.ingest.taken.lock().unwrap().is_empty());
    assert!(rig.store.quarantined.lock().unwrap().is_empty());
}

#[tokio::test]
async fn each_token_of_a_rotation_works() {
    let rig = Rig::new().await;
    let body = sample("01_new_file_upload_plain");
    for token in [TOKEN, OLD_TOKEN] {
        assert_eq!(rig.post(&format!("/vod/{APP}/{token}"), &body).await.status, 200);
    }
}

#[tokio::test]
async fn a_reload_opens_and_closes_doors_at_once() {
    let rig = Rig::new().await;
    let body = sample("01_new_file_upload_plain");
    assert_eq!(rig.post(&path(APP), &body).await.status, 200);
    rig.doors.store(Arc::new(Doors::default()));
    assert_eq!(rig.post(&path(APP), &body).await.status, 404);
}

#[tokio::test]
async fn an_unknown_application_and_an_unknown_path_are_answered_alike() {
    let rig = Rig::new().await;
    let nowhere = rig.post("/nowhere", "{}").await;
    assert_eq!(nowhere.status, 404);
    let paths = ["/vod/1500000099/t", "/vod/", "/vod", "/vod/x/t", "/vod/+1500000001/t", "/vod/01500000001/t"];
    let deeper = format!("{}/more", path(APP));
    let slash = format!("/vod/{APP}/");
    for path in paths.into_iter().chain([deeper.as_str(), slash.as_str()]) {
        let answer = rig.post(path, "{}").await;
        assert_eq!((answer.status, &answer.body), (404, &nowhere.body), "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_answered_405_with_allow() {
    let rig = Rig::new().await;
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"] {
        let mut client = rig.server.connect().await;
        let answer = client.call(method, &path(APP), "", "").await;
        assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "POST"), "{method}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    let mut client = rig.server.connect().await;
    let answer = client.call("POST", "/healthz", "", "").await;
    assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "GET, HEAD"));
    assert_eq!(client.call("GET", "/healthz", "", "").await.status, 200);
}

#[tokio::test]
async fn a_signed_notification_is_taken_and_an_unsigned_or_wrongly_signed_one_is_not() {
    let rig = Rig::new().await;
    let signed = sample("extra/signed_new_file_upload");
    let unsigned = sample("01_new_file_upload_plain");
    let mps = signed.replace("9c62faf80d36f43ffbbb13797ed48b6b", "0c546ebadd7007d7816804dd2fda678a");
    let late = signed.replace("1700000600", "1600000000").replace("9c62faf80d36f43ffbbb13797ed48b6b", LATE_SIGN);
    for app in [SIGNED, SIGN_ONLY] {
        assert_eq!(rig.post(&path(app), &signed).await.status, 200, "{app}");
        for (body, code) in [(&unsigned, "sign_missing"), (&mps, "sign_wrong"), (&late, "sign_out_of_time")] {
            let answer = rig.post(&path(app), body).await;
            assert_eq!((answer.status, answer.code().as_str()), (401, code), "{app}");
        }
    }
    let query = format!("{}?Sign=9c62faf80d36f43ffbbb13797ed48b6b&T=1700000600", path(SIGNED));
    assert_eq!(rig.post(&query, &unsigned).await.status, 200);
    assert_eq!(rig.ingest.taken.lock().unwrap().len(), 3);
    assert!(rig.store.quarantined.lock().unwrap().is_empty());
}

/// `MD5(KEY + "1600000000")`
const LATE_SIGN: &str = "dcd2575fe1c3f25f3109e71fa8132ff8";

#[tokio::test]
async fn what_nobody_answers_for_is_not_kept() {
    let rig = Rig::new().await;
    assert_eq!(rig.post(&path(SIGN_ONLY), "{").await.status, 400);
    assert!(rig.store.quarantined.lock().unwrap().is_empty());
    let signed = r#"{"EventType":"NewFileUpload","Sign":"9c62faf80d36f43ffbbb13797ed48b6b","T":1700000600}"#;
    assert_eq!(rig.post(&path(SIGN_ONLY), signed).await.status, 400);
    assert_eq!(rig.store.quarantined.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_of_another_format_is_told_so_before_its_signature_is_missed() {
    let rig = Rig::new().await;
    let answer = rig.post(&path(SIGNED), &sample("extra/legacy_v2_new_file_upload")).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "legacy_format"));
}

#[tokio::test]
async fn an_insecure_door_takes_what_comes() {
    let rig = Rig::new().await;
    let body = sample("01_new_file_upload_plain");
    assert_eq!(rig.post(&format!("/vod/{INSECURE}"), &body).await.status, 200);
    assert_eq!(rig.post(&format!("/vod/{INSECURE}/any"), &body).await.status, 200);
}

#[tokio::test]
async fn an_engine_that_cannot_take_it_is_answered_503_with_retry_after_and_tells_no_causes() {
    let rig = Rig::with(Mood::Unavailable, BodyLimits::default(), Limits::default()).await;
    let body = sample("01_new_file_upload_plain");
    let answer = rig.post(&path(APP), &body).await;
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "3"));
    assert!(!answer.body.contains("s3cret"), "{}", answer.body);
    for mood in [Mood::Fault, Mood::Panic] {
        *rig.ingest.mood.lock().unwrap() = mood;
        let answer = rig.post(&path(APP), &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
        assert!(!answer.body.contains("s3cret"), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_event_is_taken_though_its_sender_went_away() {
    let rig = Rig::with(Mood::Hold, BodyLimits::default(), Limits::default()).await;
    let body = sample("01_new_file_upload_plain");
    let mut client = rig.server.connect().await;
    client
        .send(&format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", path(APP), body.len()))
        .await;
    rig.ingest.held.notified().await;
    drop(client);
    // Its connection is over once the server has stopped.
    rig.server.stop().await.unwrap();
    rig.ingest.go.notify_one();
    while rig.ingest.taken.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

fn small() -> BodyLimits {
    BodyLimits { max: 1_000, ..BodyLimits::default() }
}

#[tokio::test]
async fn a_declared_length_over_the_cap_is_refused_before_a_byte_of_it_is_sent() {
    let rig = Rig::with(Mood::Take, small(), Limits::default()).await;
    let mut client = rig.server.connect().await;
    client.send(&format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n", path(APP))).await;
    let answer = client.answer("POST").await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
}

#[tokio::test]
async fn a_sender_who_sends_all_of_a_body_that_is_too_large_gets_the_answer_all_the_same() {
    let rig = Rig::with(Mood::Take, small(), Limits::default()).await;
    let mut client = rig.server.connect().await;
    // More than the sockets of both ends hold.
    let body = "x".repeat(7 << 20);
    let length = body.len();
    client.send(&format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}", path(APP))).await;
    let answer = client.answer("POST").await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_chunked_body_is_taken_up_to_the_cap_and_refused_past_it() {
    let rig = Rig::with(Mood::Take, BodyLimits { max: 2_000, ..small() }, Limits::default()).await;
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", path(APP));
    let body = sample("01_new_file_upload_plain");
    let (first, second) = body.split_at(400);
    let mut client = rig.server.connect().await;
    client.send(&format!("{head}190\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", second.len())).await;
    assert_eq!(client.answer("POST").await.status, 200);
    let chunk = format!("3e8\r\n{}\r\n", "a".repeat(1_000));
    client.send(&format!("{head}{chunk}{chunk}1\r\na\r\n")).await;
    let answer = client.answer("POST").await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
}

#[tokio::test]
async fn a_body_that_stops_coming_is_answered_408_and_the_connection_ends() {
    let body = BodyLimits { time: Duration::from_millis(20), ..BodyLimits::default() };
    let rig = Rig::with(Mood::Take, body, Limits::default()).await;
    let mut client = rig.server.connect().await;
    client.send(&format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{{", path(APP))).await;
    let answer = client.answer("POST").await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "too_slow"));
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn bodies_beyond_the_memory_set_aside_are_asked_to_come_again() {
    let memory = Memory::new(1_500);
    let body = BodyLimits { memory, ..BodyLimits::default() };
    let rig = Rig::with(Mood::Hold, body, Limits::default()).await;
    let body = sample("01_new_file_upload_plain");
    let mut first = rig.server.connect().await;
    first
        .send(&format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", path(APP), body.len()))
        .await;
    rig.ingest.held.notified().await;
    let second = rig.post(&path(APP), &body).await;
    assert_eq!((second.status, second.code().as_str()), (503, "busy"));
    rig.ingest.go.notify_one();
    assert_eq!(first.answer("POST").await.status, 200);
    *rig.ingest.mood.lock().unwrap() = Mood::Take;
    assert_eq!(rig.post(&path(APP), &body).await.status, 200);
}

#[tokio::test]
async fn a_connection_is_used_again_after_errors() {
    let rig = Rig::new().await;
    let body = sample("01_new_file_upload_plain");
    let mut client = rig.server.connect().await;
    let good = path(APP);
    let cases = [
        ("POST", good.as_str(), "{", 400),
        ("POST", "/vod/1500000001/wrong", &body, 401),
        ("POST", "/vod/1500000099/x", &body, 404),
        ("GET", &good, "", 405),
        ("POST", &good, &body, 200),
    ];
    for (method, path, body, status) in cases {
        assert_eq!(client.call(method, path, "", body).await.status, status, "{method} {path}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_and_no_answer_has_a_token_or_a_key() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let rig = Rig::new().await;
    let guess = "a-guess-at-the-token";
    let mut answers = Vec::new();
    for body in ["{", &sample("01_new_file_upload_plain"), &sample("extra/signed_new_file_upload")] {
        for path in [path(APP), path(SIGNED), path(99), format!("/vod/{APP}/{guess}"), format!("/vod/{APP}/{TOKEN}/x")]
        {
            for method in ["POST", "GET"] {
                let mut client = rig.server.connect().await;
                answers.push(client.call(method, &path, "", body).await);
            }
        }
    }
    let answers = format!("{answers:?}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("/vod/1500000001/***"), "{log}");
    for secret in [TOKEN, KEY, guess] {
        assert!(!log.contains(secret) && !answers.contains(secret), "{log}\n{answers}");
    }
}
