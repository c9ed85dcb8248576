//! Answers to questions about work of which nothing was heard.

use oncue_rules::ids::SubAppId;

use super::Intake;
use crate::clock;
use crate::http::receiver::{Ingest, IngestError};
use crate::sources::vod::{self, Refusal};

/// An answer is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// It is no notification.
    #[error("the answer is no notification: {0}")]
    Refused(#[source] Refusal),
    /// It could not be stored.
    #[error(transparent)]
    NotTaken(#[from] IngestError),
}

impl Intake {
    /// Takes the body of a notification that never came, as if it had. When it did come meanwhile, it is a duplicate.
    pub(crate) async fn hear(&self, app: SubAppId, body: Vec<u8>) -> Result<(), AnswerError> {
        let recognised =
            vod::parse(&body).and_then(|opened| vod::recognise(&opened, app)).map_err(AnswerError::Refused)?;
        self.ingest(app, recognised, clock::now()).await?;
        Ok(())
    }
}
