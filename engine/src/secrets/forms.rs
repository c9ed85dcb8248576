//! The forms in which a secret may come back: as it is, quoted, in base64, hexadecimal, percent-encoded.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// How often a text may have been quoted in another: a JSON text within a JSON text within a line of the log.
const QUOTED: usize = 3;
/// The longest text that is looked for in all those depths; a longer one would take too much memory, and is looked for as
/// it is quoted once.
const DEEPLY: usize = 1024;
/// The shortest line of a secret with several lines that is known by itself.
const LEAST_LINE: usize = 16;

/// Every form of a secret that is looked for, each once.
pub(super) fn of(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let mut forms = BTreeSet::from([
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        hex::encode(bytes),
        hex::encode_upper(bytes),
        percent(bytes, |_| false, |byte| format!("%{byte:02X}")),
        percent(bytes, |_| false, |byte| format!("%{byte:02x}")),
        form_urlencoded::byte_serialize(bytes).collect(),
    ]);
    for kept in ["-._~", "-._~!*'()", "-._~!$&'()*+,;=:@", "-._~!$&'()*+,;=:@/?"] {
        let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte);
        forms.insert(percent(bytes, is_kept, |byte| format!("%{byte:02X}")));
        forms.insert(percent(bytes, is_kept, |byte| format!("%{byte:02x}")));
    }
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        forms.extend((0..3).map(|before| within_base64(engine, before, bytes)));
    }
    let lines = secret.lines().filter(|line| line.len() >= LEAST_LINE && !line.starts_with("-----"));
    for text in std::iter::once(secret).chain(lines) {
        quoted(text, if text.len() > DEEPLY { 1 } else { QUOTED }, &mut forms);
    }
    forms
}

/// The letters that stand for a secret alone where `before` bytes, give or take threes, were encoded before it, and others
/// after it: `base64(user:secret)` is how HTTP sends a password.
fn within_base64(engine: &impl base64::Engine, before: usize, secret: &[u8]) -> String {
    let encoded = engine.encode([&[0; 3][..before], secret].concat());
    let (first, end) = ((before * 8).div_ceil(6), (before + secret.len()) * 8 / 6);
    encoded.get(first..end).unwrap_or_default().to_owned()
}

/// The text as it is, and as it is written inside quotes, by `serde_json` and by `Debug`.
fn quoted(text: &str, depth: usize, forms: &mut BTreeSet<String>) {
    if !forms.insert(text.to_owned()) || depth == 0 {
        return;
    }
    let inner = |quoted: String| quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
    let json = serde_json::to_string(text).map(inner).unwrap_or_default();
    let ascii: String = json.chars().map(ascii).collect();
    for form in [json, ascii, inner(format!("{text:?}")), text.escape_default().to_string()] {
        if !form.is_empty() {
            quoted(&form, depth - 1, forms);
        }
    }
}

/// A character as JSON writes it for those who take ASCII alone.
fn ascii(character: char) -> String {
    if character.is_ascii() {
        return character.to_string();
    }
    let mut units = [0; 2];
    character.encode_utf16(&mut units).iter().fold(String::new(), |mut text, unit| {
        // Writing to a String cannot fail.
        let _written = write!(text, "\\u{unit:04x}");
        text
    })
}

fn percent(bytes: &[u8], is_kept: impl Fn(u8) -> bool, encode: impl Fn(u8) -> String) -> String {
    bytes.iter().map(|byte| if is_kept(*byte) { char::from(*byte).to_string() } else { encode(*byte) }).collect()
}
