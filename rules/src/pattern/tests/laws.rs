//! Laws that hold between matches.

use proptest::prelude::*;

use super::{document, matches, pattern};

fn scalar() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["1", "1.0", "2", "-0.5", "\"1\"", "\"a\"", "\"A\"", "\"\"", "true", "false", "null"])
        .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            inner.prop_map(|inner| format!("{{\"b\":{inner}}}")),
        ]
    })
}

fn event() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just("{}".to_owned()), 9 => value().prop_map(|value| format!("{{\"a\":{value}}}"))]
}

fn condition() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => scalar(),
        1 => Just("{\"prefix\":\"a\"}".to_owned()),
        1 => Just("{\"equals-ignore-case\":\"a\"}".to_owned()),
        1 => Just("{\"numeric\":[\">\",0]}".to_owned()),
        1 => Just("{\"exists\":false}".to_owned()),
        1 => Just("{\"empty\":false}".to_owned()),
        1 => Just("{\"not-in\":[1,null]}".to_owned()),
    ]
}

fn on_a(condition: &str, event: &str) -> bool {
    matches(&format!("{{\"a\":[{condition}]}}"), event)
}

proptest! {
    #[test]
    fn not_in_is_the_negation_of_equality_with_any(list in prop::collection::vec(scalar(), 1..12), event in event()) {
        let list = list.join(",");
        prop_assert_eq!(on_a(&format!("{{\"not-in\":[{list}]}}"), &event), !on_a(&list, &event));
    }

    #[test]
    fn true_and_false_of_one_operator_are_opposites(event in event()) {
        for operator in ["exists", "present", "empty"] {
            let asked = |answer| on_a(&format!("{{\"{operator}\":{answer}}}"), &event);
            prop_assert_ne!(asked(true), asked(false));
        }
    }

    #[test]
    fn or_of_two_is_either(first in condition(), second in condition(), event in event()) {
        let either = matches(&format!("{{\"$or\":[{{\"a\":[{first}]}},{{\"a\":[{second}]}}]}}"), &event);
        prop_assert_eq!(either, on_a(&first, &event) || on_a(&second, &event));
        prop_assert_eq!(either, on_a(&format!("{first},{second}"), &event));
    }

    #[test]
    fn a_lone_alternative_needs_no_list(condition in condition(), event in event()) {
        prop_assert_eq!(matches(&format!("{{\"a\":{condition}}}"), &event), on_a(&condition, &event));
    }

    #[test]
    fn dots_and_nesting_spell_one_path(condition in condition(), event in value()) {
        let event = format!("{{\"a\":{{\"c\":{event}}}}}");
        let nested = matches(&format!("{{\"a\":{{\"c\":{condition}}}}}"), &event);
        prop_assert_eq!(matches(&format!("{{\"a.c\":{condition}}}"), &event), nested);
        prop_assert_eq!(matches(&format!("{{\"[\\\"a\\\"][\\\"c\\\"]\":{condition}}}"), &event), nested);
    }

    #[test]
    fn lists_around_a_value_change_nothing(condition in condition(), value in value()) {
        let plain = on_a(&condition, &format!("{{\"a\":{value}}}"));
        prop_assert_eq!(on_a(&condition, &format!("{{\"a\":[[{value}]]}}")), plain);
    }

    #[test]
    fn numbers_compare_by_value(a in -50i32..50, b in -50i32..50, exponent in -3i32..3) {
        let event = format!("{{\"a\":{a}e{exponent}}}");
        let holds = |operator: &str| on_a(&format!("{{\"numeric\":[\"{operator}\",{b}e{exponent}]}}"), &event);
        prop_assert_eq!(
            [holds("<"), holds("<="), holds("="), holds(">="), holds(">")],
            [a < b, a <= b, a == b, a >= b, a > b]
        );
    }

    #[test]
    fn any_text_compiles_or_is_refused_inside_of_itself(text in "\\PC{0,20}|[\\{\\}\\[\\]\",:a.1]{0,30}") {
        if let Err(errors) = crate::pattern::Pattern::from_json(&text) {
            for error in errors {
                prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len() + 1, "{error:?}");
            }
        }
    }
}

#[test]
fn a_long_list_compares_like_a_short_one() {
    let list = (0..1000).map(|i| format!("{i},\"t{i}\"")).collect::<Vec<_>>().join(",");
    for (event, expected) in
        [("999.0", true), ("1000", false), ("\"t7\"", true), ("\"7\"", false), ("[5000, 1e1]", true)]
    {
        let event = format!("{{\"a\":{event}}}");
        assert_eq!(on_a(&list, &event), expected, "{event}");
        assert_eq!(on_a(&format!("{{\"not-in\":[{list}]}}"), &event), !expected, "{event}");
    }
}

#[test]
fn emptiness_looks_through_lists_and_presence_does_not() {
    for (value, empty, present) in [
        ("[]", true, true),
        ("[null,\"\"]", true, true),
        ("[[],{}]", true, true),
        ("[0]", false, true),
        ("{\"b\":null}", false, true),
        ("null", true, false),
        ("\"\"", true, true),
    ] {
        let event = format!("{{\"a\":{value}}}");
        assert_eq!(on_a("{\"empty\":true}", &event), empty, "{value}");
        assert_eq!(on_a("{\"present\":true}", &event), present, "{value}");
    }
}

#[test]
fn scalars_of_a_list_stay_visible_when_an_element_is_chosen() {
    let event = "{\"a\":[\"x\",{\"b\":1}]}";
    assert!(matches("{\"a\":\"x\",\"a.b\":1}", event));
    assert!(!matches("{\"a\":{\"not-in\":[\"x\"]},\"a.b\":1}", event));
}

#[test]
fn branches_of_an_or_choose_where_absence_is_judged() {
    let event = document("{\"s\":[{\"b\":1},{\"c\":1}],\"z\":0}");
    assert!(pattern("{\"$or\":[{\"s.b\":1},{\"z\":0}],\"s.c\":{\"exists\":false}}").matches(&event));
    assert!(pattern("{\"s.c\":{\"exists\":false},\"$or\":[{\"z\":0},{\"s.b\":1}]}").matches(&event));
    assert!(!pattern("{\"$or\":[{\"s.b\":2},{\"z\":0}],\"s.c\":{\"exists\":false}}").matches(&event));
    assert!(!pattern("{\"s.c\":{\"exists\":false}}").matches(&event));
}

#[test]
fn a_condition_may_choose_an_element_that_it_does_not_need() {
    let event = document("{\"a\":[1,{\"c\":1},[1]]}");
    assert!(pattern("{\"a\":1,\"a.c\":{\"exists\":false}}").matches(&event));
    assert!(!pattern("{\"a\":{\"exists\":true},\"a.c\":{\"not-in\":[2]},\"a.d\":1}").matches(&event));
    assert!(!pattern("{\"a\":2,\"a.c\":{\"exists\":false}}").matches(&event));
}
