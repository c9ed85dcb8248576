//! Requests that start a task of the vendor: what is implied in them, and what becomes of the answer.

use oncue_rules::event::{Event, key};
use oncue_rules::value::{Map, Value};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Client, ERRORS};
use crate::action::{ActionError, Call, Repeatable};
use crate::params::{self, invalid};
use crate::tencent;
use crate::tencent::credentials::Key;
use crate::tencent::error::CallError;

/// The most characters of a `SessionId`.
const SESSION_ID: usize = 50;
/// The most characters of a `SessionContext`.
const SESSION_CONTEXT: usize = 1_000;
/// Pages of tasks that are looked through for one that was started before; each has up to 100.
const PAGES: usize = 3;

/// The parameters of an API that starts a task.
pub(super) trait Submission: Serialize + DeserializeOwned + Send + Sync {
    /// The API.
    const API: &'static str;

    /// Fills in what is implied, and says what the vendor would refuse before a request is spent on it.
    fn complete(&mut self, call: &Call) -> Result<(), ActionError>;

    /// By what the vendor knows the request again.
    fn session_id(&self) -> Option<&str>;

    /// The file whose task it starts, where there is one.
    fn file_id(&self) -> Option<&str>;

    /// The application.
    fn sub_app_id(&self) -> Option<u64>;
}

/// What came of it. How the work ended comes later, as an event with this `TaskId`.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: outputs are built as values")]
pub(super) struct SubmissionOutputs {
    /// The task. Null when `duplicate` and the vendor does not tell it any more.
    #[schemars(rename = "TaskId")]
    task_id: Option<String>,
    /// What the vendor's support asks for; null when `duplicate`.
    #[schemars(rename = "RequestId")]
    request_id: Option<String>,
    /// Whether the vendor had taken a request with this `SessionId` before: an earlier attempt did it.
    duplicate: bool,
}

/// Whether a request with these parameters may be made again when no answer came: not where it has no id by which the vendor
/// knows it again.
pub(super) fn repeatable(params: &Value) -> Repeatable {
    if params.get("SessionId").as_text() == Some("") { Repeatable::No } else { Repeatable::Keyed }
}

/// The request that a call makes.
pub(super) fn request<S: Submission>(call: &Call) -> Result<S, ActionError> {
    let mut request: S = params::decode(&call.params)?;
    request.complete(call)?;
    Ok(request)
}

/// Makes the request that a call asks for.
pub(super) async fn submit<S: Submission>(client: &Client, call: &Call) -> Result<Value, ActionError> {
    let request: S = request(call)?;
    let body = serde_json::to_vec(&request).map_err(|error| invalid("with", &error.to_string()))?;
    let key = tencent::key(call.app.as_deref())?;
    // An empty id asks for no check.
    let session_id = request.session_id().filter(|id| !id.is_empty());
    match client.call(S::API, body, &key, call.deadline).await {
        Ok(response) => Ok(outputs(text(response.get("TaskId")), text(response.get("RequestId")), false)),
        Err(error) if error.is_duplicate(ERRORS) => {
            let task = match session_id {
                // That it was started is certain, and its id only worth a look: whoever needs it may look again.
                Some(session_id) => started_before(client, &key, call, &request, session_id).await.ok().flatten(),
                None => None,
            };
            Ok(outputs(task.map_or(Value::Null, Value::text), Value::Null, true))
        }
        Err(error) => Err(error.into_action_error(ERRORS, call.attempt, session_id.is_some())),
    }
}

/// The task that a request with this `SessionId` started, among the latest tasks of its file.
pub(super) async fn started_before(
    client: &Client,
    key: &Key,
    call: &Call,
    request: &impl Submission,
    session_id: &str,
) -> Result<Option<String>, CallError> {
    let Some(file_id) = request.file_id() else { return Ok(None) };
    let mut query = json!({ "FileId": file_id, "Limit": 100 });
    if let Some(sub_app_id) = request.sub_app_id() {
        query["SubAppId"] = sub_app_id.into();
    }
    for _ in 0..PAGES {
        let page = client.call("DescribeTasks", query.to_string().into_bytes(), key, call.deadline).await?;
        let tasks = page.get("TaskSet").and_then(Value::as_list).unwrap_or_default();
        if let Some(task) = tasks.iter().find(|task| task.get("SessionId").as_text() == Some(session_id)) {
            return Ok(task.get("TaskId").as_text().map(str::to_owned));
        }
        let Some(token) = page.get("ScrollToken").and_then(Value::as_text).filter(|token| !token.is_empty()) else {
            break;
        };
        query["ScrollToken"] = token.into();
    }
    Ok(None)
}

/// The file of the event, where a request names none.
pub(super) fn file_of(event: &Event) -> Result<String, ActionError> {
    let mut files = event.keys.iter().filter(|known| known.name == key::FILE_ID && !known.value.is_empty());
    let problem = match (files.next(), files.count()) {
        (Some(file), 0) => return Ok(file.value.clone()),
        (Some(_), more) => format!("the event names {} files: write which one", more + 1),
        (None, _) => format!("the event {} names no file: write FileId, MediaStoragePath or Url", event.kind),
    };
    Err(invalid("FileId", &problem))
}

/// The application that the step acts for, where a request names none.
pub(super) fn imply_app(written: &mut Option<u64>, call: &Call) {
    *written = written.or_else(|| call.app.as_ref()?.sub_app_id());
}

/// The idempotency key, where a request names no id of its own.
pub(super) fn imply_session(written: &mut Option<String>, call: &Call) {
    written.get_or_insert_with(|| call.key.as_ref().to_owned());
}

/// Whether the vendor takes what every such request has.
pub(super) fn check(
    session_id: Option<&str>,
    session_context: Option<&str>,
    priority: Option<i64>,
) -> Result<(), ActionError> {
    let longer = |text: Option<&str>, limit| text.is_some_and(|text| text.chars().count() > limit);
    if longer(session_id, SESSION_ID) {
        return Err(invalid("SessionId", "longer than 50 characters: shorten it, or leave it out"));
    }
    if longer(session_context, SESSION_CONTEXT) {
        return Err(invalid("SessionContext", "longer than 1000 characters: pass an id instead of the data"));
    }
    if priority.is_some_and(|priority| !(-10..=10).contains(&priority)) {
        return Err(invalid("TasksPriority", "write a whole number from -10 to 10"));
    }
    Ok(())
}

fn text(value: Option<&Value>) -> Value {
    value.and_then(Value::as_text).map_or(Value::Null, Value::text)
}

fn outputs(task_id: Value, request_id: Value, duplicate: bool) -> Value {
    let fields = [("TaskId", task_id), ("RequestId", request_id), ("duplicate", Value::Bool(duplicate))];
    Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map>())
}
