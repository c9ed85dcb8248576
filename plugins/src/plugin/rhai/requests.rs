//! `http::request`: through the guard, and only to hosts that the plugin may ask.

use std::time::Instant;

use bytes::Bytes;
use oncue_rules::decode::{nearest, parse_duration};
use oncue_rules::value::Value;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use rhai::{Dynamic, Map};

use super::context::current;
use super::failure::thrown;
use super::grants::Grants;
use super::sealed::{joined, percent_encoded, plain, revealed};
use crate::action::Repeatable;
use crate::outbound::{Answer, Redirects, Request};
use crate::script::convert::{fits, from_value};
use crate::script::error::{Fault, fault, too_large};
use crate::script::{budget, limits};
use crate::webhook;

/// What can be said of a request.
const FIELDS: [&str; 7] = ["url", "method", "query", "headers", "body", "timeout", "limit"];
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// The most bytes of an answer that are read when nothing else is said; more than a text can hold cannot be asked for.
const ANSWER: usize = 256 * 1024;
const FIX: &str = "beside the host in plugin.yaml: `permissions: { http: [{ host: HOST, allow_private: true }] }`";

/// Sends a request and gives the answer, of any status.
pub(super) fn request(grants: &Grants, options: &Map) -> Result<Dynamic, Fault> {
    let current = current()?;
    current.count_request()?;
    if let Some(unknown) = options.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        let near = nearest(unknown, FIELDS).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        return Err(fault(format!("a request has no `{unknown}`{near}")));
    }
    let url = address(options)?;
    let host = url.host_str().unwrap_or_default();
    let Some(allow_private) = grants.host(host) else {
        let message = format!(
            "the plugin may not send requests to `{host}`: add it to plugin.yaml: `permissions: {{ http: [\"{host}\"] }}`"
        );
        return Err(fault(message));
    };
    let (headers, body) = content(options)?;
    let method = method(options, body.is_some())?;
    let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&method);
    let patience = given(options, "timeout").map(|held| {
        parse_duration(&held.to_string()).ok_or_else(|| fault("`timeout` must be a duration such as \"10s\""))
    });
    let deadline = patience.transpose()?.map_or(current.until, |patience| current.until.min(Instant::now() + patience));
    let limit = limit(options)?;
    let request = Request { method, url, headers, body, allow_private, redirects: Redirects::None, limit, deadline };
    let Some(client) = &grants.host.outbound else { return Err(fault("there is nothing to send requests with")) };
    match current.runtime.block_on(client.send(request)) {
        Ok(answer) => answered(&answer),
        Err(failure) => {
            let is_repeatable = is_safe || current.repeatable != Repeatable::No;
            Err(thrown(&failure.into_action_error(is_repeatable, FIX)))
        }
    }
}

fn answered(answer: &Answer) -> Result<Dynamic, Fault> {
    // A stop is noticed at the next operation.
    let _stop = budget::take(answer.body.len() as u64 / 64);
    let value = answer.value();
    if !fits(&value) {
        return Err(too_large("size of an answer"));
    }
    let mut fields = value.as_map().cloned().unwrap_or_default();
    fields.insert("truncated".to_owned(), Value::Bool(answer.is_cut));
    Ok(from_value(&Value::map(fields)))
}

/// An option that is there and not `()`.
fn given<'o>(options: &'o Map, name: &str) -> Option<&'o Dynamic> {
    options.get(name).filter(|held| !held.is_unit())
}

fn address(options: &Map) -> Result<Url, Fault> {
    let held = given(options, "url").ok_or_else(|| fault("a request needs a `url`"))?;
    let mut url =
        webhook::url(&joined(held, percent_encoded)?).map_err(|problem| fault(format!("`url`: {problem}")))?;
    if let Some(held) = given(options, "query") {
        let entries = held.as_map_ref().map_err(|_| fault("`query` must be a map"))?;
        let mut pairs = url.query_pairs_mut();
        for (name, value) in entries.iter().filter(|(_, value)| !value.is_unit()) {
            pairs.append_pair(name, &joined(value, plain)?);
        }
    }
    Ok(url)
}

fn limit(options: &Map) -> Result<usize, Fault> {
    let Some(held) = given(options, "limit") else { return Ok(ANSWER) };
    let limit = held.as_int().ok().and_then(|limit| usize::try_from(limit).ok());
    limit
        .filter(|limit| (1..=limits::TEXT).contains(limit))
        .ok_or_else(|| fault(format!("`limit` must be a number of bytes from 1 to {}", limits::TEXT)))
}

fn method(options: &Map, has_body: bool) -> Result<Method, Fault> {
    let Some(held) = given(options, "method") else { return Ok(if has_body { Method::POST } else { Method::GET }) };
    let word = held.to_string().to_ascii_uppercase();
    let known = METHODS.contains(&word.as_str()).then(|| Method::from_bytes(word.as_bytes()).ok()).flatten();
    known.ok_or_else(|| fault(format!("`method` must be one of {}", METHODS.join(", "))))
}

fn content(options: &Map) -> Result<(HeaderMap, Option<Bytes>), Fault> {
    let mut headers = HeaderMap::new();
    let body = match given(options, "body") {
        None => None,
        Some(held) => match revealed(held)? {
            Value::Text(text) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
                Some(Bytes::copy_from_slice(text.as_bytes()))
            }
            value => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Some(Bytes::from(value.to_json()))
            }
        },
    };
    if let Some(held) = given(options, "headers") {
        let entries = held.as_map_ref().map_err(|_| fault("`headers` must be a map"))?;
        for (name, value) in entries.iter().filter(|(_, value)| !value.is_unit()) {
            let wrong = |problem: String| fault(format!("`headers`: {problem}"));
            let name = webhook::header_name(name).map_err(wrong)?;
            headers.insert(name, webhook::header_value(&joined(value, plain)?).map_err(wrong)?);
        }
    }
    Ok((headers, body))
}
