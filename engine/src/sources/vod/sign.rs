//! The signature of a notification: `Sign = MD5(SignKey + T)`, where `T` says until when it counts (protocol section 4).
//!
//! It does not cover the body: it proves that the sender has the key, or has seen a notification whose `T` is not over.

use md5::Md5;
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use sha2::Digest;
use subtle::{Choice, ConstantTimeEq};

use crate::secret::Secret;

/// How far the clocks may differ, in seconds.
const SKEW: i64 = 300;
/// How long the vendor lets a signature live, in seconds.
const LIFETIME: i64 = 600;

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// There is none.
    #[error("the notification has no Sign and T: set the SignKey of this application in VOD's event notification")]
    Missing,
    /// `T` is no number of seconds.
    #[error("T of the notification is no Unix time in seconds")]
    BadTime,
    /// `Sign` belongs to no configured key.
    #[error("Sign of the notification is wrong: sign_key must be the SignKey of VOD's event notification")]
    Wrong,
    /// `MD5(T + key)`, as MPS signs.
    #[error("Sign of the notification is MD5(T + key), the order of MPS: VOD signs MD5(SignKey + T)")]
    MpsOrder,
    /// `T` is over.
    #[error("the signature ended {seconds} s ago: check the clock of this machine")]
    Expired {
        /// How long ago, in seconds.
        seconds: i64,
    },
    /// `T` is further away than the vendor sets it.
    #[error("the signature ends {seconds} s from now, later than VOD sets it: check the clock of this machine")]
    TooFar {
        /// How far away, in seconds.
        seconds: i64,
    },
}

/// What makes a notification a signed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `Sign`.
    pub sign: String,
    /// `T`, in Unix seconds.
    pub until: i64,
}

/// Signs a notification as the vendor does: for ten minutes.
#[must_use]
pub fn sign(key: &Secret, now: Timestamp) -> Signature {
    let until = now.0.div_euclid(1000).saturating_add(LIFETIME);
    Signature { sign: hex::encode(Md5::digest(format!("{}{until}", key.expose()))), until }
}

/// Checks the signature of a notification against the keys; any of them will do.
///
/// `Sign` and `T` are looked for at the top of the body, then there in lower case, then in the query.
///
/// # Errors
///
/// A [`SignError`] that says why it does not count.
pub fn verify(keys: &[Secret], body: &Value, query: &str, now: Timestamp) -> Result<(), SignError> {
    let (sign, time) = find(body, query).ok_or(SignError::Missing)?;
    let time = time.ok_or(SignError::BadTime)?;
    let mut bytes = [0; 16];
    hex::decode_to_slice(&sign, &mut bytes).map_err(|_| SignError::Wrong)?;
    if !signed_by_any(keys, &bytes, |key| [key, &time.text]) {
        let mps = signed_by_any(keys, &bytes, |key| [&time.text, key]);
        return Err(if mps { SignError::MpsOrder } else { SignError::Wrong });
    }
    let now = now.0.div_euclid(1000);
    if now > time.seconds.saturating_add(SKEW) {
        return Err(SignError::Expired { seconds: now.saturating_sub(time.seconds) });
    }
    if time.seconds > now.saturating_add(LIFETIME + SKEW) {
        return Err(SignError::TooFar { seconds: time.seconds.saturating_sub(now) });
    }
    Ok(())
}

fn signed_by_any<'a>(keys: &'a [Secret], sign: &[u8; 16], parts: impl Fn(&'a str) -> [&'a str; 2]) -> bool {
    let found = keys.iter().filter(|key| !key.expose().is_empty()).fold(Choice::from(0), |found, key| {
        let expected: [u8; 16] = Md5::digest(parts(key.expose()).concat()).into();
        found | expected.ct_eq(sign)
    });
    found.into()
}

struct Time {
    /// As it was signed.
    text: String,
    seconds: i64,
}

impl Time {
    fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = text.parse().ok().filter(|_| digits)?;
        Some(Self { text: text.to_owned(), seconds })
    }

    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::Text(text) => Self::parse(text),
            _ => None,
        }
    }
}

const NAMES: [(&str, &str); 2] = [("Sign", "T"), ("sign", "t")];

/// The first place that has both; the time is `None` when it is not one.
fn find(body: &Value, query: &str) -> Option<(String, Option<Time>)> {
    let in_body = NAMES.into_iter().find_map(|(sign, time)| {
        let time = Some(body.get(time)).filter(|time| **time != Value::Null)?;
        Some((body.get(sign).as_text()?.to_owned(), Time::of(time)))
    });
    let parameter = |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|pair| pair.0 == name);
    let in_query = || {
        NAMES
            .into_iter()
            .find_map(|(sign, time)| Some((parameter(sign)?.1.to_owned(), Time::parse(parameter(time)?.1))))
    };
    in_body.or_else(in_query)
}
