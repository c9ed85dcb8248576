//! `CloudEvents` in both modes.

use super::*;

const STRUCTURED: &str = "application/cloudevents+json; charset=UTF-8";
const EVENT: &str = r#"{"specversion":"1.0","id":"a-1","source":"/desk","type":"com.example.decided","time":"2018-04-05T17:31:00Z","data":{"ticket":"7"}}"#;
const BINARY: [(&str, &str); 6] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "a-1"),
    ("ce-source", "/desk"),
    ("ce-type", "com.example.decided"),
    ("ce-time", "2018-04-05T17:31:00Z"),
    ("content-type", "application/json"),
];

fn cloud() -> Endpoint {
    Endpoint {
        format: Format::CloudEvents { source: None, kind: None },
        keys: vec![("ticket".to_owned(), template("${{ body.data.ticket }}"))],
        app: Application::None,
        ..endpoint()
    }
}

fn structured(body: &str) -> Result<Received, Refusal> {
    recognise(&cloud(), &[("content-type", STRUCTURED)], "", body)
}

fn binary(change: (&str, &str), body: &str) -> Result<Received, Refusal> {
    let rest = BINARY.into_iter().filter(|(name, _)| *name != change.0);
    recognise(&cloud(), &rest.chain([change]).collect::<Vec<_>>(), "", body)
}

#[test]
fn both_modes_of_one_event_are_the_same_event_with_the_same_body() {
    let first = structured(EVENT).unwrap();
    let second = binary(("ce-id", "a-1"), r#"{"ticket":"7"}"#).unwrap();
    assert_eq!((first.source.as_str(), first.kind.as_str()), ("/desk", "com.example.decided"));
    assert_eq!(
        (first.dedupe_key.as_str(), first.dedupe_for.as_secs()),
        ("com.example.decided:5:/desk:a-1", 7 * 86_400)
    );
    assert_eq!((first.keys[0].value.as_str(), &**first.body.text()), ("7", EVENT.as_bytes()));
    assert_eq!(first.body.payload().to_json(), r#"{"ticket":"7"}"#);
    assert_eq!(second.body.payload(), first.body.payload());
    let mut expected = first.body.value().as_map().unwrap().clone();
    expected.insert("datacontenttype".to_owned(), Value::text("application/json"));
    assert_eq!(second.body.value(), &Value::map(expected));
    assert_eq!(&**second.body.text(), second.body.value().to_json().as_bytes());
    let same = |received: &Received| (received.source.clone(), received.kind.clone(), received.dedupe_key.clone());
    assert_eq!(same(&first), same(&second));
}

#[test]
fn source_and_type_of_the_configuration_win() {
    let format =
        Format::CloudEvents { source: Some(SourceName::from("desk")), kind: Some(template("Desk.${{ body.type }}")) };
    let received = recognise(&Endpoint { format, ..cloud() }, &[("content-type", STRUCTURED)], "", EVENT).unwrap();
    assert_eq!((received.source.as_str(), received.kind.as_str()), ("desk", "Desk.com.example.decided"));
}

#[test]
fn what_is_no_cloud_event_is_refused_in_words() {
    let cases = [
        (r#""specversion":"1.0","#, "", "no_cloud_event", "specversion"),
        (r#""1.0""#, r#""0.3""#, "no_cloud_event", "must be 1.0"),
        (r#""a-1""#, r#""""#, "no_cloud_event", "`id`"),
        (r#""a-1""#, "7", "no_cloud_event", "`id`"),
        (r#""/desk""#, "null", "no_cloud_event", "`source`"),
        (r#""/desk""#, r#""vod""#, "wrong_source", "not for endpoints"),
        (r#""type":"com.example.decided","#, "", "no_cloud_event", "`type`"),
        ("com.example.decided", "NewFileUpload", "wrong_type", "NewFileUpload"),
        ("2018-04-05T17:31:00Z", "yesterday", "no_cloud_event", "RFC 3339"),
        (r#""data":"#, r#""data_base64":"/w==","data":"#, "no_cloud_event", "both"),
        ("{", "", "malformed_json", "line 1"),
    ];
    for (from, to, code, part) in cases {
        let refusal = structured(&EVENT.replacen(from, to, 1)).unwrap_err();
        assert_eq!(refusal.code(), code, "{from} -> {to}: {refusal}");
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
    assert_eq!(structured("[]").unwrap_err().code(), "no_cloud_event");
    for (name, value) in [("ce-id", ""), ("ce-specversion", "2"), ("ce-source", "%C0%A0"), ("ce-type", "RunDead")] {
        assert!(binary((name, value), "{}").is_err(), "{name}: {value}");
    }
}

#[test]
fn the_schema_of_a_cloud_event_is_that_of_its_data() {
    let schema = Schema::compile(serde_json::json!({ "required": ["ticket"] })).unwrap();
    let endpoint = Endpoint { schema: Some(schema), ..cloud() };
    let list = [("content-type", STRUCTURED)];
    recognise(&endpoint, &list, "", EVENT).unwrap();
    assert_eq!(recognise(&endpoint, &list, "", &EVENT.replace("ticket", "other")).unwrap_err().code(), "schema");
}

#[test]
fn batches_and_other_formats_and_plain_json_are_told_what_is_taken() {
    for (media, part) in [
        ("application/cloudevents-batch+json", "one by one"),
        ("Application/CloudEvents-Batch+json; charset=utf-8", "one by one"),
        ("application/cloudevents+avro", "cloudevents+json"),
        ("application/cloudevents", "cloudevents+json"),
        ("application/json", "takes CloudEvents"),
        ("", "takes CloudEvents"),
    ] {
        let refusal = recognise(&cloud(), &[("content-type", media)], "", EVENT).unwrap_err();
        assert_eq!((refusal.code(), refusal.fault()), ("unsupported_media_type", Fault::Media), "{media}");
        assert!(refusal.to_string().contains(part), "{media}: {refusal}");
    }
}

#[test]
fn headers_of_attributes_are_decoded_as_the_binding_says() {
    let subject = |value: &str| binary(("ce-subject", value), "{}").unwrap().body.value().get("subject").clone();
    assert_eq!(subject("Euro%20%E2%82%AC%20%F0%9F%98%80"), Value::text("Euro € 😀"));
    assert_eq!(subject("%e2%82%ac"), Value::text("€"));
    assert_eq!(subject(r#""a \"quoted\" text""#), Value::text("a \"quoted\" text"));
    assert_eq!(subject("100%"), Value::text("100%"));
    let twice =
        [("ce-id", "a-1"), ("ce-id", "a-2"), ("ce-source", "/desk"), ("ce-type", "t"), ("ce-specversion", "1.0")];
    assert_eq!(recognise(&cloud(), &twice, "", "{}").unwrap_err().code(), "no_cloud_event");
}

#[test]
fn data_in_binary_mode_is_json_a_text_or_bytes() {
    let sent = |media: &str, body: &[u8]| {
        let list: Vec<_> = BINARY.into_iter().filter(|(name, _)| *name != "content-type").collect();
        let mut headers = headers(&list);
        if !media.is_empty() {
            headers.insert("content-type", HeaderValue::from_str(media).unwrap());
        }
        Endpoint { keys: Vec::new(), ..cloud() }.recognise(Sent { headers: &headers, query: "", body })
    };
    let data = |media: &str, body: &[u8], name: &str| sent(media, body).unwrap().body.value().get(name).to_json();
    assert_eq!(data("application/vnd.example+json", b"[1]", "data"), "[1]");
    assert_eq!(data("", b"{\"a\":1}", "data"), r#"{"a":1}"#);
    assert_eq!(data("", b"no json", "data"), r#""no json""#);
    assert_eq!(data("text/xml", b"<a/>", "data"), r#""<a/>""#);
    assert_eq!(data("image/png", b"\xff\x00", "data_base64"), r#""/wA=""#);
    assert_eq!(data("image/png", b"\xff\x00", "data"), "null");
    assert_eq!(data("application/json", b"", "data"), "null");
    assert_eq!(sent("application/json", b"{").unwrap_err().code(), "malformed_json");
}
