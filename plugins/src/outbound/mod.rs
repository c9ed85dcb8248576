//! Requests to places that rules name: one at a time, each hop guarded, with an end to time, size and redirects.

mod answer;
mod expect;
mod failure;
pub(crate) mod pause;
mod redirect;
pub(crate) mod sent;
pub(crate) mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, Url};

pub use answer::Answer;
pub use expect::Expect;
pub(crate) use expect::shortfall;
pub use failure::Failure;
pub use redirect::{HOPS, Redirects};

use self::sent::SentFlag;
use crate::guard::{self, Guarded, Lookup, SystemLookup};

/// The most bytes of an answer that are read when nothing else is said.
pub const ANSWER_LIMIT: usize = 1024 * 1024;
/// The most bytes of an answer that may be asked for.
pub const MOST_ANSWER: usize = 16 * 1024 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Short: a connection that the other side closes as a request leaves makes an attempt whose effect is unknown.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
const USER_AGENT: &str = concat!("oncue/", env!("CARGO_PKG_VERSION"));

/// Makes requests. A clone is cheap and shares the connections.
///
/// There are two clients, so that a connection which one step may use for a place inside is never lent to another that
/// may not.
#[derive(Debug, Clone)]
pub struct Client {
    guarded: reqwest::Client,
    open: reqwest::Client,
}

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct ClientError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// What to send.
#[derive(Debug, Clone)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Where to: `http` or `https`.
    pub url: Url,
    /// All headers besides those that HTTP itself needs.
    pub headers: HeaderMap,
    /// The bytes of the body.
    pub body: Option<Bytes>,
    /// Whether the place may stand inside.
    pub allow_private: bool,
    /// Which redirects are followed.
    pub redirects: Redirects,
    /// The most bytes of the answer's body that are read.
    pub limit: usize,
    /// The end of it all: connecting, redirects and reading included.
    pub deadline: Instant,
}

impl Client {
    /// A client that resolves names as the system does.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, ClientError> {
        let lookup: Arc<dyn Lookup> = Arc::new(SystemLookup);
        Self::with_lookup(&lookup)
    }

    /// A client that resolves names so.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn with_lookup(lookup: &Arc<dyn Lookup>) -> Result<Self, ClientError> {
        let build = |allow_private| http(Guarded::new(Arc::clone(lookup), allow_private));
        Ok(Self { guarded: build(false)?, open: build(true)? })
    }

    /// Sends a request, follows where it leads, and reads the answer: any status is an answer.
    ///
    /// # Errors
    ///
    /// When there is no whole answer by the deadline, or a place stands inside and may not.
    pub async fn send(&self, mut request: Request) -> Result<Answer, Failure> {
        for _ in 0..=HOPS {
            let response = self.hop(&request).await?;
            if !redirect::follow(&mut request, response.status(), response.headers())? {
                return answer::read(response, request.limit, request.deadline).await;
            }
        }
        Err(Failure::Redirect { reason: format!("it redirects more than {HOPS} times: correct the URL") })
    }

    async fn hop(&self, request: &Request) -> Result<Response, Failure> {
        if !request.allow_private {
            guard::check(&request.url)?;
        }
        let client = if request.allow_private { &self.open } else { &self.guarded };
        let mut building = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        let mut flag = None;
        if let Some(payload) = request.body.clone().filter(|payload| !payload.is_empty()) {
            let (body, sent) = sent::body(payload);
            building = building.body(body);
            flag = Some(sent);
        }
        match tokio::time::timeout_at(request.deadline.into(), building.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failed(error, flag.as_ref())),
            Err(_elapsed) if may_have_left(flag.as_ref()) => {
                Err(Failure::NoAnswer { reason: "the time for the attempt is over".to_owned() })
            }
            Err(_elapsed) => {
                Err(Failure::NotSent { reason: "the time for the attempt was over before the request left".to_owned() })
            }
        }
    }
}

/// Without a body nobody can tell when a request left.
fn may_have_left(sent: Option<&SentFlag>) -> bool {
    sent.is_none_or(SentFlag::is_set)
}

fn failed(error: reqwest::Error, sent: Option<&SentFlag>) -> Failure {
    if let Some(refused) = refusal(&error) {
        return Failure::Refused { refused };
    }
    if error.is_builder() {
        return Failure::Invalid { reason: reason(error) };
    }
    let left = !error.is_connect() && may_have_left(sent);
    let reason = reason(error);
    if left { Failure::NoAnswer { reason } } else { Failure::NotSent { reason } }
}

/// The refusal of the guard that is the cause of an error.
fn refusal(error: &reqwest::Error) -> Option<guard::Refused> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<guard::Refused>() {
            return Some(refused.clone());
        }
        cause = error.source();
    }
    None
}

/// The error with its causes, without the URL, which may hold a secret.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// No proxy from the environment, which would resolve names where nobody checks them, and no redirect of its own.
fn http(guarded: Guarded) -> Result<reqwest::Client, ClientError> {
    let mut tls = tls::config(true).or_else(|error| {
        // Targets without TLS work on a machine without certificates; those with it say that nobody is trusted.
        tracing::warn!(%error, "no certificates: https will fail until the package ca-certificates is installed");
        tls::config(false).map_err(|error| ClientError(error.into()))
    })?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .dns_resolver(Arc::new(guarded))
        .build()
        .map_err(|error| ClientError(error.into()))
}

#[cfg(test)]
mod tests;
