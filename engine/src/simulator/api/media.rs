//! `EditMedia`, `ReviewAudioVideo`, `WeChatMiniProgramPublish`, `ForbidMediaDistribution` and `DeleteMedia` (protocol section
//! 6).

use std::sync::Arc;

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value};

use super::Reply;
use super::params::{Params, missing};
use super::session::Session;
use crate::simulator::error::ApiError;
use crate::simulator::state::State;
use crate::simulator::state::life::NewTask;
use crate::simulator::state::task::{Notify, Work};

/// The most files of one call.
const MAX_FILES: usize = 20;

const EDIT: [&str; 9] = [
    "InputType",
    "FileInfos",
    "StreamInfos",
    "Definition",
    "ProcedureName",
    "OutputConfig",
    "SessionContext",
    "TasksPriority",
    "SessionId",
];
const REVIEW: [&str; 7] =
    ["FileId", "MediaStoragePath", "ReviewContents", "Definition", "TasksPriority", "SessionContext", "SessionId"];

impl State {
    pub(super) fn edit_media(&mut self, subappid: u64, params: Params<'_>, now: Timestamp) -> Reply {
        params.only(&EDIT)?;
        match params.required_text("InputType")? {
            "File" => self.check_files(subappid, params)?,
            "Stream" => {
                params.list("StreamInfos")?.filter(|infos| !infos.is_empty()).ok_or_else(|| missing("StreamInfos"))?;
            }
            _ => return Err(ApiError::new("InvalidParameterValue.InputType", "InputType must be File or Stream")),
        }
        self.start(Work::Edit, subappid, "".into(), params, now)
    }

    fn check_files(&self, subappid: u64, params: Params<'_>) -> Result<(), ApiError> {
        let infos = params.list("FileInfos")?.filter(|infos| !infos.is_empty()).ok_or_else(|| missing("FileInfos"))?;
        for info in infos {
            let info = info
                .as_object()
                .map(Params::new)
                .ok_or_else(|| ApiError::new("InvalidParameter", "FileInfos must be a list of objects"))?;
            self.known_file(subappid, info.required_text("FileId")?)?;
        }
        Ok(())
    }

    pub(super) fn review_audio_video(&mut self, subappid: u64, params: Params<'_>, now: Timestamp) -> Reply {
        params.only(&REVIEW)?;
        let file_id = self.known_file(subappid, params.required_text("FileId")?)?;
        let contents = params.list("ReviewContents")?.map_or(&[][..], Vec::as_slice);
        if contents.iter().any(|content| content != "Media" && content != "Cover") {
            return Err(ApiError::new(
                "InvalidParameterValue.ReviewContents",
                "ReviewContents has Media and Cover alone",
            ));
        }
        self.start(Work::Review, subappid, file_id, params, now)
    }

    /// Starts a publication, and says nothing of its task.
    pub(super) fn publish(&mut self, subappid: u64, params: Params<'_>, now: Timestamp) -> Reply {
        params.only(&["FileId", "SourceDefinition"])?;
        let file_id = self.known_file(subappid, params.required_text("FileId")?)?;
        self.start(Work::Publish, subappid, file_id, params, now)?;
        Ok(Map::new())
    }

    pub(super) fn forbid(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&["FileIds", "Operation"])?;
        let is_forbidden = match params.required_text("Operation")? {
            "forbid" => true,
            "recover" => false,
            _ => return Err(ApiError::new("InvalidParameterValue.Operation", "Operation must be forbid or recover")),
        };
        let mut unknown = Vec::new();
        for file_id in params.texts("FileIds", MAX_FILES, "InvalidParameterValue.FileIds")? {
            match self.known_file(subappid, file_id).ok().and_then(|file_id| self.media.get_mut(&file_id)) {
                Some(medium) => medium.is_forbidden = is_forbidden,
                None => unknown.push(file_id),
            }
        }
        Ok(Map::from_iter([("NotExistFileIdSet".to_owned(), Value::from(unknown))]))
    }

    pub(super) fn delete_media(&mut self, subappid: u64, params: Params<'_>, now: Timestamp) -> Reply {
        params.only(&["FileId", "DeleteParts"])?;
        let file_id = self.known_file(subappid, params.required_text("FileId")?)?;
        let parts = params.list("DeleteParts")?.filter(|parts| !parts.is_empty());
        match parts {
            Some(parts) => self.delete_parts(subappid, &file_id, parts, now),
            None => {
                self.delete(subappid, &file_id, now);
            }
        }
        Ok(Map::new())
    }

    pub(super) fn known_file(&self, subappid: u64, file_id: &str) -> Result<Arc<str>, ApiError> {
        let known = self.medium(subappid, file_id).map(|medium| medium.file_id.clone());
        known.ok_or_else(|| {
            let message = format!("application {subappid} has no file {file_id:.100}");
            ApiError::new("InvalidParameterValue.FileId", message)
        })
    }

    fn start(&mut self, work: Work, subappid: u64, file_id: Arc<str>, params: Params<'_>, now: Timestamp) -> Reply {
        let session = Session::of(params)?;
        self.is_new(subappid, session, now)?;
        let new = NewTask {
            work,
            subappid,
            file_id,
            session_id: session.id.to_owned(),
            session_context: session.context.to_owned(),
            priority: session.priority,
            notify: Notify::Finish,
            sub_tasks: Vec::new(),
            request: Value::Object(params.members().clone()).to_string().into(),
        };
        let task_id = self.start_task(new, now)?;
        self.is_taken(subappid, session, now);
        Ok(Map::from_iter([("TaskId".to_owned(), Value::from(&*task_id))]))
    }
}
