//! What an `http` step is told.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oncue_rules::value::Value;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Method, Url};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::ActionError;
use crate::params::invalid;
use crate::webhook::header_value;

/// What to ask, and whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpParams {
    /// The URL, `http` or `https`.
    pub url: String,
    /// The method. Left out: `GET`, or `POST` when there is a `body`.
    pub method: Option<Verb>,
    /// Further headers.
    pub headers: Option<BTreeMap<String, Option<String>>>,
    /// What is added to the URL as `NAME=VALUE`: texts, numbers and booleans, several of one name as a list.
    #[serde(rename = "query")]
    #[expect(dead_code, reason = "read from the values themselves: their numbers are exact")]
    query: Option<BTreeMap<String, serde_json::Value>>,
    /// What to send: a text as it is, any other value as JSON.
    #[serde(rename = "body")]
    #[expect(dead_code, reason = "read from the value itself: its numbers are exact")]
    body: Option<serde_json::Value>,
    /// Credentials: `bearer: TOKEN`, or `basic: { user, password }`.
    pub auth: Option<AuthParams>,
    /// How long one attempt may take in all, up to `10m`. Left out: `30s`.
    pub timeout: Option<String>,
    /// The most bytes of the answer that are read, up to 16 MiB. Left out: 1 MiB.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub limit: Option<usize>,
    /// A condition over `response.status`, `response.headers` and `response.body` (parsed when it is JSON) which alone
    /// decides whether the answer counts as success. Left out: a status of 2xx.
    pub expect: Option<String>,
    /// `true`: the place may have a private or loopback address.
    pub allow_private: Option<bool>,
    /// Whether asking again is safe when no answer came. Left out: unless the method is `POST` or `PATCH`. When it is not, an
    /// attempt without an answer ends as `unknown` and is never repeated.
    pub repeatable: Option<bool>,
}

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "they say themselves")]
pub enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl Verb {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Head => Method::HEAD,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
            Self::Options => Method::OPTIONS,
        }
    }
}

/// Credentials: one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthParams {
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// User and password of `Authorization: Basic`.
    pub basic: Option<BasicParams>,
}

/// A user and a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicParams {
    /// The user; without `:`.
    pub user: String,
    /// The password.
    pub password: String,
}

pub(super) fn authorize(headers: &mut HeaderMap, auth: Option<&AuthParams>) -> Result<(), ActionError> {
    let Some(auth) = auth else { return Ok(()) };
    let text = match (&auth.bearer, &auth.basic) {
        (Some(token), None) => format!("Bearer {token}"),
        (None, Some(BasicParams { user, .. })) if user.contains(':') => {
            return Err(invalid("auth.basic.user", "a user cannot have `:` in it"));
        }
        (None, Some(BasicParams { user, password })) => {
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        }
        _ => return Err(invalid("auth", "write one of `bearer` and `basic`")),
    };
    headers.insert(AUTHORIZATION, header_value(&text).map_err(|problem| invalid("auth", &problem))?);
    Ok(())
}

/// Adds what `query` says to the URL.
pub(super) fn add_query(url: &mut Url, query: &Value) -> Result<(), ActionError> {
    let Some(entries) = query.as_map().filter(|entries| !entries.is_empty()) else { return Ok(()) };
    let mut pairs = url.query_pairs_mut();
    for (name, value) in entries {
        let one = std::slice::from_ref(value);
        for value in value.as_list().unwrap_or(one) {
            let text = match value {
                Value::Null => continue,
                Value::Text(text) => text.to_string(),
                Value::Bool(_) | Value::Number(_) => value.to_json(),
                Value::List(_) | Value::Map(_) | Value::Secret(_) => {
                    let problem = format!("a query holds texts, numbers and booleans, not {}", value.kind());
                    return Err(invalid(&format!("query.{name}"), &problem));
                }
            };
            pairs.append_pair(name, &text);
        }
    }
    Ok(())
}
