use super::*;

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
