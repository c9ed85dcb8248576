//! The action `webhook`: tells another system, until it has heard.

mod params;
mod sign;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use oncue_rules::catalog::Problem;
use oncue_rules::decode::did_you_mean;
use oncue_rules::ids::ActionName;
use oncue_rules::rule::Retry;
use oncue_rules::value::Value;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use schemars::JsonSchema;

pub use params::{HmacParams, SignParams, StandardParams, WebhookParams, header_name, header_value, url};
pub(crate) use params::{TIMEOUT, expect, lane, limit, literal, problems, put_headers, timeout};
pub use sign::{ID, Key, KeyError, SIGNATURE, Sign, TIMESTAMP};

use crate::action::{Action, ActionError, Call, ErrorClass, Repeatable, Spec};
use crate::outbound::{Answer, Client, Expect, Redirects, Request, shortfall};
use crate::params::{self as parameters, invalid};
use crate::target::{Held, Pass, Targets};

const SAMPLE: &str = "\
- id: tell_cms
  uses: webhook
  with:
    url: https://cms.example/hooks/vod
    body: { file: \"${{ event.file_id }}\", type: \"${{ event.type }}\" }
    expect: response.body.code == 0
";

/// What came back.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: outputs are built as values")]
pub(crate) struct WebhookOutputs {
    /// The HTTP status.
    status: u16,
    /// The headers by name in lower case, without cookies; up to 8 KiB.
    headers: std::collections::BTreeMap<String, String>,
    /// The body: parsed when it is JSON, else a text, null when empty. What the 64 KiB of outputs do not hold is cut from a
    /// text, and leaves null in place of anything else.
    body: serde_json::Value,
    /// Whether `body` is not all that came.
    truncated: bool,
}

/// Sends webhooks.
#[derive(Debug)]
pub struct Webhook {
    client: Client,
    targets: Targets,
    spec: Spec,
}

/// Where one goes and what is asked of the answer.
struct Delivery {
    request: Request,
    expect: Option<Expect>,
    /// Where `allow_private` is to be written.
    fix: String,
    pass: Option<Pass>,
}

impl Webhook {
    /// The action, sending through this client to these targets.
    #[must_use]
    pub fn new(client: Client, targets: Targets) -> Self {
        let spec = Spec {
            name: ActionName::from("webhook"),
            summary: "Sends a signed webhook to a target or a URL, for 3 days unless `retry` says otherwise.".into(),
            parameters: parameters::schema::<WebhookParams>(),
            outputs: parameters::schema::<WebhookOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Keyed,
            needs_credentials: false,
        };
        Self { client, targets, spec }
    }

    async fn prepare(&self, params: &WebhookParams, call: &Call) -> Result<Delivery, ActionError> {
        let place = match (&params.to, &params.url) {
            (Some(name), None) => Some((name, self.targets.get(name).ok_or_else(|| self.unknown(name))?)),
            (None, Some(_)) => None,
            _ => return Err(invalid("to", "write either `to`, the name of a target, or `url`")),
        };
        let target = place.as_ref().map(|(_, place)| &*place.target);
        let given = params.timeout.as_deref().map(timeout).transpose()?;
        let patience = given.or(target.and_then(|target| target.timeout)).unwrap_or(TIMEOUT);
        let deadline = call.deadline.min(Instant::now() + patience);
        let (body, content) = content(params, call)?;
        let url = address(params, target.map(|target| &target.url))?;
        let mut headers = target.map(|target| target.headers.clone()).unwrap_or_default();
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content));
        put_headers(&mut headers, params.headers.as_ref())?;
        let expect = match &params.expect {
            Some(text) => Some(expect(text)?),
            None => target.and_then(|target| target.expect.clone()),
        };
        let sign = match &params.sign {
            Some(sign) => sign.decode()?,
            None => target.map(|target| target.sign.clone()).unwrap_or_default(),
        };
        let limit = limit(params.limit)?;
        let fix = match &place {
            Some((name, _)) => format!("at the target `{name}` in oncue.yaml"),
            None => "in the `with` of this step".to_owned(),
        };
        let allow_private = params.allow_private.unwrap_or(target.is_some_and(|target| target.allow_private));
        let pass = match &place {
            Some((name, place)) => Some(place.enter(deadline).await.map_err(|held| refused(name, held))?),
            None => None,
        };
        // Signed when it leaves: receivers refuse what is older than some minutes.
        sign_now(&sign, &mut headers, call, &body)?;
        let request = Request {
            method: Method::POST,
            url,
            headers,
            body: Some(body),
            allow_private,
            redirects: Redirects::Whole,
            limit,
            deadline,
        };
        Ok(Delivery { request, expect, fix, pass })
    }

    fn unknown(&self, name: &str) -> ActionError {
        let names = self.targets.names();
        let hint = did_you_mean(name, "targets", names.iter().map(String::as_str));
        ActionError::fatal("UnknownTarget", format!("there is no target `{name}` in oncue.yaml: {hint}"))
    }
}

#[async_trait]
impl Action for Webhook {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let params: WebhookParams = parameters::decode(&call.params)?;
        let Delivery { request, expect, fix, pass } = self.prepare(&params, &call).await?;
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(failure) => {
                if let Some(pass) = pass.filter(|_| failure.is_trouble()) {
                    pass.badly(Instant::now());
                }
                return Err(failure.into_action_error(true, &fix));
            }
        };
        match pass {
            Some(pass) if is_trouble(answer.status) => pass.badly(Instant::now()),
            Some(pass) => pass.well(),
            None => {}
        }
        judge(&answer, expect.as_ref())
    }

    fn check(&self, with: &Value) -> Vec<Problem> {
        let mut found = problems(with);
        let has = |name: &str| with.as_map().is_some_and(|entries| entries.contains_key(name));
        let mut add = |parameter: &'static str, message: String, hint: String| {
            found.push(Problem { parameter: parameter.into(), message, hint });
        };
        if let Some(name) = literal(with, "to")
            && self.targets.get(name).is_none()
        {
            let names = self.targets.names();
            let hint = did_you_mean(name, "targets", names.iter().map(String::as_str));
            add("to", format!("there is no target `{name}` in oncue.yaml"), hint);
        }
        if has("to") == has("url") {
            let message = "a webhook goes either `to` a target or to a `url`".to_owned();
            add("url", message, "write one of the two".to_owned());
        }
        match (has("body"), with.get("raw") == &Value::Bool(true)) {
            (true, true) => {
                let hint = "remove `body` to relay the bytes that were received, or `raw` to send the body";
                add(
                    "raw",
                    "a webhook sends either a `body` or, with `raw: true`, what was received".into(),
                    hint.into(),
                );
            }
            (false, false) if !has("raw") => {
                let hint =
                    "write `body: { file: \"${{ event.file_id }}\" }`, or `raw: true` to relay what was received";
                add("body", "this webhook has nothing to send".into(), hint.into());
            }
            _ => {}
        }
        found
    }

    /// The target, or the host of the URL.
    fn lane(&self, params: &Value) -> Option<String> {
        literal(params, "to").map_or_else(|| lane(params), |name| Some(format!("target {name}")))
    }

    /// Up to 1,000 attempts within 72 hours, from 1 s to 1 h apart: a receiver that is down over a weekend still hears.
    fn retry(&self) -> Option<Retry> {
        Some(Retry {
            max_attempts: 1_000,
            initial: Duration::from_secs(1),
            max: Duration::from_hours(1),
            within: Some(Duration::from_hours(72)),
        })
    }
}

fn address(params: &WebhookParams, target: Option<&Url>) -> Result<Url, ActionError> {
    match (target, &params.url) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(text)) => url(text).map_err(|problem| invalid("url", &problem)),
        (None, None) => Err(invalid("to", "write either `to`, the name of a target, or `url`")),
    }
}

/// The bytes to send, and their type when no header says another.
fn content(params: &WebhookParams, call: &Call) -> Result<(Bytes, &'static str), ActionError> {
    const JSON: &str = "application/json";
    let body = call.params.as_map().and_then(|entries| entries.get("body"));
    match (body, params.raw == Some(true)) {
        (Some(_), true) => {
            Err(invalid("raw", "a webhook sends either a `body` or, with `raw: true`, what was received"))
        }
        (None, true) => Ok((Bytes::copy_from_slice(&call.raw), JSON)),
        (Some(Value::Text(text)), false) => Ok((Bytes::copy_from_slice(text.as_bytes()), "text/plain; charset=utf-8")),
        // From the value itself: its numbers are exact.
        (Some(value), false) => Ok((value.to_json().into(), JSON)),
        (None, false) => Err(invalid("body", "this webhook has nothing to send: write `body`, or `raw: true`")),
    }
}

fn sign_now(sign: &Sign, headers: &mut HeaderMap, call: &Call, body: &[u8]) -> Result<(), ActionError> {
    let timestamp = Timestamp::now().as_second();
    sign.apply(headers, &call.key, timestamp, body)
        .map_err(|name| invalid("sign", &format!("the header `{name}` cannot carry the signature")))
}

fn refused(name: &str, held: Held) -> ActionError {
    let (code, what) = match held {
        Held::Open(_) => ("BreakerOpen", format!("the target `{name}` failed too often and is left alone")),
        Held::Full(_) => ("RateReached", format!("the rate of the target `{name}` has no room in time")),
    };
    ActionError::held(code, &what, held.after())
}

/// Whether a status says that the other side is in trouble, rather than that it does not like what it was sent.
fn is_trouble(status: u16) -> bool {
    status == 408 || status == 429 || status >= 500
}

/// Success, or why not. Everything but 410 may be another time: a receiver is often deployed wrongly, and mended.
fn judge(answer: &Answer, expect: Option<&Expect>) -> Result<Value, ActionError> {
    let Some((code, mut message)) = shortfall(answer, expect) else { return Ok(answer.outputs()) };
    let class = match answer.status {
        410 => ErrorClass::Fatal,
        429 | 503 => ErrorClass::Retry { after: answer.retry_after() },
        _ => ErrorClass::Retry { after: None },
    };
    if class == ErrorClass::Fatal {
        message.push_str("; the receiver is gone for good: remove the step, or correct the URL");
    }
    Err(ActionError { class, code, message })
}

#[cfg(test)]
mod tests;
