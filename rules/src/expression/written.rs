//! Values as text.

use super::limits;
use crate::value::Value;

/// Writes a value as templates do: a text as it is, null as nothing, numbers and booleans as in JSON, lists and maps as
/// JSON. The error says that the text would pass [`limits::TEXT`].
pub(crate) fn write_value(value: &Value, text: &mut String) -> Result<(), String> {
    let mut left = limits::TEXT.checked_sub(text.len()).ok_or_else(limits::too_large)?;
    if !fits(value, &mut left) {
        return Err(limits::too_large());
    }
    match value {
        Value::Null => {}
        Value::Text(letters) => text.push_str(letters),
        other => text.push_str(&other.to_json()),
    }
    Ok(())
}

/// A value as JSON text; an error when it would pass [`limits::TEXT`].
pub(super) fn json(value: &Value) -> Result<String, String> {
    let mut left = limits::TEXT;
    if fits(value, &mut left) { Ok(value.to_json()) } else { Err(limits::too_large()) }
}

/// Is the JSON text of the value about as long as what is left, or shorter? Lists that share their items can be far
/// longer written than they are kept, so this comes before writing.
fn fits(value: &Value, left: &mut usize) -> bool {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Number(number) => number.to_string().len(),
        _ => 2,
    };
    let mut take = |length: usize| left.checked_sub(length).map(|rest| *left = rest).is_some();
    if !take(length) {
        return false;
    }
    match value {
        Value::List(items) => items.iter().all(|item| fits(item, left)),
        Value::Map(entries) => entries.iter().all(|(name, value)| {
            left.checked_sub(name.len() + 3).map(|rest| *left = rest).is_some() && fits(value, left)
        }),
        _ => true,
    }
}
