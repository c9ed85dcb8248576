//! The action `vod.delete_media`: deletes a file, or some of what belongs to it.

use async_trait::async_trait;
use oncue_rules::catalog::Problem;
use oncue_rules::ids::ActionName;
use oncue_rules::value::{Map, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::submission;
use super::{Client, ERRORS};
use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::params::{self as parameters, invalid};
use crate::tencent;
use crate::tencent::error::CallError;

const API: &str = "DeleteMedia";
/// What the vendor answers when the file is not there.
const GONE: [&str; 2] = ["InvalidParameterValue.FileId", "ResourceNotFound.FileNotExist"];
const WHOLE: &str = "without DeleteParts the whole media goes, originals and everything made of them: write \
                     `DeleteParts: [{ Type: OriginalFiles, Definition: 0 }]` for a part, or `everything: true`";

const SAMPLE: &str = "\
- uses: vod.delete_media
  with: { FileId: \"${{ body.file_id }}\", DeleteParts: [{ Type: OriginalFiles, Definition: 0 }] }
";

/// What to delete. It cannot be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteMediaParams {
    /// The file. It must be written: nothing is deleted by implication.
    file_id: String,
    /// The application. Left out: the one that the step acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_app_id: Option<u64>,
    /// What of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_parts: Option<Vec<MediaDeleteItem>>,
    /// `true`: the whole media, originals and everything made of them, where `DeleteParts` names no part.
    #[serde(rename = "everything", skip_serializing)]
    everything: Option<bool>,
}

/// A part of what belongs to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MediaDeleteItem {
    /// The kind, such as `OriginalFiles`, `TranscodeFiles`, `AdaptiveDynamicStreamingFiles`, `WechatPublishFiles`.
    #[serde(rename = "Type")]
    kind: String,
    /// The template whose outputs are meant; 0: those of all templates.
    definition: u64,
}

/// What came of it.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: outputs are built as values")]
struct DeleteMediaOutputs {
    /// What the vendor's support asks for; null when `gone`.
    #[schemars(rename = "RequestId")]
    request_id: Option<String>,
    /// Whether the file was not there any more at a repeated attempt: an earlier one did it.
    gone: bool,
}

/// Calls `DeleteMedia` of VOD.
#[derive(Debug)]
pub struct DeleteMedia {
    client: Client,
    spec: Spec,
}

impl DeleteMedia {
    /// The action, calling through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let spec = Spec {
            name: ActionName::from("vod.delete_media"),
            summary: "Deletes a file, or some of what belongs to it (`DeleteMedia`).".into(),
            parameters: parameters::schema::<DeleteMediaParams>(),
            outputs: parameters::schema::<DeleteMediaOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Yes,
            needs_credentials: true,
        };
        Self { client, spec }
    }
}

#[async_trait]
impl Action for DeleteMedia {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let request = request(&call)?;
        let body = serde_json::to_vec(&request).map_err(|error| invalid("with", &error.to_string()))?;
        let key = tencent::key(call.app.as_deref())?;
        match self.client.call(API, body, &key, call.deadline).await {
            Ok(response) => Ok(outputs(response.get("RequestId").cloned().unwrap_or_default(), false)),
            Err(CallError::Api { error, .. }) if call.attempt > 1 && GONE.contains(&error.code.as_str()) => {
                Ok(outputs(Value::Null, true))
            }
            Err(error) => Err(error.into_action_error(ERRORS, call.attempt, true)),
        }
    }

    fn check(&self, with: &Value) -> Vec<Problem> {
        let is_nothing = |name: &str| match with.get(name) {
            Value::Null | Value::Bool(false) => true,
            Value::List(parts) => parts.is_empty(),
            _ => false,
        };
        let is_said = !is_nothing("DeleteParts") || !is_nothing("everything");
        let problem = || {
            Problem {
            parameter: "DeleteParts".into(),
            message: "this would delete the whole media".to_owned(),
            hint: "name the parts, such as `DeleteParts: [{ Type: OriginalFiles, Definition: 0 }]`, or write `everything: true`".to_owned(),
        }
        };
        if is_said { Vec::new() } else { vec![problem()] }
    }
}

fn request(call: &Call) -> Result<DeleteMediaParams, ActionError> {
    let mut request: DeleteMediaParams = parameters::decode(&call.params)?;
    if request.file_id.is_empty() {
        return Err(invalid("FileId", "it is empty: check what it is taken from"));
    }
    let names_none = request.delete_parts.as_deref().unwrap_or_default().is_empty();
    if names_none && request.everything != Some(true) {
        return Err(invalid("DeleteParts", WHOLE));
    }
    if !names_none && request.everything == Some(true) {
        return Err(invalid("everything", "DeleteParts names parts: keep one of the two"));
    }
    submission::imply_app(&mut request.sub_app_id, call);
    Ok(request)
}

fn outputs(request_id: Value, gone: bool) -> Value {
    Value::map(Map::from([("RequestId".to_owned(), request_id), ("gone".to_owned(), Value::Bool(gone))]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::action::ErrorClass;
    use crate::testing::call;
    use crate::testing::stand_in::{Answer, StandIn};

    const PART: &str = r#"{"FileId":"7","DeleteParts":[{"Type":"OriginalFiles","Definition":0}]}"#;

    #[test]
    fn a_part_or_everything_is_deleted_as_it_is_written() {
        let body = |params| serde_json::to_value(request(&call(params)).unwrap()).unwrap();
        let parts = json!([{ "Type": "OriginalFiles", "Definition": 0 }]);
        assert_eq!(body(PART), json!({ "FileId": "7", "SubAppId": 1_500_000_001, "DeleteParts": parts }));
        let all = include_str!("../../tests/fixtures/delete_media_all.json");
        assert_eq!(body(all), serde_json::from_str::<serde_json::Value>(all).unwrap());
        assert_eq!(body(r#"{"FileId":"7","SubAppId":9,"everything":true}"#), json!({ "FileId": "7", "SubAppId": 9 }));
    }

    #[test]
    fn nothing_is_deleted_by_implication() {
        let problem = |params| request(&call(params)).unwrap_err().message;
        assert_eq!(problem("{}"), "with: missing field `FileId`");
        assert_eq!(problem(r#"{"FileId":"","everything":true}"#), "FileId: it is empty: check what it is taken from");
        for params in
            [r#"{"FileId":"7"}"#, r#"{"FileId":"7","DeleteParts":[]}"#, r#"{"FileId":"7","everything":false}"#]
        {
            assert!(problem(params).starts_with("DeleteParts: without DeleteParts the whole media goes"), "{params}");
            let action = DeleteMedia::new(Client::new("http://127.0.0.1:1".parse().unwrap(), None).unwrap());
            assert_eq!(action.check(&Value::from_json(params.as_bytes()).unwrap()).len(), 1, "{params}");
        }
        assert!(problem(&PART.replace("{\"FileId", "{\"everything\":true,\"FileId")).starts_with("everything: "));
    }

    #[tokio::test]
    async fn a_file_that_is_gone_at_a_repeated_attempt_was_deleted_by_an_earlier_one() {
        let delete = async |attempt| {
            let stand_in = StandIn::start([Answer::error("ResourceNotFound.FileNotExist")]).await;
            let client = Client::new(format!("http://{}", stand_in.address).parse().unwrap(), None).unwrap();
            DeleteMedia::new(client).call(Call { attempt, ..call(PART) }).await
        };
        assert_eq!(delete(2).await.unwrap().to_json(), r#"{"RequestId":null,"gone":true}"#);
        assert_eq!(delete(1).await.unwrap_err().class, ErrorClass::Fatal);
    }
}
