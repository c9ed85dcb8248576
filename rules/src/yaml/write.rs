//! YAML text from values.

use std::fmt::Write as _;

use serde::Serialize;

use super::scalar;
use crate::value::Value;

/// YAML text of anything serializable.
///
/// # Errors
///
/// When the value cannot be written, such as a map with keys that are no texts.
pub fn to_text<T: Serialize>(value: &T) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(value)
}

/// YAML text of a value, with exact numbers: [`super::read`] gives the value back.
#[must_use]
pub fn value_to_text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// Writes a value whose first character goes where `out` ends; further lines are indented by `indent`.
fn write(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                new_line(index, indent, out);
                out.push_str("- ");
                write(item, indent + 2, out);
            }
        }
        Value::Map(entries) if !entries.is_empty() => {
            for (index, (name, value)) in entries.iter().enumerate() {
                new_line(index, indent, out);
                write_string(name, out);
                out.push(':');
                match value {
                    Value::List(items) if !items.is_empty() => nested(value, indent + 2, out),
                    Value::Map(entries) if !entries.is_empty() => nested(value, indent + 2, out),
                    _ => {
                        out.push(' ');
                        write(value, indent + 2, out);
                    }
                }
            }
        }
        Value::Text(text) => write_string(text, out),
        other => out.push_str(&other.to_json()),
    }
}

fn nested(value: &Value, indent: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    write(value, indent, out);
}

fn new_line(index: usize, indent: usize, out: &mut String) {
    if index > 0 {
        out.push('\n');
        out.push_str(&" ".repeat(indent));
    }
}

fn write_string(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    let json = Value::text(text).to_json();
    for character in json.chars() {
        // YAML takes these only as escapes (YAML 1.2 section 5.1), JSON takes them as they are.
        if matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            // Writing to a text cannot fail.
            let _written = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
}

/// Whether a text can stand without quotes anywhere; cautious.
fn is_plain(text: &str) -> bool {
    let first_fits = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    let rest_fits = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let other_readers = matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
    first_fits && rest_fits && !other_readers && scalar::resolve(text) == Some(Value::text(text))
}
