//! What a plain scalar means: the core schema of YAML 1.2 (section 10.3.2).

use crate::value::{Number, Value};

/// The value of a plain scalar; `None` for `.inf` and `.nan`, which no [`Number`] is.
pub(super) fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return None,
        _ if matches!(unsigned(text), ".inf" | ".Inf" | ".INF") => return None,
        _ => {}
    }
    Some(number(text).map_or_else(|| Value::text(text), Value::Number))
}

/// Whether a plain scalar is a text that begins with a letter, as most keys are.
pub(super) fn is_word(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    begins && !matches!(text, "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn number(text: &str) -> Option<Number> {
    let first = text.bytes().find(|byte| !matches!(byte, b'-' | b'+' | b'.'))?;
    if !first.is_ascii_digit() {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    // YAML also allows a plus sign and a point without digits on one side, which JSON's literals do not.
    let sign = if text.starts_with('-') { "-" } else { "" };
    let (mantissa, exponent) = match unsigned(text).find(['e', 'E']) {
        Some(at) => unsigned(text).split_at(at),
        None => (unsigned(text), ""),
    };
    let mantissa = match mantissa.split_once('.') {
        None => mantissa.to_owned(),
        Some(("", fraction)) => format!("0.{fraction}"),
        Some((whole, "")) => format!("{whole}.0"),
        Some((whole, fraction)) => format!("{whole}.{fraction}"),
    };
    Number::parse(&format!("{sign}{mantissa}{exponent}"))
}

fn radix(digits: &str, radix: u32) -> Option<Number> {
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok().map(Number::from)
}
