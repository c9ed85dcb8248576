//! Signed calls to an API of Tencent Cloud: one call is one request, signed anew, with an end to time and size.

mod connect;
mod endpoint;
mod valves;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use oncue_rules::value::{Map, Value};
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};

pub use connect::ClientError;
pub use endpoint::{Endpoint, EndpointError};
pub use valves::Valves;

use super::credentials::Key;
use super::error::{ApiError, CallError, Errors, Health};
use super::tc3;
use crate::outbound::pause::retry_after;
use crate::outbound::reason;
use crate::outbound::sent::{self, SentFlag};
use crate::valve::{Held, Pass, Rate, Valve};

/// The most bytes of an answer that are read; most answers are a few hundred.
pub const ANSWER_LIMIT: usize = 1024 * 1024;

const CONTENT: &str = "application/json";

/// The longest pause that a server is believed to want.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// How long an answer may take, as the vendor's own SDKs have it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Makes signed calls. A clone is cheap and shares the connections, and what is known of the APIs.
#[derive(Debug, Clone)]
pub struct Client {
    connections: Arc<Connections>,
    valves: Valves,
    patience: Duration,
}

/// Made when they are first needed: a machine that talks to a stand-in alone needs no certificates.
#[derive(Debug, Default)]
struct Connections {
    encrypted: OnceLock<reqwest::Client>,
    plain: OnceLock<reqwest::Client>,
}

/// One request to an API.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The service that the signature names, such as `vod`.
    pub service: &'a str,
    /// The version of the API, such as `2018-07-17`.
    pub version: &'a str,
    /// The API, such as `ProcessMedia`.
    pub action: &'a str,
    /// Where it goes.
    pub endpoint: &'a Endpoint,
    /// `X-TC-Region`, for services that need one.
    pub region: Option<&'a str>,
    /// The body, sent as it is.
    pub payload: &'a [u8],
    /// What it is signed with.
    pub key: &'a Key,
    /// When the answer is of no more use.
    pub deadline: Instant,
    /// What its error codes mean.
    pub errors: Errors,
    /// How many requests of one key the vendor takes; none where it does not say.
    pub limit: Option<Rate>,
}

/// What a request that left tells of its API. One that is dropped when its time was over says that there was no answer.
struct Outcome {
    pass: Option<Pass>,
    valve: Valve,
    deadline: Instant,
}

impl Client {
    /// A client without a connection. An answer may take `patience`, connecting included: who waits longer for one that never
    /// comes keeps others waiting.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self { connections: Arc::default(), valves: Valves::default(), patience }
    }

    /// What stands before each API.
    #[must_use]
    pub fn valves(&self) -> &Valves {
        &self.valves
    }

    /// Makes what connections to an endpoint need, so that a fault of this machine shows at the start.
    ///
    /// # Errors
    ///
    /// When the certificates of the system cannot be read.
    pub fn prepare(&self, endpoint: &Endpoint) -> Result<(), ClientError> {
        self.http(endpoint).map(|_| ())
    }

    fn http(&self, endpoint: &Endpoint) -> Result<&reqwest::Client, ClientError> {
        let kept = if endpoint.uses_tls() { &self.connections.encrypted } else { &self.connections.plain };
        if let Some(http) = kept.get() {
            return Ok(http);
        }
        let http = connect::http(endpoint)?;
        Ok(kept.get_or_init(|| http))
    }

    /// Sends a request and gives the members of `Response`. It waits for its turn where there is a rate.
    ///
    /// # Errors
    ///
    /// When there is no result by the deadline, or it is an error. Nothing is sent while the API is left alone, because calls
    /// with this key failed too often in a row, or when its turn would come too late.
    pub async fn call(&self, request: Request<'_>) -> Result<Map, CallError> {
        let http = self.http(request.endpoint).map_err(|error| CallError::NotSent { reason: error.to_string() })?;
        let valve = self.valves.of(&request);
        let turn = valve.enter(request.deadline.min(Instant::now() + self.patience)).await;
        let pass = turn.map_err(|held| CallError::Held { what: held_back(&request, held), held })?;
        let deadline = request.deadline.min(Instant::now() + self.patience);
        let outcome = Outcome { pass: Some(pass), valve, deadline };
        let result = exchange(http, &request, deadline).await;
        outcome.is(result.as_ref().map_or_else(|error| error.health(request.errors), |_| Health::Well));
        result
    }
}

impl Outcome {
    fn is(mut self, health: Health) {
        let (now, pass) = (Instant::now(), self.pass.take());
        match (health, pass) {
            (Health::Well, Some(pass)) => {
                pass.well();
                self.valve.taken();
            }
            (Health::Limited(asked), Some(pass)) => {
                pass.well();
                self.valve.pause(now, asked);
            }
            (Health::Troubled, Some(pass)) => pass.badly(now),
            (Health::Untold, _) | (_, None) => {}
        }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        let now = Instant::now();
        if let Some(pass) = self.pass.take().filter(|_| now >= self.deadline) {
            pass.badly(now);
        }
    }
}

/// Makes one request, signed as it leaves.
async fn exchange(http: &reqwest::Client, request: &Request<'_>, deadline: Instant) -> Result<Map, CallError> {
    let headers = headers(request, Timestamp::now().as_second())?;
    let (body, sent) = sent::body(request.payload.to_vec());
    let outgoing = http.post(request.endpoint.url()).headers(headers).body(body);
    let exchange = async {
        let response = outgoing.send().await.map_err(|error| failed(error, &sent))?;
        answer(response).await
    };
    match tokio::time::timeout_at(deadline.into(), exchange).await {
        Ok(result) => result,
        Err(_elapsed) if sent.is_set() => {
            Err(CallError::NoAnswer { reason: "the time for an answer is over".to_owned() })
        }
        Err(_elapsed) => {
            Err(CallError::NotSent { reason: "the time for an answer was over before the request left".to_owned() })
        }
    }
}

fn held_back(request: &Request<'_>, held: Held) -> String {
    let Request { service, action, .. } = request;
    match held {
        Held::Open(_) => format!("the API {action} of {service} failed too often with this key and is left alone"),
        Held::Full(_) => format!("the API {action} of {service} has had its share of calls with this key"),
    }
}

fn headers(request: &Request<'_>, timestamp: i64) -> Result<HeaderMap, CallError> {
    let host = request.endpoint.host();
    let authorization = tc3::sign(&tc3::Request {
        secret_id: &request.key.secret_id,
        secret_key: &request.key.secret_key,
        service: request.service,
        host,
        content_type: CONTENT,
        payload: request.payload,
        timestamp,
    });
    let value = |text: &str, what: &str| {
        let reason = || format!("{what} holds a character that no HTTP header can carry");
        HeaderValue::from_str(text).map_err(|_| CallError::Invalid { reason: reason() })
    };
    let secret = |text: &str, what: &str| {
        value(text, what).map(|mut value| {
            value.set_sensitive(true);
            value
        })
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
    headers.insert(HOST, value(host, "the endpoint")?);
    headers.insert(AUTHORIZATION, secret(&authorization, "the SecretId")?);
    headers.insert(HeaderName::from_static("x-tc-action"), value(request.action, "the name of the API")?);
    headers.insert(HeaderName::from_static("x-tc-version"), value(request.version, "the version of the API")?);
    headers.insert(HeaderName::from_static("x-tc-timestamp"), HeaderValue::from(timestamp));
    if let Some(region) = request.region {
        headers.insert(HeaderName::from_static("x-tc-region"), value(region, "the region")?);
    }
    if let Some(token) = &request.key.token {
        headers.insert(HeaderName::from_static("x-tc-token"), secret(token, "the token")?);
    }
    Ok(headers)
}

fn failed(error: reqwest::Error, sent: &SentFlag) -> CallError {
    let reason = reason(error);
    if sent.is_set() { CallError::NoAnswer { reason } } else { CallError::NotSent { reason } }
}

async fn answer(response: Response) -> Result<Map, CallError> {
    let status = response.status();
    let after = retry_after(response.headers(), Timestamp::now(), LONGEST_PAUSE);
    match (read(response).await.and_then(|body| decode(&body)), status.is_success()) {
        (Ok(Answer::Result(members)), true) => Ok(members),
        // A proxy may turn the status; what the API itself says counts.
        (Ok(Answer::Error(error)), _) => Err(CallError::Api { error, after }),
        (Err(error), true) => Err(error),
        (_, false) => Err(CallError::Status { status: status.as_u16(), after }),
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| CallError::NoAnswer { reason: reason(error) })? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(CallError::TooLarge { limit: ANSWER_LIMIT });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

enum Answer {
    Result(Map),
    Error(ApiError),
}

fn decode(body: &[u8]) -> Result<Answer, CallError> {
    let not_understood =
        |problem: String| CallError::NoAnswer { reason: format!("the answer is not one of the API: {problem}") };
    let envelope = Value::from_json(body).map_err(|error| not_understood(error.to_string()))?;
    let Value::Map(response) = envelope.get("Response") else {
        return Err(not_understood("it has no `Response`".to_owned()));
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_text).unwrap_or_default().to_owned();
    Ok(match response.get("Error") {
        None | Some(Value::Null) => Answer::Result(response.as_ref().clone()),
        Some(error) => Answer::Error(ApiError {
            code: text(Some(error.get("Code"))),
            message: text(Some(error.get("Message"))),
            request_id: text(response.get("RequestId")),
        }),
    })
}

#[cfg(test)]
mod tests;
