//! Fields that hold one text, number, boolean, duration or word.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::node::NodeKind;
use crate::value::Value;

use super::{Field, did_you_mean};

/// What kind of name a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identifier {
    /// `[a-z][a-z0-9_]*`, at most 64 characters: what expressions can name.
    Variable,
    /// `[a-z0-9][a-z0-9_-]*`, at most 100 characters.
    Name,
}

impl Identifier {
    /// Whether the text is such a name.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let first = text.bytes().next().unwrap_or(b'-');
        match self {
            Self::Variable => first.is_ascii_lowercase() && text.len() <= 64 && text.bytes().all(rest),
            Self::Name => {
                (first.is_ascii_lowercase() || first.is_ascii_digit())
                    && text.len() <= 100
                    && text.bytes().all(|byte| rest(byte) || byte == b'-')
            }
        }
    }

    /// How such a name is made.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Variable => "lower-case letters, digits and `_`, a letter first, at most 64 characters",
            Self::Name => "lower-case letters, digits, `-` and `_`, a letter or digit first, at most 100 characters",
        }
    }

    /// A name of this kind that is close to the text; empty when nothing of it can be used.
    fn suggestion(self, text: &str) -> String {
        let separator = if self == Self::Name { '-' } else { '_' };
        let mut name = String::new();
        for character in text.trim().chars() {
            let lower = character.to_ascii_lowercase();
            let allowed = lower.is_ascii_alphanumeric() || lower == '_' || (lower == '-' && self == Self::Name);
            name.push(if allowed { lower } else { separator });
        }
        let name = name.trim_matches(|c: char| c == separator || (self == Self::Variable && c.is_ascii_digit()));
        if self.fits(name) { name.to_owned() } else { String::new() }
    }
}

impl<'a> Field<'a> {
    fn scalar(&self) -> Option<&'a Value> {
        match &self.node().kind {
            NodeKind::Scalar(value) => Some(value),
            _ => None,
        }
    }

    /// The text that it must be.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        let text = self.scalar().and_then(Value::as_text);
        if text.is_none() {
            let hint = match self.scalar() {
                Some(Value::Number(_) | Value::Bool(_)) => "quote it",
                _ => "write a text",
            };
            self.mismatch("a text", hint);
        }
        text
    }

    /// The text that it must be, which has something in it.
    #[must_use]
    pub fn some_text(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.error(format!("`{}` is an empty text", self.name()), "write something, or leave the field out");
            return None;
        }
        Some(text)
    }

    /// The integer in a range that it must be.
    #[must_use]
    pub fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (range.start(), range.end());
        let expected = format!("a number from {least} to {most}");
        let Some(Value::Number(number)) = self.scalar() else {
            let hint = match self.scalar() {
                Some(Value::Text(text)) if text.parse::<u64>().is_ok() => "write it without quotes".to_owned(),
                _ => format!("write a whole number, such as `{}: {least}`", self.name()),
            };
            self.mismatch(&expected, hint);
            return None;
        };
        let integer = number.as_u64().filter(|integer| range.contains(integer));
        if integer.is_none() {
            let message = format!("`{}` must be {expected}, and this is {number}", self.name());
            self.error(message, "write a whole number in that range");
        }
        integer
    }

    /// `true` or `false`, which it must be.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        if let Some(Value::Bool(boolean)) = self.scalar() {
            return Some(*boolean);
        }
        let hint = match self.scalar().and_then(Value::as_text) {
            Some("yes" | "on" | "Yes" | "On" | "True") => "write `true`",
            Some("no" | "off" | "No" | "Off" | "False") => "write `false`",
            _ => "write `true` or `false`, without quotes",
        };
        self.mismatch("`true` or `false`", hint);
        None
    }

    /// The duration in a range that it must be: a number and `ms`, `s`, `m`, `h` or `d`.
    #[must_use]
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        const FORM: &str = "a duration such as `500ms`, `30s`, `5m`, `6h` or `7d`";
        let Some(text) = self.scalar().and_then(Value::as_text) else {
            let hint = match self.scalar() {
                Some(Value::Number(number)) => format!("add a unit: `{number}s` for seconds"),
                _ => "write a number and a unit".to_owned(),
            };
            self.mismatch(FORM, hint);
            return None;
        };
        let Some(duration) = parse_duration(text) else {
            let message = format!("`{}` must be {FORM}, and this is `{text}`", self.name());
            self.error(message, "write one whole number and one unit, without spaces");
            return None;
        };
        if range.contains(&duration) {
            return Some(duration);
        }
        let (least, most) = (write_duration(*range.start()), write_duration(*range.end()));
        let message = format!("`{}` must be from `{least}` to `{most}`, and this is `{text}`", self.name());
        self.error(message, "write a duration in that range");
        None
    }

    /// The name that it must be.
    #[must_use]
    pub fn identifier(&self, kind: Identifier) -> Option<&'a str> {
        let Some(text) = self.scalar().and_then(Value::as_text) else {
            self.mismatch("a text", format!("use {}, in quotes if need be", kind.rule()));
            return None;
        };
        if kind.fits(text) {
            return Some(text);
        }
        let hint = match kind.suggestion(text).as_str() {
            "" => format!("use {}", kind.rule()),
            name => format!("use {}, such as `{name}`", kind.rule()),
        };
        self.error(format!("`{}` cannot be `{text}`", self.name()), hint);
        None
    }

    /// One of some words, with what it stands for.
    #[must_use]
    pub fn one_of<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let names = || words.iter().map(|(word, _)| *word);
        let list = names().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let Some(text) = self.scalar().and_then(Value::as_text) else {
            self.mismatch(&format!("one of {list}"), format!("write one of {list}"));
            return None;
        };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let message = format!("`{}` cannot be `{text}`", self.name());
            self.error(message, did_you_mean(text, "it is one of", names()));
        }
        found
    }
}

/// The duration that a text such as `30s` means; `None` when it is none or is longer than 10,000 days.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    const LONGEST: u64 = 10_000 * 86_400_000;
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(millis_per_unit)?;
    (millis <= LONGEST).then(|| Duration::from_millis(millis))
}

/// The text that [`parse_duration`] reads as this duration, in the largest unit that is exact; parts of a millisecond
/// are left out.
#[must_use]
pub fn write_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let exact = units.iter().find(|(_, size)| millis > 0 && millis.is_multiple_of(*size));
    exact.map_or_else(|| format!("{millis}ms"), |(unit, size)| format!("{}{unit}", millis / size))
}
