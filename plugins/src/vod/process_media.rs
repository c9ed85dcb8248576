//! The action `vod.process_media`: starts the processing of a media file.

mod narrow;
mod overrides;
mod params;
mod tasks;

use async_trait::async_trait;
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;

pub(super) use narrow::narrow;
pub use overrides::*;
pub use params::*;
pub use tasks::*;

use super::submission::{self, Submission, SubmissionOutputs};
use super::{Client, ask, completion};
use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::completion::{Completion, Question};
use crate::params as parameters;

const SAMPLE: &str = "\
- id: transcode
  uses: vod.process_media
  with:
    definitions: [100010, 100020]
    MediaProcessTask:
      CoverBySnapshotTaskSet: [{ Definition: 10, PositionType: Percent, PositionValue: 10 }]
";

/// Calls `ProcessMedia` of VOD.
#[derive(Debug)]
pub struct ProcessMedia {
    client: Client,
    spec: Spec,
}

impl ProcessMedia {
    /// The action, calling through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let spec = Spec {
            name: ActionName::from("vod.process_media"),
            summary: "Starts transcoding, snapshots and other processing of a media file (`ProcessMedia`).".into(),
            parameters: parameters::schema::<ProcessMediaParams>(),
            outputs: parameters::schema::<SubmissionOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Keyed,
            needs_credentials: true,
        };
        Self { client, spec }
    }
}

#[async_trait]
impl Action for ProcessMedia {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        submission::submit::<ProcessMediaParams>(&self.client, &call).await
    }

    fn repeatable(&self, params: &Value) -> Repeatable {
        submission::repeatable(params)
    }

    fn completion(&self) -> Option<Completion> {
        Some(completion::PROCEDURE)
    }

    async fn ask(&self, question: Question) -> Result<Option<Vec<u8>>, ActionError> {
        ask::ask::<ProcessMediaParams>(&self.client, &ask::PROCEDURE, &question).await
    }
}

/// The body of the request that a call makes, member by member as it is sent.
///
/// # Errors
///
/// When the parameters do not make a request.
pub fn request_body(call: &Call) -> Result<serde_json::Value, ActionError> {
    let request: ProcessMediaParams = submission::request(call)?;
    serde_json::to_value(&request).map_err(|error| parameters::invalid("with", &error.to_string()))
}

impl Submission for ProcessMediaParams {
    const API: &'static str = "ProcessMedia";

    fn complete(&mut self, call: &Call) -> Result<(), ActionError> {
        self.add_definitions();
        self.check()?;
        if self.has_no_source() {
            self.file_id = Some(submission::file_of(&call.event)?);
        }
        submission::imply_app(&mut self.sub_app_id, call);
        submission::imply_session(&mut self.session_id, call);
        Ok(())
    }

    fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    fn file_id(&self) -> Option<&str> {
        self.file_id.as_deref()
    }

    fn sub_app_id(&self) -> Option<u64> {
        self.sub_app_id
    }
}

#[cfg(test)]
mod tests;
