//! Functions of lists and maps.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::super::error::{Fault, fault};
use super::super::operators::order;
use super::super::{limits, operators};
use super::{Call, Function, bad_call, integer, list, made_list, made_text, map, text, unfit};
use crate::value::{Number, Value};

const fn function(
    name: &'static str,
    arguments: usize,
    usage: &'static str,
    call: fn(&[Value]) -> Result<Value, Fault>,
) -> Function {
    Function { name, arguments: arguments..=arguments, usage, call: Call::Values(call) }
}

pub(super) const FUNCTIONS: &[Function] = &[
    function("len", 1, "x.len(): how many characters, items or entries it has", len),
    function("is_empty", 1, "x.is_empty(): is it null, or a text, list or map with nothing in it", is_empty),
    function(
        "contains",
        2,
        "x.contains(y), y in x: has the text this part, the list this item, the map this name",
        contains,
    ),
    function("first", 1, "list.first(): the first item, or null", |a| {
        one(a, "first").map(|x| x.first().cloned().unwrap_or_default())
    }),
    function("last", 1, "list.last(): the last item, or null", |a| {
        one(a, "last").map(|x| x.last().cloned().unwrap_or_default())
    }),
    function("take", 2, "list.take(count): the first items, at most so many", take),
    function("reversed", 1, "list.reversed(): the items, last first", |a| {
        made_list(one(a, "reversed")?.iter().rev().cloned().collect())
    }),
    function("sorted", 1, "list.sorted(): the items in order, all numbers or all texts", |a| {
        sort("sorted", one(a, "sorted")?.iter().map(|item| (item.clone(), item.clone())).collect())
    }),
    function("unique", 1, "list.unique(): the items, each once, in their first order", unique),
    function("flatten", 1, "list.flatten(): the items of the lists in the list, one level deep", flatten),
    function("sum", 1, "list.sum(): the numbers added up, 0 for none", sum),
    function("join", 2, "list.join(separator): the texts and numbers as one text", join),
    function("keys", 1, "map.keys(): its names, in their order", |a| match a {
        [value] => made_list(map("keys", value)?.keys().map(|name| Value::text(name.as_str())).collect()),
        _ => Err(bad_call("keys")),
    }),
    function("values", 1, "map.values(): its values, in the order of their names", |a| match a {
        [value] => made_list(map("values", value)?.values().cloned().collect()),
        _ => Err(bad_call("values")),
    }),
];

fn one<'v>(arguments: &'v [Value], function: &str) -> Result<&'v [Value], Fault> {
    match arguments {
        [value] => list(function, value),
        _ => Err(bad_call(function)),
    }
}

fn len(arguments: &[Value]) -> Result<Value, Fault> {
    let count = match arguments {
        [value @ Value::Text(_)] => text("len", value)?.chars().count(),
        [Value::List(items)] => items.len(),
        [Value::Map(entries)] => entries.len(),
        [value @ Value::Null] => return Err(unfit("len", "a list", value)),
        [value] => return Err(unfit("len", "a text, a list or a map", value)),
        _ => return Err(bad_call("len")),
    };
    Ok(Value::Number((count as u64).into()))
}

fn is_empty(arguments: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(match arguments {
        [Value::Null] => true,
        [Value::Text(text)] => text.is_empty(),
        [Value::List(items)] => items.is_empty(),
        [Value::Map(entries)] => entries.is_empty(),
        [value] => return Err(unfit("is_empty", "a text, a list or a map", value)),
        _ => return Err(bad_call("is_empty")),
    }))
}

fn contains(arguments: &[Value]) -> Result<Value, Fault> {
    let [whole, part] = arguments else { return Err(bad_call("contains")) };
    Ok(Value::Bool(match (whole, part) {
        (Value::Text(_), Value::Text(part)) => text("contains", whole)?.contains(&**part),
        (Value::List(items), _) => {
            limits::spend_whole(whole)?;
            items.contains(part)
        }
        (Value::Map(entries), Value::Text(name)) => entries.contains_key(&**name),
        (Value::Text(_) | Value::Map(_), _) => return Err(unfit("contains", "a text to look for", part)),
        (Value::Null, _) => {
            return Err(fault(
                "`in` and `contains` need a text, a list or a map, not null (`x ?? []` takes an empty list for null)",
            ));
        }
        _ => return Err(unfit("contains", "a text, a list or a map", whole)),
    }))
}

fn take(arguments: &[Value]) -> Result<Value, Fault> {
    let [value, count] = arguments else { return Err(bad_call("take")) };
    let items = list("take", value)?;
    let count = usize::try_from(integer("take", count)?).unwrap_or(0);
    made_list(items.iter().take(count).cloned().collect())
}

/// The values in the order of their keys, which must all be numbers or all be texts; equal keys keep their order.
pub(super) fn sort(function: &str, mut keyed: Vec<(Value, Value)>) -> Result<Value, Fault> {
    let [(first, _), rest @ ..] = keyed.as_slice() else { return made_list(Vec::new()) };
    if !matches!(first, Value::Number(_) | Value::Text(_)) {
        return Err(unfit(function, "numbers or texts to order by", first));
    }
    if let Some((other, _)) = rest.iter().find(|(key, _)| order("<", first, key).is_err()) {
        return Err(fault(format!("`{function}` cannot order {} and {}", first.kind(), other.kind())));
    }
    keyed.sort_by(|(a, _), (b, _)| order("<", a, b).unwrap_or(Ordering::Equal));
    made_list(keyed.into_iter().map(|(_, value)| value).collect())
}

fn unique(arguments: &[Value]) -> Result<Value, Fault> {
    let items = one(arguments, "unique")?;
    items.iter().try_for_each(limits::spend_whole)?;
    let mut seen = HashSet::new();
    made_list(items.iter().filter(|item| seen.insert(*item)).cloned().collect())
}

fn flatten(arguments: &[Value]) -> Result<Value, Fault> {
    let mut flat = Vec::new();
    for item in one(arguments, "flatten")? {
        match item {
            Value::List(inner) => {
                limits::spend(inner.len())?;
                flat.extend(inner.iter().cloned());
            }
            other => flat.push(other.clone()),
        }
    }
    made_list(flat)
}

fn sum(arguments: &[Value]) -> Result<Value, Fault> {
    let add =
        operators::BINARY.iter().find(|(name, _)| *name == "+").map(|(_, add)| *add).ok_or_else(|| bad_call("sum"))?;
    one(arguments, "sum")?.iter().try_fold(Value::Number(Number::from(0_i64)), |total, item| match item {
        Value::Number(_) => add(&total, item),
        _ => Err(unfit("sum", "a list of numbers", item)),
    })
}

fn join(arguments: &[Value]) -> Result<Value, Fault> {
    let [value, separator] = arguments else { return Err(bad_call("join")) };
    let separator = text("join", separator)?;
    let mut joined = String::new();
    for (index, item) in list("join", value)?.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        match item {
            Value::Text(text) => joined.push_str(text),
            Value::Number(number) => joined.push_str(&number.to_string()),
            other => return Err(unfit("join", "a list of texts and numbers", other)),
        }
        if joined.len() > limits::TEXT {
            return Err(fault(limits::too_large()));
        }
    }
    made_text(joined)
}
