//! Events that our own steps emit.

use async_trait::async_trait;
use oncue_plugins::action::ActionError;
use oncue_plugins::emit::{Emission, Emitted, Emitter};

use super::{Incoming, Intake};
use crate::clock;
use crate::http::receiver::{Ack, IngestError};

#[async_trait]
impl Emitter for Intake {
    async fn emit(&self, emission: Emission) -> Result<Emitted, ActionError> {
        let deadline = emission.deadline;
        let taking = self.take(Incoming::of_emission(emission, clock::now()));
        match tokio::time::timeout_at(deadline.into(), taking).await {
            Ok(Ok(Ack::Accepted { event, .. } | Ack::Probed(event))) => Ok(Emitted { event, duplicate: false }),
            Ok(Ok(Ack::Duplicate(event))) => Ok(Emitted { event, duplicate: true }),
            Ok(Err(IngestError::Unavailable { .. })) => {
                Err(ActionError::retry("unavailable", "the event cannot be stored now"))
            }
            Ok(Err(IngestError::UnknownApplication { app })) => {
                Err(ActionError::fatal("unknown_application", format!("the application {app} is not configured")))
            }
            Ok(Err(IngestError::Internal { source })) => {
                tracing::error!(error = %source, "an emitted event could not be taken");
                Err(ActionError::retry("internal", "the event could not be taken"))
            }
            Err(_elapsed) => Err(ActionError::retry("timeout", "the event was not stored in time")),
        }
    }
}
