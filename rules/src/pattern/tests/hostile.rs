//! Inputs that are made to be slow or deep.

use super::{document, matches, pattern};
use crate::pattern::{Pattern, STEP_LIMIT, TooCostly};

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
    let document = document(&costly_event());
    let decide = |last: u32, mut steps: u64| {
        let decided = pattern(&costly_match(last)).decide(&document, &mut steps);
        (decided, steps)
    };
    assert_eq!(decide(1, STEP_LIMIT).0, Ok(true));
    assert_eq!(decide(2, STEP_LIMIT), (Err(TooCostly), 0));
    // Of more steps than one match may take, the others stay; with none left, nothing is found out.
    assert_eq!(decide(2, STEP_LIMIT + 5), (Err(TooCostly), 5));
    assert_eq!(decide(1, 0), (Err(TooCostly), 0));
    assert!(!pattern(&costly_match(2)).matches(&document));
    let mismatch = pattern(&costly_match(2)).mismatch(&document).unwrap();
    assert_eq!(mismatch.expected, format!("an answer after looking at {STEP_LIMIT} values"));
}

/// Eleven `$or` on the fields of one list element, each with two branches. In [`costly_event`] both hold, so that there are
/// thousands of ways for each element. In each a long text is looked through, and none suits the last condition when that is 2.
pub(crate) fn costly_match(last: u32) -> String {
    (0..11).fold(format!("{{\"s.text\":{{\"regex\":\"^a\"}},\"s.end\":{last}}}"), |inner, i| {
        format!("{{\"s\":{{\"$or\":[{{\"k{i}\":1}},{{\"j{i}\":1}}]}},\"$or\":[{{\"never\":1}},{inner}]}}")
    })
}

pub(crate) fn costly_event() -> String {
    let (keys, text) = (elements(11, |i| format!("\"k{i}\":1,\"j{i}\":1")), "a".repeat(1 << 18));
    format!("{{\"s\":[{{\"end\":1,\"text\":\"{text}\",{keys}}},{{\"end\":2}}]}}")
}

#[test]
fn long_texts_cost_steps_for_what_looks_through_them() {
    let event = document(&format!("{{\"a\":\"{}\",\"l\":[\"{0}\"]}}", "a".repeat(1 << 20)));
    let steps = |json: &str| {
        let mut left = STEP_LIMIT;
        assert_eq!(pattern(json).decide(&event, &mut left), Ok(false), "{json}");
        STEP_LIMIT - left
    };
    for (alternative, texts) in [
        ("{\"wildcard\":\"*b\"}", 1),
        ("{\"wildcard\":\"*b\"},{\"regex\":\"(a*)*b\"}", 2),
        ("{\"anything-but\":{\"wildcard\":[\"*x*\",\"*a\"]}}", 2),
        ("\"a\",{\"prefix\":\"b\"},{\"suffix\":\"b\"},{\"equals-ignore-case\":\"b\"},{\"cidr\":\"::/0\"}", 0),
    ] {
        for field in ["a", "l"] {
            let taken = steps(&format!("{{\"{field}\":[{alternative}]}}"));
            assert!((texts << 16..(texts << 16) + 20).contains(&taken), "{field} {alternative}: {taken}");
        }
    }
    let wildcards = elements(1_000, |i| format!("{{\"wildcard\":\"*{i}\"}}"));
    assert_eq!(pattern(&format!("{{\"a\":[{wildcards}]}}")).decide(&event, &mut { STEP_LIMIT }), Err(TooCostly));
}

#[test]
fn saying_why_ends_too() {
    // Each level has four branches that fail because of the next level, and each is asked for its reason.
    let level = |inner: String| elements(4, |i| format!("{{\"s.z\":1,\"$or\":[{{\"s.y{i}\":1}},{inner}]}}"));
    let all = (0..5).fold("{\"s.w\":1}".to_owned(), |inner, _| format!("{{\"$or\":[{}]}}", level(inner)));
    let document = document(&format!("{{\"s\":[{}]}}", elements(500, |_| "{\"z\":1}".to_owned())));
    let mismatch = pattern(&all).mismatch(&document).unwrap();
    assert_eq!((mismatch.path.as_str(), mismatch.expected.as_str()), ("$or", "one of 4 alternatives"));
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
