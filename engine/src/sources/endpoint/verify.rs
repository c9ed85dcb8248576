//! How the senders of an endpoint are known. Signatures are checked over the bytes of a body as they came, in a time that
//! does not tell where a guess goes wrong.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oncue_plugins::webhook::{ID, Key, SIGNATURE, TIMESTAMP};
use oncue_rules::time::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use subtle::{Choice, ConstantTimeEq};

use crate::secret::Secret;

/// How far the time of a signature may be from ours when nothing else is said.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// An HMAC-SHA256.
type Digest = [u8; 32];

/// How senders are known. Any of several secrets will do, so that one can be replaced while both are in use.
#[derive(Debug, Clone)]
pub enum Verify {
    /// Not at all.
    Nothing,
    /// By the HMAC-SHA256 of the body.
    Hmac {
        /// The header that holds it.
        header: HeaderName,
        /// What stands before it, such as `sha256=`.
        prefix: String,
        /// How it is written.
        encoding: Encoding,
        /// The secrets.
        keys: Vec<Key>,
    },
    /// As Standard Webhooks says.
    Standard {
        /// The secrets.
        keys: Vec<Key>,
        /// How old a signature may be, and how far ahead.
        tolerance: Duration,
    },
    /// By `t=SECONDS,v1=HEX`, the hexadecimal HMAC-SHA256 of `SECONDS.BODY`, as Stripe signs.
    Timestamped {
        /// The header that holds it.
        header: HeaderName,
        /// The secrets.
        keys: Vec<Key>,
        /// How old a signature may be, and how far ahead.
        tolerance: Duration,
    },
    /// By `Authorization: Bearer TOKEN`.
    Bearer(Vec<Secret>),
    /// By `Authorization: Basic …`; each secret is `USER:PASSWORD`.
    Basic(Vec<Secret>),
}

/// How the bytes of a signature are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As hexadecimal digits of either case.
    Hex,
    /// As base64 with padding.
    Base64,
}

/// What a request says of its body, still to be held against it.
#[derive(Debug)]
pub struct Claim<'v> {
    keys: &'v [Key],
    /// What is signed before the body.
    before: Vec<u8>,
    signatures: Vec<Digest>,
}

/// Why a sender is not known. Nothing in it helps to guess a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header is not there.
    #[error("the header {header} is missing: this path takes signed requests")]
    Missing {
        /// The header.
        header: HeaderName,
    },
    /// A header is there twice, and it is not known which one counts.
    #[error("the header {header} is there more than once")]
    Repeated {
        /// The header.
        header: HeaderName,
    },
    /// A header holds something else.
    #[error("the header {header} does not have the form that this path takes")]
    Malformed {
        /// The header.
        header: HeaderName,
    },
    /// The signature is of another body, or made with another secret.
    #[error(
        "the signature is wrong: it must be made with the right secret, over the bytes of the body as they are sent"
    )]
    Wrong,
    /// It is too old.
    #[error("the request was signed {seconds} s ago: sign each attempt anew, and check the clocks")]
    Old {
        /// How long ago, in seconds.
        seconds: i64,
    },
    /// It is from the future.
    #[error("the request was signed {seconds} s ahead of the time here: check the clocks")]
    Early {
        /// How far ahead, in seconds.
        seconds: i64,
    },
    /// The token, or user and password, are wrong.
    #[error("the header authorization is missing or wrong")]
    Credentials,
}

impl VerifyError {
    /// A word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "signature_missing",
            Self::Repeated { .. } | Self::Malformed { .. } | Self::Wrong => "signature_wrong",
            Self::Old { .. } | Self::Early { .. } => "signature_out_of_time",
            Self::Credentials => "wrong_credentials",
        }
    }
}

impl Verify {
    /// What `WWW-Authenticate` says to one who is not known.
    #[must_use]
    pub fn challenge(&self) -> &'static str {
        match self {
            Self::Bearer(_) => "Bearer realm=\"oncue\"",
            Self::Basic(_) => "Basic realm=\"oncue\", charset=\"UTF-8\"",
            _ => "Signature realm=\"oncue\"",
        }
    }

    /// For how long a captured request may be sent again at most before its time is over; none when it is for ever.
    pub(super) fn window(&self) -> Option<Duration> {
        match self {
            Self::Standard { tolerance, .. } | Self::Timestamped { tolerance, .. } => Some(*tolerance * 2),
            _ => None,
        }
    }

    /// Asks what can be asked before the body is read. What is left is the claim; none when there is nothing more to prove.
    ///
    /// # Errors
    ///
    /// Why the sender is not known.
    pub fn claim(&self, headers: &HeaderMap, now: Timestamp) -> Result<Option<Claim<'_>>, VerifyError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Bearer(secrets) => {
                let token = credentials(headers, "bearer").ok_or(VerifyError::Credentials)?;
                known(Secret::any_matches(secrets, token))
            }
            Self::Basic(secrets) => {
                let decoded = credentials(headers, "basic").and_then(|text| STANDARD.decode(text).ok());
                let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(VerifyError::Credentials)?;
                known(Secret::any_matches(secrets, &text))
            }
            Self::Hmac { header, prefix, encoding, keys } => {
                let signature = one(headers, header)?.strip_prefix(prefix.as_str());
                let digest = signature.and_then(|text| encoding.decode(text)).ok_or_else(|| malformed(header))?;
                Ok(Some(Claim { keys, before: Vec::new(), signatures: vec![digest] }))
            }
            Self::Standard { keys, tolerance } => standard(headers, keys, *tolerance, now).map(Some),
            Self::Timestamped { header, keys, tolerance } => {
                timestamped(headers, header, keys, *tolerance, now).map(Some)
            }
        }
    }
}

impl Claim<'_> {
    /// Holds the claim against the bytes of the body.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Wrong`].
    pub fn check(&self, body: &[u8]) -> Result<(), VerifyError> {
        // Every signature is held against every key, whichever fits.
        let found = self.keys.iter().fold(Choice::from(0), |found, key| {
            let expected = key.mac(&[&self.before, body]);
            self.signatures.iter().fold(found, |found, given| found | expected.as_slice().ct_eq(given))
        });
        if found.into() { Ok(()) } else { Err(VerifyError::Wrong) }
    }
}

impl Encoding {
    fn decode(self, text: &str) -> Option<Digest> {
        match self {
            Self::Hex => {
                let mut digest = Digest::default();
                hex::decode_to_slice(text, &mut digest).ok().map(|()| digest)
            }
            Self::Base64 => STANDARD.decode(text).ok()?.try_into().ok(),
        }
    }
}

fn known<'v>(is_known: bool) -> Result<Option<Claim<'v>>, VerifyError> {
    if is_known { Ok(None) } else { Err(VerifyError::Credentials) }
}

/// What follows the scheme in the one `Authorization` (RFC 9110 section 11.6.2).
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (given, rest) = one(headers, &AUTHORIZATION).ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// `ID.TIMESTAMP.BODY`, signed as `v1,BASE64`, several with spaces between. Other versions are passed over.
///
/// An id may hold dots: should one be moved into a body, or out of it, what is left of that is no JSON.
fn standard<'v>(
    headers: &HeaderMap,
    keys: &'v [Key],
    tolerance: Duration,
    now: Timestamp,
) -> Result<Claim<'v>, VerifyError> {
    let (id, time) = (one(headers, &ID)?, one(headers, &TIMESTAMP)?);
    let written = one(headers, &SIGNATURE)?.split_whitespace().filter_map(|part| part.strip_prefix("v1,"));
    let signatures: Vec<_> = written.filter_map(|text| Encoding::Base64.decode(text)).collect();
    if signatures.is_empty() {
        return Err(malformed(&SIGNATURE));
    }
    in_time(time, &TIMESTAMP, tolerance, now)?;
    Ok(Claim { keys, before: format!("{id}.{time}.").into_bytes(), signatures })
}

/// `t=SECONDS,v1=HEX`, several `v1` while a secret is replaced. Other members are passed over.
fn timestamped<'v>(
    headers: &HeaderMap,
    header: &HeaderName,
    keys: &'v [Key],
    tolerance: Duration,
    now: Timestamp,
) -> Result<Claim<'v>, VerifyError> {
    let members: Vec<_> = one(headers, header)?.split(',').filter_map(|member| member.trim().split_once('=')).collect();
    let all = |name: &'static str| members.iter().filter(move |member| member.0 == name).map(|member| member.1);
    let signatures: Vec<_> = all("v1").filter_map(|text| Encoding::Hex.decode(text)).collect();
    let (Some(time), None, false) = (all("t").next(), all("t").nth(1), signatures.is_empty()) else {
        return Err(malformed(header));
    };
    in_time(time, header, tolerance, now)?;
    Ok(Claim { keys, before: format!("{time}.").into_bytes(), signatures })
}

/// The text of a header that must be there once.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, VerifyError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| VerifyError::Missing { header: name.clone() })?;
    if values.next().is_some() {
        return Err(VerifyError::Repeated { header: name.clone() });
    }
    value.to_str().map_err(|_| malformed(name))
}

fn in_time(seconds: &str, header: &HeaderName, tolerance: Duration, now: Timestamp) -> Result<(), VerifyError> {
    let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    let signed: i64 = seconds.parse().ok().filter(|_| digits).ok_or_else(|| malformed(header))?;
    let (now, tolerance) = (now.0.div_euclid(1000), i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX));
    let age = now.saturating_sub(signed);
    if age > tolerance {
        Err(VerifyError::Old { seconds: age })
    } else if age < -tolerance {
        Err(VerifyError::Early { seconds: age.saturating_neg() })
    } else {
        Ok(())
    }
}

fn malformed(header: &HeaderName) -> VerifyError {
    VerifyError::Malformed { header: header.clone() }
}
