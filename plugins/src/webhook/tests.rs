use std::collections::BTreeMap;
use std::sync::Arc;

use standardwebhooks::Webhook as Receiver;

use super::*;
use crate::target::{BreakerSettings, Target};
use crate::testing::stand_in::{Answer as Said, Request as Received, StandIn};
use crate::testing::{KEY, RAW, call};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn target(server: &StandIn) -> Target {
    Target {
        url: format!("http://{}/hooks?key=hidden", server.address).parse().unwrap(),
        sign: Sign::Standard(vec![Key::standard(SECRET).unwrap()]),
        headers: HeaderMap::new(),
        expect: None,
        rate: None,
        breaker: BreakerSettings::default(),
        allow_private: true,
        timeout: None,
    }
}

fn webhook(target: Option<Target>) -> Webhook {
    let targets = target.map(|target| ("cms".to_owned(), target)).into_iter().collect::<BTreeMap<_, _>>();
    Webhook::new(Client::new().unwrap(), Targets::new(targets))
}

async fn send(server: &StandIn, change: impl FnOnce(&mut Target), params: &str) -> Result<Value, ActionError> {
    let mut target = target(server);
    change(&mut target);
    webhook(Some(target)).call(call(params)).await
}

async fn answered(said: Said) -> Result<Value, ActionError> {
    send(&StandIn::start([said]).await, |_| (), r#"{"to":"cms","body":{"a":1}}"#).await
}

fn headers(request: &Received) -> HeaderMap {
    let pairs = request.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    pairs.collect::<HeaderMap>()
}

#[tokio::test]
async fn a_webhook_arrives_signed_with_the_key_of_its_step_as_its_id() {
    let server = StandIn::start([Said::http("200 OK", "X-A: b\r\nSet-Cookie: c=d\r\n", r#"{"code":0}"#)]).await;
    let outputs = send(&server, |_| (), r#"{"to":"cms","body":{"n":5000000000000000001,"x":"中"}}"#).await.unwrap();
    assert_eq!(outputs.get("status").to_json(), "200");
    assert_eq!(outputs.get("body").to_json(), r#"{"code":0}"#);
    assert_eq!(outputs.get("headers").get("x-a").as_text(), Some("b"));
    assert_eq!(outputs.get("headers").get("set-cookie"), &Value::Null);
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /hooks?key=hidden HTTP/1.1");
    assert_eq!(request.body, r#"{"n":5000000000000000001,"x":"中"}"#.as_bytes());
    assert_eq!(request.header("webhook-id"), Some(KEY));
    assert_eq!(request.header("content-type"), Some("application/json"));
    Receiver::new(SECRET).unwrap().verify(&request.body, &headers(request)).unwrap();
}

#[tokio::test]
async fn raw_relays_the_very_bytes() {
    let server = StandIn::start([Said::http("204 No Content", "", "")]).await;
    send(&server, |_| (), r#"{"to":"cms","raw":true}"#).await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.body, RAW);
    assert_eq!(request.header("content-type"), Some("application/json"));
    Receiver::new(SECRET).unwrap().verify(RAW, &headers(request)).unwrap();
}

#[tokio::test]
async fn a_step_says_more_than_its_target() {
    let server = StandIn::start([Said::http("200 OK", "", "")]).await;
    let params = r#"{"to":"cms","body":"hello","headers":{"X-Team":"media","Content-Type":"text/markdown","X-None":null},
        "sign":{"hmac_sha256":{"header":"X-Hub-Signature-256","secret":"Jefe","prefix":"sha256="}}}"#;
    send(&server, |_| (), params).await.unwrap();
    let request = &server.requests()[0];
    assert_eq!((request.body.as_slice(), request.header("x-team")), (b"hello".as_slice(), Some("media")));
    assert_eq!((request.header("content-type"), request.header("x-none")), (Some("text/markdown"), None));
    let signature = "sha256=bed3e4bb7da1795901a7d9a54531cabbe39ade5a2c89298cdc5f8889091d174d";
    assert_eq!(request.header("x-hub-signature-256"), Some(signature));
    assert_eq!(request.header("webhook-signature"), None);
}

#[tokio::test]
async fn statuses_are_classed() {
    let retry = |after: Option<u64>| ErrorClass::Retry { after: after.map(Duration::from_secs) };
    let table = [
        ("400 Bad Request", "", retry(None)),
        ("401 Unauthorized", "", retry(None)),
        ("404 Not Found", "", retry(None)),
        ("410 Gone", "", ErrorClass::Fatal),
        ("429 Too Many Requests", "Retry-After: 7\r\n", retry(Some(7))),
        ("429 Too Many Requests", "", retry(None)),
        ("500 Internal Server Error", "Retry-After: 7\r\n", retry(None)),
        ("503 Service Unavailable", "Retry-After: 999999\r\n", retry(Some(86_400))),
        ("304 Not Modified", "", retry(None)),
        ("302 Found", "Location: /x\r\n", retry(None)),
    ];
    for (status, more, class) in table {
        let error = answered(Said::http(status, more, "no")).await.unwrap_err();
        assert_eq!(error.class, class, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_that_keeps_the_body_is_followed() {
    let server =
        StandIn::start([Said::http("307 Temporary Redirect", "Location: /new\r\n", ""), Said::http("200 OK", "", "")])
            .await;
    send(&server, |_| (), r#"{"to":"cms","body":1}"#).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[1].line, "POST /new HTTP/1.1");
    assert_eq!(requests[1].body, b"1");
}

#[tokio::test]
async fn expect_decides_and_a_failure_shows_how_the_answer_begins() {
    let ask = async |body: &str, expect: &str| {
        let server = StandIn::start([Said::http("200 OK", "", body)]).await;
        let expect = Expect::compile(expect).unwrap();
        send(&server, |target| target.expect = Some(expect.clone()), r#"{"to":"cms","body":1}"#).await
    };
    assert!(ask(r#"{"errcode":0}"#, "response.body.errcode == 0").await.is_ok());
    let error = ask(r#"{"errcode":93000}"#, "response.body.errcode == 0").await.unwrap_err();
    assert_eq!(error.code, "ExpectNotMet");
    assert_eq!(error.class, ErrorClass::Retry { after: None });
    assert!(error.message.contains(r#"the answer begins "{\"errcode\":93000}""#), "{error}");
    let error = ask("<html>\nlog in", "response.body.errcode == 0").await.unwrap_err();
    assert!(error.message.contains(r#"begins "<html> log in""#), "{error}");
    assert!(ask("", "response.status == 200 and response.body == null").await.is_ok());
    assert!(ask("x", "response.headers['content-length'] == '1'").await.is_ok());
}

#[tokio::test]
async fn an_answer_that_is_not_there_in_time_is_asked_for_again() {
    for (said, code) in
        [(Said::Silence, "NoAnswer"), (Said::Drip, "SlowAnswer"), (Said::Last(String::new()), "NoAnswer")]
    {
        let server = StandIn::start([said]).await;
        let error = send(&server, |_| (), r#"{"to":"cms","body":1,"timeout":"500ms"}"#).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.class), (code, ErrorClass::Retry { after: None }), "{error}");
        assert!(!error.message.contains("hidden"), "{error}");
    }
}

#[tokio::test]
async fn a_huge_answer_to_a_webhook_is_success_with_a_part_of_it() {
    let outputs = answered(Said::Endless).await.unwrap();
    assert_eq!(outputs.get("truncated"), &Value::Bool(true));
    assert!(outputs.to_json().len() <= 64 * 1024, "{}", outputs.to_json().len());
    let json = format!(r#"{{"a":"{}"}}"#, "\\u0001".repeat(20_000));
    let outputs = answered(Said::http("200 OK", "", &json)).await.unwrap();
    assert_eq!((outputs.get("body"), outputs.get("truncated")), (&Value::Null, &Value::Bool(true)));
    let escaped = answered(Said::http("200 OK", "", &"\u{1}\"".repeat(40_000))).await.unwrap();
    assert!((60_000..=64 * 1024).contains(&escaped.to_json().len()), "{}", escaped.to_json().len());
}

#[tokio::test]
async fn a_place_inside_is_refused_with_the_line_to_write() {
    let server = StandIn::start([Said::http("200 OK", "", "")]).await;
    let error = send(&server, |target| target.allow_private = false, r#"{"to":"cms","body":1}"#).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("AddressRefused", ErrorClass::Fatal));
    let fix = "127.0.0.1 is a loopback address: if it is meant, write `allow_private: true` at the target `cms` in \
               oncue.yaml";
    assert_eq!(error.message, fix);
    let params = format!(r#"{{"url":"http://{}/","body":1}}"#, server.address);
    let error = webhook(None).call(call(&params)).await.unwrap_err();
    assert!(error.message.ends_with("write `allow_private: true` in the `with` of this step"), "{error}");
    assert!(server.requests().is_empty());
    let params = format!(r#"{{"url":"http://{}/","body":1,"allow_private":true}}"#, server.address);
    webhook(None).call(call(&params)).await.unwrap();
}

#[tokio::test]
async fn a_target_that_fails_in_a_row_is_left_alone() {
    let server = StandIn::start([Said::http("429 Too Many Requests", "Retry-After: 5\r\n", "")]).await;
    let mut storm = target(&server);
    storm.breaker = BreakerSettings { failures: 3, open: Duration::from_mins(1) };
    let webhook = Arc::new(webhook(Some(storm)));
    let send = async || webhook.call(call(r#"{"to":"cms","body":1}"#)).await.unwrap_err();
    for _ in 0..3 {
        assert_eq!(send().await.code, "Http429");
    }
    let error = send().await;
    assert_eq!(error.code, "BreakerOpen");
    assert!(matches!(error.class, ErrorClass::Held { .. }), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_target_that_only_dislikes_what_it_is_sent_is_not_left_alone() {
    let server = StandIn::start([Said::http("422 Unprocessable Content", "", "")]).await;
    let mut picky = target(&server);
    picky.breaker = BreakerSettings { failures: 1, open: Duration::from_mins(1) };
    let webhook = webhook(Some(picky));
    for _ in 0..3 {
        assert_eq!(webhook.call(call(r#"{"to":"cms","body":1}"#)).await.unwrap_err().code, "Http422");
    }
}

#[tokio::test]
async fn a_target_that_is_gone_names_those_that_are_there() {
    let server = StandIn::start([Said::Silence]).await;
    let error = send(&server, |_| (), r#"{"to":"cmss","body":1}"#).await.unwrap_err();
    assert_eq!(error.message, "there is no target `cmss` in oncue.yaml: did you mean `cms`? targets: `cms`");
    assert_eq!(error.class, ErrorClass::Fatal);
}

#[tokio::test]
async fn wrong_parameters_name_their_field() {
    let table = [
        (r#"{"body":1}"#, "to: "),
        (r#"{"to":"cms","url":"http://x","body":1}"#, "to: "),
        (r#"{"url":"ftp://x","body":1}"#, "url: "),
        (r#"{"url":"https://user:pass@x","body":1}"#, "url: "),
        (r#"{"url":"https://x"}"#, "body: "),
        (r#"{"url":"https://x","body":1,"raw":true}"#, "raw: "),
        (r#"{"url":"https://x","body":1,"timeout":"30"}"#, "timeout: "),
        (r#"{"url":"https://x","body":1,"timeout":"1h"}"#, "timeout: "),
        (r#"{"url":"https://x","body":1,"limit":16777217}"#, "limit: "),
        (r#"{"url":"https://x","body":1,"expect":"event.id == 1"}"#, "expect: "),
        (r#"{"url":"https://x","body":1,"headers":{"a b":"c"}}"#, "headers.a b: "),
        (r#"{"url":"https://x","body":1,"headers":{"Host":"c"}}"#, "headers.Host: "),
        (r#"{"url":"https://x","body":1,"headers":{"webhook-id":"c"}}"#, "headers.webhook-id: "),
        (r#"{"url":"https://x","body":1,"headers":{"x-a":"c\nd"}}"#, "headers.x-a: "),
        (r#"{"url":"https://x","body":1,"sign":{}}"#, "sign: "),
        (r#"{"url":"https://x","body":1,"sign":{"standard":{"secret":"short"}}}"#, "sign.standard: "),
        (r#"{"url":"https://x","body":1,"sign":{"standard":{"secrets":[]}}}"#, "sign.standard: "),
    ];
    for (params, field) in table {
        let error = webhook(None).call(call(params)).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Fatal, "{params}: {error}");
        assert!(error.message.starts_with(field) && !error.message.contains("pass"), "{params}: {error}");
    }
}
