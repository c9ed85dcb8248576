//! Replaces known secrets in texts and values.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use oncue_rules::value::{Map, Value};

use super::forms;
use crate::secret::Secret;

/// Shorter secrets are not looked for: they would be found in texts that have nothing to do with them.
pub const LEAST_LENGTH: usize = 6;

/// Where actions and the engine cut what is too long.
const CUT: &str = "…";

/// What stands in place of a secret.
const INSTEAD: &str = "***";

/// Replaces the secrets of one configuration by `***`: as they are, quoted, in base64 (standard or URL-safe, padded or
/// not, also together with other bytes), in hexadecimal digits of either case, and percent-encoded. Secrets shorter than
/// [`LEAST_LENGTH`] stay.
#[derive(Default)]
pub struct Scrubber {
    finder: Option<AhoCorasick>,
    forms: Vec<String>,
}

impl Scrubber {
    /// One for these secrets.
    #[must_use]
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let texts: BTreeSet<&str> =
            secrets.into_iter().map(Secret::expose).filter(|text| text.len() >= LEAST_LENGTH).collect();
        let forms: Vec<String> = texts.into_iter().flat_map(forms::of).collect::<BTreeSet<_>>().into_iter().collect();
        if forms.is_empty() {
            return Self::default();
        }
        match AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms) {
            Ok(finder) => Self { finder: Some(finder), forms },
            Err(error) => {
                // Only more than 2^31 states do not build, and files of secrets are limited to 64 KiB each.
                tracing::error!(%error, "there are too many secrets to look for: texts are not scrubbed of them");
                Self::default()
            }
        }
    }

    /// The text without secrets, and without the beginning of one before a `…` that says where a text was cut.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(finder) = self.finder.as_ref().filter(|_| self.finds(text)) else { return Cow::Borrowed(text) };
        let mut scrubbed = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut scrubbed, |_, _, into| {
            into.push_str(INSTEAD);
            true
        });
        if !scrubbed.contains(CUT) {
            return Cow::Owned(scrubbed);
        }
        let mut parts: Vec<&str> = scrubbed.split(CUT).collect();
        let last = parts.pop().unwrap_or_default();
        let whole = parts.into_iter().fold(String::new(), |whole, part| match self.begun(part) {
            0 => whole + part + CUT,
            begun => whole + &part[..part.len() - begun] + INSTEAD + CUT,
        });
        Cow::Owned(whole + last)
    }

    /// The bytes of a text without secrets.
    #[must_use]
    pub fn bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        match String::from_utf8_lossy(bytes) {
            text if self.finds(&text) => Cow::Owned(self.text(&text).into_owned().into_bytes()),
            _ => Cow::Borrowed(bytes),
        }
    }

    /// The value without secrets, those in names included. A number that is a secret as it stands becomes a text.
    #[must_use]
    pub fn value(&self, value: Value) -> Value {
        if self.is_clean(&value) { value } else { self.cleaned(&value) }
    }

    fn finds(&self, text: &str) -> bool {
        let Some(finder) = &self.finder else { return false };
        finder.is_match(text) || text.match_indices(CUT).any(|(at, _)| self.begun(&text[..at]) > 0)
    }

    /// How many bytes at the end of a text that was cut are the beginning of a secret.
    fn begun(&self, text: &str) -> usize {
        let lengths = self.forms.iter().filter_map(|form| {
            let most = form.len().min(text.len());
            (LEAST_LENGTH..=most).rev().find(|length| form.get(..*length).is_some_and(|part| text.ends_with(part)))
        });
        lengths.max().unwrap_or(0)
    }

    /// Whether these digits are a secret, and not only hold one by chance.
    fn is_secret(&self, digits: &str) -> bool {
        self.finder.as_ref().and_then(|finder| finder.find(digits)).is_some_and(|found| found.len() == digits.len())
    }

    fn is_clean(&self, value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) | Value::Secret(_) => true,
            Value::Number(number) => !self.is_secret(&number.to_string()),
            Value::Text(text) => !self.finds(text),
            Value::List(items) => items.iter().all(|item| self.is_clean(item)),
            Value::Map(entries) => entries.iter().all(|(name, value)| !self.finds(name) && self.is_clean(value)),
        }
    }

    fn cleaned(&self, value: &Value) -> Value {
        match value {
            Value::Number(number) if self.is_secret(&number.to_string()) => Value::text(INSTEAD),
            Value::Text(text) => Value::text(self.text(text).into_owned()),
            Value::List(items) => Value::list(items.iter().map(|item| self.cleaned(item)).collect()),
            Value::Map(entries) => {
                let entries = entries.iter().map(|(name, value)| (self.text(name).into_owned(), self.cleaned(value)));
                Value::map(entries.collect::<Map>())
            }
            other => other.clone(),
        }
    }
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scrubber(..)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn scrubber(secret: &str) -> Scrubber {
        Scrubber::new([&Secret::new(secret)])
    }

    #[test]
    fn every_form_of_a_secret_is_replaced() {
        let scrubber = scrubber("p?ss~w/rd>>\u{fc}!");
        for form in [
            "p?ss~w/rd>>\u{fc}!",
            "cD9zc353L3JkPj7DvCE=",
            "cD9zc353L3JkPj7DvCE",
            "cD9zc353L3JkPj7DvCE=",
            "703f73737e772f72643e3ec3bc21",
            "703F73737E772F72643E3EC3BC21",
            "p%3Fss~w%2Frd%3E%3E%C3%BC%21",
            "p%3fss~w%2frd%3e%3e%c3%bc%21",
            "p%3Fss%7Ew%2Frd%3E%3E%C3%BC%21",
            "p%3Fss~w%2Frd%3E%3E%C3%BC!",
            r"p?ss~w/rd>>\u00fc!",
            "%70%3F%73%73%7E%77%2F%72%64%3E%3E%C3%BC%21",
        ] {
            assert_eq!(scrubber.text(&format!("<{form}>")), "<***>", "{form}");
            assert_eq!(&*scrubber.bytes(form.as_bytes()), b"***", "{form}");
        }
    }

    #[test]
    fn a_password_is_replaced_within_the_credentials_of_http() {
        let scrubber = scrubber("pass-word");
        for user in ["", "a", "ab", "abc", "somebody"] {
            for after in ["", "!", "!!", "!!!"] {
                let text = STANDARD.encode(format!("{user}:pass-word{after}"));
                let clean = scrubber.text(&text).into_owned();
                let left = clean.replace("***", "").len();
                assert!(clean.contains("***") && left <= text.len() - 10, "{text} {clean}");
            }
        }
    }

    #[test]
    fn a_secret_with_quotes_is_found_however_often_it_was_quoted() {
        let secret = "say \"hi\"\n\\o/ twice";
        let scrubber = scrubber(secret);
        let mut text = secret.to_owned();
        for _ in 0..3 {
            assert_eq!(scrubber.text(&text).replace(['"', '\\'], ""), "***", "{text}");
            text = serde_json::to_string(&text).unwrap();
        }
        assert_eq!(scrubber.text(&format!("{secret:?}")), "\"***\"");
    }

    #[test]
    fn a_line_of_a_key_is_known_by_itself() {
        let scrubber = scrubber("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nshort\n-----END KEY-----\n");
        assert_eq!(scrubber.text("-----BEGIN KEY----- MIIEvQIBADANBgkqhkiG short"), "-----BEGIN KEY----- *** short");
    }

    #[test]
    fn a_short_secret_is_left_in_texts() {
        assert_eq!(scrubber("12345").text("12345"), "12345");
        assert_eq!(scrubber("123456").text("0123456"), "0***");
    }

    #[test]
    fn of_two_secrets_in_one_place_the_longer_is_replaced() {
        let scrubber = Scrubber::new(&[Secret::new("abcdef"), Secret::new("abcdefgh")]);
        assert_eq!(scrubber.text("abcdefgh abcdef"), "*** ***");
    }

    #[test]
    fn the_beginning_of_a_secret_that_was_cut_is_replaced() {
        let scrubber = scrubber("marker-1234567");
        assert_eq!(scrubber.text("no marker-12… here"), "no ***… here");
        assert_eq!(scrubber.text("marker-1234567 6d61726b65722d3… a…"), "*** ***… a…");
        assert_eq!(scrubber.text("no mark… and …"), "no mark… and …");
    }

    #[test]
    fn only_a_number_that_is_a_secret_is_replaced() {
        let value = Value::from_json(b"[123456,51234567]").unwrap();
        assert_eq!(scrubber("123456").value(value).to_json(), r#"["***",51234567]"#);
    }

    proptest! {
        #[test]
        fn no_secret_survives_in_any_form(secret in "\\PC{6,40}", before in "[a-z<]{0,5}", after in "[ >]{0,5}") {
            let scrubber = scrubber(&secret);
            for form in forms::of(&secret) {
                let scrubbed = scrubber.text(&format!("{before}{form}{after}")).into_owned();
                prop_assert!(!scrubbed.contains(&form) || INSTEAD.contains(&form), "{} in {}", form, scrubbed);
            }
        }
    }
}
