//! The evaluator against the definition, tried out in full: every branch, every alternative, every choice of elements.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::pattern::Pattern;
use crate::value::Value;

/// The chosen element of each list, which is known by its address.
type Choice = BTreeMap<usize, usize>;

/// One alternative of one field.
#[derive(Clone)]
struct Literal {
    path: Vec<String>,
    alternative: Json,
}

/// Every way to pick a branch of each `$or` and an alternative of each field.
fn conjunctions(mapping: &Json, prefix: &[String]) -> Vec<Vec<Literal>> {
    let mut all = vec![Vec::new()];
    for (key, node) in mapping.as_object().unwrap() {
        let path = [prefix, std::slice::from_ref(key)].concat();
        let ways: Vec<Vec<Literal>> = match node {
            Json::Array(branches) if key == "$or" => branches.iter().flat_map(|b| conjunctions(b, prefix)).collect(),
            Json::Array(alternatives) => {
                alternatives.iter().map(|a| vec![Literal { path: path.clone(), alternative: a.clone() }]).collect()
            }
            nested => conjunctions(nested, &path),
        };
        all = all.iter().flat_map(|so_far| ways.iter().map(|way| [so_far.clone(), way.clone()].concat())).collect();
    }
    all
}

/// Every value at the path with the choices that lead to it; what is in a chosen list's other elements is not there.
fn visible<'v>(value: &'v Value, path: &[String], choice: &Choice, way: &Choice, out: &mut Vec<(&'v Value, Choice)>) {
    match (value, path) {
        (Value::List(items), _) => {
            if path.is_empty() {
                out.push((value, way.clone()));
            }
            let address = std::sync::Arc::as_ptr(items) as usize;
            for (index, item) in items.iter().enumerate() {
                if !matches!(item, Value::List(_) | Value::Map(_)) {
                    visible(item, path, choice, way, out);
                } else if choice.get(&address).is_none_or(|chosen| *chosen == index) {
                    let mut way = way.clone();
                    way.insert(address, index);
                    visible(item, path, choice, &way, out);
                }
            }
        }
        (_, []) => out.push((value, way.clone())),
        (Value::Map(entries), [name, rest @ ..]) => {
            if let Some(inner) = entries.get(name) {
                visible(inner, rest, choice, way, out);
            }
        }
        _ => {}
    }
}

fn asks_for_absence(alternative: &Json) -> bool {
    *alternative == json!({"exists": false})
        || *alternative == json!({"present": false})
        || *alternative == json!({"empty": true})
        || alternative.get("not-in").is_some()
}

/// Whether a value at the path fulfils an alternative, or breaks one that asks for absence.
fn concerns(alternative: &Json, value: &Value) -> bool {
    let is_scalar = !matches!(value, Value::List(_) | Value::Map(_));
    let json: Json = serde_json::from_str(&value.to_json()).unwrap();
    let none = [json!(null), json!(""), json!([]), json!({})];
    let Some((operator, argument)) = alternative.as_object().and_then(|object| object.iter().next()) else {
        return *alternative == json;
    };
    match operator.as_str() {
        "exists" => is_scalar,
        "present" => !json.is_null(),
        "empty" => !none.contains(&json) && !json.is_array(),
        "anything-but" => is_scalar && json != *argument,
        _ => argument.as_array().unwrap().contains(&json),
    }
}

fn fulfil(wanted: &[Literal], lacking: &[Literal], document: &Value, choice: &Choice) -> bool {
    let Some((first, rest)) = wanted.split_first() else {
        return lacking.iter().all(|literal| {
            let mut values = Vec::new();
            visible(document, &literal.path, choice, &Choice::new(), &mut values);
            values.iter().all(|(value, _)| !concerns(&literal.alternative, value))
        });
    };
    let mut values = Vec::new();
    visible(document, &first.path, choice, &Choice::new(), &mut values);
    values.iter().filter(|(value, _)| concerns(&first.alternative, value)).any(|(_, way)| {
        let choice = choice.iter().chain(way).map(|(list, index)| (*list, *index)).collect();
        fulfil(rest, lacking, document, &choice)
    })
}

fn matches_by_definition(pattern: &Json, document: &Value) -> bool {
    conjunctions(pattern, &[]).into_iter().any(|literals| {
        let (lacking, wanted): (Vec<_>, Vec<_>) = literals.into_iter().partition(|l| asks_for_absence(&l.alternative));
        fulfil(&wanted, &lacking, document, &Choice::new())
    })
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![9 => Just(json!(1)), 3 => Just(json!(2)), 1 => Just(json!("")), 1 => Just(json!(null))]
}

fn alternative() -> impl Strategy<Value = Json> {
    prop_oneof![
        6 => scalar(),
        1 => Just(json!({ "exists": true })),
        4 => Just(json!({ "exists": false })),
        1 => any::<bool>().prop_map(|yes| json!({ "present": yes })),
        1 => any::<bool>().prop_map(|yes| json!({ "empty": yes })),
        1 => Just(json!({ "not-in": [1, null] })),
        1 => Just(json!({ "anything-but": 1 })),
    ]
}

fn alternatives() -> impl Strategy<Value = Json> {
    prop::collection::vec(alternative(), 1..3).prop_map(Json::from)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("a".to_owned()), 3 => Just("b".to_owned()), 1 => Just("c".to_owned())]
}

fn mapping() -> impl Strategy<Value = Json> {
    let leaf =
        prop::collection::vec((name(), alternatives()), 1..3).prop_map(|e| Json::Object(e.into_iter().collect()));
    leaf.prop_recursive(3, 12, 3, |inner| {
        let value = prop_oneof![1 => alternatives(), 2 => inner.clone()];
        let fields = prop::collection::vec((name(), value), 1..3);
        let either = prop::option::weighted(0.3, prop::collection::vec(inner, 2..3));
        (fields, either, any::<bool>()).prop_map(|(fields, either, first)| {
            let either = either.map(|branches| ("$or".to_owned(), Json::from(branches)));
            let mut entries: Vec<_> = fields.into_iter().chain(either).collect();
            if first {
                entries.rotate_right(1);
            }
            Json::Object(entries.into_iter().collect())
        })
    })
}

fn map_of(value: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    prop::collection::vec((name(), value), 0..4).prop_map(|entries| Json::Object(entries.into_iter().collect()))
}

/// Mostly lists of maps, so that there is something to choose.
fn event() -> impl Strategy<Value = Json> {
    let value = scalar().prop_recursive(4, 32, 4, |inner| {
        let lists = prop::collection::vec(prop_oneof![1 => inner.clone(), 3 => map_of(inner.clone())], 1..4);
        prop_oneof![3 => lists.prop_map(Json::from), 1 => map_of(inner)]
    });
    let list = prop::collection::vec(prop_oneof![1 => value.clone(), 3 => map_of(value.clone())], 2..4);
    (list, value).prop_map(|(list, other)| json!({ "a": list, "b": other }))
}

/// The same mapping with the keys of every mapping in reverse.
fn reversed(json: &Json) -> Json {
    match json {
        Json::Object(entries) => entries.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect(),
        Json::Array(items) => items.iter().rev().map(reversed).collect(),
        scalar => scalar.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_match_is_what_its_definition_says_in_any_order_of_keys(
        pattern in prop_oneof![1 => mapping(), 2 => mapping().prop_map(|inner| json!({ "a": inner }))],
        event in event(),
    ) {
        let document = Value::from_json(event.to_string().as_bytes()).unwrap();
        let expected = matches_by_definition(&pattern, &document);
        for written in [pattern.to_string(), reversed(&pattern).to_string()] {
            let compiled = Pattern::from_json(&written).unwrap();
            prop_assert_eq!(compiled.matches(&document), expected);
            prop_assert_eq!(compiled.mismatch(&document).is_none(), expected);
        }
    }
}
