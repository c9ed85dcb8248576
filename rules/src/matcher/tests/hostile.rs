//! Rules and events that are made to take long: what they cost is counted and has an end.

use super::{bare, find, in_body, matcher};
use crate::matcher::{Found, Looked, STEP_LIMIT};
use crate::pattern::tests::hostile::{costly_event, costly_match};
use crate::pattern::{self, Pattern, TooCostly};
use crate::value::Value;

fn patterns(texts: impl IntoIterator<Item = String>) -> Vec<Pattern> {
    texts.into_iter().map(|text| in_body(&text).unwrap()).collect()
}

#[test]
fn a_mebibyte_of_elements_is_looked_at_once_for_each_rule_that_it_concerns() {
    let event = format!("{{\"a\":[{}1]}}", "2,".repeat(500_000));
    let rules = patterns((0..1_000).map(|n| format!("{{\"a\":[{n}]}}")));
    assert_eq!(find(&matcher(&rules), &rules, &event).matched, [1, 2]);
}

#[test]
fn very_many_numbers_against_very_many_ranges_take_no_memory_for_each_pair() {
    let numbers: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    let event = format!("{{\"a\":[{}],\"b\":1}}", numbers.join(","));
    let range = |n: usize| format!("{{\"a\":[{{\"numeric\":[\">\",{n},\"<\",{}]}}]}}", n + 99_000);
    let rules = patterns((0..2_000).map(range));
    assert_eq!(find(&matcher(&rules), &rules, &event).matched.len(), 2_000);
}

#[test]
fn a_thousand_wildcards_on_one_field_are_each_looked_at_once() {
    let rules = patterns((0..1_000).map(|n| format!("{{\"a\":[{{\"wildcard\":\"*a*{n}\"}}]}}")));
    let event = format!("{{\"a\":\"{}7\"}}", "a".repeat(100_000));
    assert_eq!(find(&matcher(&rules), &rules, &event).matched, [7]);
}

#[test]
fn choices_in_long_lists_end_with_the_verdict_of_the_plain_evaluator() {
    let element = |n: usize| format!("{{\"b\":{n},\"c\":{}}}", n + 1);
    let event = format!("{{\"a\":[{}]}}", (0..20_000).map(element).collect::<Vec<_>>().join(","));
    let rules = patterns([
        "{\"a\":{\"b\":[7],\"c\":[8]}}".to_owned(),
        "{\"a\":{\"b\":[7],\"c\":[9]}}".to_owned(),
        "{\"a\":{\"b\":[{\"exists\":true}],\"c\":[{\"exists\":false}]}}".to_owned(),
    ]);
    assert_eq!(find(&matcher(&rules), &rules, &event).matched, [0]);
}

#[test]
fn a_mebibyte_of_objects_against_array_rules_takes_bounded_steps_and_no_rule_is_wrongly_said_not_to_match() {
    let element = |n: usize| format!("{{\"b\":{n},\"c\":{}}}", n + 1);
    let event = format!("{{\"a\":[{}]}}", (0..60_000).map(element).collect::<Vec<_>>().join(","));
    assert!(event.len() > 1 << 20);
    let rules = patterns((0..1_000).map(|n| format!("{{\"a\":{{\"b\":[{n}],\"c\":[{}]}}}}", n + 1)));
    let mut taken = 0;
    let ask = |rule: u32, document: &Value, steps: &mut u64| {
        let before = *steps;
        let decided = rules[rule as usize].decide(document, steps);
        taken += before - *steps;
        decided
    };
    let found = bare(&event).find(&matcher(&rules), ask).unwrap();
    assert!(taken <= STEP_LIMIT && !found.matched.is_empty() && !found.undecided.is_empty());
    assert_eq!(found.matched.len() + found.undecided.len(), rules.len());
}

#[test]
fn products_of_ors_end_undecided_and_take_the_steps_of_all_rules_no_further() {
    let rules = patterns((0..100).map(|n| costly_match(n % 2 + 1)));
    let event = costly_event();
    let mut taken = 0;
    let ask = |rule: u32, document: &Value, steps: &mut u64| {
        let before = *steps;
        let decided = rules[rule as usize].decide(document, steps);
        taken += before - *steps;
        decided
    };
    let found = bare(&event).find(&matcher(&rules), ask).unwrap();
    assert!(taken <= STEP_LIMIT);
    // The second of two never ends; the first soon does, for as long as there are steps.
    let reached = u32::try_from(STEP_LIMIT / pattern::STEP_LIMIT).unwrap() * 2;
    assert!(found.matched.iter().all(|rule| rule % 2 == 0 && *rule < reached), "{found:?}");
    assert!(!found.matched.is_empty());
    assert_eq!(found.matched.len() + found.undecided.len(), rules.len());
    for rule in 0..100 {
        let is_known = found.matched.contains(&rule);
        assert_eq!(found.says(rule), if is_known { Ok(true) } else { Err(TooCostly) });
    }
}

#[test]
fn a_rule_that_was_looked_at_twice_and_decided_once_is_decided() {
    let found = Found { matched: vec![3, 1], undecided: vec![2, 1] };
    let found = Looked { found, open: vec![4, 5] }.ask(|rule, _| if rule == 4 { Ok(true) } else { Err(TooCostly) });
    assert_eq!(found, Found { matched: vec![1, 3, 4], undecided: vec![2, 5] });
}

#[test]
fn one_rule_with_very_many_alternatives_for_a_long_value_ends_undecided() {
    let regexes: Vec<_> = (0..400).map(|n| format!("{{\"regex\":\"(a*)*b{n}$\"}}")).collect();
    let rules = patterns([format!("{{\"a\":[{}]}}", regexes.join(","))]);
    let event = format!("{{\"a\":[\"{}\"]}}", "a".repeat(1 << 20));
    let found = find(&matcher(&rules), &rules, &event);
    assert_eq!((found.matched, found.undecided), (vec![], vec![0]));
}

#[test]
fn rules_that_were_not_reached_within_the_limit_are_named_and_do_not_match() {
    // Regexes that would explode elsewhere take steps here for the length of the text.
    let bomb = |n: usize| format!("{{\"a\":[{{\"regex\":\"((a*)*(b|a){{1,4}})*{n}$\"}}]}}");
    let rules = patterns((0..400).map(bomb));
    let event = format!("{{\"a\":\"{}\"}}", "a".repeat(1 << 20));
    let found = find(&matcher(&rules), &rules, &event);
    let reached = usize::try_from(STEP_LIMIT / ((1 << 16) + 2)).unwrap();
    assert!(found.matched.is_empty());
    assert_eq!(found.undecided.len(), 400 - reached);
}

#[test]
fn deep_nesting_is_taken_up_to_the_limit_and_refused_beyond() {
    let rules = patterns([format!("{{\"{}\":[1]}}", ["a"; 127].join("."))]);
    let matcher = matcher(&rules);
    let event = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(find(&matcher, &rules, &event(127)).matched, [0]);
    let unnamed = format!("{{\"x\":{}{}}}", "[".repeat(128), "]".repeat(128));
    for too_deep in [event(129), unnamed] {
        assert!(bare(&too_deep).find(&matcher, |_, _, _| Ok(false)).is_err());
    }
}

#[test]
fn a_rule_with_very_many_values_is_found_by_each_of_them_once() {
    let values: Vec<String> = (0..50_000).map(|n| format!("\"v{n}\"")).collect();
    let rules = patterns([format!("{{\"a\":[{}],\"b\":[1]}}", values.join(","))]);
    let matcher = matcher(&rules);
    let event = format!("{{\"a\":[{}],\"b\":1}}", values.join(","));
    assert_eq!(find(&matcher, &rules, &event).matched, [0]);
    assert!(find(&matcher, &rules, "{\"a\":\"v50000\",\"b\":1}").matched.is_empty());
}

#[test]
fn a_rule_may_ask_a_matcher_itself() {
    let rules = patterns(["{\"a\":{\"b\":[1],\"c\":[{\"exists\":false}]}}".to_owned()]);
    let matcher = matcher(&rules);
    let event = "{\"a\":[{\"b\":1},{\"b\":2,\"c\":3}]}";
    let ask = |_: u32, document: &Value, _: &mut u64| {
        let body = document.get("body").to_json();
        Ok(find(&matcher, &rules, &body).matched == [0])
    };
    let found = bare(event).find(&matcher, ask).unwrap();
    assert_eq!(found.matched, [0]);
}
