use super::*;
use crate::testing::stand_in::{Answer as Said, Request as Received, StandIn};
use crate::testing::{KEY, call};

async fn ask(said: Said, params: &str) -> (Result<Value, ActionError>, Vec<Received>) {
    let server = StandIn::start([said]).await;
    let url = format!(r#""url":"http://{}/a?b=c","allow_private":true"#, server.address);
    let params = if params == "{}" { format!("{{{url}}}") } else { params.replacen('{', &format!("{{{url},"), 1) };
    let result = Http::new(Client::new().unwrap()).call(call(&params)).await;
    (result, server.requests())
}

#[tokio::test]
async fn a_get_gives_the_parsed_answer() {
    let json = "Content-Type: application/json; charset=utf-8\r\n";
    let (outputs, requests) = ask(Said::http("200 OK", json, r#"{"n":5000000000000000001}"#), "{}").await;
    let outputs = outputs.unwrap();
    assert_eq!(outputs.get("body").to_json(), r#"{"n":5000000000000000001}"#);
    assert_eq!(outputs.get("headers").get("content-type").as_text(), Some("application/json; charset=utf-8"));
    assert_eq!(requests[0].line, "GET /a?b=c HTTP/1.1");
    assert_eq!(requests[0].header("idempotency-key"), None);
    assert!(requests[0].header("user-agent").unwrap().starts_with("oncue/"));
}

#[tokio::test]
async fn query_body_and_credentials_go_out_as_they_should() {
    let params = r#"{"query":{"q":"a&b","n":[1,2.50],"no":null},"body":{"x":1},
        "auth":{"basic":{"user":"u","password":"p:w"}}}"#;
    let (_, requests) = ask(Said::http("200 OK", "", ""), params).await;
    let request = &requests[0];
    assert_eq!(request.line, "POST /a?b=c&n=1&n=2.5&q=a%26b HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Basic dTpwOnc="));
    assert_eq!(request.header("idempotency-key"), Some(KEY));
    assert_eq!(
        (request.body.as_slice(), request.header("content-type")),
        (b"{\"x\":1}".as_slice(), Some("application/json"))
    );
    let (_, requests) =
        ask(Said::http("200 OK", "", ""), r#"{"method":"PUT","body":"t","auth":{"bearer":"tok"}}"#).await;
    assert_eq!(requests[0].line, "PUT /a?b=c HTTP/1.1");
    assert_eq!(requests[0].header("authorization"), Some("Bearer tok"));
}

#[tokio::test]
async fn statuses_are_classed() {
    let retry = ErrorClass::Retry { after: None };
    let table = [
        ("408 Request Timeout", retry, retry),
        ("425 Too Early", retry, retry),
        ("429 Too Many Requests", retry, retry),
        ("500 Internal Server Error", retry, retry),
        ("502 Bad Gateway", retry, ErrorClass::Unknown),
        ("503 Service Unavailable", retry, retry),
        ("504 Gateway Timeout", retry, ErrorClass::Unknown),
        ("304 Not Modified", ErrorClass::Fatal, ErrorClass::Fatal),
        ("400 Bad Request", ErrorClass::Fatal, ErrorClass::Fatal),
        ("404 Not Found", ErrorClass::Fatal, ErrorClass::Fatal),
        ("410 Gone", ErrorClass::Fatal, ErrorClass::Fatal),
    ];
    for (status, get, post) in table {
        for (method, class) in [("GET", get), ("POST", post)] {
            let params = format!(r#"{{"method":"{method}"}}"#);
            let error = ask(Said::http(status, "", "no"), &params).await.0.unwrap_err();
            assert_eq!(error.class, class, "{method} {error}");
        }
    }
}

#[tokio::test]
async fn an_attempt_without_an_answer_is_unknown_unless_asking_again_is_safe() {
    let retry = ErrorClass::Retry { after: None };
    let table = [
        (r#"{"body":1,"timeout":"500ms"}"#, ErrorClass::Unknown),
        (r#"{"method":"PATCH","timeout":"500ms"}"#, ErrorClass::Unknown),
        (r#"{"body":1,"repeatable":true,"timeout":"500ms"}"#, retry),
        (r#"{"method":"PUT","body":1,"timeout":"500ms"}"#, retry),
        (r#"{"timeout":"500ms"}"#, retry),
        (r#"{"repeatable":false,"timeout":"500ms"}"#, ErrorClass::Unknown),
    ];
    for (params, class) in table {
        let error = ask(Said::Silence, params).await.0.unwrap_err();
        assert_eq!((error.code.as_str(), error.class), ("NoAnswer", class), "{params}");
    }
}

#[tokio::test]
async fn expect_fails_for_good_unless_asking_again_is_safe() {
    let no = || Said::http("200 OK", "", r#"{"code":1}"#);
    let expect = r#""expect":"response.body.code == 0""#;
    let error = ask(no(), &format!("{{{expect},\"body\":1}}")).await.0.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("ExpectNotMet", ErrorClass::Fatal));
    let error = ask(no(), &format!("{{{expect}}}")).await.0.unwrap_err();
    assert_eq!(error.class, ErrorClass::Retry { after: None });
    let also = r#"{"expect":"response.status in [200, 404]"}"#;
    assert!(ask(Said::http("404 Not Found", "", ""), also).await.0.is_ok());
}

#[tokio::test]
async fn an_answer_that_outputs_cannot_hold_is_an_error() {
    let error = ask(Said::Endless, r#"{"limit":1000}"#).await.0.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("AnswerTooLarge", ErrorClass::Fatal));
    assert!(error.message.contains("`limit`"), "{error}");
    let error = ask(Said::http("200 OK", "", &"x".repeat(70_000)), "{}").await.0.unwrap_err();
    assert!(error.message.contains("64 KiB"), "{error}");
}

#[tokio::test]
async fn a_place_inside_is_refused_with_the_line_to_write() {
    let http = Http::new(Client::new().unwrap());
    let error = http.call(call(r#"{"url":"http://0xa9fea9fe/latest/meta-data"}"#)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Fatal);
    let fix = "169.254.169.254 is a link-local address: if it is meant, write `allow_private: true` in the `with` of \
               this step";
    assert_eq!(error.message, fix);
}

#[tokio::test]
async fn wrong_parameters_name_their_field() {
    let table = [
        (r#"{"method":"TRACE"}"#, "method: "),
        (r#"{"query":{"a":{"b":1}}}"#, "query.a: "),
        (r#"{"auth":{}}"#, "auth: "),
        (r#"{"auth":{"bearer":"a\nb"}}"#, "auth: "),
        (r#"{"auth":{"basic":{"user":"a:b","password":"c"}}}"#, "auth.basic.user: "),
        (r#"{"expect":"1 +"}"#, "expect: "),
    ];
    for (params, field) in table {
        let error = ask(Said::Silence, params).await.0.unwrap_err();
        assert_eq!(error.class, ErrorClass::Fatal, "{params}: {error}");
        assert!(error.message.starts_with(field), "{params}: {error}");
    }
}
