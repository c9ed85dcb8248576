//! What the faces hand notifications to.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oncue_rules::ids::{EventId, SubAppId};
use oncue_rules::time::Timestamp;

use crate::http::body::Body;
use crate::http::reply::{self, Error};
use crate::sources::endpoint::Received;
use crate::sources::vod::Recognised;

/// Takes notifications: matches them against the rules, and stores them with the runs that they start.
#[async_trait]
pub trait Ingest: Send + Sync + 'static {
    /// Takes one notification. When it returns `Ok`, the event and its runs are durable. It is not cancelled half way:
    /// the sender's going away does not stop it.
    async fn ingest(&self, app: SubAppId, recognised: Recognised, received_at: Timestamp) -> Result<Ack, IngestError>;

    /// As [`Ingest::ingest`], for what came to an endpoint.
    async fn receive(&self, received: Received, received_at: Timestamp) -> Result<Ack, IngestError>;
}

/// What became of a notification. Each of these is an answer of 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// It is stored.
    Accepted {
        /// As this event.
        event: EventId,
        /// How many runs it started; none when no rule matched.
        runs: u32,
    },
    /// It was stored before, as this event.
    Duplicate(EventId),
    /// It is a probe of ours, stored as this event; no rule was asked. The answer says so, so that the one who sent it
    /// knows that it came to the right place.
    Probed(EventId),
}

/// Why a notification was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// It cannot be stored now.
    #[error("the event cannot be stored now")]
    Unavailable {
        /// When to try again, when that is known.
        retry_after: Option<Duration>,
        /// The cause.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// It is for an application that is not configured.
    #[error("there is no application {app}: name one that the configuration has")]
    UnknownApplication {
        /// The application.
        app: SubAppId,
    },
    /// A fault of ours.
    #[error("the event could not be taken")]
    Internal {
        /// The cause.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// Hands a notification over in a task of its own: a sender that goes away ends the request's future, and a commit that
/// was begun must not be given up with it. The memory of what was read counts as used until then.
pub(in crate::http) async fn hand_over(
    ingest: &Arc<dyn Ingest>,
    app: SubAppId,
    recognised: Recognised,
    read: Body,
    received_at: Timestamp,
) -> Result<Ack, Error> {
    let ingest = Arc::clone(ingest);
    see_through(read, async move { ingest.ingest(app, recognised, received_at).await }).await
}

/// As [`hand_over`], for what came to an endpoint.
pub(super) async fn hand_over_received(
    ingest: &Arc<dyn Ingest>,
    received: Received,
    read: Body,
    received_at: Timestamp,
) -> Result<Ack, Error> {
    let ingest = Arc::clone(ingest);
    see_through(read, async move { ingest.receive(received, received_at).await }).await
}

async fn see_through(
    read: Body,
    taking: impl Future<Output = Result<Ack, IngestError>> + Send + 'static,
) -> Result<Ack, Error> {
    let task = tokio::spawn(async move {
        let result = taking.await;
        drop(read);
        result
    });
    match task.await {
        Ok(Ok(ack)) => Ok(ack),
        Ok(Err(IngestError::Unavailable { retry_after, source })) => {
            reply::log_chain("an event cannot be stored", &*source);
            let message = "the event cannot be stored now: send it again later";
            Err(Error::unavailable("unavailable", message, retry_after.unwrap_or(reply::RETRY_AFTER)))
        }
        Ok(Err(error @ IngestError::UnknownApplication { .. })) => {
            Err(Error::invalid("unknown_application", error.to_string()))
        }
        Ok(Err(IngestError::Internal { source })) => {
            reply::log_chain("an event could not be taken", &*source);
            Err(Error::internal())
        }
        Err(error) => {
            tracing::error!(%error, "taking an event failed");
            Err(Error::internal())
        }
    }
}
