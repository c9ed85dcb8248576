//! Functions that ask a closure about the items of a list.

use super::super::error::Fault;
use super::{Call, Closure, Function, list, made_list};
use crate::value::Value;

const fn function(
    name: &'static str,
    usage: &'static str,
    call: fn(&Value, &Closure<'_>) -> Result<Value, Fault>,
) -> Function {
    Function { name, arguments: 2..=2, usage, call: Call::Closure(call) }
}

pub(super) const FUNCTIONS: &[Function] = &[
    function("filter", "list.filter(|x| condition): the items for which it holds", filter),
    function("map", "list.map(|x| value): what each item becomes", |value, closure| {
        made_list(list("map", value)?.iter().map(|item| closure.call(item)).collect::<Result<_, _>>()?)
    }),
    function(
        "all",
        "list.all(|x| condition): does it hold for every item (true for an empty list)",
        |value, closure| find(list("all", value)?, closure, false).map(|found| Value::Bool(found.is_none())),
    ),
    function(
        "some",
        "list.some(|x| condition): does it hold for an item (false for an empty list)",
        |value, closure| find(list("some", value)?, closure, true).map(|found| Value::Bool(found.is_some())),
    ),
    function("find", "list.find(|x| condition): the first item for which it holds, or null", |value, closure| {
        find(list("find", value)?, closure, true).map(|found| found.cloned().unwrap_or_default())
    }),
    function("sort_by", "list.sort_by(|x| key): the items in the order of their keys, numbers or texts", sort_by),
];

fn filter(value: &Value, closure: &Closure<'_>) -> Result<Value, Fault> {
    let mut kept = Vec::new();
    for item in list("filter", value)? {
        if closure.holds(item)? {
            kept.push(item.clone());
        }
    }
    made_list(kept)
}

/// The first item for which the closure gives `wanted`.
fn find<'v>(items: &'v [Value], closure: &Closure<'_>, wanted: bool) -> Result<Option<&'v Value>, Fault> {
    for item in items {
        if closure.holds(item)? == wanted {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

fn sort_by(value: &Value, closure: &Closure<'_>) -> Result<Value, Fault> {
    let keyed = list("sort_by", value)?.iter().map(|item| Ok((closure.call(item)?, item.clone())));
    super::lists::sort("sort_by", keyed.collect::<Result<_, Fault>>()?)
}
