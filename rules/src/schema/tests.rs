use serde_json::{Value as Json, json};

use super::*;
use crate::diagnostic::{Diagnostics, SourceFile};
use crate::yaml;

/// What is reported about parameters, written as YAML.
fn report(schema: &Json, with: &str) -> Vec<String> {
    let file = SourceFile { name: "with.yaml".into(), text: with.into() };
    let mut diagnostics = Diagnostics::default();
    let node = yaml::read(&file, &mut diagnostics).expect("the text is YAML");
    let findings = Findings::new(&file);
    let fits = check(&findings, "act", schema, &node);
    diagnostics.extend(findings.into_diagnostics());
    assert_eq!(fits, !diagnostics.has_errors());
    diagnostics.iter().map(|finding| finding.message.clone()).collect()
}

#[test]
fn templates_fit_everywhere() {
    let schema = json!({
        "type": "object",
        "properties": { "n": { "type": "integer" }, "list": { "type": "array", "items": { "type": "boolean" } } },
        "additionalProperties": false
    });
    assert!(report(&schema, "{ n: '${{ a }}', list: [true, '${{ b }}'] }").is_empty());
    assert!(report(&schema, "{ list: '${{ b }}' }").is_empty());
}

#[test]
fn null_fits_where_a_value_may_be_left_out() {
    let schema = json!({ "properties": { "a": { "type": ["string", "null"] }, "b": { "type": "string" } } });
    assert!(report(&schema, "{ a: null }").is_empty());
    assert_eq!(report(&schema, "{ b: null }"), ["`b` of `act` must be a text, and it is empty"]);
}

#[test]
fn integers_past_64_bits_with_a_sign_and_written_as_floats_are_whole_numbers() {
    let schema = json!({ "properties": { "n": { "type": "integer" } } });
    assert!(report(&schema, "{ n: 18446744073709551615 }").is_empty());
    assert!(report(&schema, "{ n: 1.0e3 }").is_empty());
    assert_eq!(report(&schema, "{ n: 0.5 }"), ["`n` of `act` must be a whole number, and this is 0.5"]);
}

#[test]
fn bounds_are_exact() {
    let schema = json!({ "properties": { "n": { "maximum": 9_007_199_254_740_992_i64 } } });
    assert!(report(&schema, "{ n: 9007199254740992 }").is_empty());
    assert_eq!(report(&schema, "{ n: 9007199254740993 }").len(), 1);
}

#[test]
fn a_reference_that_leads_in_circles_ends() {
    let schema = json!({
        "$ref": "#/$defs/a",
        "$defs": {
            "a": { "anyOf": [{ "$ref": "#/$defs/b" }, { "$ref": "#/$defs/b" }, { "type": "null" }] },
            "b": { "oneOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/a" }] }
        }
    });
    assert!(report(&schema, "{ x: 1 }").is_empty());
}

#[test]
fn a_tree_refers_to_itself() {
    let schema = json!({
        "$ref": "#/$defs/node",
        "$defs": { "node": {
            "type": "object",
            "properties": { "name": { "type": "string" }, "inner": { "$ref": "#/$defs/node" } },
            "required": ["name"],
            "additionalProperties": false
        } }
    });
    assert!(report(&schema, "{ name: a, inner: { name: b } }").is_empty());
    assert_eq!(
        report(&schema, "{ name: a, inner: { inner: { name: 1 } } }"),
        ["`inner.inner.name` of `act` must be a text, and this is 1", "`inner` of `act` needs `name`",]
    );
}

#[test]
fn all_parts_of_all_of_are_asked() {
    let schema = json!({ "allOf": [{ "required": ["a"] }, { "required": ["b"] }] });
    assert_eq!(report(&schema, "{ c: 1 }"), ["`act` needs `a`", "`act` needs `b`"]);
}

#[test]
fn schemas_of_yes_and_no_are_understood() {
    let schema = json!({ "properties": { "any": true, "none": false } });
    assert_eq!(report(&schema, "{ any: [1], none: 1 }"), ["`none` of `act` cannot be given"]);
}

#[test]
fn a_missing_with_is_checked_too() {
    let file = SourceFile { name: "with.yaml".into(), text: "log".into() };
    let findings = Findings::new(&file);
    let schema = json!({ "required": ["message"] });
    assert!(!check_absent(&findings, "log", &schema, Span { start: 0, end: 3 }));
    assert!(check_absent(&findings, "log", &json!({ "type": "object" }), Span::default()));
}
