//! `WechatMiniProgramPublishComplete`, under the name of its payload that real bodies have (protocol section 1).

use serde_json::{Map, Value, json};

use super::envelope;
use super::procedure::{err_code, failure_message};
use crate::simulator::state::task::Task;

const PAYLOAD: &str = "WechatMiniProgramPublishEvent";

/// The event that a publication has ended.
pub(crate) fn event(task: &Task) -> Map<String, Value> {
    let mut event = envelope("WechatMiniProgramPublishComplete", PAYLOAD, Value::Null);
    event.insert(PAYLOAD.to_owned(), payload(task));
    event
}

fn payload(task: &Task) -> Value {
    let failure = task.failure(0);
    json!({
        "TaskId": &*task.id,
        "Status": task.status(),
        "ErrCode": err_code(failure.unwrap_or_default()),
        "Message": failure.map_or_else(|| "SUCCESS".to_owned(), failure_message),
        "FileId": &*task.file_id,
        "SourceDefinition": task.parameters()["SourceDefinition"].as_u64().unwrap_or(0),
        "PublishResult": if failure.is_some() { "Failed" } else { "Pass" },
    })
}
