//! The action `vod.edit_media`: joins and cuts files, or recordings of a stream, into a new one.

mod params;

use async_trait::async_trait;
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;

pub use params::*;

use super::submission::{self, Submission, SubmissionOutputs};
use super::{Client, ask, completion};
use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::completion::{Completion, Question};
use crate::params as parameters;

const SAMPLE: &str = "\
- id: edit
  uses: vod.edit_media
  with:
    InputType: File
    FileInfos: [{ FileId: \"${{ app.vars.opening }}\" }, { FileId: \"${{ event.file_id }}\", EndTimeOffset: 60 }]
    OutputConfig: { MediaName: with opening, Type: mp4 }
";

/// Calls `EditMedia` of VOD.
#[derive(Debug)]
pub struct EditMedia {
    client: Client,
    spec: Spec,
}

impl EditMedia {
    /// The action, calling through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let spec = Spec {
            name: ActionName::from("vod.edit_media"),
            summary: "Joins and cuts files, or recordings of a stream, into a new file (`EditMedia`).".into(),
            parameters: parameters::schema::<EditMediaParams>(),
            outputs: parameters::schema::<SubmissionOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Keyed,
            needs_credentials: true,
        };
        Self { client, spec }
    }
}

#[async_trait]
impl Action for EditMedia {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        submission::submit::<EditMediaParams>(&self.client, &call).await
    }

    fn repeatable(&self, params: &Value) -> Repeatable {
        submission::repeatable(params)
    }

    fn completion(&self) -> Option<Completion> {
        Some(completion::EDIT)
    }

    async fn ask(&self, question: Question) -> Result<Option<Vec<u8>>, ActionError> {
        ask::ask::<EditMediaParams>(&self.client, &ask::EDIT, &question).await
    }
}

impl Submission for EditMediaParams {
    const API: &'static str = "EditMedia";

    fn complete(&mut self, call: &Call) -> Result<(), ActionError> {
        self.check()?;
        submission::imply_app(&mut self.sub_app_id, call);
        submission::imply_session(&mut self.session_id, call);
        Ok(())
    }

    fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// It starts a task of a file that is not there yet.
    fn file_id(&self) -> Option<&str> {
        None
    }

    fn sub_app_id(&self) -> Option<u64> {
        self.sub_app_id
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{KEY, call};

    fn body(params: &str) -> Result<serde_json::Value, String> {
        let request = submission::request::<EditMediaParams>(&call(params)).map_err(|error| error.message)?;
        Ok(serde_json::to_value(&request).unwrap())
    }

    #[test]
    fn every_field_of_the_api_passes_through_unchanged() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/edit_media_all.json")).unwrap();
        assert_eq!(body(&all.to_string()), Ok(all));
    }

    #[test]
    fn application_and_session_are_filled_in() {
        let made = body(r#"{"InputType":"File","FileInfos":[{"FileId":"1"}]}"#).unwrap();
        let expected = json!({
            "InputType": "File", "FileInfos": [{ "FileId": "1" }], "SubAppId": 1_500_000_001, "SessionId": KEY,
        });
        assert_eq!(made, expected);
    }

    #[test]
    fn what_the_vendor_would_refuse_is_said_before() {
        for (params, field) in [
            (r#"{"FileInfos":[{"FileId":"1"}]}"#.to_owned(), "with: missing field `InputType`"),
            (r#"{"InputType":"File"}"#.to_owned(), "FileInfos: "),
            (r#"{"InputType":"File","FileInfos":[]}"#.to_owned(), "FileInfos: "),
            (r#"{"InputType":"File","FileInfos":[{"FileId":""}]}"#.to_owned(), "FileInfos[0].FileId: "),
            (r#"{"InputType":"Stream","FileInfos":[{"FileId":"1"}]}"#.to_owned(), "StreamInfos: "),
            (r#"{"InputType":"Files","FileInfos":[]}"#.to_owned(), "InputType: "),
            (
                format!(
                    r#"{{"InputType":"File","FileInfos":[{{"FileId":"1"}}],"OutputConfig":{{"MediaName":"{}"}}}}"#,
                    "n".repeat(65)
                ),
                "OutputConfig.MediaName: ",
            ),
        ] {
            let problem = body(&params).unwrap_err();
            assert!(problem.starts_with(field), "{params}: {problem}");
        }
    }
}
