//! Texts that must not be shown: callback tokens, signing keys, the admin token.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// A secret text. It is not printed by `Debug`, has no `Display`, and is compared in a time that tells neither where a
/// guess goes wrong nor how long the secret is.
#[derive(Clone)]
pub struct Secret {
    text: Box<str>,
    digest: [u8; 32],
}

impl Secret {
    /// The secret with this text. An empty secret is one that nothing matches.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let digest = Sha256::digest(text.as_bytes()).into();
        Self { text, digest }
    }

    /// The text itself, for computing with it; never for a log, an error or an answer.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether `guess` is the secret.
    #[must_use]
    pub fn matches(&self, guess: &str) -> bool {
        Self::any_matches(std::slice::from_ref(self), guess)
    }

    /// Whether `guess` is one of the secrets; looks at all of them whichever it is.
    #[must_use]
    pub fn any_matches(secrets: &[Self], guess: &str) -> bool {
        // Digests have one length, so comparing them does not tell the lengths of the secrets.
        let guess: [u8; 32] = Sha256::digest(guess.as_bytes()).into();
        let found = secrets.iter().fold(Choice::from(0), |found, secret| {
            let usable = Choice::from(u8::from(!secret.text.is_empty()));
            found | (usable & secret.digest.ct_eq(&guess))
        });
        found.into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_matches() {
        let secret = Secret::new("s3cret");
        assert!(secret.matches("s3cret"));
        for wrong in ["", "s3cre", "s3crets", "S3cret"] {
            assert!(!secret.matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn any_of_several_matches() {
        let secrets = [Secret::new("old"), Secret::new("new")];
        assert!(Secret::any_matches(&secrets, "old"));
        assert!(Secret::any_matches(&secrets, "new"));
        assert!(!Secret::any_matches(&secrets, "oldnew"));
        assert!(!Secret::any_matches(&[], "old"));
    }

    #[test]
    fn an_empty_secret_matches_nothing() {
        assert!(!Secret::new("").matches(""));
    }

    #[test]
    fn debug_does_not_show_the_text() {
        assert_eq!(format!("{:?}", Secret::new("s3cret")), "Secret(***)");
    }
}
