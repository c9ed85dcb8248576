//! What scripts have besides the standard library of rhai: functions of expressions, digests, and guards.

use std::any::TypeId;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use oncue_rules::expression;
use oncue_rules::value::Value;
use rhai::{Dynamic, Engine, ImmutableString, Map};
use sha2::{Digest, Sha256};

use super::convert::{Exact, from_value, to_value};
use super::error::{Fault, fault, too_large};
use super::{budget, limits};

/// Functions of expressions that rhai does not have, with how many values they take.
const OF_EXPRESSIONS: [(&str, usize); 10] = [
    ("join", 2),
    ("sorted", 1),
    ("unique", 1),
    ("flatten", 1),
    ("sum", 1),
    ("first", 1),
    ("last", 1),
    ("take", 2),
    ("reversed", 1),
    ("to_number", 1),
];

/// Makes `time.add(…)` a call, as in expressions.
#[derive(Debug, Clone)]
pub(crate) struct Time;

pub(crate) fn register(engine: &mut Engine) {
    for (name, count) in OF_EXPRESSIONS {
        engine.register_raw_fn(name, vec![TypeId::of::<Dynamic>(); count], move |_, arguments: &mut [&mut Dynamic]| {
            let arguments: Vec<&Dynamic> = arguments.iter().map(|held| &**held).collect();
            bridge(name, &arguments)
        });
    }
    engine.register_fn("to_json", |held: Dynamic| to_json(&held));
    // The library has one for maps, which writes a number of many digits as the name of our type.
    engine.register_fn("to_json", |map: &mut Map| to_json(&Dynamic::from_map(map.clone())));
    engine.register_fn("parse_json", |text: &str| -> Result<Dynamic, Fault> {
        let value = Value::from_json(text.as_bytes()).map_err(|error| fault(format!("not JSON: {error}")))?;
        Ok(from_value(&value))
    });
    register_time(engine);
    register_digests(engine);
    register_numbers(engine);
    register_guards(engine);
}

fn to_json(held: &Dynamic) -> Result<String, Fault> {
    charged(to_value(held)?.to_json())
}

/// Calls a function of expressions.
pub(crate) fn bridge(name: &str, arguments: &[&Dynamic]) -> Result<Dynamic, Fault> {
    let values = arguments.iter().map(|held| to_value(held)).collect::<Result<Vec<_>, _>>()?;
    expression::call(name, &values).map(|value| from_value(&value)).map_err(fault)
}

fn register_time(engine: &mut Engine) {
    engine.register_type_with_name::<Time>("time");
    engine.register_fn("add", |_: Time, moment: Dynamic, duration: Dynamic| bridge("time.add", &[&moment, &duration]));
    engine.register_fn("format", |_: Time, moment: Dynamic, pattern: Dynamic| {
        bridge("time.format", &[&moment, &pattern])
    });
    engine.register_fn("format", |_: Time, moment: Dynamic, pattern: Dynamic, zone: Dynamic| {
        bridge("time.format", &[&moment, &pattern, &zone])
    });
    engine.register_fn("day", |_: Time, moment: Dynamic, days: Dynamic| bridge("time.day", &[&moment, &days]));
    engine.register_fn("day", |_: Time, moment: Dynamic, days: Dynamic, zone: Dynamic| {
        bridge("time.day", &[&moment, &days, &zone])
    });
}

fn register_digests(engine: &mut Engine) {
    engine.register_fn("sha256", |text: &str| hex::encode(Sha256::digest(text)));
    engine.register_fn("sha256_base64", |text: &str| BASE64.encode(Sha256::digest(text)));
    engine.register_fn("md5", |text: &str| hex::encode(Md5::digest(text)));
    engine.register_fn("md5_base64", |text: &str| BASE64.encode(Md5::digest(text)));
    engine.register_fn("hmac_sha256", |key: &str, text: &str| hex::encode(hmac(key, text)));
    engine.register_fn("hmac_sha256_base64", |key: &str, text: &str| BASE64.encode(hmac(key, text)));
    engine.register_fn("to_base64", |text: &str| charged(BASE64.encode(text)));
    engine.register_fn("from_base64", |text: &str| -> Result<String, Fault> {
        let bytes = BASE64.decode(text).map_err(|error| fault(format!("not Base64: {error}")))?;
        String::from_utf8(bytes).map_err(|_| fault("what the Base64 holds is no text"))
    });
    engine.register_fn("to_hex", |text: &str| charged(hex::encode(text)));
}

pub(crate) fn hmac(key: &str, text: &str) -> Vec<u8> {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A number that the engine has no type for can be compared and written, and not calculated with.
fn register_numbers(engine: &mut Engine) {
    engine.register_type_with_name::<Exact>("number with more digits than a script can calculate with");
    engine.register_fn("to_string", |number: &mut Exact| number.0.to_string());
    engine.register_fn("to_debug", |number: &mut Exact| number.0.to_string());
    engine.register_fn("==", |a: Exact, b: Exact| a == b);
    engine.register_fn("!=", |a: Exact, b: Exact| a != b);
    engine.register_fn("<", |a: Exact, b: Exact| a.0 < b.0);
    engine.register_fn(">", |a: Exact, b: Exact| a.0 > b.0);
}

/// In place of functions that wait, or that build a result before anyone can say that it is too large.
fn register_guards(engine: &mut Engine) {
    engine.register_fn("sleep", |_: i64| -> Result<(), Fault> { Err(no_sleep()) });
    engine.register_fn("sleep", |_: f64| -> Result<(), Fault> { Err(no_sleep()) });
    engine.register_fn("replace", |text: &mut ImmutableString, old: &str, new: &str| replace(text, old, new));
    engine.register_fn("replace", |text: &mut ImmutableString, old: &str, new: char| {
        replace(text, old, new.encode_utf8(&mut [0; 4]))
    });
    engine.register_fn("replace", |text: &mut ImmutableString, old: char, new: &str| {
        replace(text, old.encode_utf8(&mut [0; 4]), new)
    });
    engine.register_fn("replace", |text: &mut ImmutableString, old: char, new: char| {
        replace(text, old.encode_utf8(&mut [0; 4]), new.encode_utf8(&mut [0; 4]))
    });
}

fn no_sleep() -> Fault {
    fault("a script does not sleep: use a step `sleep`")
}

/// In place, as everywhere in rhai.
fn replace(text: &mut ImmutableString, old: &str, new: &str) -> Result<(), Fault> {
    let found = text.matches(old).count();
    let length = text.len().saturating_add(found.saturating_mul(new.len()));
    if length.saturating_sub(found.saturating_mul(old.len())) > limits::TEXT {
        return Err(too_large("length of text"));
    }
    *text = text.replace(old, new).into();
    Ok(())
}

/// A text that a function made; long ones count as many operations.
pub(crate) fn charged(text: String) -> Result<String, Fault> {
    // A stop is noticed at the next operation.
    let _stop = budget::take(text.len() as u64 / 64);
    if text.len() > limits::TEXT { Err(too_large("length of text")) } else { Ok(text) }
}
