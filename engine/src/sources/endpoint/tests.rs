mod cloud_events;

use std::sync::Arc;
use std::time::Duration;

use oncue_plugins::webhook::Key;
use oncue_rules::ids::{SourceName, SubAppId};
use oncue_rules::template::Template;
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::secret::Secret;

/// The id, the time and the signature that Standard Webhooks publishes with its secret and body.
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIME: i64 = 1_614_265_330;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const STANDARD_BODY: &[u8] = br#"{"test": 2432232314}"#;
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const MINUTES: Duration = Duration::from_mins(5);

fn headers(list: &[(&str, &str)]) -> HeaderMap {
    let name = |name: &str| HeaderName::try_from(name).unwrap();
    list.iter().fold(HeaderMap::new(), |mut headers, (header, value)| {
        headers.append(name(header), HeaderValue::from_str(value).unwrap());
        headers
    })
}

fn verify(verify: &Verify, list: &[(&str, &str)], body: &[u8], now: i64) -> Result<(), &'static str> {
    let claim = verify.claim(&headers(list), Timestamp(now * 1000)).map_err(|error| error.code())?;
    claim.map_or(Ok(()), |claim| claim.check(body)).map_err(|error| error.code())
}

fn github(secrets: &[&str]) -> Verify {
    Verify::Hmac {
        header: HeaderName::from_static("x-hub-signature-256"),
        prefix: "sha256=".to_owned(),
        encoding: Encoding::Hex,
        keys: secrets.iter().map(|secret| Key::plain(secret)).collect(),
    }
}

#[test]
fn the_published_example_of_github_counts_and_nothing_else_does() {
    const HEADER: &str = "X-Hub-Signature-256";
    const DIGITS: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let (way, body) = (github(&["another", "It's a Secret to Everybody"]), b"Hello, World!");
    let signed = format!("sha256={DIGITS}");
    let check = |value: &str, body: &[u8]| verify(&way, &[(HEADER, value)], body, 0);
    assert_eq!(check(&signed, body), Ok(()));
    assert_eq!(check(&format!("sha256={}", DIGITS.to_uppercase()), body), Ok(()), "digits have no case");
    assert_eq!(check(&signed, b"Hello, World?"), Err("signature_wrong"));
    for wrong in [DIGITS, "", "sha256=", "sha1=757107ea", &signed[..70], &format!("{signed}0"), "sha256=zz"] {
        assert_eq!(check(wrong, body), Err("signature_wrong"), "{wrong}");
    }
    assert_eq!(verify(&way, &[], body, 0), Err("signature_missing"));
    assert_eq!(verify(&way, &[(HEADER, &signed), (HEADER, &signed)], body, 0), Err("signature_wrong"));
    assert_eq!(verify(&github(&["another"]), &[(HEADER, &signed)], body, 0), Err("signature_wrong"));
}

#[test]
fn a_signature_in_base64_counts() {
    // RFC 4231, test case 2.
    let way = Verify::Hmac {
        header: HeaderName::from_static("x-shopify-hmac-sha256"),
        prefix: String::new(),
        encoding: Encoding::Base64,
        keys: vec![Key::plain("Jefe")],
    };
    let check = |value: &str| verify(&way, &[("X-Shopify-Hmac-Sha256", value)], b"what do ya want for nothing?", 0);
    assert_eq!(check("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="), Ok(()));
    assert_eq!(check("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"), Err("signature_wrong"));
}

fn standard(secrets: &[&str]) -> Verify {
    let keys = secrets.iter().map(|secret| Key::standard(secret).unwrap()).collect();
    Verify::Standard { keys, tolerance: MINUTES }
}

#[test]
fn the_published_example_of_standard_webhooks_counts_in_its_time_and_with_either_secret() {
    let time = TIME.to_string();
    let signed = |signature: &'static str| {
        [("webhook-id", ID), ("webhook-timestamp", time.as_str()), ("webhook-signature", signature)]
    };
    let check =
        |way: &Verify, signature: &'static str, body: &[u8], now: i64| verify(way, &signed(signature), body, now);
    let way = standard(&[OTHER_SECRET, STANDARD_SECRET]);
    for now in [TIME - 300, TIME, TIME + 300] {
        assert_eq!(check(&way, SIGNATURE, STANDARD_BODY, now), Ok(()), "{now}");
    }
    for now in [TIME - 301, TIME + 301] {
        assert_eq!(check(&way, SIGNATURE, STANDARD_BODY, now), Err("signature_out_of_time"), "{now}");
    }
    let several =
        "v1a,AAAA v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(check(&way, several, STANDARD_BODY, TIME), Ok(()));
    assert_eq!(check(&way, SIGNATURE, b"{\"test\": 2432232315}", TIME), Err("signature_wrong"));
    assert_eq!(
        check(&way, "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", STANDARD_BODY, TIME),
        Err("signature_wrong")
    );
    assert_eq!(check(&standard(&[OTHER_SECRET]), SIGNATURE, STANDARD_BODY, TIME), Err("signature_wrong"));
    for missing in 0..3 {
        let mut headers = signed(SIGNATURE).to_vec();
        headers.remove(missing);
        assert_eq!(verify(&way, &headers, STANDARD_BODY, TIME), Err("signature_missing"));
        headers = signed(SIGNATURE).to_vec();
        headers[missing].1 = "1";
        assert!(verify(&way, &headers, STANDARD_BODY, TIME).is_err(), "another {}", headers[missing].0);
    }
}

#[test]
fn a_signature_with_its_time_counts_as_stripe_makes_it() {
    let way = Verify::Timestamped {
        header: HeaderName::from_static("stripe-signature"),
        keys: vec![Key::plain("whsec_old"), Key::plain("whsec_new")],
        tolerance: MINUTES,
    };
    let body = b"{\"id\":\"evt_1\"}";
    let digits = |secret: &str| hex::encode(Key::plain(secret).mac(&[b"1614265330.", body]));
    let check = |value: &str, now: i64| verify(&way, &[("Stripe-Signature", value)], body, now);
    let (old, new, wrong) = (digits("whsec_old"), digits("whsec_new"), digits("whsec_other"));
    for good in [
        format!("t={TIME},v1={new}"),
        format!("t={TIME},v1={wrong},v1={old},v0={wrong}"),
        format!("v1={new}, t={TIME}"),
    ] {
        assert_eq!(check(&good, TIME + 300), Ok(()), "{good}");
        assert_eq!(check(&good, TIME + 301), Err("signature_out_of_time"), "{good}");
    }
    for bad in [
        format!("t={TIME},v1={wrong}"),
        format!("t={TIME},v0={new}"),
        format!("t={},v1={new}", TIME + 1),
        format!("t={TIME},t={TIME},v1={new}"),
        format!("t=+{TIME},v1={new}"),
        format!("t=soon,v1={new}"),
        format!("v1={new}"),
        format!("t={TIME}"),
        String::new(),
    ] {
        assert_eq!(check(&bad, TIME), Err("signature_wrong"), "{bad}");
    }
}

#[test]
fn a_token_or_a_password_counts_whichever_is_in_use() {
    let bearer = Verify::Bearer(vec![Secret::new("new-token"), Secret::new("old-token")]);
    let basic = Verify::Basic(vec![Secret::new("desk:pass:word")]);
    let check = |way: &Verify, value: &str| verify(way, &[("authorization", value)], b"", 0);
    for good in ["Bearer new-token", "bearer old-token", "BEARER  new-token "] {
        assert_eq!(check(&bearer, good), Ok(()), "{good}");
    }
    assert_eq!(check(&basic, "Basic ZGVzazpwYXNzOndvcmQ="), Ok(()));
    for (way, wrong) in [
        (&bearer, "Bearer other"),
        (&bearer, "Bearer "),
        (&bearer, "new-token"),
        (&bearer, "Basic new-token"),
        (&basic, "Basic ZGVzazpvdGhlcg=="),
        (&basic, "Basic not base64"),
        (&basic, "Basic /w=="),
        (&basic, "Bearer ZGVzazpwYXNzOndvcmQ="),
    ] {
        assert_eq!(check(way, wrong), Err("wrong_credentials"), "{wrong}");
    }
    assert_eq!(verify(&bearer, &[], b"", 0), Err("wrong_credentials"));
}

#[test]
fn nothing_printed_of_an_endpoint_holds_a_secret() {
    let ways = [github(&["marker-secret"]), Verify::Bearer(vec![Secret::new("marker-secret")]), Verify::Nothing];
    assert!(!format!("{ways:?}").contains("marker"), "{ways:?}");
}

#[test]
fn a_path_is_one_that_arrives_as_it_is_written() {
    for good in ["/hooks/cms", "/a", "/v1.2/~x_y-z", "/voda", "/hooks/vod"] {
        assert_eq!(Path::parse(good).unwrap().to_string(), good);
    }
    for bad in ["", "hooks", "/", "/a/", "//a", "/a//b", "/a/../b", "/./a", "/a b", "/a?b=c", "/a%20b", "/é", "/a#b"] {
        assert!(matches!(Path::parse(bad), Err(PathError::NotAbsolute | PathError::Part { .. })), "{bad}");
    }
    for taken in ["/vod", "/vod/hooks", "/healthz", "/healthz/x", "/status/x"] {
        assert!(matches!(Path::parse(taken), Err(PathError::Taken { .. })), "{taken}");
    }
    assert_eq!(Path::parse(&format!("/{}", "a".repeat(201))), Err(PathError::Long));
}

fn template(text: &str) -> Template {
    Template::text(text, &names()).unwrap()
}

fn json(kind: &str) -> Format {
    Format::Json { source: SourceName::from("cms"), kind: template(kind) }
}

fn endpoint() -> Endpoint {
    let apps = [(SubAppId(1_500_000_001), "short-video"), (SubAppId(1_500_000_002), "replay")];
    Endpoint {
        path: Path::parse("/hooks/cms").unwrap(),
        format: json("${{ body.kind }}"),
        keys: vec![("ticket".to_owned(), template("${{ body.ticket }}"))],
        schema: None,
        dedupe: None,
        dedupe_for: None,
        app: Application::Named(template("${{ body.app }}"), Arc::new(Applications::new(apps.into_iter()))),
        verify: Verify::Nothing,
        follows: false,
    }
}

fn recognise(endpoint: &Endpoint, list: &[(&str, &str)], query: &str, body: &str) -> Result<Received, Refusal> {
    endpoint.recognise(Sent { headers: &headers(list), query, body: body.as_bytes() })
}

fn taken(endpoint: &Endpoint, body: &str) -> Received {
    recognise(endpoint, &[], "", body).unwrap()
}

const BODY: &str = r#"{"kind":"StartTranscode","app":"short-video","ticket":7}"#;

#[test]
fn type_keys_and_application_are_what_the_body_says() {
    let received = taken(&endpoint(), BODY);
    assert_eq!((received.source.as_str(), received.kind.as_str()), ("cms", "StartTranscode"));
    assert_eq!(received.app, Some(SubAppId(1_500_000_001)));
    let keys: Vec<_> = received.keys.iter().map(|key| (key.name.as_str(), key.value.as_str())).collect();
    assert_eq!(keys, [("ticket", "7")]);
    for app in [r#""replay""#, "1500000002", r#""1500000002""#] {
        assert_eq!(taken(&endpoint(), &BODY.replace(r#""short-video""#, app)).app, Some(SubAppId(1_500_000_002)));
    }
}

#[test]
fn several_keys_of_one_name_are_each_found_and_an_empty_one_is_none() {
    let keys = |ticket: &str| {
        let received = taken(&endpoint(), &BODY.replace(":7", &format!(":{ticket}")));
        received.keys.into_iter().map(|key| key.value).collect::<Vec<_>>()
    };
    assert_eq!(keys(r#"["b","a","b",null,""]"#), ["a", "b"]);
    assert_eq!(keys("null"), Vec::<String>::new());
    assert_eq!(keys("[]"), Vec::<String>::new());
}

#[test]
fn a_request_that_does_not_say_what_it_must_is_refused_in_words() {
    let cases = [
        (BODY, "StartTranscode", "", "wrong_type", "is empty"),
        (BODY, r#""StartTranscode""#, "true", "not_usable", "`type`"),
        (BODY, r#""StartTranscode""#, "null", "wrong_type", "is empty"),
        (BODY, "StartTranscode", "NewFileUpload", "wrong_type", "only Tencent Cloud VOD"),
        (BODY, "StartTranscode", "RunDead", "wrong_type", "only Tencent Cloud VOD and Oncue"),
        (BODY, "StartTranscode", r"a\nb", "wrong_type", "control characters"),
        (BODY, "short-video", "other", "unknown_application", r#""other""#),
        (BODY, r#""short-video""#, "null", "not_usable", "`app`"),
        (BODY, r#""short-video""#, "[]", "not_usable", "`app`"),
        (BODY, ":7", ":{}", "not_usable", "`keys.ticket`"),
        (BODY, ":7", ":[[1]]", "not_usable", "`keys.ticket`"),
        (BODY, "{", "", "malformed_json", "line 1"),
    ];
    for (body, from, to, code, part) in cases {
        let refusal = recognise(&endpoint(), &[], "", &body.replacen(from, to, 1)).unwrap_err();
        assert_eq!(refusal.code(), code, "{from} -> {to}: {refusal}");
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
    let long = |ticket: String| recognise(&endpoint(), &[], "", &BODY.replace(":7", &format!(":{ticket}")));
    assert_eq!(long(format!("{:?}", "x".repeat(513))).unwrap_err().code(), "wrong_keys");
    assert_eq!(long(format!("{:?}", (0..101).collect::<Vec<_>>())).unwrap_err().code(), "wrong_keys");
    assert_eq!(recognise(&endpoint(), &[], "", "[1]").unwrap_err().code(), "not_usable", "a list has no members");
}

#[test]
fn a_form_is_told_to_be_json() {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let refusal = recognise(&endpoint(), &form, "", "payload=%7B%7D").unwrap_err();
    assert!(refusal.to_string().contains("set the sender to send JSON"), "{refusal}");
}

#[test]
fn headers_and_query_can_be_asked_but_not_for_what_proves_a_sender() {
    let from = |kind: &str, list: &[(&str, &str)], query: &str| {
        let endpoint = Endpoint { format: json(kind), app: Application::None, ..endpoint() };
        recognise(&endpoint, list, query, "{}").map(|received| received.kind.to_string())
    };
    let kind = "github.${{ headers['x-github-event'] }}.${{ query.action }}";
    assert_eq!(from(kind, &[("X-GitHub-Event", "push")], "action=a%20b&action=c").unwrap(), "github.push.a b");
    assert_eq!(from("${{ headers['x-a'] }}", &[("x-a", "1"), ("x-a", "2")], "").unwrap(), "1, 2");
    for hidden in ["authorization", "cookie", "proxy-authorization"] {
        let answer = from(&format!("${{{{ headers['{hidden}'] }}}}"), &[(hidden, "marker")], "");
        assert_eq!(answer.unwrap_err().code(), "wrong_type", "{hidden}");
    }
}

#[test]
fn what_is_equal_is_one_event_and_what_differs_anywhere_is_another() {
    let key = |list: &[(&str, &str)], query: &str, body: &str| {
        let endpoint = Endpoint { keys: vec![("who".to_owned(), template("${{ headers['x-who'] }}"))], ..endpoint() };
        recognise(&endpoint, list, query, body).unwrap().dedupe_key
    };
    let first = key(&[("date", "monday")], "", BODY);
    assert_eq!(key(&[("date", "tuesday")], "", BODY), first);
    assert!(first.starts_with("StartTranscode:sha256-"), "{first}");
    assert_ne!(key(&[], "a=1", BODY), first);
    assert_ne!(key(&[("x-who", "me")], "", BODY), first);
    assert_ne!(key(&[], "", &BODY.replace('7', "8")), first);
}

#[test]
fn an_id_names_the_happening_for_a_week_and_content_for_ten_minutes_unless_said_otherwise() {
    const WEEK: Duration = Duration::from_hours(7 * 24);
    const TEN_MINUTES: Duration = Duration::from_mins(10);
    let known = |endpoint: &Endpoint, list: &[(&str, &str)]| {
        let received = recognise(endpoint, list, "", BODY).unwrap();
        (received.dedupe_key, received.dedupe_for)
    };
    assert_eq!(known(&endpoint(), &[("webhook-id", "m1")]).1, TEN_MINUTES, "nobody signed this id");
    let signed = Endpoint { verify: standard(&[STANDARD_SECRET]), ..endpoint() };
    assert_eq!(known(&signed, &[("webhook-id", "m1")]), ("StartTranscode:m1".to_owned(), WEEK));
    let hour = Duration::from_hours(1);
    let keys = vec![Key::plain("k")];
    let timed = Verify::Timestamped { header: HeaderName::from_static("x"), keys, tolerance: hour };
    assert_eq!(known(&Endpoint { verify: timed, ..endpoint() }, &[]).1, hour * 2, "as long as it could be sent again");
    let named = Endpoint { dedupe: Some(template("${{ body.ticket }}")), ..signed.clone() };
    assert_eq!(known(&named, &[("webhook-id", "m1")]), ("StartTranscode:7".to_owned(), WEEK));
    assert_eq!(known(&Endpoint { dedupe_for: Some(hour), ..named.clone() }, &[]).1, hour);
    let refusal = recognise(&named, &[], "", &BODY.replace(":7", ":null")).unwrap_err();
    assert!(refusal.to_string().contains("`dedupe`"), "{refusal}");
    let long = Endpoint { dedupe: Some(template(&"${{ body.kind }}".repeat(40))), ..endpoint() };
    assert!(known(&long, &[]).0.len() < 100);
}

fn with_schema(schema: &str) -> Endpoint {
    let schema = Schema::compile(serde_json::from_str(schema).unwrap()).unwrap();
    Endpoint { schema: Some(schema), ..endpoint() }
}

#[test]
fn a_body_that_does_not_fit_its_schema_is_told_where() {
    let endpoint = with_schema(
        r#"{"type":"object","required":["kind","ticket"],"properties":{"ticket":{"type":"integer"},
            "list":{"items":{"pattern":"^a"}}},"not":{"required":["forbidden"]}}"#,
    );
    taken(&endpoint, BODY);
    for (from, to, part) in [
        (r#""ticket":7"#, r#""ticket":"7""#, "at /ticket: "),
        (r#","ticket":7"#, "", "ticket"),
        (":7", r#":7,"list":["ab","b"]"#, "at /list/1: "),
        (":7", r#":7,"forbidden":1"#, "at /: "),
        (":7", ":1e999", "number out of range"),
    ] {
        let refusal = recognise(&endpoint, &[], "", &BODY.replace(from, to)).unwrap_err();
        assert_eq!((refusal.code(), refusal.fault()), ("schema", Fault::Meaning), "{from} -> {to}");
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
    let many = format!("[{}]", vec![r#""b""#; 10_000].join(","));
    let refusal = recognise(&endpoint, &[], "", &BODY.replace(":7", &format!(r#":7,"list":{many}"#))).unwrap_err();
    assert!(refusal.to_string().len() < 1_000, "{refusal}");
}

#[test]
fn a_schema_is_one_and_reads_nothing_from_elsewhere() {
    for (wrong, part) in [
        (r#"{"type":"objekt"}"#, "at '/type'"),
        (r#"{"$ref":"file:///etc/passwd"}"#, "another document"),
        (r#"{"$ref":"https://example.com/schema.json"}"#, "another document"),
        (r#"{"pattern":"("}"#, "at '/pattern'"),
    ] {
        let error = Schema::compile(serde_json::from_str(wrong).unwrap()).unwrap_err();
        assert!(error.contains(part) && error.len() < 1_000 && !error.contains("/endpoint"), "{wrong}: {error}");
    }
    for draft in ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"] {
        with_schema(&format!(r##"{{"$schema":"{draft}","$defs":{{"a":true}},"$ref":"#/$defs/a"}}"##));
    }
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(value in "[ -~]{0,80}", which in 0..3usize) {
        let ways = [
            (github(&["k"]), "x-hub-signature-256"),
            (standard(&[STANDARD_SECRET]), "webhook-signature"),
            (Verify::Basic(vec![Secret::new("a:b")]), "authorization"),
        ];
        let (way, header) = &ways[which];
        let list = [("webhook-id", "1"), ("webhook-timestamp", value.as_str()), (header, value.as_str())];
        prop_assert!(verify(way, &list, b"", 0).is_err());
    }

    #[test]
    fn only_the_secret_that_signed_a_body_is_taken(
        body in prop::collection::vec(any::<u8>(), 0..200),
        other in prop::collection::vec(any::<u8>(), 0..200),
        secret in "[a-z]{1,80}",
        wrong in "[a-z]{1,80}",
    ) {
        let signed = format!("sha256={}", hex::encode(Key::plain(&secret).mac(&[&body])));
        let list = [("x-hub-signature-256", signed.as_str())];
        prop_assert_eq!(verify(&github(&[&secret]), &list, &body, 0), Ok(()));
        prop_assert_eq!(verify(&github(&[&secret]), &list, &other, 0).is_ok(), body == other);
        prop_assert_eq!(verify(&github(&[&wrong]), &list, &body, 0).is_ok(), secret == wrong);
    }
}
