//! Breaks a circle of construction: actions emit events through the intake, answers to questions go there too, and the
//! intake runs rules that use actions.

use std::error::Error as StdError;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use oncue_plugins::action::ActionError;
use oncue_plugins::emit::{Emission, Emitted, Emitter};
use oncue_rules::ids::SubAppId;
use tokio::sync::SetOnce;

use crate::ingest::Intake;
use crate::runner::Answers;

/// An emitter whose intake comes later. It does not keep the intake alive, which keeps the actions.
#[derive(Default)]
pub(super) struct LateEmitter(SetOnce<Weak<Intake>>);

impl LateEmitter {
    /// From now on events go to this intake; a second one is ignored.
    pub(super) fn connect(&self, intake: &Arc<Intake>) {
        if self.0.set(Arc::downgrade(intake)).is_err() {
            tracing::error!("the emitter has an intake already");
        }
    }
}

#[async_trait]
impl Emitter for LateEmitter {
    async fn emit(&self, emission: Emission) -> Result<Emitted, ActionError> {
        // Runs of an earlier process may go on a moment before the intake is there.
        let Ok(intake) = tokio::time::timeout_at(emission.deadline.into(), self.0.wait()).await else {
            return Err(ActionError::retry("unavailable", "events cannot be taken yet"));
        };
        let Some(intake) = intake.upgrade() else {
            return Err(ActionError::retry("unavailable", "this server is ending"));
        };
        // In a task of its own: a commit that was begun is not given up when the attempt is.
        let taking = tokio::spawn(async move { intake.emit(emission).await });
        taking.await.unwrap_or_else(|_| Err(ActionError::retry("internal", "taking the event failed")))
    }
}

#[async_trait]
impl Answers for LateEmitter {
    async fn take(&self, app: SubAppId, body: Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let intake = self.0.get().and_then(Weak::upgrade).ok_or("events cannot be taken yet")?;
        // As above.
        let taking = tokio::spawn(async move { intake.hear(app, body).await });
        taking.await?.map_err(Into::into)
    }
}
