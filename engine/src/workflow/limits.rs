//! How much a run may hold, and how sizes are measured without building the text.

use std::fmt::{self, Write as _};

use oncue_rules::value::Value;

/// Items of one `for_each`.
pub const ITEM_LIMIT: usize = 10_000;
/// Bytes of the outputs of one step, as JSON.
pub const OUTPUT_LIMIT: usize = 64 * 1024;
/// Bytes of all outputs of the steps of a run, as JSON. `on_failure` has the same again, so that it can always speak.
pub const RUN_LIMIT: u64 = 4 * 1024 * 1024;
/// Bytes of the rendered parameters of one call, as JSON.
pub const PARAMS_LIMIT: usize = 1024 * 1024;
/// Steps and items that one commit takes; a run with more to do goes on in the next commit.
pub const STEPS_PER_COMMIT: u32 = 128;
/// How often one step may lose its attempt to a crash before the step is taken to be the cause.
pub(super) const INTERRUPTION_LIMIT: u32 = 10;

const CODE_CHARS: usize = 100;
const MESSAGE_CHARS: usize = 1_000;

/// Whether the value is at most about `limit` bytes of JSON. Stops at the limit, however much is shared inside.
pub(super) fn fits(value: &Value, limit: usize) -> bool {
    let mut room = Room(limit);
    room.value(value).is_ok()
}

struct Room(usize);

impl Room {
    fn take(&mut self, bytes: usize) -> fmt::Result {
        self.0 = self.0.checked_sub(bytes).ok_or(fmt::Error)?;
        Ok(())
    }

    fn value(&mut self, value: &Value) -> fmt::Result {
        match value {
            Value::Null | Value::Bool(_) => self.take(4),
            Value::Number(number) => write!(self, "{number}"),
            Value::Text(text) => self.take(text.len() + 2),
            // What it is in the end is a secret of at most 64 KiB.
            Value::Secret(name) => self.take(name.as_str().len() + "\"${{ secrets. }}\"".len()),
            Value::List(items) => {
                self.take(2)?;
                items.iter().try_for_each(|item| self.take(1).and_then(|()| self.value(item)))
            }
            Value::Map(entries) => {
                self.take(2)?;
                entries.iter().try_for_each(|(name, value)| self.take(name.len() + 4).and_then(|()| self.value(value)))
            }
        }
    }
}

impl fmt::Write for Room {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.take(text.len())
    }
}

/// An error code, cut to what a cursor can bear.
pub(super) fn clip_code(code: &str) -> String {
    code.chars().take(CODE_CHARS).collect()
}

/// An error message, cut to what a cursor can bear.
pub(super) fn clip_message(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => message.get(..end).unwrap_or_default().to_owned() + "…",
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_value_that_shares_itself_many_times_does_not_fit_and_takes_no_time() {
        let mut value = Value::text("0123456789");
        for _ in 0..60 {
            value = Value::list(vec![value.clone(), value]);
        }
        assert!(!fits(&value, PARAMS_LIMIT));
    }

    #[test]
    fn a_value_fits_up_to_its_length_as_json() {
        let value = Value::from_json(br#"{"a":[1,"xy",null]}"#).unwrap();
        assert!(fits(&value, 25));
        assert!(!fits(&value, 10));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(clip_message(&"é".repeat(2_000)).chars().count(), MESSAGE_CHARS + 1);
        assert_eq!(clip_message("short"), "short");
    }
}
