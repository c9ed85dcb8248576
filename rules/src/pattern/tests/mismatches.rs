//! What a report says.

use super::{document, pattern};

#[test]
fn a_report_says_how_many_conditions_are_written_before_its_own() {
    let position = |pattern_json: &str, event: &str| pattern(pattern_json).mismatch(&document(event)).unwrap().position;
    let fields = r#"{"a":1,"b":2,"c":{"d":3,"e":4}}"#;
    assert_eq!(position(fields, r#"{"a":2}"#), 0);
    assert_eq!(position(fields, r#"{"a":1,"b":2,"c":{"d":3}}"#), 3);
    // A path may be written in a branch before it is written again.
    let or = r#"{"a":1,"$or":[{"c":1},{"b":1,"d":1}],"c":3}"#;
    assert_eq!(position(or, r#"{"a":1,"b":2,"c":3}"#), 1);
    assert_eq!(position(or, r#"{"a":1,"b":1,"d":1,"c":4}"#), 4);
    let list = r#"{"s":[{"k":"x","v":2},{"k":"y","v":1}]}"#;
    assert_eq!(position(r#"{"s.v":1,"s.k":"x","$or":[{"t":{"exists":false}},{"s.k":"z"}]}"#, list), 4);
}

fn report(pattern_json: &str, event: &str) -> String {
    match pattern(pattern_json).mismatch(&document(event)) {
        None => "matches".to_owned(),
        Some(mismatch) => format!("{}: expected {}, found {}", mismatch.path, mismatch.expected, mismatch.actual),
    }
}

#[test]
fn the_first_failing_condition_in_written_order_is_reported() {
    let pattern = r#"{"t":"a","p.x":[1,{"prefix":"r"}],"p":{"y":{"empty":true}}}"#;
    assert_eq!(report(pattern, r#"{"t":"a","p":{"x":1}}"#), "matches");
    assert_eq!(report(pattern, r#"{"t":"b","p":{"x":2}}"#), r#"t: expected "a", found "b""#);
    assert_eq!(report(pattern, r#"{"t":"a"}"#), r#"p.x: expected [1,{"prefix":"r"}], found nothing"#);
    assert_eq!(report(pattern, r#"{"t":"a","p":{"x":1,"y":"z"}}"#), r#"p.y: expected {"empty":true}, found "z""#);
}

#[test]
fn values_are_shown_briefly() {
    let text = "x".repeat(1000);
    let cut = format!("a: expected 1, found \"{}…", "x".repeat(199));
    assert_eq!(report(r#"{"a":1}"#, &format!(r#"{{"a":"{text}"}}"#)), cut);
    assert_eq!(report(r#"{"a":1}"#, r#"{"a":{"b":1}}"#), "a: expected 1, found a map of 1");
    assert_eq!(report(r#"{"a":1}"#, r#"{"a":[2,3]}"#), "a: expected 1, found [2,3]");
    assert_eq!(report(r#"{"a":1}"#, r#"{"a":[2,3,4,5]}"#), "a: expected 1, found a list of 4");
    assert_eq!(
        report(r#"{"a.b":1}"#, r#"{"a":[{"b":2},{"b":3},{},{"b":4},{"b":5}]}"#),
        "a.b: expected 1, found 2, 3, 4, …"
    );
}

#[test]
fn an_or_reports_what_each_branch_fails_on() {
    let pattern = r#"{"d":{"$or":[{"a":1,"b":2},{"c":{"exists":true}}]}}"#;
    let expected = r"d.$or: expected one of 2 alternatives, found d.b is 3; d.c is nothing";
    assert_eq!(report(pattern, r#"{"d":{"a":1,"b":3}}"#), expected);
}

#[test]
fn conditions_that_hold_alone_but_not_together_are_told_apart() {
    let event = r#"{"s":[{"k":"x","v":2},{"k":"y","v":1}]}"#;
    let expected = "s.v: expected 1, found 2, 1, but in no list element that fulfils the other conditions";
    assert_eq!(report(r#"{"s.k":"x","s.v":1}"#, event), expected);
    let expected =
        r#"s.v: expected {"not-in":[2]}, found 2, 1, but in no list element that fulfils the other conditions"#;
    assert_eq!(report(r#"{"s.v":{"not-in":[2]},"s.k":"x"}"#, event), expected);
}
