//! The HTTP client beneath: pooled, direct, and with a TLS of its own.

use std::time::Duration;

use reqwest::redirect;

use super::Endpoint;
use crate::outbound::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Short: a connection that the other side closes as a request leaves makes an attempt whose effect is unknown.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// TLS cannot be set up.
    #[error("the certificates of this system cannot be used: install its package ca-certificates")]
    Tls {
        /// Why.
        source: rustls::Error,
    },
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Http {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// No proxy from the environment and no redirect: a signature holds for one host. HTTP/1.1, since a request is small and
/// its `Host` header is then what was signed.
pub(super) fn http(endpoint: &Endpoint) -> Result<reqwest::Client, ClientError> {
    let tls = tls::config(endpoint.uses_tls()).map_err(|source| ClientError::Tls { source })?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()
        .map_err(|source| ClientError::Http { source: source.into() })
}
