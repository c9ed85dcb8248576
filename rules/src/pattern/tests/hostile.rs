//! Inputs that are made to be slow or deep.

use super::{document, matches, pattern};
use crate::pattern::{Pattern, STEP_LIMIT};

fn elements(count: usize, element: impl Fn(usize) -> String) -> String {
    (0..count).map(element).collect::<Vec<_>>().join(",")
}

#[test]
fn the_last_of_a_hundred_thousand_elements_is_found() {
    let event =
        format!("{{\"s\":[{},{{\"k\":1,\"v\":2}}]}}", elements(100_000, |i| format!("{{\"k\":1,\"v\":{}}}", i + 3)));
    let document = document(&event);
    assert!(pattern("{\"s.k\":1,\"s.v\":2}").matches(&document));
    assert!(!pattern("{\"s.k\":2,\"s.v\":2}").matches(&document));
    assert!(pattern("{\"s.v\":2,\"s.w\":{\"exists\":false}}").matches(&document));
    let apart = pattern("{\"s\":{\"k\":1,\"v\":[{\"numeric\":[\"<\",2]}]}}");
    assert!(!apart.matches(&document));
}

#[test]
fn independent_lists_are_not_searched_in_all_combinations() {
    let lists = elements(8, |i| format!("\"l{i}\":[{}]", elements(300, |j| format!("{{\"x\":{j},\"y\":{j}}}"))));
    let fields = elements(8, |i| format!("\"l{i}.x\":299,\"l{i}.y\":{}", if i == 7 { 298 } else { 299 }));
    let document = document(&format!("{{{lists}}}"));
    let pattern = pattern(&format!("{{{fields}}}"));
    assert!(!pattern.matches(&document));
    let mismatch = pattern.mismatch(&document).unwrap();
    assert_eq!(mismatch.path, "l7.y");
    assert!(mismatch.actual.contains("in no list element"), "{}", mismatch.actual);
}

#[test]
fn a_search_past_the_step_limit_does_not_match_and_says_so() {
    // Eleven `$or` on the fields of each element, each with two branches that hold there: thousands of ways, none of which
    // suits the last condition.
    let chain = |last: u32| {
        (0..11).fold(format!("{{\"s.end\":{last}}}"), |inner, i| {
            format!("{{\"s\":{{\"$or\":[{{\"k{i}\":1}},{{\"j{i}\":1}}]}},\"$or\":[{{\"never\":1}},{inner}]}}")
        })
    };
    let keys = elements(11, |i| format!("\"k{i}\":1,\"j{i}\":1"));
    let all = elements(1_000, |_| format!("{{\"end\":1,{keys}}}"));
    let document = document(&format!("{{\"s\":[{all},{{\"end\":2}}]}}"));
    assert!(pattern(&chain(1)).matches(&document));
    assert!(!pattern(&chain(2)).matches(&document));
    let mismatch = pattern(&chain(2)).mismatch(&document).unwrap();
    assert_eq!(mismatch.expected, format!("an answer after looking at {STEP_LIMIT} values"));
}

#[test]
fn ors_on_different_fields_of_an_element_are_not_tried_in_all_combinations() {
    let ors = elements(13, |i| format!("\"f{i}\":{{\"$or\":[{{\"x\":1}},{{\"y\":1}}]}}"));
    let fields = elements(13, |i| format!("\"f{i}\":{{\"x\":1,\"y\":1}}"));
    let elements = elements(1_000, |_| format!("{{\"end\":1,{fields}}}"));
    let document = document(&format!("{{\"s\":[{elements},{{\"end\":2}}]}}"));
    assert!(pattern(&format!("{{\"s\":{{\"end\":1,{ors}}}}}")).matches(&document));
    let mismatch = pattern(&format!("{{\"s\":{{{ors},\"end\":2}}}}")).mismatch(&document).unwrap();
    assert_eq!(mismatch.path, "s.f0.$or");
}

#[test]
fn nesting_to_the_limit_is_taken_and_beyond_it_refused() {
    let event = |depth: usize| "{\"a\":".repeat(depth) + "1" + "}".repeat(depth).as_str();
    let dotted = vec!["a"; 128].join(".");
    assert!(matches(&event(128), &event(128)));
    assert!(matches(&format!("{{\"{dotted}\":1}}"), &event(128)));
    let errors = Pattern::from_json(&event(129)).unwrap_err();
    assert_eq!(errors[0].message, "nested deeper than 128 levels");
    assert_eq!(errors[0].span.start, 128 * 5);
    let lists = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(matches("{\"a\":1}", &lists(127)));
}

#[test]
fn a_thousand_wildcards_on_one_field_are_asked() {
    let wildcards = elements(1000, |i| format!("{{\"wildcard\":\"*{i}*a*a*a*a*z\"}}"));
    let event = format!("{{\"a\":\"{}\"}}", "a".repeat(10_000));
    assert!(!matches(&format!("{{\"a\":[{wildcards}]}}"), &event));
}

#[test]
fn a_thousand_fields_against_a_long_list_end_within_the_step_limit() {
    let fields = elements(1000, |i| format!("\"s.f{i}\":{{\"exists\":false}}"));
    assert!(!matches(
        &format!("{{{fields}}}"),
        &format!("{{\"s\":[{{\"f999\":1}},{}]}}", elements(50_000, |_| "{}".to_owned()))
    ));
    assert!(pattern(&format!("{{{fields}}}")).matches(&document("{\"s\":[{},{}]}")));
}

#[test]
fn a_thousand_fields_that_may_be_absent_are_decided() {
    let fields = elements(1000, |i| format!("\"s.f{i}\":[1,{{\"exists\":false}}]"));
    let pattern = pattern(&format!("{{{fields}}}"));
    assert!(pattern.matches(&document("{\"s\":[{},{}]}")));
    assert!(pattern.matches(&document("{\"s\":[{\"f999\":1},{\"f3\":2}]}")));
    assert!(!pattern.matches(&document("{\"s\":[{\"f999\":2},{\"f3\":2}]}")));
}
