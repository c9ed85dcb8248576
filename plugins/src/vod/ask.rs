//! Asks what became of a task of which nothing was heard (`DescribeTaskDetail`).

use oncue_rules::value::{Map, Value};
use serde_json::json;

use super::submission::{self, Submission};
use super::{Client, ERRORS};
use crate::action::ActionError;
use crate::completion::Question;
use crate::tencent;
use crate::tencent::error::CallError;

/// How a task stands in the answer, and in the notification that would have told of its end (protocol section 1).
pub(super) struct Telling {
    /// The member of the answer.
    pub answer: &'static str,
    /// The `EventType`.
    pub kind: &'static str,
    /// The member of the notification.
    pub field: &'static str,
}

/// A task of `ProcessMedia`.
pub(super) const PROCEDURE: Telling =
    Telling { answer: "ProcedureTask", kind: "ProcedureStateChanged", field: "ProcedureStateChangeEvent" };
/// A task of `EditMedia`.
pub(super) const EDIT: Telling =
    Telling { answer: "EditMediaTask", kind: "EditMediaComplete", field: "EditMediaCompleteEvent" };
/// A task of `ReviewAudioVideo`.
pub(super) const REVIEW: Telling = Telling {
    answer: "ReviewAudioVideoTask",
    kind: "ReviewAudioVideoComplete",
    field: "ReviewAudioVideoCompleteEvent",
};

/// The notification that tells of the end of a task, made from what the vendor says of it; none while it goes on, or while
/// nobody can tell which task it is.
pub(super) async fn ask<S: Submission>(
    client: &Client,
    telling: &Telling,
    question: &Question,
) -> Result<Option<Vec<u8>>, ActionError> {
    let call = &question.call;
    let key = tencent::key(call.app.as_deref())?;
    let request: S = submission::request(call)?;
    let failed = |error: CallError| error.into_action_error(ERRORS, call.attempt, true);
    let task = match (&question.task, request.session_id()) {
        (Some(task), _) => Some(task.clone()),
        (None, Some(session_id)) => {
            submission::started_before(client, &key, call, &request, session_id).await.map_err(failed)?
        }
        (None, None) => None,
    };
    let Some(task) = task else { return Ok(None) };
    let mut query = json!({ "TaskId": task });
    if let Some(sub_app_id) = request.sub_app_id() {
        query["SubAppId"] = sub_app_id.into();
    }
    let answer = client.call("DescribeTaskDetail", query.to_string().into_bytes(), &key, call.deadline).await;
    Ok(told(telling, &task, &answer.map_err(failed)?))
}

fn told(telling: &Telling, task: &str, answer: &Map) -> Option<Vec<u8>> {
    if answer.get("Status").and_then(Value::as_text) != Some("FINISH") {
        return None;
    }
    let mut payload = answer.get(telling.answer)?.as_map()?.clone();
    // Of some kinds of task the answer names the task only in the question.
    payload.entry("TaskId".to_owned()).or_insert_with(|| Value::text(task));
    let members = [("EventType", Value::text(telling.kind)), (telling.field, Value::map(payload))];
    let body: Map = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Some(Value::map(body).to_json().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answer: &str) -> Option<String> {
        let answer = Value::from_json(answer.as_bytes()).unwrap();
        told(&EDIT, "t-1", answer.as_map().unwrap()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn an_ended_task_is_told_of_as_the_notification_would_have() {
        assert_eq!(
            asked(r#"{"Status":"FINISH","EditMediaTask":{"Status":"FINISH","TaskId":"t-1","Output":{"FileId":"1"}}}"#)
                .as_deref(),
            Some(
                r#"{"EditMediaCompleteEvent":{"Output":{"FileId":"1"},"Status":"FINISH","TaskId":"t-1"},"EventType":"EditMediaComplete"}"#
            ),
        );
        assert_eq!(asked(r#"{"Status":"PROCESSING","EditMediaTask":{"Status":"PROCESSING"}}"#), None);
        assert_eq!(asked(r#"{"Status":"FINISH","EditMediaTask":null}"#), None);
        assert!(
            asked(r#"{"Status":"FINISH","EditMediaTask":{"Status":"FINISH"}}"#).unwrap().contains(r#""TaskId":"t-1""#)
        );
    }
}
