//! Values in and out of a script. Whole numbers and fractions become the engine's own where that loses nothing; any other
//! number stays what it is, and cannot be calculated with.

use oncue_rules::value::{Map, Number, Value};
use rhai::{Array, Dynamic, FnPtr};

use super::limits;

/// A number that the engine has no type for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exact(pub(crate) Number);

/// A value that cannot cross.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Uncrossed {
    /// It is too large.
    Large(String),
    /// It is no value.
    Odd(String),
}

/// A value as scripts see it.
pub(crate) fn from_value(value: &Value) -> Dynamic {
    match value {
        // Each attempt has the secrets themselves in place of references, so none comes here.
        Value::Null | Value::Secret(_) => Dynamic::UNIT,
        Value::Bool(boolean) => (*boolean).into(),
        Value::Number(number) => match (number.as_i64(), number.as_exact_f64()) {
            (Some(integer), _) => integer.into(),
            (None, Some(float)) => float.into(),
            (None, None) => Dynamic::from(Exact(number.clone())),
        },
        Value::Text(text) => text.as_ref().into(),
        Value::List(items) => items.iter().map(from_value).collect::<Array>().into(),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.as_str().into(), from_value(value)));
            Dynamic::from_map(entries.collect())
        }
    }
}

/// Whether a value is within what scripts may hold: its texts, its items and its entries.
pub(crate) fn fits(value: &Value) -> bool {
    let (mut texts, mut items) = (0_usize, 0_usize);
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Text(text) => texts = texts.saturating_add(text.len()),
            Value::List(list) => {
                items = items.saturating_add(list.len());
                left.extend(list.iter());
            }
            Value::Map(entries) => {
                items = items.saturating_add(entries.len());
                left.extend(entries.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Secret(_) => {}
        }
        if texts > limits::TEXT || items > limits::ITEMS {
            return false;
        }
    }
    true
}

/// What a script gave, as a value.
pub(crate) fn to_value(held: &Dynamic) -> Result<Value, Uncrossed> {
    inner(held, limits::DEPTH)
}

fn inner(held: &Dynamic, depth: usize) -> Result<Value, Uncrossed> {
    if held.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(boolean) = held.as_bool() {
        return Ok(Value::Bool(boolean));
    }
    if let Ok(integer) = held.as_int() {
        return Ok(Value::Number(integer.into()));
    }
    if let Ok(float) = held.as_float() {
        let number = Number::from_f64(float).map(Value::Number);
        return number.ok_or_else(|| Uncrossed::Odd(format!("{float} is no number that JSON has")));
    }
    if let Ok(text) = held.as_immutable_string_ref() {
        return Ok(Value::text(text.as_str()));
    }
    if let Ok(letter) = held.as_char() {
        return Ok(Value::text(letter.to_string()));
    }
    if let Some(number) = held.read_lock::<Exact>() {
        return Ok(Value::Number(number.0.clone()));
    }
    let deeper =
        || depth.checked_sub(1).ok_or_else(|| Uncrossed::Large(format!("nested deeper than {}", limits::DEPTH)));
    if let Ok(items) = held.as_array_ref() {
        let depth = deeper()?;
        return items.iter().map(|item| inner(item, depth)).collect::<Result<_, _>>().map(Value::list);
    }
    if let Ok(entries) = held.as_map_ref() {
        let depth = deeper()?;
        let entries = entries.iter().map(|(name, value)| Ok((name.to_string(), inner(value, depth)?)));
        return entries.collect::<Result<Map, _>>().map(Value::map);
    }
    // A type of ours has the path of its module before its name.
    let name = held.type_name().rsplit("::").next().unwrap_or_default().to_lowercase();
    let what = if held.is::<FnPtr>() { "a function".to_owned() } else { format!("a {name}") };
    Err(Uncrossed::Odd(format!("{what} is no value that can leave a script")))
}
