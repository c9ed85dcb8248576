//! What operators mean. They never convert: different kinds are unequal, and ordering or calculating with them is an
//! error.

use std::cmp::Ordering;

use super::error::{Fault, fault};
use super::functions::{made_list, made_map, made_text};
use super::limits;
use crate::value::{Number, Value};

/// An operator between two values.
pub(super) type Binary = fn(&Value, &Value) -> Result<Value, Fault>;

pub(super) const BINARY: [(&str, Binary); 12] = [
    ("==", |a, b| Ok(Value::Bool(equal(a, b)?))),
    ("!=", |a, b| Ok(Value::Bool(!equal(a, b)?))),
    ("<", |a, b| Ok(Value::Bool(order("<", a, b)?.is_lt()))),
    ("<=", |a, b| Ok(Value::Bool(order("<=", a, b)?.is_le()))),
    (">", |a, b| Ok(Value::Bool(order(">", a, b)?.is_gt()))),
    (">=", |a, b| Ok(Value::Bool(order(">=", a, b)?.is_ge()))),
    ("+", add),
    ("-", |a, b| calculate("-", a, b, i64::checked_sub, |x, y| x - y)),
    ("*", |a, b| calculate("*", a, b, i64::checked_mul, |x, y| x * y)),
    ("/", divide),
    ("%", remainder),
    ("**", power),
];

fn equal(a: &Value, b: &Value) -> Result<bool, Fault> {
    limits::spend_whole(a)?;
    Ok(a == b)
}

/// How two values are ordered: numbers by value, texts by their letters.
pub(super) fn order(operator: &str, a: &Value, b: &Value) -> Result<Ordering, Fault> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Ok(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => {
            limits::spend_text(a.len())?;
            Ok(a.cmp(b))
        }
        _ => Err(refused(operator, a, b)),
    }
}

fn refused(operator: &str, a: &Value, b: &Value) -> Fault {
    let hint = if matches!(a, Value::Null) || matches!(b, Value::Null) {
        " (`x ?? 0` takes another value for null)"
    } else {
        ""
    };
    fault(format!("`{operator}` does not go between {} and {}{hint}", a.kind(), b.kind()))
}

fn add(a: &Value, b: &Value) -> Result<Value, Fault> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => made_text(format!("{a}{b}")),
        (Value::Text(a), Value::Number(b)) => made_text(format!("{a}{b}")),
        (Value::Number(a), Value::Text(b)) => made_text(format!("{a}{b}")),
        (Value::List(a), Value::List(b)) => {
            limits::spend(a.len() + b.len())?;
            made_list(a.iter().chain(b.iter()).cloned().collect())
        }
        (Value::Map(a), Value::Map(b)) => {
            limits::spend(a.len() + b.len())?;
            made_map(a.iter().chain(b.iter()).map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        _ => calculate("+", a, b, i64::checked_add, |x, y| x + y),
    }
}

/// Integers stay exact or are an error; with a fraction, both become floats.
fn calculate(
    operator: &str,
    a: &Value,
    b: &Value,
    integers: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Result<Value, Fault> {
    let (Value::Number(a), Value::Number(b)) = (a, b) else { return Err(refused(operator, a, b)) };
    if let (Some(x), Some(y)) = (a.as_i64(), b.as_i64()) {
        let result = integers(x, y).ok_or_else(|| too_large(operator, a, b))?;
        return Ok(Value::Number(result.into()));
    }
    number(operator, a, b, floats(float(a)?, float(b)?))
}

fn number(operator: &str, a: &Number, b: &Number, result: f64) -> Result<Value, Fault> {
    Number::from_f64(result).map(Value::Number).ok_or_else(|| too_large(operator, a, b))
}

fn too_large(operator: &str, a: &Number, b: &Number) -> Fault {
    fault(format!("{a} {operator} {b} is too large a number"))
}

/// The float that is exactly this number.
pub(super) fn float(number: &Number) -> Result<f64, Fault> {
    /// Up to here every integer is a float.
    const EXACT: i64 = 1 << 53;
    match (number.as_i64(), number.as_exact_f64()) {
        #[expect(clippy::cast_precision_loss, reason = "the range is checked to be exact")]
        (Some(integer), _) if (-EXACT..=EXACT).contains(&integer) => Ok(integer as f64),
        (None, Some(float)) => Ok(float),
        _ => Err(fault(format!("{number} has too many digits to calculate with; it can only be compared"))),
    }
}

/// Always the whole quotient: whether a duration came as 90 or 90.5 must not decide if the fraction is dropped.
fn divide(a: &Value, b: &Value) -> Result<Value, Fault> {
    let (Value::Number(x), Value::Number(y)) = (a, b) else { return Err(refused("/", a, b)) };
    match (x.as_i64(), y.as_i64()) {
        (_, Some(0)) => Err(fault(format!("{x} is divided by 0"))),
        (Some(a), Some(b)) if a.checked_rem(b).is_none_or(|rest| rest == 0) => {
            a.checked_div(b).map(|quotient| Value::Number(quotient.into())).ok_or_else(|| too_large("/", x, y))
        }
        _ => number("/", x, y, float(x)? / float(y)?),
    }
}

fn remainder(a: &Value, b: &Value) -> Result<Value, Fault> {
    if let (Value::Number(x), Value::Number(y)) = (a, b)
        && y.as_i64() == Some(0)
    {
        return Err(fault(format!("{x} is divided by 0")));
    }
    calculate("%", a, b, i64::checked_rem, |x, y| x % y)
}

fn power(a: &Value, b: &Value) -> Result<Value, Fault> {
    let (Value::Number(x), Value::Number(y)) = (a, b) else { return Err(refused("**", a, b)) };
    match (x.as_i64(), y.as_i64().map(u32::try_from)) {
        (Some(base), Some(Ok(exponent))) => {
            base.checked_pow(exponent).map(|result| Value::Number(result.into())).ok_or_else(|| too_large("**", x, y))
        }
        _ => number("**", x, y, float(x)?.powf(float(y)?)),
    }
}

/// `-a`, exact for every number.
pub(super) fn negate(a: &Value) -> Result<Value, Fault> {
    let Value::Number(number) = a else { return Err(fault(format!("`-` does not go before {}", a.kind()))) };
    let text = number.to_string();
    let negated = text.strip_prefix('-').map_or_else(|| Number::parse(&format!("-{text}")), Number::parse);
    negated.map(Value::Number).ok_or_else(|| fault("this number has no opposite"))
}

/// `+a`.
pub(super) fn affirm(a: &Value) -> Result<Value, Fault> {
    if matches!(a, Value::Number(_)) {
        Ok(a.clone())
    } else {
        Err(fault(format!("`+` does not go before {}", a.kind())))
    }
}

/// `not a` and `!a`.
pub(super) fn not(a: &Value) -> Result<Value, Fault> {
    match a {
        Value::Bool(boolean) => Ok(Value::Bool(!boolean)),
        _ => Err(fault(format!("`not` needs true or false, not {}", a.kind()))),
    }
}

/// `a[key]` and `a.key`: null has only null members, and what a list or a map does not have is null.
pub(super) fn member(a: &Value, key: &Value) -> Result<Value, Fault> {
    match (a, key) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Map(entries), Value::Text(name)) => Ok(entries.get(&**name).cloned().unwrap_or_default()),
        (Value::List(items), Value::Number(index)) => {
            let at = index.as_i64().and_then(|index| {
                let from_end = items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
                if index < 0 { from_end } else { usize::try_from(index).ok() }
            });
            Ok(at.and_then(|at| items.get(at)).cloned().unwrap_or_default())
        }
        (Value::List(_), Value::Text(name)) => {
            Err(fault(format!("a list has no member `{name}`: take one item (`[0]`), or `.map(|x| x.{name})`")))
        }
        (Value::Text(_), Value::Number(_)) => Err(fault("a text is not indexed: use `sub_string(start, length)`")),
        (_, Value::Text(name)) => Err(fault(format!("{} has no member `{name}`", a.kind()))),
        _ => Err(fault(format!("{} is not indexed by {}", a.kind(), key.kind()))),
    }
}
