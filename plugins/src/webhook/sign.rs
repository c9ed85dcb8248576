//! Signatures: how a receiver knows that a webhook is from here and was not changed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

/// The header with the idempotency key of the webhook: equal for every attempt, so that a receiver can drop repeats.
pub const ID: HeaderName = HeaderName::from_static("webhook-id");
/// The header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// The header with the signatures of Standard Webhooks.
pub const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

const PREFIX: &str = "whsec_";
/// Bytes of a key (Standard Webhooks, "Signature scheme").
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How a webhook is signed.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Sign {
    /// Not at all.
    #[default]
    None,
    /// As Standard Webhooks says: `v1,` and the base64 HMAC-SHA256 of `ID.TIMESTAMP.BODY`, one for each secret.
    Standard(Vec<Key>),
    /// The hexadecimal HMAC-SHA256 of the body in a header of its own.
    Hmac {
        /// The header.
        header: HeaderName,
        /// What stands before the digits, such as `sha256=`.
        prefix: String,
        /// The secret.
        key: Key,
    },
}

/// A secret; not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Box<[u8]>);

/// A text is no secret of Standard Webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret of Standard Webhooks is `whsec_` and the base64 of 24 to 64 random bytes; \
     `echo whsec_$(head -c 32 /dev/urandom | base64)` makes one"
)]
pub struct KeyError;

impl Key {
    /// The key in a secret of Standard Webhooks; `whsec_` may be left out.
    ///
    /// # Errors
    ///
    /// When it is not base64, or has too few or too many bytes.
    pub fn standard(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).map_err(|_| KeyError)?;
        if KEY_BYTES.contains(&bytes.len()) { Ok(Self(bytes.into())) } else { Err(KeyError) }
    }

    /// A text as the key, byte by byte.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// The HMAC-SHA256 of the parts in a row.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> Vec<u8> {
        // HMAC takes keys of any length, so there is none that it refuses.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Vec::new() };
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    }
}

impl Sign {
    /// Puts id, time and signature of a body into the headers of its request.
    ///
    /// # Errors
    ///
    /// When a header cannot carry what it should: its name.
    pub fn apply(&self, headers: &mut HeaderMap, id: &str, timestamp: i64, body: &[u8]) -> Result<(), HeaderName> {
        headers.insert(ID, HeaderValue::from_str(id).map_err(|_| ID)?);
        headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
        let (name, text) = match self {
            Self::None => return Ok(()),
            Self::Standard(keys) => {
                let time = timestamp.to_string();
                let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
                let signatures = keys.iter().map(|key| format!("v1,{}", STANDARD.encode(key.mac(&parts))));
                (SIGNATURE, signatures.collect::<Vec<_>>().join(" "))
            }
            Self::Hmac { header, prefix, key } => {
                (header.clone(), format!("{prefix}{}", hex::encode(key.mac(&[body]))))
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| name.clone())?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

impl fmt::Debug for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Standard(keys) => write!(f, "Standard({} secrets)", keys.len()),
            Self::Hmac { header, .. } => write!(f, "Hmac({header})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;

    use super::*;

    const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID_VALUE: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

    fn signed(sign: &Sign, timestamp: i64, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        sign.apply(&mut headers, ID_VALUE, timestamp, body).unwrap();
        headers
    }

    fn standard(secrets: &[&str]) -> Sign {
        Sign::Standard(secrets.iter().map(|secret| Key::standard(secret).unwrap()).collect())
    }

    #[test]
    fn the_published_vector_of_standard_webhooks_comes_out() {
        let headers = signed(&standard(&[OLD]), 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(headers[SIGNATURE], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(headers[ID], ID_VALUE);
        assert_eq!(headers[TIMESTAMP], "1614265330");
    }

    #[test]
    fn the_reference_library_takes_what_is_signed_and_nothing_that_was_changed() {
        let body = "{\"file\":\"中文\"}".as_bytes();
        let headers = signed(&standard(&[OLD]), jiff::Timestamp::now().as_second(), body);
        let receiver = Webhook::new(OLD).unwrap();
        receiver.verify(body, &headers).unwrap();
        receiver.verify(b"{}", &headers).unwrap_err();
        Webhook::new(NEW).unwrap().verify(body, &headers).unwrap_err();
        let mut other = headers.clone();
        other.insert(ID, HeaderValue::from_static("msg_other"));
        receiver.verify(body, &other).unwrap_err();
    }

    #[test]
    fn while_secrets_change_receivers_with_either_take_it() {
        let headers = signed(&standard(&[NEW, OLD]), jiff::Timestamp::now().as_second(), b"{}");
        for secret in [OLD, NEW] {
            Webhook::new(secret).unwrap().verify(b"{}", &headers).unwrap();
        }
    }

    #[test]
    fn a_plain_signature_is_the_hmac_of_the_body_after_its_prefix() {
        // RFC 4231, test case 2.
        let digits = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let sign = |prefix: &str| Sign::Hmac {
            header: HeaderName::from_static("x-signature"),
            prefix: prefix.to_owned(),
            key: Key::plain("Jefe"),
        };
        let value = |prefix| signed(&sign(prefix), 0, b"what do ya want for nothing?")["x-signature"].clone();
        assert_eq!(value(""), digits);
        assert_eq!(value("sha256="), format!("sha256={digits}"));
        assert!(value("").is_sensitive());
    }

    #[test]
    fn a_secret_is_base64_of_enough_bytes_and_never_shown() {
        assert_eq!(Key::standard(OLD), Key::standard(OLD.trim_start_matches(PREFIX)));
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "not base64 at all, it is not", &"A".repeat(100)] {
            assert_eq!(Key::standard(text), Err(KeyError), "{text}");
        }
        let shown = format!("{:?} {:?}", standard(&[OLD]), Key::plain("Jefe"));
        assert_eq!(shown, "Standard(1 secrets) Key(***)");
    }
}
