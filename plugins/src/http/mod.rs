//! The action `http`: one request to any place.

mod params;

use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use oncue_rules::catalog::Problem;
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use schemars::JsonSchema;

pub use params::{AuthParams, BasicParams, HttpParams, Verb};

use crate::action::{Action, ActionError, Call, ErrorClass, Repeatable, Spec};
use crate::outbound::{Answer, Client, Expect, Redirects, Request, shortfall};
use crate::params::{self as parameters, invalid};
use crate::webhook::{self, TIMEOUT};

/// Carries the idempotency key of the step where a method is not idempotent by itself.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const SAMPLE: &str = "\
- id: ticket
  uses: http
  with:
    url: https://desk.example/tickets
    query: { file: \"${{ event.file_id }}\" }
    auth: { bearer: \"${{ app.vars.desk_token }}\" }
";

const FIX: &str = "in the `with` of this step";

/// What came back.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: outputs are built as values")]
struct HttpOutputs {
    /// The HTTP status.
    status: u16,
    /// The headers by name in lower case, without cookies; up to 8 KiB.
    headers: std::collections::BTreeMap<String, String>,
    /// The body: parsed when it is JSON, else a text, null when empty. One that the 64 KiB of outputs do not hold fails the
    /// step.
    body: serde_json::Value,
    /// Always false: `webhook` gives it too.
    truncated: bool,
}

/// Makes requests.
#[derive(Debug)]
pub struct Http {
    client: Client,
    spec: Spec,
}

impl Http {
    /// The action, calling through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let spec = Spec {
            name: ActionName::from("http"),
            summary: "Makes an HTTP request and gives the answer.".into(),
            parameters: parameters::schema::<HttpParams>(),
            outputs: parameters::schema::<HttpOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::No,
            needs_credentials: false,
        };
        Self { client, spec }
    }
}

#[async_trait]
impl Action for Http {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let params: HttpParams = parameters::decode(&call.params)?;
        let repeatable = self.repeatable(&call.params) != Repeatable::No;
        let expect = params.expect.as_deref().map(webhook::expect).transpose()?;
        let request = request(&params, &call, repeatable)?;
        match self.client.send(request).await {
            Ok(answer) => judge(&answer, expect.as_ref(), repeatable),
            Err(failure) => Err(failure.into_action_error(repeatable, FIX)),
        }
    }

    fn check(&self, with: &Value) -> Vec<Problem> {
        webhook::problems(with)
    }

    /// The host of the URL.
    fn lane(&self, params: &Value) -> Option<String> {
        webhook::lane(params)
    }

    /// What `repeatable` says, else what the method says (RFC 9110 section 9.2.2).
    fn repeatable(&self, params: &Value) -> Repeatable {
        let is_repeatable = match params.get("repeatable") {
            Value::Bool(said) => *said,
            _ => match params.get("method").as_text() {
                Some(method) => !["POST", "PATCH"].contains(&method),
                None => params.get("body") == &Value::Null,
            },
        };
        if is_repeatable { Repeatable::Yes } else { Repeatable::No }
    }
}

fn request(params: &HttpParams, call: &Call, repeatable: bool) -> Result<Request, ActionError> {
    let mut url = webhook::url(&params.url).map_err(|problem| invalid("url", &problem))?;
    params::add_query(&mut url, call.params.get("query"))?;
    let body = call.params.get("body");
    let method = params.method.map_or(if body == &Value::Null { Method::GET } else { Method::POST }, Verb::method);
    let mut headers = reqwest::header::HeaderMap::new();
    let body = match body {
        Value::Null => None,
        Value::Text(text) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            Some(Bytes::copy_from_slice(text.as_bytes())).filter(|bytes| !bytes.is_empty())
        }
        value => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Some(value.to_json().into())
        }
    };
    if !repeatable && let Ok(key) = HeaderValue::from_str(&call.key) {
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    params::authorize(&mut headers, params.auth.as_ref())?;
    webhook::put_headers(&mut headers, params.headers.as_ref())?;
    let patience = params.timeout.as_deref().map(webhook::timeout).transpose()?.unwrap_or(TIMEOUT);
    Ok(Request {
        method,
        url,
        headers,
        body,
        allow_private: params.allow_private == Some(true),
        redirects: Redirects::All,
        limit: webhook::limit(params.limit)?,
        deadline: call.deadline.min(Instant::now() + patience),
    })
}

fn judge(answer: &Answer, expect: Option<&Expect>, repeatable: bool) -> Result<Value, ActionError> {
    match shortfall(answer, expect) {
        None => whole(answer),
        Some((code, message)) => Err(ActionError { class: class(answer, repeatable), code, message }),
    }
}

fn class(answer: &Answer, repeatable: bool) -> ErrorClass {
    let retry = ErrorClass::Retry { after: answer.retry_after() };
    match answer.status {
        // A gateway speaks for a server that may have done it.
        502 | 504 if !repeatable => ErrorClass::Unknown,
        408 | 425 | 429 | 500..=599 => retry,
        200..=299 if repeatable => retry,
        _ => ErrorClass::Fatal,
    }
}

/// The outputs of an answer that fits into them: half an answer would be taken for a whole one.
fn whole(answer: &Answer) -> Result<Value, ActionError> {
    let outputs = answer.outputs();
    if outputs.get("truncated") != &Value::Bool(true) {
        return Ok(outputs);
    }
    let what = if answer.is_cut { "more bytes than `limit` allows" } else { "more than the 64 KiB of outputs" };
    let message = format!("HTTP status {}: the answer has {what}; ask for less", answer.status);
    Err(ActionError::fatal("AnswerTooLarge", message))
}

#[cfg(test)]
mod tests;
