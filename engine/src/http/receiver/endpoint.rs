//! The door of everyone else: the paths that `endpoints` of the configuration declare.
//!
//! What is asked for, in this order: the method (405), a known sender as far as headers tell (401), a body within limits
//! (413, 408), the signature over its bytes (401), JSON (400, 415) that says what it must (422), and an engine that takes it
//! (503).

use std::sync::Arc;

use serde::Serialize;
use warp::Filter;
use warp::http::{Method, StatusCode};

use super::ingest::hand_over_received;
use super::status::RunStatusView;
use super::{Ack, Outcome, Receiver};
use crate::http::reply::{self, Error, ErrorKind};
use crate::http::request::{self, Request};
use crate::http::{Face, Response};
use crate::sources::endpoint::{Endpoint, Fault, Received, Refusal, Sent, VerifyError};

/// What a sender is answered whose event is stored.
#[derive(Debug, Serialize)]
struct TakenView {
    /// The event as which it is stored, also when an earlier request was.
    event: String,
    /// Whether it was stored before.
    duplicate: bool,
    /// Where the endpoint tells of it.
    #[serde(flatten)]
    followed: Option<FollowedView>,
}

/// What became of an event so far.
#[derive(Debug, Serialize)]
struct FollowedView {
    /// Its runs; null when they cannot be told now.
    runs: Option<Vec<RunStatusView>>,
    /// Where to ask again; null when it cannot be told now, or the endpoint did not tell when the event came.
    status_path: Option<String>,
}

/// The face of the endpoints that are live.
pub(super) fn paths(receiver: &Arc<Receiver>) -> Face {
    let doors = Arc::clone(&receiver.doors);
    let receiver = Arc::clone(receiver);
    let ours = request::at(move |path| doors.load().endpoints.contains_key(path));
    ours.then(move |request| {
        let receiver = Arc::clone(&receiver);
        async move { reply::answer(receiver.hear(request).await) }
    })
    .boxed()
}

impl Receiver {
    async fn hear(&self, mut request: Request) -> Result<Response, Error> {
        let doors = self.doors.load_full();
        // It may have been there a moment ago.
        let endpoint = doors.endpoints.get(request.path.as_str()).ok_or_else(Error::no_such_path)?;
        match self.take_from(endpoint, &mut request).await {
            Ok(ack) => {
                tracing::debug!(path = %endpoint.path, ?ack, "received");
                Ok(reply::json(StatusCode::OK, &self.taken(endpoint, ack).await))
            }
            Err(error) => {
                let status = error.kind.status().as_u16();
                tracing::warn!(path = %endpoint.path, status, code = error.code, reason = %error, "refused");
                Err(error)
            }
        }
    }

    async fn take_from(&self, endpoint: &Endpoint, request: &mut Request) -> Result<Ack, Error> {
        if request.method != Method::POST {
            return Err(Error::method_not_allowed(&request.method, "POST"));
        }
        let received_at = (self.now)();
        let unknown = |error: VerifyError| unknown(endpoint, &error);
        let claim = endpoint.verify.claim(request.headers(), received_at).map_err(unknown)?;
        let body = request.read_body(&self.body).await?;
        if let Some(claim) = claim {
            claim.check(&body).map_err(unknown)?;
        }
        match recognise(endpoint, request, &body) {
            Ok(received) => hand_over_received(&self.ingest, received, body, received_at).await,
            Err(mut error) => {
                error.message = self.secrets.scrubber().text(&error.message).into_owned();
                let reason = format!("{}: {}: {error}", endpoint.path, error.code);
                self.keep(None, reason, &body, received_at).await;
                Err(error)
            }
        }
    }
}

impl Receiver {
    async fn taken(&self, endpoint: &Endpoint, ack: Ack) -> TakenView {
        let (event, duplicate) = match ack {
            Ack::Accepted { event, .. } | Ack::Probed(event) => (event, false),
            Ack::Duplicate(event) => (event, true),
        };
        let mut followed = None;
        if endpoint.follows {
            // The event is stored whatever comes of the question.
            let outcome = self.outcomes.outcome(event).await.unwrap_or_else(|error| {
                reply::log_chain("what became of an event cannot be told", &error);
                None
            });
            let status_path = outcome.as_ref().and_then(Outcome::path);
            followed = Some(FollowedView { runs: outcome.map(Outcome::runs), status_path });
        }
        TakenView { event: event.to_string(), duplicate, followed }
    }
}

fn recognise(endpoint: &Endpoint, request: &Request, body: &[u8]) -> Result<Received, Error> {
    let sent = Sent { headers: request.headers(), query: &request.query, body };
    endpoint.recognise(sent).map_err(|refusal: Refusal| {
        let kind = match refusal.fault() {
            Fault::Media => ErrorKind::UnsupportedMedia,
            Fault::Form => ErrorKind::Invalid,
            Fault::Meaning => ErrorKind::Unprocessable,
        };
        Error::new(kind, refusal.code(), refusal.to_string())
    })
}

fn unknown(endpoint: &Endpoint, error: &VerifyError) -> Error {
    Error::unauthorized(error.code(), error.to_string(), endpoint.verify.challenge())
}
