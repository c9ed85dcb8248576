use super::*;
use crate::testing::stand_in::{Answer as Said, StandIn};
use crate::valve::{BreakerSettings, ValveSettings};

#[test]
fn an_answer_is_a_result_an_error_or_not_understood() {
    assert!(matches!(decode(br#"{"Response":{"TaskId":"t","Error":null}}"#), Ok(Answer::Result(_))));
    let Ok(Answer::Error(error)) = decode(br#"{"Response":{"Error":{"Code":"C","Message":"M"},"RequestId":"R"}}"#)
    else {
        panic!("an error");
    };
    assert_eq!(error, ApiError { code: "C".to_owned(), message: "M".to_owned(), request_id: "R".to_owned() });
    let empty = ApiError { code: String::new(), message: String::new(), request_id: String::new() };
    assert!(matches!(decode(br#"{"Response":{"Error":7}}"#), Ok(Answer::Error(error)) if error == empty));
    for body in ["", "{}", "[]", "<html>", r#"{"Response":null}"#, r#"{"Response":[]}"#] {
        assert!(matches!(decode(body.as_bytes()), Err(CallError::NoAnswer { .. })), "{body}");
    }
}

#[test]
fn the_headers_are_those_of_the_vectors() {
    let vectors: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../tests/fixtures/protocol/tc3-vectors.json")).unwrap();
    for vector in vectors.iter().filter(|vector| vector.get("ctype").is_none()) {
        let endpoint: Endpoint = vector["host"].as_str().unwrap().parse().unwrap();
        let key = Key {
            secret_id: "AKIDEXAMPLE00000000000000000000000000".to_owned(),
            secret_key: "EXAMPLESecretKey0000000000000000".to_owned(),
            token: vector["token"].as_str().map(str::to_owned),
        };
        let payload = vector["payload"].as_str().unwrap().as_bytes();
        let request = Request {
            service: "vod",
            version: "2018-07-17",
            action: "ProcessMedia",
            endpoint: &endpoint,
            region: vector["region"].as_str(),
            payload,
            key: &key,
            deadline: Instant::now(),
            errors: Errors::GENERAL,
            limit: None,
        };
        let headers = headers(&request, vector["ts"].as_i64().unwrap()).unwrap();
        let expected = vector["headers"].as_object().unwrap();
        let expected: Vec<_> = expected.iter().filter(|(name, _)| *name != "X-TC-Language").collect();
        assert_eq!(headers.len(), expected.len(), "{headers:?}");
        for (name, value) in expected {
            assert_eq!(headers.get(name).unwrap().to_str().unwrap(), value.as_str().unwrap(), "{name}");
        }
        assert!(!format!("{headers:?}").contains("EXAMPLE"), "{headers:?}");
    }
}

#[test]
fn what_no_header_can_carry_is_named_without_being_shown() {
    let refused = |secret_id: &str, region: Option<&str>| {
        let key = Key { secret_id: secret_id.to_owned(), secret_key: "k".to_owned(), token: None };
        let request = Request {
            service: "vod",
            version: "2018-07-17",
            action: "ProcessMedia",
            endpoint: &Endpoint::default(),
            region,
            payload: b"{}",
            key: &key,
            deadline: Instant::now(),
            errors: Errors::GENERAL,
            limit: None,
        };
        headers(&request, 0).unwrap_err()
    };
    let reason = "the SecretId holds a character that no HTTP header can carry".to_owned();
    assert_eq!(refused("a\nb", None), CallError::Invalid { reason });
    let reason = "the region holds a character that no HTTP header can carry".to_owned();
    assert_eq!(refused("a", Some("a\nb")), CallError::Invalid { reason });
}

#[test]
fn numbers_of_an_answer_are_exact() {
    let Ok(Answer::Result(members)) = decode(br#"{"Response":{"Id":18446744073709551617}}"#) else {
        panic!("a result")
    };
    assert_eq!(members["Id"].to_json(), "18446744073709551617");
}

/// An API that fails so often is left alone for a while.
fn client(failures: u32) -> Client {
    let client = Client::new(Duration::from_secs(5));
    client
        .valves()
        .set(ValveSettings { rate: None, breaker: BreakerSettings { failures, open: Duration::from_mins(1) } });
    client
}

async fn call(client: &Client, stand_in: &StandIn, action: &str) -> Result<Map, CallError> {
    call_by(client, stand_in, action, Instant::now() + Duration::from_secs(30)).await
}

async fn call_by(client: &Client, stand_in: &StandIn, action: &str, deadline: Instant) -> Result<Map, CallError> {
    let endpoint: Endpoint = format!("http://{}", stand_in.address).parse().unwrap();
    let key = Key { secret_id: "AKID".to_owned(), secret_key: "k".to_owned(), token: None };
    let request = Request {
        service: "vod",
        version: "2018-07-17",
        action,
        endpoint: &endpoint,
        region: None,
        payload: b"{}",
        key: &key,
        deadline,
        errors: Errors::GENERAL,
        limit: None,
    };
    client.call(request).await
}

#[tokio::test]
async fn an_api_that_fails_in_a_row_is_left_alone_and_others_go_on() {
    let failing = [Said::error("InternalError.Busy"), Said::http("502 Bad Gateway", "", ""), Said::task()];
    let (stand_in, client) = (StandIn::start(failing).await, client(2));
    for _ in 0..2 {
        assert_eq!(call(&client, &stand_in, "Do").await.unwrap_err().health(Errors::GENERAL), Health::Troubled);
    }
    let held = call(&client, &stand_in, "Do").await.unwrap_err();
    assert_eq!(held.to_string(), "not sent: the API Do of vod failed too often with this key and is left alone");
    assert!(call(&client, &stand_in, "Undo").await.is_ok());
    assert_eq!(stand_in.requests().len(), 3);
}

#[tokio::test]
async fn an_api_that_refuses_is_well() {
    let (stand_in, client) = (StandIn::start([Said::error("InvalidParameterValue.FileId")]).await, client(1));
    for _ in 0..3 {
        assert!(matches!(call(&client, &stand_in, "Do").await, Err(CallError::Api { .. })));
    }
}

#[tokio::test]
async fn an_api_that_has_had_too_much_is_given_the_pause_that_it_asks_for() {
    let limited = Said::http("429 Too Many Requests", "Retry-After: 120\r\n", "");
    let (stand_in, client) = (StandIn::start([limited, Said::task()]).await, client(1));
    assert!(matches!(call(&client, &stand_in, "Do").await, Err(CallError::Status { status: 429, .. })));
    let Err(CallError::Held { held: Held::Full(after), .. }) = call(&client, &stand_in, "Do").await else {
        panic!("it is held back")
    };
    assert!(after > Duration::from_mins(1), "{after:?}");
    assert!(call(&client, &stand_in, "Undo").await.is_ok());
}

#[tokio::test]
async fn after_a_pause_without_a_length_the_next_request_goes_by_itself() {
    let (stand_in, client) = (StandIn::start([Said::error("RequestLimitExceeded"), Said::task()]).await, client(1));
    assert!(call(&client, &stand_in, "Do").await.is_err());
    assert!(call(&client, &stand_in, "Do").await.is_ok());
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_when_its_time_is_over_counts_as_no_answer() {
    let (stand_in, client) = (StandIn::start([Said::Silence]).await, client(1));
    let deadline = Instant::now() + Duration::from_millis(50);
    let mut left = Box::pin(call_by(&client, &stand_in, "Do", deadline));
    tokio::select! {
        biased;
        answer = &mut left => panic!("{answer:?}"),
        () = tokio::task::yield_now() => {}
    }
    // Without being polled again, as when its attempt is given up at the same moment.
    tokio::time::sleep_until(deadline.into()).await;
    drop(left);
    assert!(matches!(call(&client, &stand_in, "Do").await, Err(CallError::Held { held: Held::Open(_), .. })));
}
