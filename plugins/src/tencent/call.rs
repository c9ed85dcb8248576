//! The action `tencent.call`: any API of Tencent Cloud, by name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_trait::async_trait;
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Endpoint, Request};
use super::error::Errors;
use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::params::{self, invalid};
use crate::vod::client::SERVICE as VOD;
use crate::{tencent, vod};

/// What the names of APIs that only read begin with.
const READING: [&str; 6] = ["Describe", "Search", "Get", "List", "Query", "Inquiry"];

/// The longest name of a service, a version, an API or a region, in bytes.
const NAME_LIMIT: usize = 100;

const SAMPLE: &str = "\
- id: media
  uses: tencent.call
  with:
    service: vod
    version: \"2018-07-17\"
    action: DescribeMediaInfos
    params: { SubAppId: \"${{ event.subappid }}\", FileIds: [\"${{ event.file_id }}\"] }
";

/// The request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CallParams {
    /// The service as its host name and its signature spell it, such as `vod` or `cdn`.
    #[schemars(length(min = 1, max = 100))]
    service: String,
    /// The version of the API, in quotes: `"2018-07-17"`.
    #[schemars(length(min = 1, max = 100))]
    version: String,
    /// The API, such as `DescribeMediaInfos`.
    #[schemars(length(min = 1, max = 100))]
    action: String,
    /// Its parameters, sent as they are written: nothing is filled in, `SubAppId` neither, and numbers keep all digits.
    #[serde(rename = "params")]
    _params: Option<BTreeMap<String, serde_json::Value>>,
    /// The region, such as `ap-guangzhou`, for services that need one. Left out: for `vod` the configured one.
    region: Option<String>,
    /// Where the request goes: a host name or `https://HOST`. Left out: `SERVICE.tencentcloudapi.com`, for `vod` the
    /// configured one.
    endpoint: Option<String>,
    /// Whether the request may be sent again when it is not known whether it took effect. Left out: only when the name of
    /// the API says that it reads (`Describe…`, `Search…`, `Get…`, `List…`, `Query…`, `Inquiry…`); else such an attempt
    /// ends as `unknown`.
    #[serde(rename = "repeatable")]
    _repeatable: Option<bool>,
}

/// The members of `Response`, whatever the API answers.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: outputs are built as values")]
struct CallOutputs {
    /// What the vendor's support asks for; beside it are all other members of `Response`, with their own names.
    #[schemars(rename = "RequestId")]
    request_id: String,
}

/// Calls any API of Tencent Cloud.
#[derive(Debug)]
pub struct TencentCall {
    vod: vod::Client,
    plain_loopback: bool,
    spec: Spec,
}

impl TencentCall {
    /// The action, calling through the connections of this client and taking its endpoint and region for VOD.
    /// `plain_loopback` lets a step name an endpoint `http://` on this machine, such as a stand-in.
    #[must_use]
    pub fn new(vod: vod::Client, plain_loopback: bool) -> Self {
        let spec = Spec {
            name: ActionName::from("tencent.call"),
            summary: "Calls any API of Tencent Cloud by its name.".into(),
            parameters: params::schema::<CallParams>(),
            outputs: params::schema::<CallOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::No,
            needs_credentials: true,
        };
        Self { vod, plain_loopback, spec }
    }

    fn endpoint(&self, params: &CallParams) -> Result<Cow<'_, Endpoint>, ActionError> {
        let Some(written) = &params.endpoint else {
            if params.service == VOD {
                return Ok(Cow::Borrowed(self.vod.endpoint()));
            }
            let endpoint = Endpoint::of_service(&params.service);
            return endpoint.map(Cow::Owned).map_err(|error| invalid("service", &error.to_string()));
        };
        let endpoint: Endpoint = written.parse().map_err(|error| invalid("endpoint", &format!("{error}")))?;
        if endpoint.uses_tls() || (self.plain_loopback && endpoint.is_loopback()) {
            return Ok(Cow::Owned(endpoint));
        }
        let problem = if endpoint.is_loopback() {
            "a request to this machine without TLS needs `tencent: { plain_loopback: true }` in oncue.yaml"
        } else {
            "requests are signed and sent over https alone: write https://HOST"
        };
        Err(invalid("endpoint", problem))
    }
}

#[async_trait]
impl Action for TencentCall {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn repeatable(&self, params: &Value) -> Repeatable {
        let reads = params.get("action").as_text().is_some_and(only_reads);
        match params.get("repeatable") {
            Value::Bool(true) => Repeatable::Yes,
            Value::Bool(false) => Repeatable::No,
            _ if reads => Repeatable::Yes,
            _ => Repeatable::No,
        }
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let params: CallParams = params::decode_without(&call.params, "params")?;
        check(&params)?;
        let endpoint = self.endpoint(&params)?;
        // From the value itself: its numbers are exact, those of serde_json are not.
        let payload = match call.params.get("params") {
            Value::Null => "{}".to_owned(),
            written @ Value::Map(_) => written.to_json(),
            other => return Err(invalid("params", &format!("expected a map, found {}", other.kind()))),
        };
        let key = tencent::key(call.app.as_deref())?;
        let is_vod = params.service == VOD;
        let errors = if is_vod { vod::ERRORS } else { Errors::GENERAL };
        let request = Request {
            service: &params.service,
            version: &params.version,
            action: &params.action,
            endpoint: &endpoint,
            region: params.region.as_deref().or_else(|| self.vod.region().filter(|_| is_vod)),
            payload: payload.as_bytes(),
            key: &key,
            deadline: call.deadline,
            errors,
            limit: vod::limits::of(&params.action).filter(|_| is_vod),
        };
        let repeatable = self.repeatable(&call.params) != Repeatable::No;
        let answer = self.vod.tencent().call(request).await;
        answer.map(Value::map).map_err(|error| error.into_action_error(errors, call.attempt, repeatable))
    }
}

/// Whether the name of an API says that it changes nothing.
fn only_reads(action: &str) -> bool {
    READING.iter().any(|verb| {
        action.strip_prefix(verb).is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_uppercase()))
    })
}

/// What goes into headers and the signature is a plain name.
fn check(params: &CallParams) -> Result<(), ActionError> {
    let names = [
        ("service", Some(&params.service), "vod"),
        ("version", Some(&params.version), "\"2018-07-17\""),
        ("action", Some(&params.action), "DescribeMediaInfos"),
        ("region", params.region.as_ref(), "ap-guangzhou"),
    ];
    for (field, name, example) in names {
        let Some(name) = name else { continue };
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if name.is_empty() || name.len() > NAME_LIMIT || !name.bytes().all(fits) {
            return Err(invalid(field, &format!("this is no name such as {example}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
