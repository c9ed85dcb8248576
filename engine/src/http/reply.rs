//! Answers: one shape for errors, one table from kinds of errors to statuses.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use warp::Rejection;
use warp::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

/// How long a client is asked to wait when nothing else is known.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request makes no sense; sending it again does not help.
    Invalid,
    /// The request can be read, and does not say what it must; sending it again does not help.
    Unprocessable,
    /// The sender did not prove that it may.
    Unauthorized,
    /// There is no such thing.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The request came too slowly.
    TooSlow,
    /// It cannot be done as things stand.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The body is of a kind that the path does not take.
    UnsupportedMedia,
    /// It cannot be done now; later it may.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// The status of this kind.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error as the client sees it: `{"error": {"code": …, "message": …}}` and the status of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Its kind.
    pub kind: ErrorKind,
    /// A word for machines.
    pub code: &'static str,
    /// A fragment for people; never has a secret or a cause from inside.
    pub message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Error {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), headers: Vec::new() }
    }

    /// The request makes no sense.
    #[must_use]
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, code, message)
    }

    /// There is no such path. The same text whatever was there, so that it tells nothing.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(ErrorKind::NotFound, "not_found", "there is nothing at this path")
    }

    /// The sender did not prove that it may; `challenge` is the value of `WWW-Authenticate` (RFC 9110 section 11.6.1).
    #[must_use]
    pub fn unauthorized(code: &'static str, message: impl Into<String>, challenge: &'static str) -> Self {
        Self::new(ErrorKind::Unauthorized, code, message)
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// The path takes only the methods in `allow`.
    #[must_use]
    pub fn method_not_allowed(method: &Method, allow: &'static str) -> Self {
        let message = format!("{method} is not allowed here: use {allow}");
        Self::new(ErrorKind::MethodNotAllowed, "method_not_allowed", message)
            .with(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// It cannot be done now; `retry_after` is rounded up to whole seconds.
    #[must_use]
    pub fn unavailable(code: &'static str, message: impl Into<String>, retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Self::new(ErrorKind::Unavailable, code, message).with(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// A fault of ours; the cause belongs into the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ErrorKind::Internal, "internal", "something failed inside: the log says what")
    }

    /// Also closes the connection, because the rest of the request was not read.
    #[must_use]
    pub fn closing(self) -> Self {
        self.with(header::CONNECTION, HeaderValue::from_static("close"))
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self) -> Response {
        let view = ErrorEnvelope { error: ErrorBody { code: self.code, message: &self.message } };
        let mut response = json(self.kind.status(), &view);
        let headers: &mut HeaderMap = response.headers_mut();
        headers.extend(self.headers);
        response
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {}

#[derive(Serialize)]
struct ErrorEnvelope<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
}

/// The answer of a handler.
#[must_use]
pub fn answer(result: Result<Response, Error>) -> Response {
    result.unwrap_or_else(Error::into_response)
}

/// An answer with a JSON body.
#[must_use]
pub fn json<T: Serialize>(status: StatusCode, view: &T) -> Response {
    match serde_json::to_vec(view) {
        Ok(text) => with_type(status, "application/json", text),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// An answer with a line of text.
#[must_use]
pub fn text(status: StatusCode, text: &str) -> Response {
    with_type(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn with_type(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Logs an error with its causes, once, where a client is told less.
pub(super) fn log_chain(what: &str, error: &(dyn StdError + 'static)) {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    tracing::error!(error = causes.join(": "), "{what}");
}

/// Answers what no face answers.
///
/// # Errors
///
/// Never.
pub async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    if !rejection.is_not_found() {
        tracing::warn!(?rejection, "a filter rejected a request otherwise than by its path");
    }
    Ok(Error::no_such_path().into_response())
}
