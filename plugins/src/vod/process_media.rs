//! The action `vod.process_media`: starts the processing of a media file.

mod overrides;
mod params;
mod tasks;

use async_trait::async_trait;
use oncue_rules::event::{Event, key};
use oncue_rules::ids::ActionName;
use oncue_rules::value::{Map, Value};

pub use overrides::*;
pub use params::*;
pub use tasks::*;

use super::{Client, ERRORS};
use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::params as parameters;
use crate::tencent;

/// The API that is called.
const API: &str = "ProcessMedia";

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
            summary: "Starts transcoding, snapshots and other processing of a media file (`ProcessMedia`).",
            parameters: parameters::schema::<ProcessMediaParams>(),
            outputs: parameters::schema::<ProcessMediaOutputs>(),
            sample: SAMPLE,
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
        let request = request(&call)?;
        let body = encoded(&request)?;
        let key = tencent::key(&call)?;
        match self.client.call(API, body, &key, call.deadline).await {
            Ok(response) => Ok(outputs(text(response.get("TaskId")), text(response.get("RequestId")), false)),
            Err(error) if error.is_duplicate(ERRORS) => Ok(outputs(Value::Null, Value::Null, true)),
            Err(error) => Err(error.into_action_error(ERRORS, call.attempt, request.is_keyed())),
        }
    }
}

/// The body of the request that a call makes, member by member as it is sent.
///
/// # Errors
///
/// When the parameters do not make a request.
pub fn request_body(call: &Call) -> Result<serde_json::Value, ActionError> {
    let request = request(call)?;
    serde_json::to_value(&request).map_err(|error| parameters::invalid("with", &error.to_string()))
}

fn encoded(request: &ProcessMediaParams) -> Result<Vec<u8>, ActionError> {
    serde_json::to_vec(request).map_err(|error| parameters::invalid("with", &error.to_string()))
}

/// The parameters with everything that is implied.
fn request(call: &Call) -> Result<ProcessMediaParams, ActionError> {
    let mut request: ProcessMediaParams = parameters::decode(&call.params)?;
    request.add_definitions();
    request.check()?;
    if request.has_no_source() {
        request.file_id = Some(file_of(&call.event)?);
    }
    request.sub_app_id = request.sub_app_id.or_else(|| call.app.as_ref()?.sub_app_id());
    request.session_id.get_or_insert_with(|| call.key.as_ref().to_owned());
    Ok(request)
}

fn file_of(event: &Event) -> Result<String, ActionError> {
    let mut files = event.keys.iter().filter(|known| known.name == key::FILE_ID && !known.value.is_empty());
    let problem = match (files.next(), files.count()) {
        (Some(file), 0) => return Ok(file.value.clone()),
        (Some(_), more) => format!("the event names {} files: write which one", more + 1),
        (None, _) => format!("the event {} names no file: write FileId, MediaStoragePath or Url", event.kind),
    };
    Err(parameters::invalid("FileId", &problem))
}

fn text(value: Option<&Value>) -> Value {
    value.and_then(Value::as_text).map_or(Value::Null, Value::text)
}

fn outputs(task_id: Value, request_id: Value, duplicate: bool) -> Value {
    let fields = [("TaskId", task_id), ("RequestId", request_id), ("duplicate", Value::Bool(duplicate))];
    Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map>())
}

#[cfg(test)]
mod tests;
