//! The action `vod.review_audio_video`: has a file looked at for what must not be shown.

use async_trait::async_trait;
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::submission::{self, Submission, SubmissionOutputs};
use super::{Client, ask, completion};
use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::completion::{Completion, Question};
use crate::params as parameters;

const SAMPLE: &str = "\
- id: review
  uses: vod.review_audio_video
  with: { Definition: 10, ReviewContents: [Media, Cover] }
";

/// What to look at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ReviewAudioVideoParams {
    /// The file. Left out: the file of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
    /// Instead of `FileId`: the path of the file, in applications that the vendor calls `FileID + Path` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_storage_path: Option<String>,
    /// The application. Left out: the one that the step acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_app_id: Option<u64>,
    /// What of the file. Left out: `[Media]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_contents: Option<Vec<ReviewContent>>,
    /// The review template. Left out: 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<u64>,
    /// Comes back in the events of the task; at most 1000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub session_context: Option<String>,
    /// From -10 to 10; the higher, the earlier. Left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -10, max = 10))]
    pub tasks_priority: Option<i64>,
    /// A request with an id of the last 3 days is not taken again; at most 50 characters. Left out: the idempotency key of
    /// the step. Empty: no check, so an attempt without an answer ends as `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    pub session_id: Option<String>,
    /// Reserved by the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ext_info: Option<String>,
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReviewContent {
    /// Picture and sound.
    Media,
    /// The cover.
    Cover,
}

/// Calls `ReviewAudioVideo` of VOD.
#[derive(Debug)]
pub struct ReviewAudioVideo {
    client: Client,
    spec: Spec,
}

impl ReviewAudioVideo {
    /// The action, calling through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let spec = Spec {
            name: ActionName::from("vod.review_audio_video"),
            summary: "Has a file reviewed for what must not be shown (`ReviewAudioVideo`).".into(),
            parameters: parameters::schema::<ReviewAudioVideoParams>(),
            outputs: parameters::schema::<SubmissionOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Keyed,
            needs_credentials: true,
        };
        Self { client, spec }
    }
}

#[async_trait]
impl Action for ReviewAudioVideo {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        submission::submit::<ReviewAudioVideoParams>(&self.client, &call).await
    }

    fn repeatable(&self, params: &Value) -> Repeatable {
        submission::repeatable(params)
    }

    fn completion(&self) -> Option<Completion> {
        Some(completion::REVIEW)
    }

    async fn ask(&self, question: Question) -> Result<Option<Vec<u8>>, ActionError> {
        ask::ask::<ReviewAudioVideoParams>(&self.client, &ask::REVIEW, &question).await
    }
}

impl Submission for ReviewAudioVideoParams {
    const API: &'static str = "ReviewAudioVideo";

    fn complete(&mut self, call: &Call) -> Result<(), ActionError> {
        submission::check(self.session_id.as_deref(), self.session_context.as_deref(), self.tasks_priority)?;
        if self.file_id.is_none() && self.media_storage_path.is_none() {
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{FILE, KEY, call};

    fn body(params: &str) -> serde_json::Value {
        serde_json::to_value(submission::request::<ReviewAudioVideoParams>(&call(params)).unwrap()).unwrap()
    }

    #[test]
    fn every_field_of_the_api_passes_through_unchanged() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/review_audio_video_all.json")).unwrap();
        assert_eq!(body(&all.to_string()), all);
    }

    #[test]
    fn what_is_implied_is_filled_in() {
        assert_eq!(body("{}"), json!({ "FileId": FILE, "SubAppId": 1_500_000_001, "SessionId": KEY }));
    }
}
