//! Values in and out of the engine.
//!
//! Only null and booleans become the engine's own, since its `and`, `or`, `if` and `??` ask for them. All else stays a
//! [`Value`] of ours: nothing of an event is copied, numbers stay exact, and the engine's own operators never apply.

use rhai::{Dynamic, FnPtr};

use super::error::{Fault, fault};
use super::limits;
use crate::value::{Map, Number, Value};

pub(super) fn from_value(value: Value) -> Dynamic {
    match value {
        // None of what an expression is given holds a reference; were one there, it could be neither seen nor compared.
        Value::Null | Value::Secret(_) => Dynamic::UNIT,
        Value::Bool(boolean) => boolean.into(),
        other => Dynamic::from(other),
    }
}

/// The value; an error for what is none, such as a closure.
pub(super) fn to_value(held: &Dynamic) -> Result<Value, Fault> {
    if let Some(value) = held.read_lock::<Value>() {
        return Ok(value.clone());
    }
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
        return Number::from_f64(float).map(Value::Number).ok_or_else(|| fault("a number beyond all limits"));
    }
    if let Ok(text) = held.as_immutable_string_ref() {
        return Ok(Value::text(text.as_str()));
    }
    if let Ok(letter) = held.as_char() {
        return Ok(Value::text(letter.to_string()));
    }
    if let Ok(items) = held.as_array_ref() {
        limits::spend(items.len())?;
        return items.iter().map(to_value).collect::<Result<_, _>>().map(Value::list);
    }
    if let Ok(entries) = held.as_map_ref() {
        limits::spend(entries.len())?;
        let entries = entries.iter().map(|(name, value)| Ok((name.to_string(), to_value(value)?)));
        return entries.collect::<Result<Map, Fault>>().map(Value::map);
    }
    if held.is::<FnPtr>() {
        return Err(fault("a closure is no value: only functions such as `filter` and `map` take one"));
    }
    Err(fault("this is no value"))
}

/// What a person calls this.
pub(super) fn kind(held: &Dynamic) -> &'static str {
    to_value(held).map_or("a closure", |value| value.kind())
}
