use serde_json::Value;

use super::*;

const SECRET_ID: &str = "AKIDEXAMPLE00000000000000000000000000";
const SECRET_KEY: &str = "EXAMPLESecretKey0000000000000000";

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../../../tests/fixtures/protocol/tc3-vectors.json")).unwrap()
}

fn request(vector: &Value) -> Request<'_> {
    Request {
        secret_id: SECRET_ID,
        secret_key: SECRET_KEY,
        service: "vod",
        host: vector["host"].as_str().unwrap(),
        content_type: vector["ctype"].as_str().unwrap_or("application/json"),
        payload: vector["payload"].as_str().unwrap().as_bytes(),
        timestamp: vector["ts"].as_i64().unwrap(),
    }
}

fn check(request: &Request<'_>, authorization: &str) -> Result<(), VerifyError> {
    let headers = [("x-tc-action", "ProcessMedia"), ("host", request.host), ("content-type", request.content_type)];
    let received = Received {
        secret_key: request.secret_key,
        timestamp: request.timestamp,
        headers: &headers,
        payload: request.payload,
    };
    verify(&parse_authorization(authorization).unwrap(), &received)
}

#[test]
fn every_vector_is_reproduced_byte_for_byte() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 4);
    for vector in &vectors {
        let request = request(vector);
        let name = vector["name"].as_str().unwrap();
        assert_eq!(request.payload.len() as u64, vector["payload_bytes"].as_u64().unwrap(), "{name}");
        assert_eq!(sha256_hex(request.payload), vector["payload_sha256"].as_str().unwrap(), "{name}");
        let headers = [("content-type", request.content_type), ("host", request.host)];
        let canonical = canonical_request(&headers, request.payload);
        assert_eq!(sha256_hex(canonical.as_bytes()), vector["canonical_request_sha256"].as_str().unwrap(), "{name}");
        let scope = vector["scope"].as_str().unwrap();
        assert_eq!(string_to_sign(request.timestamp, scope, &canonical), vector["string_to_sign"].as_str().unwrap());
        let key = signing_key(SECRET_KEY, &utc_date(request.timestamp), "vod");
        assert_eq!(hex::encode(key), vector["signing_key_hex"].as_str().unwrap(), "{name}");
        assert_eq!(sign(&request), vector["authorization"].as_str().unwrap(), "{name}");
        assert_eq!(sign(&request), vector["headers"]["Authorization"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn every_vector_verifies_and_says_whose_it_is() {
    for vector in &vectors() {
        let request = request(vector);
        let header = vector["authorization"].as_str().unwrap();
        let parsed = parse_authorization(header).unwrap();
        assert_eq!(parsed.secret_id, SECRET_ID);
        assert_eq!(format!("{}/{}/tc3_request", parsed.date, parsed.service), vector["scope"].as_str().unwrap());
        assert_eq!(hex::encode(parsed.signature), vector["signature"].as_str().unwrap());
        assert_eq!(check(&request, header), Ok(()));
    }
}

#[test]
fn any_change_of_what_was_signed_is_noticed() {
    let vectors = vectors();
    let request = request(&vectors[0]);
    let header = sign(&request);
    assert_eq!(check(&Request { payload: b"{}", ..request }, &header), Err(VerifyError::Signature));
    assert_eq!(check(&Request { host: "vod.example", ..request }, &header), Err(VerifyError::Signature));
    assert_eq!(check(&Request { content_type: "text/json", ..request }, &header), Err(VerifyError::Signature));
    assert_eq!(check(&Request { secret_key: "another", ..request }, &header), Err(VerifyError::Signature));
    let later = Request { timestamp: request.timestamp + 1, ..request };
    assert_eq!(check(&later, &header), Err(VerifyError::Signature));
    let next_day = Request { timestamp: request.timestamp + 86_400, ..request };
    let (signed, expected) = ("2023-11-14".to_owned(), "2023-11-15".to_owned());
    assert_eq!(check(&next_day, &header), Err(VerifyError::Date { signed, expected }));
}

#[test]
fn more_headers_may_be_signed_when_they_are_sent() {
    let vectors = vectors();
    let request = request(&vectors[0]);
    let headers = [("content-type", request.content_type), ("host", request.host), ("x-tc-action", "processmedia")];
    let to_sign =
        string_to_sign(request.timestamp, "2023-11-14/vod/tc3_request", &canonical_request(&headers, request.payload));
    let authorization = Authorization {
        secret_id: SECRET_ID.to_owned(),
        date: "2023-11-14".to_owned(),
        service: "vod".to_owned(),
        signed_headers: headers.iter().map(|(name, _)| (*name).to_owned()).collect(),
        signature: hmac(&signing_key(SECRET_KEY, "2023-11-14", "vod"), to_sign.as_bytes()),
    };
    let mut received =
        Received { secret_key: SECRET_KEY, timestamp: request.timestamp, headers: &headers, payload: request.payload };
    assert_eq!(verify(&authorization, &received), Ok(()));
    received.headers = &headers[..2];
    assert_eq!(verify(&authorization, &received), Err(VerifyError::Header { name: "x-tc-action".to_owned() }));
}

#[test]
fn a_malformed_authorization_is_refused_with_the_part() {
    let good = sign(&request(&vectors()[0]));
    let part = |part| Err(AuthorizationError::Part { part });
    assert_eq!(parse_authorization(""), Err(AuthorizationError::Algorithm));
    assert_eq!(parse_authorization("Bearer abc"), Err(AuthorizationError::Algorithm));
    assert_eq!(parse_authorization(ALGORITHM), Err(AuthorizationError::Algorithm));
    assert_eq!(parse_authorization(&good.replace("Credential=", "Credentials=")), part("Credential"));
    assert_eq!(parse_authorization(&good.replace("/tc3_request", "")), part("Credential"));
    assert_eq!(parse_authorization(&good.replace("/tc3_request", "/tc3_request/more")), part("Credential"));
    assert_eq!(parse_authorization(&good.replace("/vod/", "//")), part("Credential"));
    assert_eq!(parse_authorization(&good.replace("content-type;host", "host")), part("SignedHeaders"));
    assert_eq!(parse_authorization(&good.replace("content-type;host", "host;content-type")), part("SignedHeaders"));
    assert_eq!(parse_authorization(&good.replace("Signature=3", "Signature=x")), part("Signature"));
    assert_eq!(parse_authorization(&good[..good.len() - 2]), part("Signature"));
}

#[test]
fn a_key_longer_than_a_block_is_hashed_first() {
    // RFC 4231, test case 6.
    let tag = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
    assert_eq!(hex::encode(tag), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

#[test]
fn a_time_beyond_the_calendar_signs_as_the_first_day() {
    assert_eq!(utc_date(i64::MAX), "1970-01-01");
    assert_eq!(utc_date(i64::MIN), "1970-01-01");
    assert_eq!(utc_date(-1), "1969-12-31");
}
