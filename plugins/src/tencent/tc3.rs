//! TC3-HMAC-SHA256, the signature of Tencent Cloud API requests (protocol section 7): both the side that signs and the
//! side that checks, which a stand-in server needs.
//!
//! Pure: no clock, no I/O.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::tz::Offset;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The name of the algorithm, as requests spell it.
pub const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// How far the time of a request may be from the server's, in seconds (protocol section 7).
pub const CLOCK_TOLERANCE: u64 = 300;

const TERMINATOR: &str = "tc3_request";

/// What is signed: a `POST /` without a query. The names of the two signed headers are `content-type` and `host`.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Names the key.
    pub secret_id: &'a str,
    /// The key.
    pub secret_key: &'a str,
    /// The service, such as `vod`.
    pub service: &'a str,
    /// The `Host` header exactly as sent, with the port when it is sent.
    pub host: &'a str,
    /// The `Content-Type` header exactly as sent.
    pub content_type: &'a str,
    /// The body exactly as sent.
    pub payload: &'a [u8],
    /// `X-TC-Timestamp`, in Unix seconds. Years beyond what a calendar holds sign as 1970-01-01, which no server accepts.
    pub timestamp: i64,
}

/// The value of the `Authorization` header of a request.
#[must_use]
pub fn sign(request: &Request<'_>) -> String {
    let date = utc_date(request.timestamp);
    let headers = [("content-type", request.content_type), ("host", request.host)];
    let canonical = canonical_request(&headers, request.payload);
    let scope = format!("{date}/{}/{TERMINATOR}", request.service);
    let to_sign = string_to_sign(request.timestamp, &scope, &canonical);
    let signature = hmac(&signing_key(request.secret_key, &date, request.service), to_sign.as_bytes());
    format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders=content-type;host, Signature={}",
        request.secret_id,
        hex::encode(signature)
    )
}

/// An `Authorization` header, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Names the key.
    pub secret_id: String,
    /// The UTC date of the signature, `yyyy-mm-dd`.
    pub date: String,
    /// The service, such as `vod`.
    pub service: String,
    /// The lower-case names of the signed headers, in the order of the header, which is sorted.
    pub signed_headers: Vec<String>,
    /// The signature.
    pub signature: [u8; 32],
}

/// A text is not an `Authorization` header of this algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// It names another algorithm, or none.
    #[error("the authorization does not start with {ALGORITHM}")]
    Algorithm,
    /// A part is missing or not as it should be.
    #[error("the authorization has no valid {part}")]
    Part {
        /// `Credential`, `SignedHeaders` or `Signature`.
        part: &'static str,
    },
}

/// Takes an `Authorization` header apart. Whether its signature is right is for [`verify`].
///
/// # Errors
///
/// When it is not of the form that [`sign`] makes, or does not sign at least `content-type` and `host`.
pub fn parse_authorization(header: &str) -> Result<Authorization, AuthorizationError> {
    let fields = header.trim().strip_prefix(ALGORITHM).ok_or(AuthorizationError::Algorithm)?;
    let fields = fields.strip_prefix(' ').ok_or(AuthorizationError::Algorithm)?;
    let field = |part: &'static str| {
        let mut values = fields.split(',').filter_map(|field| field.trim().strip_prefix(part)?.strip_prefix('='));
        values.next().ok_or(AuthorizationError::Part { part })
    };
    let credential = AuthorizationError::Part { part: "Credential" };
    let mut scope = field("Credential")?.split('/');
    let mut next = || scope.next().filter(|text| !text.is_empty()).ok_or(credential);
    let (secret_id, date, service, terminator) = (next()?, next()?, next()?, next()?);
    if terminator != TERMINATOR || next().is_ok() {
        return Err(credential);
    }
    let signed_headers: Vec<String> = field("SignedHeaders")?.split(';').map(str::to_owned).collect();
    let signs = |name: &str| signed_headers.iter().any(|signed| signed == name);
    if !signs("content-type") || !signs("host") || !signed_headers.is_sorted_by(|a, b| a < b) {
        return Err(AuthorizationError::Part { part: "SignedHeaders" });
    }
    let mut signature = [0; 32];
    hex::decode_to_slice(field("Signature")?, &mut signature)
        .map_err(|_| AuthorizationError::Part { part: "Signature" })?;
    Ok(Authorization {
        secret_id: secret_id.to_owned(),
        date: date.to_owned(),
        service: service.to_owned(),
        signed_headers,
        signature,
    })
}

/// What a server received beside the `Authorization` header.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// The key that [`Authorization::secret_id`] names.
    pub secret_key: &'a str,
    /// `X-TC-Timestamp`, in Unix seconds.
    pub timestamp: i64,
    /// The headers of the request with lower-case names; more than the signed ones do no harm.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body exactly as received.
    pub payload: &'a [u8],
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The date in the credential is not the UTC date of the timestamp.
    #[error("the credential is of {signed}, but the timestamp is of {expected} (UTC)")]
    Date {
        /// The date in the credential.
        signed: String,
        /// The UTC date of the timestamp.
        expected: String,
    },
    /// A signed header was not received.
    #[error("the signed header {name} was not sent")]
    Header {
        /// Its name.
        name: String,
    },
    /// The signature is not the one of this request with this key.
    #[error("the signature is not the one of this request with this key")]
    Signature,
}

/// Checks a signature in constant time. Whether the timestamp is near enough to now ([`CLOCK_TOLERANCE`]) is for the
/// caller, who has a clock.
///
/// # Errors
///
/// When the signature does not hold.
pub fn verify(authorization: &Authorization, received: &Received<'_>) -> Result<(), VerifyError> {
    let expected = utc_date(received.timestamp);
    if authorization.date != expected {
        return Err(VerifyError::Date { signed: authorization.date.clone(), expected });
    }
    let mut headers = Vec::with_capacity(authorization.signed_headers.len());
    for name in &authorization.signed_headers {
        let header = received.headers.iter().find(|(received, _)| received == name);
        headers.push(*header.ok_or_else(|| VerifyError::Header { name: name.clone() })?);
    }
    let canonical = canonical_request(&headers, received.payload);
    let scope = format!("{}/{}/{TERMINATOR}", authorization.date, authorization.service);
    let to_sign = string_to_sign(received.timestamp, &scope, &canonical);
    let key = signing_key(received.secret_key, &authorization.date, &authorization.service);
    let signature = hmac(&key, to_sign.as_bytes());
    if bool::from(signature.ct_eq(&authorization.signature)) { Ok(()) } else { Err(VerifyError::Signature) }
}

fn canonical_request(headers: &[(&str, &str)], payload: &[u8]) -> String {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    format!("POST\n/\n\n{}\n{}\n{}", lines.concat(), names.join(";"), sha256_hex(payload))
}

fn string_to_sign(timestamp: i64, scope: &str, canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{timestamp}\n{scope}\n{}", sha256_hex(canonical_request.as_bytes()))
}

fn signing_key(secret_key: &str, date: &str, service: &str) -> [u8; 32] {
    let date_key = hmac(format!("TC3{secret_key}").as_bytes(), date.as_bytes());
    let service_key = hmac(&date_key, service.as_bytes());
    hmac(&service_key, TERMINATOR.as_bytes())
}

fn utc_date(timestamp: i64) -> String {
    let instant = Timestamp::from_second(timestamp).unwrap_or(Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(instant).date().to_string()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A key of one block makes an HMAC without a failure to handle; shorter keys are the same key padded with zeros, longer
/// ones are their hash (RFC 2104, section 2).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let hash;
    let key = if key.len() > BLOCK {
        hash = Sha256::digest(key);
        hash.as_slice()
    } else {
        key
    };
    let mut block = [0; BLOCK];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
