//! What a webhook step is told.

use std::collections::BTreeMap;
use std::time::Duration;

use oncue_rules::catalog::Problem;
use oncue_rules::decode::parse_duration;
use oncue_rules::value::Value;
use reqwest::Url;
use reqwest::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::sign::{ID, Key, SIGNATURE, Sign, TIMESTAMP};
use crate::action::ActionError;
use crate::outbound::{Expect, MOST_ANSWER};
use crate::params::invalid;

/// How long an attempt takes at most when nothing else is said.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that an attempt may be given.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// What to send, and where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookParams {
    /// The name of a target in `oncue.yaml`.
    pub to: Option<String>,
    /// Instead of `to`: the URL, `http` or `https`.
    pub url: Option<String>,
    /// What to send: a text as it is, any other value as JSON.
    pub body: Option<serde_json::Value>,
    /// `true` instead of `body`: the body of the run's event, to the byte as it was received.
    pub raw: Option<bool>,
    /// Further headers; they win over those of the target.
    pub headers: Option<BTreeMap<String, Option<String>>>,
    /// How it is signed, in place of what the target says: `standard` with `secret` or `secrets`, or `hmac_sha256`.
    pub sign: Option<SignParams>,
    /// A condition over `response.status`, `response.headers` and `response.body` (parsed when it is JSON) which alone
    /// decides whether the answer counts as success, such as `response.body.code == 0`. Left out: that of the target, else a
    /// status of 2xx.
    pub expect: Option<String>,
    /// How long one attempt may take in all, up to `10m`. Left out: that of the target, else `30s`.
    pub timeout: Option<String>,
    /// The most bytes of the answer that are read, up to 16 MiB. Left out: 1 MiB.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub limit: Option<usize>,
    /// `true`: the place may have a private or loopback address. A target says it for itself.
    pub allow_private: Option<bool>,
}

/// How it is signed: one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignParams {
    /// Standard Webhooks.
    pub standard: Option<StandardParams>,
    /// The hexadecimal HMAC-SHA256 of the body.
    pub hmac_sha256: Option<HmacParams>,
}

/// The secrets of Standard Webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StandardParams {
    /// `whsec_` and base64.
    pub secret: Option<String>,
    /// Several, while they are changed: each signs.
    pub secrets: Option<Vec<String>>,
}

/// A signature in a header of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HmacParams {
    /// The header, such as `X-Signature`.
    pub header: String,
    /// The secret.
    pub secret: String,
    /// What stands before the digits, such as `sha256=`.
    pub prefix: Option<String>,
}

impl SignParams {
    pub(super) fn decode(&self) -> Result<Sign, ActionError> {
        match (&self.standard, &self.hmac_sha256) {
            (Some(StandardParams { secret, secrets }), None) => {
                let all = secret.iter().chain(secrets.iter().flatten());
                let keys: Result<Vec<Key>, _> = all.map(|text| Key::standard(text)).collect();
                let keys = keys.map_err(|error| invalid("sign.standard", &error.to_string()))?;
                if keys.is_empty() {
                    return Err(invalid("sign.standard", "it needs a `secret`"));
                }
                Ok(Sign::Standard(keys))
            }
            (None, Some(HmacParams { header, secret, prefix })) => {
                let header = header_name(header).map_err(|problem| invalid("sign.hmac_sha256.header", &problem))?;
                Ok(Sign::Hmac { header, prefix: prefix.clone().unwrap_or_default(), key: Key::plain(secret) })
            }
            _ => Err(invalid("sign", "write one of `standard` and `hmac_sha256`")),
        }
    }
}

/// A URL that a request may go to.
///
/// # Errors
///
/// What is wrong with it, without showing it.
pub fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|error| format!("this is no URL ({error}): write https://HOST/PATH"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return Err("its scheme must be http or https: write https://HOST/PATH".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "it names a user: leave `USER:PASSWORD@` out, and give credentials as a header or `auth`".to_owned()
        );
    }
    Ok(url)
}

/// Which others a request to this `url` waits with: those to the same host and port. A URL that is a secret is its name.
pub(crate) fn lane(params: &Value) -> Option<String> {
    match params.get("url") {
        Value::Text(text) => {
            let url = url(text).ok()?;
            Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
        }
        Value::Secret(name) => Some(format!("secret {name}")),
        _ => None,
    }
}

/// The name of a header that may be given.
///
/// # Errors
///
/// What is wrong with it.
pub fn header_name(name: &str) -> Result<HeaderName, String> {
    let name = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no name of a header"))?;
    let own = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE, ID, TIMESTAMP, SIGNATURE];
    if own.contains(&name) { Err(format!("`{name}` is set by Oncue: leave it out")) } else { Ok(name) }
}

/// The value of a header.
///
/// # Errors
///
/// What is wrong with it, without showing it.
pub fn header_value(value: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value).map_err(|_| "no header can carry this value".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Puts written headers in place of others of their names.
pub(crate) fn put_headers(
    headers: &mut HeaderMap,
    written: Option<&BTreeMap<String, Option<String>>>,
) -> Result<(), ActionError> {
    for (name, value) in written.into_iter().flatten() {
        let Some(value) = value else { continue };
        let field = format!("headers.{name}");
        let name = header_name(name).map_err(|problem| invalid(&field, &problem))?;
        headers.insert(name, header_value(value).map_err(|problem| invalid(&field, &problem))?);
    }
    Ok(())
}

pub(crate) fn timeout(text: &str) -> Result<Duration, ActionError> {
    parse_duration(text.trim())
        .filter(|given| !given.is_zero() && *given <= LONGEST_TIMEOUT)
        .ok_or_else(|| invalid("timeout", "write a number and a unit, at most `10m`, such as `500ms`, `30s`"))
}

pub(crate) fn expect(text: &str) -> Result<Expect, ActionError> {
    Expect::compile(text).map_err(|error| match error.hint {
        Some(hint) => invalid("expect", &format!("{}; {hint}", error.message)),
        None => invalid("expect", &error.message),
    })
}

pub(crate) fn limit(given: Option<usize>) -> Result<usize, ActionError> {
    match given {
        None => Ok(crate::outbound::ANSWER_LIMIT),
        Some(limit) if (1..=MOST_ANSWER).contains(&limit) => Ok(limit),
        Some(_) => Err(invalid("limit", "write a number of bytes from 1 to 16777216")),
    }
}

/// What is wrong with those parameters of both actions that are written as they will be.
pub(crate) fn problems(with: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(text) = literal(with, "url")
        && let Err(message) = url(text)
    {
        let hint = "write an address such as `https://cms.example/hooks`".to_owned();
        found.push(Problem { parameter: "url".into(), message: format!("`url`: {message}"), hint });
    }
    if let Some(text) = literal(with, "expect")
        && let Err(error) = Expect::compile(text)
    {
        let hint = error.hint.unwrap_or_else(|| "write a condition such as `response.status == 200`".to_owned());
        found.push(Problem { parameter: "expect".into(), message: format!("`expect`: {}", error.message), hint });
    }
    if let Some(text) = literal(with, "timeout")
        && timeout(text).is_err()
    {
        let message = format!("`timeout` must be a duration up to `10m`, and this is `{text}`");
        found.push(Problem {
            parameter: "timeout".into(),
            message,
            hint: "write `500ms`, `30s` or the like".to_owned(),
        });
    }
    found
}

/// A text parameter that is no template.
pub(crate) fn literal<'v>(with: &'v Value, name: &str) -> Option<&'v str> {
    with.get(name).as_text().filter(|text| !text.contains("${{"))
}
