//! `NewFileUpload`, `FileDeleted`, and what `DescribeMediaInfos` says of a file.

use serde_json::{Map, Value, json};

use super::{envelope, media_url, metadata, object, time};
use crate::simulator::state::life::NewTask;
use crate::simulator::state::medium::Medium;
use crate::simulator::state::task::{Notify, Work, sub_tasks};

/// The event that a file was uploaded.
pub(crate) fn event(medium: &Medium, procedure_task_id: &str, seed: u64) -> Map<String, Value> {
    let payload = json!({
        "FileId": &*medium.file_id,
        "MediaBasicInfo": basic_info(medium, seed),
        "ProcedureTaskId": procedure_task_id,
        "ReviewAudioVideoTaskId": "",
        "MetaData": metadata(medium),
    });
    envelope("NewFileUpload", "FileUploadEvent", payload)
}

/// The event that a file was deleted whole, or only these parts of it.
pub(crate) fn deleted(file_id: &str, parts: &[Value]) -> Map<String, Value> {
    let payload = json!({
        "FileIdSet": [file_id],
        "FileDeleteResultInfo": [{ "FileId": file_id, "DeleteParts": parts }],
    });
    envelope("FileDeleted", "FileDeleteEvent", payload)
}

/// The `MediaBasicInfo` of a file.
pub(crate) fn basic_info(medium: &Medium, seed: u64) -> Value {
    let created = time(medium.created_at);
    let class = if medium.upload.class_id == 0 { "其他" } else { "课程" };
    json!({
        "Name": medium.name(),
        "Description": "",
        "CreateTime": created,
        "UpdateTime": created,
        "ExpireTime": "9999-12-31T23:59:59Z",
        "ClassId": medium.upload.class_id,
        "ClassName": class,
        "ClassPath": class,
        "CoverUrl": "",
        "Type": medium.container(),
        "MediaUrl": media_url(medium, seed),
        "SourceInfo": {
            "SourceType": medium.source_type(),
            "SourceContext": medium.upload.source_context,
            "LiveRecordInfo": medium.upload.live_record,
            "TrtcRecordInfo": null,
            "WebPageRecordInfo": null,
        },
        "StorageRegion": "ap-chongqing",
        "StoragePath": "",
        "TagSet": medium.upload.tags,
        "Vid": "",
        "Category": medium.upload.category.as_str(),
        "Status": if medium.is_forbidden { "Forbidden" } else { "Normal" },
        "StorageClass": medium.storage.as_str(),
    })
}

/// The task of the procedure that an upload named: every procedure here transcodes and takes a cover.
pub(crate) fn procedure_task(medium: &Medium) -> Option<NewTask> {
    let name = medium.upload.procedure.as_deref().filter(|name| !name.is_empty())?;
    let request = object(json!({
        "ProcedureName": name,
        "FileId": &*medium.file_id,
        "SubAppId": medium.subappid,
        "MediaProcessTask": {
            "TranscodeTaskSet": [{ "Definition": 100_020 }],
            "CoverBySnapshotTaskSet": [{ "Definition": 10, "PositionType": "Time", "PositionValue": 0 }],
        },
        "SessionContext": medium.upload.session_context,
    }));
    Some(NewTask {
        work: Work::Procedure,
        subappid: medium.subappid,
        file_id: medium.file_id.clone(),
        session_id: String::new(),
        session_context: medium.upload.session_context.clone(),
        priority: 0,
        notify: Notify::Finish,
        sub_tasks: sub_tasks(&request),
        request: Value::Object(request).to_string().into(),
    })
}
