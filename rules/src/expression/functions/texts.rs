//! Functions of texts. Positions and lengths are in characters.

use super::super::error::{Fault, fault};
use super::super::{limits, written};
use super::{Call, Function, bad_call, integer, made_list, made_text, text, unfit};
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
    function("starts_with", (2, 2), "text.starts_with(part): does it begin so", |a| {
        two(a, "starts_with").map(|(text, part)| Value::Bool(text.starts_with(part)))
    }),
    function("ends_with", (2, 2), "text.ends_with(part): does it end so", |a| {
        two(a, "ends_with").map(|(text, part)| Value::Bool(text.ends_with(part)))
    }),
    function(
        "sub_string",
        (2, 3),
        "text.sub_string(start, length): this part, or up to the end; a start below 0 counts from the end",
        sub_string,
    ),
    function("replace", (3, 3), "text.replace(old, new): with every old part replaced", replace),
    function("split", (2, 2), "text.split(separator): the list of the parts between", split),
    function("trim", (1, 1), "text.trim(): without white space at both ends", |a| {
        one(a, "trim").map(|text| Value::text(text.trim()))
    }),
    function("to_upper", (1, 1), "text.to_upper(): in capital letters", |a| {
        made_text(one(a, "to_upper")?.to_uppercase())
    }),
    function("to_lower", (1, 1), "text.to_lower(): in small letters", |a| {
        made_text(one(a, "to_lower")?.to_lowercase())
    }),
    function("index_of", (2, 2), "text.index_of(part): where the part begins first, or -1", index_of),
    function(
        "to_string",
        (1, 1),
        "x.to_string(): as a template writes it: lists and maps as JSON, null as nothing",
        |a| match a {
            [value] => {
                let mut text = String::new();
                written::write_value(value, &mut text).map_err(fault)?;
                Ok(Value::text(text))
            }
            _ => Err(bad_call("to_string")),
        },
    ),
    function("to_json", (1, 1), "x.to_json(): as JSON text", |a| match a {
        [value] => made_text(written::json(value).map_err(fault)?),
        _ => Err(bad_call("to_json")),
    }),
    function("parse_json", (1, 1), "text.parse_json(): the value that the JSON text means", |a| {
        Value::from_json(one(a, "parse_json")?.as_bytes()).map_err(|error| fault(format!("not JSON: {error}")))
    }),
    function("to_number", (1, 1), "x.to_number(): the number that the text says", |a| {
        number(a, "to_number").map(Value::Number)
    }),
    function(
        "to_int",
        (1, 1),
        "x.to_int(): the whole number that the text says, or the number without its fraction",
        to_int,
    ),
];

fn one<'v>(arguments: &'v [Value], function: &str) -> Result<&'v str, Fault> {
    match arguments {
        [value] => text(function, value),
        _ => Err(bad_call(function)),
    }
}

fn two<'v>(arguments: &'v [Value], function: &str) -> Result<(&'v str, &'v str), Fault> {
    match arguments {
        [a, b] => Ok((text(function, a)?, text(function, b)?)),
        _ => Err(bad_call(function)),
    }
}

fn sub_string(arguments: &[Value]) -> Result<Value, Fault> {
    let [value, start, length @ ..] = arguments else { return Err(bad_call("sub_string")) };
    let text = text("sub_string", value)?;
    let start = integer("sub_string", start)?;
    let skipped = match usize::try_from(start) {
        Ok(start) => start,
        Err(_) => text.chars().count().saturating_sub(usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let kept = match length.first() {
        Some(length) => usize::try_from(integer("sub_string", length)?).unwrap_or(0),
        None => usize::MAX,
    };
    Ok(Value::text(text.chars().skip(skipped).take(kept).collect::<String>()))
}

fn replace(arguments: &[Value]) -> Result<Value, Fault> {
    let [value, old, new] = arguments else { return Err(bad_call("replace")) };
    let (value, old, new) = (text("replace", value)?, text("replace", old)?, text("replace", new)?);
    if old.is_empty() {
        return Err(fault("`replace` needs a part that is not empty"));
    }
    let found = value.matches(old).count();
    if value.len().saturating_add(found.saturating_mul(new.len()))
        > limits::TEXT.saturating_add(found.saturating_mul(old.len()))
    {
        return Err(fault(limits::too_large()));
    }
    made_text(value.replace(old, new))
}

fn split(arguments: &[Value]) -> Result<Value, Fault> {
    let (value, separator) = two(arguments, "split")?;
    if separator.is_empty() {
        return Err(fault("`split` needs a separator that is not empty"));
    }
    let parts: Vec<_> = value.split(separator).take(limits::ITEMS + 1).map(Value::text).collect();
    limits::spend(parts.len())?;
    made_list(parts)
}

fn index_of(arguments: &[Value]) -> Result<Value, Fault> {
    let (value, part) = two(arguments, "index_of")?;
    let index = value.find(part).and_then(|at| value.get(..at)).map(|before| before.chars().count() as u64);
    Ok(Value::Number(index.map_or(Number::from(-1_i64), Number::from)))
}

fn number(arguments: &[Value], function: &str) -> Result<Number, Fault> {
    match arguments {
        [Value::Number(number)] => Ok(number.clone()),
        [Value::Text(text)] => {
            Number::parse(text.trim()).ok_or_else(|| fault(format!("`{function}`: '{}' is not a number", shown(text))))
        }
        [value] => Err(unfit(function, "a text or a number", value)),
        _ => Err(bad_call(function)),
    }
}

fn to_int(arguments: &[Value]) -> Result<Value, Fault> {
    let number = number(arguments, "to_int")?;
    match number.as_exact_f64() {
        Some(float) => Number::from_f64(float.trunc()).map(Value::Number).ok_or_else(|| bad_call("to_int")),
        None => Ok(Value::Number(number)),
    }
}

/// The beginning of a text, for a message.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}
