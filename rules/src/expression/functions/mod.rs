//! The functions of expressions: all of them, and all pure.

mod closures;
mod lists;
mod numbers;
mod texts;
mod time;

use std::ops::RangeInclusive;

use rhai::{EvalAltResult, FnPtr, NativeCallContext};

use super::convert::{from_value, to_value};
use super::error::{Fault, fault};
use super::limits;
use crate::value::{Map, Value};

/// A function that expressions may call, as `name(a, b)` or `a.name(b)`.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// How many values it takes.
    pub(super) arguments: RangeInclusive<usize>,
    /// How it is written and what it gives.
    pub(super) usage: &'static str,
    pub(super) call: Call,
}

#[derive(Debug)]
pub(super) enum Call {
    Values(fn(&[Value]) -> Result<Value, Fault>),
    /// The last argument is a closure.
    Closure(fn(&Value, &Closure<'_>) -> Result<Value, Fault>),
}

impl Function {
    /// The name that the engine knows the function by.
    pub(super) fn code(&self) -> String {
        self.name.replace('.', "_")
    }
}

/// All functions.
pub(super) fn all() -> impl Iterator<Item = &'static Function> {
    [texts::FUNCTIONS, lists::FUNCTIONS, closures::FUNCTIONS, numbers::FUNCTIONS, time::FUNCTIONS].into_iter().flatten()
}

pub(super) fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// A closure that a function calls.
#[derive(Debug)]
pub(super) struct Closure<'a> {
    function: &'static str,
    pointer: &'a FnPtr,
    context: &'a NativeCallContext<'a>,
}

impl<'a> Closure<'a> {
    pub(super) fn new(function: &'static str, pointer: &'a FnPtr, context: &'a NativeCallContext<'a>) -> Self {
        Self { function, pointer, context }
    }

    fn call(&self, item: &Value) -> Result<Value, Fault> {
        let answer = self.pointer.call_raw(self.context, None, [from_value(item.clone())]);
        answer.and_then(|answer| to_value(&answer)).map_err(|error| match *error {
            EvalAltResult::ErrorFunctionNotFound(..) => {
                fault(format!("the closure of `{}` must take one value: |x| …", self.function))
            }
            _ => error,
        })
    }

    fn holds(&self, item: &Value) -> Result<bool, Fault> {
        match self.call(item)? {
            Value::Bool(holds) => Ok(holds),
            other => {
                Err(fault(format!("the closure of `{}` must give true or false, not {}", self.function, other.kind())))
            }
        }
    }
}

/// A text that an expression made, when it is within the limit.
pub(super) fn made_text(text: String) -> Result<Value, Fault> {
    limits::spend_text(text.len())?;
    if text.len() > limits::TEXT { Err(fault(limits::too_large())) } else { Ok(Value::text(text)) }
}

/// A list that an expression made, when it is within the limit.
pub(super) fn made_list(items: Vec<Value>) -> Result<Value, Fault> {
    if items.len() > limits::ITEMS { Err(fault(limits::too_large())) } else { Ok(Value::list(items)) }
}

/// A map that an expression made, when it is within the limit.
pub(super) fn made_map(entries: Map) -> Result<Value, Fault> {
    if entries.len() > limits::ITEMS { Err(fault(limits::too_large())) } else { Ok(Value::map(entries)) }
}

/// The error of a function that cannot take this value.
fn unfit(function: &str, needs: &str, value: &Value) -> Fault {
    let hint = match (value, needs) {
        (Value::Null, "a list") => " (`x ?? []` takes an empty list for null)",
        (Value::Null, "a text") => " (`x ?? ''` takes an empty text for null)",
        _ => "",
    };
    fault(format!("`{function}` needs {needs}, not {}{hint}", value.kind()))
}

/// A text; reading it is counted.
fn text<'v>(function: &str, value: &'v Value) -> Result<&'v str, Fault> {
    let text = value.as_text().ok_or_else(|| unfit(function, "a text", value))?;
    limits::spend_text(text.len())?;
    Ok(text)
}

/// The items of a list; looking at them is counted.
fn list<'v>(function: &str, value: &'v Value) -> Result<&'v [Value], Fault> {
    let items = value.as_list().ok_or_else(|| unfit(function, "a list", value))?;
    limits::spend(items.len())?;
    Ok(items)
}

fn map<'v>(function: &str, value: &'v Value) -> Result<&'v Map, Fault> {
    let entries = value.as_map().ok_or_else(|| unfit(function, "a map", value))?;
    limits::spend(entries.len())?;
    Ok(entries)
}

fn integer(function: &str, value: &Value) -> Result<i64, Fault> {
    match value {
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
    .ok_or_else(|| unfit(function, "a whole number", value))
}

fn bad_call(function: &str) -> Fault {
    let usage = find(function).map_or(function, |function| function.usage);
    fault(format!("`{function}` is written {usage}"))
}
