//! Events are judged by the bytes of their bodies. A value is made of one when a rule needs it.

use super::*;
use crate::value::Outline;

/// An upload that nobody has looked into.
fn upload(body: &str) -> Event {
    let (body, _) = Body::outlined(body.as_bytes(), &Outline::default()).unwrap();
    let body = body.with_payload(Payload::Member("FileUploadEvent".to_owned()));
    Event { body, ..event("NewFileUpload", Some(10)) }
}

const BEFORE: &str = r#"{"EventType":"NewFileUpload","FileUploadEvent":{"Category":"Video","Size":11}}"#;
const AFTER: &str = r#"{"FileUploadEvent":{"Category":"Video","Size":11},"EventType":"NewFileUpload"}"#;

#[test]
fn no_value_is_made_of_a_body_for_matches_alone() {
    let set = load(&[
        ("payload", "on: NewFileUpload, match: { payload.Category: Video, payload.Size: { numeric: ['>', 10] } }"),
        ("audio", "on: NewFileUpload, match: { body.FileUploadEvent.Category: Audio }, if: payload.Size > 1"),
        ("body", "on: '*', match: { body.FileUploadEvent.Category: Video, payload.Size: 11 }"),
        ("envelope", "on: '*', match: { event.source: vod, event.subappid: 10, payload.Category: Video }"),
        ("deleted", "on: FileDeleted, if: payload.FileId == '1'"),
        ("plain", "on: NewFileUpload"),
    ]);
    for text in [BEFORE, AFTER] {
        let event = upload(text);
        let judgement = set.judge(&event, None);
        assert_eq!(names(&judgement.matched), ["payload", "body", "envelope", "plain"], "{text}");
        assert_eq!(judgement.unmatched, 1);
        assert!(!event.body.has_value(), "{text}");
    }
}

#[test]
fn an_if_of_a_rule_whose_match_holds_sees_the_whole_event() {
    let set =
        load(&[("a", "on: '*', match: { payload.Category: Video }, if: payload.Size == body.FileUploadEvent.Size")]);
    let event = upload(AFTER);
    assert_eq!(set.judge(&event, None).matched.len(), 1);
    assert!(event.body.has_value());
}

#[test]
fn a_body_that_begins_with_a_byte_order_mark_is_matched() {
    let set = load(&[("a", "on: '*', match: { payload.Category: Video }")]);
    assert_eq!(set.judge(&upload(&format!("\u{feff}{AFTER}")), None).matched.len(), 1);
}

#[test]
fn of_a_repeated_payload_the_last_one_is_matched() {
    let set = load(&[
        ("first", "on: '*', match: { payload.Category: Audio }"),
        ("last", "on: '*', match: { payload.Category: Video }"),
        ("none", "on: '*', match: { payload.Size: { exists: false } }"),
    ]);
    let twice =
        r#"{"FileUploadEvent":{"Category":"Audio","Size":1},"EventType":"X","FileUploadEvent":{"Category":"Video"}}"#;
    assert_eq!(names(&set.judge(&upload(twice), None).matched), ["last", "none"]);
}

#[test]
fn a_payload_that_is_not_there_is_null() {
    let set = load(&[
        ("nothing", "on: '*', match: { payload: null }"),
        ("absent", "on: '*', match: { payload.Category: { exists: false } }"),
        ("there", "on: '*', match: { payload: { present: true } }"),
    ]);
    for text in [r#"{"EventType":"X"}"#, r#"{"FileUploadEvent":null}"#, "[]", "7"] {
        assert_eq!(names(&set.judge(&upload(text), None).matched), ["nothing", "absent"], "{text}");
    }
    assert_eq!(names(&set.judge(&upload(AFTER), None).matched), ["there"]);
}

#[test]
fn the_elements_of_a_list_agree_within_the_payload_and_are_free_between_payload_and_body() {
    let set = load(&[
        ("one", "on: '*', match: { payload.s.t: A, payload.s.ok: true }"),
        ("two", "on: '*', match: { payload.s.t: A, body.FileUploadEvent.s.ok: true }"),
        ("lacks", "on: '*', match: { payload.s.t: B, payload.s.no: { exists: false } }"),
    ]);
    let event = upload(r#"{"FileUploadEvent":{"s":[{"t":"A","no":1},{"t":"B","ok":true}]}}"#);
    assert_eq!(names(&set.judge(&event, None).matched), ["two", "lacks"]);
}
