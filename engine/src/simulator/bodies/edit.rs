//! `EditMediaComplete`, and the file that an edit makes.

use serde_json::{Map, Value, json};

use super::procedure::{err_code, failure_message};
use super::{envelope, media_url, metadata};
use crate::simulator::state::medium::{Medium, Upload};
use crate::simulator::state::task::Task;

/// The file that an edit makes.
pub(crate) fn upload(task: &Task) -> Upload {
    let config = &task.parameters()["OutputConfig"];
    let text = |name: &str| config[name].as_str().map(str::to_owned);
    Upload {
        name: Some(text("MediaName").unwrap_or_else(|| "edited".to_owned())),
        r#type: text("Type"),
        source_type: Some("VideoProcessing".to_owned()),
        class_id: config["ClassId"].as_u64().unwrap_or(0),
        ..Upload::default()
    }
}

/// The event that an edit has ended.
pub(crate) fn event(task: &Task, made: Option<&Medium>, seed: u64) -> Map<String, Value> {
    envelope("EditMediaComplete", "EditMediaCompleteEvent", payload(task, made, seed))
}

/// The payload of that event.
pub(crate) fn payload(task: &Task, made: Option<&Medium>, seed: u64) -> Value {
    let request = task.parameters();
    let failure = task.failure(0);
    let list = |name: &str| request[name].as_array().cloned().unwrap_or_default();
    let output = made.map(|medium| {
        json!({
            "FileType": medium.container(),
            "FileUrl": media_url(medium, seed),
            "FileId": &*medium.file_id,
            "MediaName": medium.name(),
            "ClassId": medium.upload.class_id,
            "ExpireTime": "9999-12-31T23:59:59Z",
        })
    });
    let has_ended = task.finished_at.is_some();
    json!({
        "TaskId": &*task.id,
        "Status": task.status(),
        "ErrCode": err_code(failure.unwrap_or_default()),
        "ErrCodeExt": failure.unwrap_or_default(),
        "Message": failure.map_or_else(|| if has_ended { "SUCCESS".to_owned() } else { String::new() }, failure_message),
        "Progress": if has_ended { 100 } else { 0 },
        "Input": {
            "InputType": request["InputType"],
            "FileInfoSet": list("FileInfos"),
            "StreamInfoSet": list("StreamInfos"),
        },
        "Output": output,
        "MetaData": made.map_or(Value::Null, metadata),
        "ProcedureTaskId": "",
        "ReviewAudioVideoTaskId": "",
        "SessionId": task.session_id,
        "SessionContext": task.session_context,
    })
}
