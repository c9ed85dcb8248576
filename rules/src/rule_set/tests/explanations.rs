//! Why rules match or do not, against what they say when they are judged.

use proptest::prelude::*;

use super::*;
use crate::ids::RuleName;
use crate::matcher::Single;
use crate::pattern::tests::hostile::{costly_event, costly_match};
use crate::pattern::{Pattern, TooCostly};

fn chosen<const N: usize>(of: [&'static str; N]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(of.to_vec())
}

fn alternative() -> impl Strategy<Value = &'static str> {
    chosen([
        "1",
        "\"a\"",
        "null",
        "{\"prefix\":\"a\"}",
        "{\"numeric\":[\">\",0]}",
        "{\"exists\":false}",
        "{\"present\":true}",
        "{\"empty\":true}",
        "{\"not-in\":[1,\"a\"]}",
        "{\"anything-but\":\"a\"}",
    ])
}

/// Conditions on some of three fields, or an `$or` of two.
fn pattern() -> impl Strategy<Value = String> {
    let field = || prop::collection::vec(alternative(), 1..3).prop_map(|list| format!("[{}]", list.join(",")));
    prop_oneof![
        3 => (field(), prop::option::of(field()), prop::option::of(field())).prop_map(|(a, b, c)| {
            let more = |path: &str, field: Option<String>| field.map_or_else(String::new, |field| format!(",{path}:{field}"));
            format!("{{\"payload.a\":{a}{}{}}}", more("\"payload.a.b\"", b), more("\"payload.c\"", c))
        }),
        1 => (field(), field(), field()).prop_map(|(a, b, c)| {
            format!("{{\"payload.c\":{c},\"$or\":[{{\"payload.a\":{a}}},{{\"payload.a.b\":{b}}}]}}")
        }),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let parts = (
        chosen(["X", "Y", "'*'", "[X, Y]"]),
        chosen(["", "", ", apps: replay", ", apps: [short-video]"]),
        prop::option::weighted(0.9, pattern()),
        chosen(["", "", ", if: true", ", if: false", ", if: 'event.depth > null'"]),
        chosen(["", "", "", ", mode: shadow", ", mode: off"]),
    );
    parts.prop_map(|(on, apps, pattern, condition, mode)| {
        let pattern = pattern.map_or_else(String::new, |pattern| format!(", match: {pattern}"));
        format!("on: {on}{apps}{pattern}{condition}{mode}")
    })
}

fn payload() -> impl Strategy<Value = String> {
    let scalar = || chosen(["1", "2", "\"a\"", "\"ab\"", "null", "\"\"", "[]", "{}"]);
    let inner = prop_oneof![
        scalar().prop_map(str::to_owned),
        scalar().prop_map(|scalar| format!("{{\"b\":{scalar}}}")),
        (scalar(), scalar()).prop_map(|(one, two)| format!("[{one},{{\"b\":{two}}},{{\"c\":1}}]")),
    ];
    (inner, prop::option::of(scalar())).prop_map(|(a, c)| {
        let c = c.map_or_else(String::new, |c| format!(",\"c\":{c}"));
        format!("{{\"a\":{a}{c}}}")
    })
}

fn event_with(payload: &str, app: Option<u64>) -> Event {
    Event { body: Body::read(payload.as_bytes()).unwrap(), ..event("X", app) }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

fn nearest(set: &RuleSet, payload: &str, limit: usize) -> Vec<String> {
    let event = event_with(payload, Some(10));
    set.explain_all(&event, None, limit, true).nearest.iter().map(|one| one.rule.name.to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_explanation_says_what_the_judgement_says(
        rules in prop::collection::vec(rule(), 1..8),
        payload in payload(),
        app in prop::sample::select(vec![None, Some(2), Some(10)]),
        limit in 0_usize..10,
    ) {
        let names: Vec<String> = (0..rules.len()).map(|number| format!("r{number}")).collect();
        let rules: Vec<_> = names.iter().map(String::as_str).zip(rules.iter().map(String::as_str)).collect();
        let set = load(&rules);
        let event = event_with(&payload, app);
        let known = apps().into_iter().find(|known| Some(known.subappid.0) == app);
        let judgement = set.judge(&event, known.as_ref());
        let all = set.explain_all(&event, known.as_ref(), usize::MAX, true);
        let at = |stages: &[Stage]| {
            let of = all.nearest.iter().filter(|one| stages.contains(&one.verdict.stage()));
            sorted(of.map(|one| one.rule.name.as_str()))
        };
        prop_assert_eq!(at(&[Stage::Matched]), sorted(judgement.matched.iter().map(|rule| rule.name.as_str())));
        prop_assert_eq!(at(&[Stage::Error]), sorted(judgement.errors.iter().map(|(rule, _)| rule.as_str())));
        let unmatched = at(&[Stage::Application, Stage::Condition, Stage::If]);
        prop_assert_eq!(unmatched.len(), judgement.unmatched);
        for stage in Stage::ALL {
            prop_assert_eq!(all.count(stage), at(&[stage]).len());
        }
        for one in &all.nearest {
            let alone = set.explain(one.rule.name.as_str(), &event, known.as_ref());
            prop_assert_eq!(alone.as_ref(), Some(&one.verdict));
        }
        prop_assert!(all.nearest.is_sorted_by_key(|one| one.verdict.stage()));

        let some = set.explain_all(&event, known.as_ref(), limit, false);
        let listed = |one: &&Explanation<'_>| one.verdict.stage() != Stage::Type;
        let expected: Vec<_> = all.nearest.iter().filter(listed).take(limit).map(|one| &one.rule.name).collect();
        prop_assert_eq!(some.nearest.iter().map(|one| &one.rule.name).collect::<Vec<_>>(), expected);
        prop_assert_eq!(Stage::ALL.map(|stage| some.count(stage)), Stage::ALL.map(|stage| all.count(stage)));
    }
}

#[test]
fn rules_come_in_the_order_of_how_far_they_came() {
    let set = load(&[
        ("off", "on: X, mode: off"),
        ("type", "on: Y"),
        ("app", "on: X, apps: replay"),
        ("first", "on: X, match: { payload.a: 2, payload.c: 1 }"),
        ("second", "on: X, match: { payload.a: 1, payload.c: 1 }"),
        ("b-or", "on: X, match: { payload.a: 1, payload.b: null, $or: [{ payload.c: 1 }, { payload.c: 3 }] }"),
        ("a-third", "on: X, match: { payload.a: 1, payload.b: null, payload.c: 1 }"),
        ("if", "on: X, if: false"),
        ("error", "on: X, if: 'event.depth > null'"),
        ("matched", "on: X, match: { payload.a: 1 }"),
    ]);
    let all = ["matched", "error", "if", "a-third", "b-or", "second", "first", "app", "type", "off"];
    assert_eq!(nearest(&set, r#"{"a":1,"b":null,"c":2}"#, 20), all);
    assert_eq!(nearest(&set, r#"{"a":1,"b":null,"c":2}"#, 3), all[..3]);
}

#[test]
fn a_condition_counts_where_it_is_written_and_not_where_its_path_was_first() {
    let set = load(&[
        ("fourth", "on: X, match: { payload.a: 1, $or: [{ payload.c: 1 }, { payload.b: null }], payload.c: 3 }"),
        ("a-third", "on: X, match: { payload.a: 1, payload.b: null, payload.c: 1 }"),
    ]);
    assert_eq!(nearest(&set, r#"{"a":1,"b":null,"c":2}"#, 20), ["fourth", "a-third"]);
}

#[test]
fn what_is_not_found_out_is_an_error_wherever_it_is_asked() {
    let costly = |last| format!("on: X, match: {{ payload: {} }}", costly_match(last));
    let (first, second) = (costly(1), costly(2));
    let set =
        load(&[("holds", first.as_str()), ("costly", second.as_str()), ("other", "on: X, match: { payload.a: 1 }")]);
    let event = event_with(&costly_event(), Some(10));
    let judgement = set.judge(&event, None);
    assert_eq!(names(&judgement.matched), ["holds"]);
    assert_eq!(judgement.errors, [(RuleName::from("costly"), TooCostly.to_string())]);
    assert_eq!(judgement.unmatched, 1);
    let said = Some(Verdict::Error(TooCostly.to_string()));
    assert_eq!(set.explain("costly", &event, None), said);
    let all = set.explain_all(&event, None, 10, true);
    let costly = all.nearest.iter().find(|one| one.rule.name.as_str() == "costly").map(|one| one.verdict.clone());
    assert_eq!((costly, all.count(Stage::Error), all.count(Stage::Condition)), (said, 1, 1));
    let alone = |last| {
        let single = Single::new(Pattern::from_json(&costly_match(last)).unwrap());
        single.decide(event.body.text(), event.body.value())
    };
    assert_eq!((alone(1), alone(2)), (Ok(true), Err(TooCostly)));
}

#[test]
fn of_very_many_rules_that_are_not_decided_a_hundred_are_named_and_none_is_taken_for_unmatched() {
    // Each rule looks through a mebibyte, which is 65,536 steps.
    let names: Vec<String> = (0..450).map(|number| format!("r{number}")).collect();
    let rules: Vec<_> =
        names.iter().map(|name| (name.as_str(), "on: X, match: { payload.a: { regex: 'b$' } }")).collect();
    let set = load(&rules);
    let event = event_with(&format!("{{\"a\":\"{}\"}}", "a".repeat(1 << 20)), Some(10));
    let judgement = set.judge(&event, None);
    assert_eq!((judgement.matched.len(), judgement.errors.len(), judgement.unmatched), (0, 100, 305));
    assert!(judgement.errors[99].1.ends_with("; and the same of 45 more rules"), "{}", judgement.errors[99].1);
    assert_eq!(set.explain_all(&event, None, 10, true).count(Stage::Error), 145);
}

#[test]
fn a_match_whose_conditions_hold_alone_has_nearly_held() {
    let set = load(&[
        ("together", "on: X, match: { $or: [{ payload.a.b: 1 }, { payload.a.b: 2 }], payload.a.c: 1 }"),
        ("one", "on: X, match: { $or: [{ payload.a.b: 3 }, { payload.a.b: 4 }], payload.a.c: 1 }"),
    ]);
    assert_eq!(nearest(&set, r#"{"a":[{"b":1},{"c":1}]}"#, 20), ["together", "one"]);
}
