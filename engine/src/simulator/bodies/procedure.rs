//! `ProcedureStateChanged`, and what `DescribeTaskDetail` says of a task.

use serde_json::{Map, Value, json};

use super::{NO_TIME, edit, envelope, media_url, metadata, outputs, review, time};
use crate::simulator::state::medium::Medium;
use crate::simulator::state::task::{Kind, SubTask, Task, Work};

/// The event that `done` sub-tasks of a task have ended.
pub(crate) fn event(task: &Task, medium: Option<&Medium>, done: usize, seed: u64) -> Map<String, Value> {
    envelope("ProcedureStateChanged", "ProcedureStateChangeEvent", payload(task, medium, done, seed))
}

/// The payload of that event. The file may be gone by now.
pub(crate) fn payload(task: &Task, medium: Option<&Medium>, done: usize, seed: u64) -> Value {
    let sub_tasks = task.sub_tasks();
    let all = |kinds: &[Kind]| -> Vec<Value> {
        let parts = sub_tasks.iter().enumerate().filter(|(_, sub_task)| kinds.contains(&sub_task.kind));
        parts.map(|(part, sub_task)| result(task, part, sub_task, part < done, seed)).collect()
    };
    // As in the sample of a task that failed altogether; a failure of a part leaves the deprecated code at 0.
    let failed = done == task.parts && task.failures.len() == task.parts;
    let (code, message) = match task.failures.first().filter(|_| failed) {
        Some((_, code)) => (err_code(code), failure_message(code)),
        None if done == task.parts => (0, "SUCCESS".to_owned()),
        None => (0, String::new()),
    };
    json!({
        "TaskId": &*task.id,
        "Status": if done == task.parts { "FINISH" } else { "PROCESSING" },
        "ErrCode": code,
        "Message": message,
        "FileId": &*task.file_id,
        "FileName": medium.map_or("", Medium::name),
        "FileUrl": medium.map(|medium| media_url(medium, seed)).unwrap_or_default(),
        "MetaData": medium.map_or(Value::Null, metadata),
        "AiAnalysisResultSet": all(&[Kind::Analysis]),
        "AiRecognitionResultSet": all(&[Kind::Recognition]),
        "AiContentReviewResultSet": all(&[Kind::Review]),
        "MediaProcessResultSet": all(&Kind::MEDIA),
        "SessionContext": task.session_context,
        "SessionId": task.session_id,
        "TasksPriority": task.priority,
        "TasksNotifyMode": task.notify_mode(),
        "Operator": "",
        "OperationType": "",
    })
}

/// An element of a result set: its type, and the object of that type beside the others as nulls.
fn result(task: &Task, part: usize, sub_task: &SubTask, ended: bool, seed: u64) -> Value {
    let kind = sub_task.kind;
    let mut element = Map::new();
    element.insert("Type".to_owned(), kind.result_type().into());
    if Kind::MEDIA.contains(&kind) {
        element.extend(Kind::MEDIA.iter().map(|other| (other.result_name().to_owned(), Value::Null)));
    }
    element.insert(kind.result_name().to_owned(), state(task, part, sub_task, ended, seed));
    Value::Object(element)
}

fn state(task: &Task, part: usize, sub_task: &SubTask, ended: bool, seed: u64) -> Value {
    let failure = task.failure(part).filter(|_| ended);
    let (status, message, output) = match failure {
        Some(code) => ("FAIL", failure_message(code), Value::Null),
        None if ended => ("SUCCESS", "SUCCESS".to_owned(), outputs::output(task, sub_task, seed)),
        None => ("PROCESSING", String::new(), Value::Null),
    };
    let code = failure.unwrap_or_default();
    let finished = if ended { task.finished_at.map_or_else(|| NO_TIME.to_owned(), time) } else { String::new() };
    json!({
        "Status": status,
        "ErrCodeExt": code,
        "ErrCode": err_code(code),
        "Message": message,
        "Input": outputs::input(sub_task),
        "Output": output,
        "Progress": if ended { 100 } else { 37 },
        "BeginProcessTime": time(task.created_at),
        "FinishTime": finished,
    })
}

/// The number of the family of an `ErrCodeExt` (protocol section 1).
pub(super) fn err_code(code: &str) -> u32 {
    match code.split('.').next() {
        Some("InvalidInput") => 40_000,
        Some("SourceFileError") => 60_000,
        Some("InternalError") => 70_000,
        _ => 0,
    }
}

pub(super) fn failure_message(code: &str) -> String {
    format!("the simulator was asked to fail with {code}")
}

/// What `DescribeTasks` says of a task.
pub(crate) fn summary(task: &Task) -> Value {
    json!({
        "TaskId": &*task.id,
        "Status": task.status(),
        "FileId": &*task.file_id,
        "TaskType": task.work.task_type(),
        "CreateTime": time(task.created_at),
        "BeginProcessTime": time(task.created_at),
        "FinishTime": task.finished_at.map_or_else(String::new, time),
        "SessionId": task.session_id,
        "SessionContext": task.session_context,
    })
}

/// The answer of `DescribeTaskDetail`.
pub(crate) fn detail(task: &Task, medium: Option<&Medium>, seed: u64) -> Map<String, Value> {
    let of = |work: Work, payload: &dyn Fn() -> Value| if task.work == work { payload() } else { Value::Null };
    super::object(json!({
        "TaskType": task.work.task_type(),
        "Status": task.status(),
        "CreateTime": time(task.created_at),
        "BeginProcessTime": time(task.created_at),
        "FinishTime": task.finished_at.map_or_else(|| NO_TIME.to_owned(), time),
        "ProcedureTask": of(Work::Procedure, &|| payload(task, medium, task.done, seed)),
        "EditMediaTask": of(Work::Edit, &|| edit::payload(task, medium, seed)),
        "PullUploadTask": null,
        "WechatPublishTask": null,
        "ComposeMediaTask": null,
        "SplitMediaTask": null,
        "ReviewAudioVideoTask": of(Work::Review, &|| review::payload(task, medium, seed)),
    }))
}
