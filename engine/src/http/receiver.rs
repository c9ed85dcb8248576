//! The doors for events: `POST /vod/{subappid}/{token}` for notifications of the vendor, and the paths of endpoints for
//! anyone else.
//!
//! An answer of 200 means that the event is durable. What is asked for, in this order: a known application (404), its
//! token (401), the method (405), a body within limits (413, 408), a notification (400) that is signed when the
//! application has a key (401), and an engine that takes it (503). No token ever reaches a log or an answer.

mod door;
mod endpoint;
mod ingest;
mod status;

use std::sync::Arc;

use arc_swap::ArcSwap;
use oncue_rules::ids::SubAppId;
use oncue_rules::time::Timestamp;
use warp::Filter;
use warp::http::{Method, StatusCode};

use door::Proof;
pub use door::{Door, Doors};
pub(super) use ingest::hand_over;
pub use ingest::{Ack, Ingest, IngestError};
pub use status::{Outcome, Outcomes};

use super::Face;
use super::Response;
use super::body::{Body, BodyLimits};
use super::reply::{self, Error};
use super::request::{self, Request};
use crate::secrets::Secrets;
use crate::sources::vod::{self, Mark, Recognised};
use crate::store::{Quarantine, Store};

/// What is kept of bodies that were sent by an authenticated sender and could not be taken.
#[derive(Debug, Clone, Copy)]
pub struct QuarantineLimits {
    /// How many; the oldest go.
    pub keep: u32,
    /// How many bytes of each; so `keep` times this bounds them together.
    pub bytes: usize,
}

impl Default for QuarantineLimits {
    /// 1,000 of 64 KiB: 64 MiB together.
    fn default() -> Self {
        Self { keep: 1_000, bytes: 64 << 10 }
    }
}

/// The receiver.
pub struct Receiver {
    /// Who may send; swapped on reload.
    pub doors: Arc<ArcSwap<Doors>>,
    /// Where notifications go.
    pub ingest: Arc<dyn Ingest>,
    /// Where bodies go that could not be taken.
    pub store: Arc<dyn Store>,
    /// Who knows what became of events.
    pub outcomes: Arc<dyn Outcomes>,
    /// What is kept out of answers, the log, and the reasons of what is in quarantine.
    pub secrets: Secrets,
    /// How bodies are read.
    pub body: BodyLimits,
    /// What is kept of those that could not be taken.
    pub quarantine: QuarantineLimits,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// The face of a receiver: `/vod/…`, `/healthz`, the paths of endpoints, and `/status/…`.
#[must_use]
pub fn face(receiver: Arc<Receiver>) -> Face {
    let others = endpoint::paths(&receiver).or(status::paths(&receiver)).unify();
    let vod = request::under("vod").then(move |request| {
        let receiver = Arc::clone(&receiver);
        async move { reply::answer(receiver.receive(request).await) }
    });
    vod.or(super::request::healthz()).unify().or(others).unify().boxed()
}

impl Receiver {
    async fn receive(&self, mut request: Request) -> Result<Response, Error> {
        let (app, token) = address(&request)?;
        let doors = self.doors.load_full();
        let door = doors.apps.get(&app).ok_or_else(Error::no_such_path)?;
        let result = self.take(door, app, token.as_deref(), &mut request).await;
        match result {
            Ok(ack) => {
                tracing::debug!(path = %shown(app), ?ack, "received");
                Ok(answer(ack))
            }
            Err(error) => {
                let status = error.kind.status().as_u16();
                tracing::warn!(path = %shown(app), status, code = error.code, reason = %error, "refused");
                Err(error)
            }
        }
    }

    async fn take(&self, door: &Door, app: SubAppId, token: Option<&str>, request: &mut Request) -> Result<Ack, Error> {
        let mut proof = door.admit(token)?;
        if request.method != Method::POST {
            return Err(Error::method_not_allowed(&request.method, "POST"));
        }
        let received_at = (self.now)();
        let body = request.read_body(&self.body).await?;
        match recognise(door, app, &body, &request.query, received_at, &mut proof) {
            Ok(recognised) => hand_over(&self.ingest, app, recognised, body, received_at).await,
            Err(mut error) => {
                error.message = self.secrets.scrubber().text(&error.message).into_owned();
                if proof == Proof::Given && error.kind == reply::ErrorKind::Invalid {
                    self.keep(Some(app), format!("{}: {error}", error.code), &body, received_at).await;
                }
                Err(error)
            }
        }
    }

    async fn keep(&self, subappid: Option<SubAppId>, reason: String, body: &Body, received_at: Timestamp) {
        let kept = body.get(..self.quarantine.bytes).unwrap_or(body);
        let quarantine = Quarantine { received_at, subappid, reason, body: kept.into(), keep: self.quarantine.keep };
        if let Err(error) = self.store.quarantine(quarantine).await {
            tracing::error!(%error, "a refused body could not be kept");
        }
    }
}

/// The vendor reads nothing but the status; who probes the callback URL wants to know that it is ours.
fn answer(ack: Ack) -> Response {
    match ack {
        Ack::Accepted { .. } | Ack::Duplicate(_) => reply::empty(StatusCode::OK),
        Ack::Probed(event) => reply::json(StatusCode::OK, &serde_json::json!({ "probe": event.to_string() })),
    }
}

/// The application and the token that a path names; `/vod/1500000001` has no token.
fn address(request: &Request) -> Result<(SubAppId, Option<String>), Error> {
    let (app, token) = match request.segments().as_slice() {
        ["vod", app] => (*app, None),
        ["vod", app, token] if !token.is_empty() => (*app, Some((*token).to_owned())),
        _ => return Err(Error::no_such_path()),
    };
    // `parse` alone would take `+1` and `01`, and so give one application many paths.
    let id: SubAppId = app.parse().map_err(|_| Error::no_such_path())?;
    if id.to_string() == app { Ok((id, token)) } else { Err(Error::no_such_path()) }
}

fn shown(app: SubAppId) -> String {
    format!("/vod/{app}/***")
}

/// What the body is, when it is signed as it must be. A body of another kind is told so before its signature is missed.
fn recognise(
    door: &Door,
    app: SubAppId,
    body: &[u8],
    query: &str,
    now: Timestamp,
    proof: &mut Proof,
) -> Result<Recognised, Error> {
    let refused = |refusal: vod::Refusal| Error::invalid(refusal.code(), refusal.to_string());
    let opened = vod::parse(body).map_err(refused)?;
    let recognised = vod::recognise(&opened, app);
    if recognised.as_ref().err().is_none_or(vod::Refusal::is_meant_for_us) {
        door.check_sign(opened.outline(), query, now)?;
        *proof = Proof::Given;
    }
    let recognised = recognised.map_err(refused)?;
    for mark in &recognised.marks {
        if *mark == Mark::UnknownType {
            tracing::info!(%app, kind = %recognised.kind, "{mark}");
        } else {
            tracing::warn!(%app, kind = %recognised.kind, "{mark}");
        }
    }
    Ok(recognised)
}
