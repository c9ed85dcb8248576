//! Functions of numbers.

use super::super::error::Fault;
use super::super::operators::{float, negate, order};
use super::{Call, Function, bad_call, list, unfit};
use crate::value::{Number, Value};

const fn function(
    name: &'static str,
    (least, most): (usize, usize),
    usage: &'static str,
    call: fn(&[Value]) -> Result<Value, Fault>,
) -> Function {
    Function { name, arguments: least..=most, usage, call: Call::Values(call) }
}

pub(super) const FUNCTIONS: &[Function] = &[
    function("abs", (1, 1), "number.abs(): without its sign", |a| match a {
        [value @ Value::Number(number)] if *number < Number::from(0_i64) => negate(value),
        [value @ Value::Number(_)] => Ok(value.clone()),
        [value] => Err(unfit("abs", "a number", value)),
        _ => Err(bad_call("abs")),
    }),
    function("floor", (1, 1), "number.floor(): the whole number at or below", |a| rounded(a, "floor", f64::floor)),
    function("ceil", (1, 1), "number.ceil(): the whole number at or above", |a| rounded(a, "ceil", f64::ceil)),
    function("round", (1, 1), "number.round(): the nearest whole number, halves away from 0", |a| {
        rounded(a, "round", f64::round)
    }),
    function("min", (1, 2), "min(a, b), list.min(): the smallest; null for an empty list", |a| {
        best(a, "min", |new, old| new < old)
    }),
    function("max", (1, 2), "max(a, b), list.max(): the largest; null for an empty list", |a| {
        best(a, "max", |new, old| new > old)
    }),
];

fn rounded(arguments: &[Value], function: &str, round: fn(f64) -> f64) -> Result<Value, Fault> {
    match arguments {
        [Value::Number(number)] if number.as_i64().is_some() => Ok(Value::Number(number.clone())),
        [Value::Number(number)] => {
            Number::from_f64(round(float(number)?)).map(Value::Number).ok_or_else(|| bad_call(function))
        }
        [value] => Err(unfit(function, "a number", value)),
        _ => Err(bad_call(function)),
    }
}

/// Of numbers, or of texts, the one that is better than all before it.
fn best(
    arguments: &[Value],
    function: &str,
    better: fn(std::cmp::Ordering, std::cmp::Ordering) -> bool,
) -> Result<Value, Fault> {
    let items = match arguments {
        [value] => list(function, value)?,
        several => several,
    };
    let mut best: Option<&Value> = None;
    for item in items {
        // Also orders the first item with itself, so that what has no order is refused.
        let ordering = order(function, item, best.unwrap_or(item))?;
        if best.is_none() || better(ordering, std::cmp::Ordering::Equal) {
            best = Some(item);
        }
    }
    Ok(best.cloned().unwrap_or_default())
}
