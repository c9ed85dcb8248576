//! Signed calls to the VOD API: one call is one request, signed anew, with an end to time and size.

mod connect;
mod endpoint;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value};

pub use connect::ClientError;
pub use endpoint::{Endpoint, EndpointError};

use super::credentials::Key;
use super::error::{ApiError, CallError};
use super::tc3;
use crate::outbound::pause::retry_after;
use crate::outbound::reason;
use crate::outbound::sent::{self, SentFlag};

/// The version of the API that requests name.
pub const VERSION: &str = "2018-07-17";

/// The most bytes of an answer that are read; answers of this API are a few hundred.
pub const ANSWER_LIMIT: usize = 1024 * 1024;

const SERVICE: &str = "vod";
const CONTENT: &str = "application/json";

/// The longest pause that a server is believed to want.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Makes signed calls. A clone is cheap and shares the connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Arc<Endpoint>,
    region: Option<HeaderValue>,
}

impl Client {
    /// A client of one endpoint. `region` goes out as `X-TC-Region`, which VOD does not need.
    ///
    /// # Errors
    ///
    /// When the region cannot be a header, or the certificates of the system cannot be read.
    pub fn new(endpoint: Endpoint, region: Option<&str>) -> Result<Self, ClientError> {
        let region = region.map(HeaderValue::from_str).transpose().map_err(|source| ClientError::Region { source })?;
        Ok(Self { http: connect::http(&endpoint)?, endpoint: Arc::new(endpoint), region })
    }

    /// Calls an API such as `ProcessMedia` and gives the members of `Response`. `payload` is sent as it is.
    ///
    /// # Errors
    ///
    /// When there is no result by `deadline`, or it is an error.
    pub async fn call(
        &self,
        action: &str,
        payload: Vec<u8>,
        key: &Key,
        deadline: Instant,
    ) -> Result<Map<String, Value>, CallError> {
        let headers = self.headers(action, &payload, key, Timestamp::now().as_second())?;
        let (body, sent) = sent::body(payload);
        let request = self.http.post(self.endpoint.url()).headers(headers).body(body);
        let exchange = async {
            let response = request.send().await.map_err(|error| failed(error, &sent))?;
            answer(response).await
        };
        match tokio::time::timeout_at(deadline.into(), exchange).await {
            Ok(result) => result,
            Err(_elapsed) if sent.is_set() => {
                Err(CallError::NoAnswer { reason: "the time for the attempt is over".to_owned() })
            }
            Err(_elapsed) => Err(CallError::NotSent {
                reason: "the time for the attempt was over before the request left".to_owned(),
            }),
        }
    }

    fn headers(&self, action: &str, payload: &[u8], key: &Key, timestamp: i64) -> Result<HeaderMap, CallError> {
        let host = self.endpoint.host();
        let authorization = tc3::sign(&tc3::Request {
            secret_id: &key.secret_id,
            secret_key: &key.secret_key,
            service: SERVICE,
            host,
            content_type: CONTENT,
            payload,
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
        headers.insert(HeaderName::from_static("x-tc-action"), value(action, "the name of the API")?);
        headers.insert(HeaderName::from_static("x-tc-version"), HeaderValue::from_static(VERSION));
        headers.insert(HeaderName::from_static("x-tc-timestamp"), HeaderValue::from(timestamp));
        if let Some(region) = &self.region {
            headers.insert(HeaderName::from_static("x-tc-region"), region.clone());
        }
        if let Some(token) = &key.token {
            headers.insert(HeaderName::from_static("x-tc-token"), secret(token, "the token")?);
        }
        Ok(headers)
    }
}

fn failed(error: reqwest::Error, sent: &SentFlag) -> CallError {
    let reason = reason(error);
    if sent.is_set() { CallError::NoAnswer { reason } } else { CallError::NotSent { reason } }
}

async fn answer(response: Response) -> Result<Map<String, Value>, CallError> {
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
            return Err(CallError::NoAnswer { reason: format!("the answer is larger than {ANSWER_LIMIT} bytes") });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

enum Answer {
    Result(Map<String, Value>),
    Error(ApiError),
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Response")]
    response: Map<String, Value>,
}

fn decode(body: &[u8]) -> Result<Answer, CallError> {
    let Envelope { response } = serde_json::from_slice(body)
        .map_err(|error| CallError::NoAnswer { reason: format!("the answer is not one of the API: {error}") })?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(match response.get("Error") {
        None | Some(Value::Null) => Answer::Result(response),
        Some(error) => Answer::Error(ApiError {
            code: text(error.get("Code")),
            message: text(error.get("Message")),
            request_id: text(response.get("RequestId")),
        }),
    })
}

#[cfg(test)]
mod tests;
