//! `ProcessMedia` (protocol section 6).

use std::sync::Arc;

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value};

use super::Reply;
use super::params::{Params, missing};
use super::session::Session;
use crate::simulator::error::ApiError;
use crate::simulator::state::State;
use crate::simulator::state::life::NewTask;
use crate::simulator::state::medium::Upload;
use crate::simulator::state::task::{Kind, Notify, Work, sub_tasks};

const PARAMETERS: [&str; 12] = [
    "FileId",
    "MediaStoragePath",
    "Url",
    "MediaProcessTask",
    "AiContentReviewTask",
    "AiAnalysisTask",
    "AiRecognitionTask",
    "TasksPriority",
    "TasksNotifyMode",
    "SessionContext",
    "SessionId",
    "OutputAsIndependentMedia",
];

/// The most sub-tasks. The vendor's figure is not published; a result is far longer than what asks for it.
const MAX_ITEMS: usize = 100;

impl State {
    pub(super) fn process_media(&mut self, subappid: u64, params: Params<'_>, now: Timestamp) -> Reply {
        params.only(&PARAMETERS)?;
        let session = Session::of(params)?;
        let notify = notify(params)?;
        refuse_independent_media(params)?;
        self.check_work(subappid, params)?;
        let source = self.source(subappid, params)?;
        self.is_new(subappid, session, now)?;
        let file_id = match source {
            Source::File(file_id) => file_id,
            Source::Pulled(upload) => self.add_medium(subappid, *upload, now)?,
        };
        let new = NewTask {
            work: Work::Procedure,
            subappid,
            file_id,
            session_id: session.id.to_owned(),
            session_context: session.context.to_owned(),
            priority: session.priority,
            notify,
            sub_tasks: sub_tasks(params.members()),
            request: Value::Object(params.members().clone()).to_string().into(),
        };
        let task_id = self.start_task(new, now)?;
        self.is_taken(subappid, session, now);
        Ok(Map::from_iter([("TaskId".to_owned(), Value::from(&*task_id))]))
    }

    /// What is to be processed: exactly one of the three ways to say it.
    fn source(&self, subappid: u64, params: Params<'_>) -> Result<Source, ApiError> {
        let named = |name| Ok::<_, ApiError>(params.text(name)?.filter(|text| !text.is_empty()));
        match (named("FileId")?, named("MediaStoragePath")?, named("Url")?) {
            (Some(file_id), None, None) => match self.medium(subappid, file_id) {
                Some(medium) => Ok(Source::File(medium.file_id.clone())),
                None => Err(ApiError::new(
                    "InvalidParameterValue.FileId",
                    format!("application {subappid} has no file {file_id:.100}"),
                )),
            },
            (None, None, Some(url)) => Ok(Source::Pulled(Box::new(pulled(url)))),
            (None, Some(_), None) => Err(ApiError::new(
                "UnsupportedOperation",
                "MediaStoragePath is for applications in the mode \"FileID + Path\", which the simulator does not have",
            )),
            (None, None, None) => Err(missing("FileId")),
            _ => Err(ApiError::new("InvalidParameter", "FileId, MediaStoragePath and Url exclude each other")),
        }
    }

    /// Whether there is work, and all of it can be done.
    fn check_work(&self, subappid: u64, params: Params<'_>) -> Result<(), ApiError> {
        let mut count = 0;
        if let Some(media) = params.object("MediaProcessTask")? {
            let sets = Kind::MEDIA.map(Kind::request_name);
            if let Some(name) = media.members().keys().find(|name| !sets.contains(&name.as_str())) {
                let message = format!("the parameter MediaProcessTask.{name:.100} is not known");
                return Err(ApiError::new("UnknownParameter", message));
            }
            for kind in Kind::MEDIA {
                let items = media.list(kind.request_name())?.map_or(&[][..], Vec::as_slice);
                for item in items {
                    let item = item.as_object().ok_or_else(|| {
                        let message = format!("{} must be a list of objects", kind.request_name());
                        ApiError::new("InvalidParameter", message)
                    })?;
                    self.check_item(subappid, kind, Params::new(item))?;
                }
                count += items.len();
            }
        }
        for kind in Kind::AI {
            if let Some(item) = params.object(kind.request_name())? {
                self.check_item(subappid, kind, item)?;
                count += 1;
            }
        }
        match count {
            0 => Err(missing("MediaProcessTask")),
            1..=MAX_ITEMS => Ok(()),
            _ => {
                Err(ApiError::new("InvalidParameterValue", format!("there are {count} sub-tasks: {MAX_ITEMS} at most")))
            }
        }
    }

    fn check_item(&self, subappid: u64, kind: Kind, item: Params<'_>) -> Result<(), ApiError> {
        let set = kind.request_name();
        let definition = item.uint("Definition")?.ok_or_else(|| missing(&format!("{set}.Definition")))?;
        if let Some(name) = kind.required().iter().find(|name| item.get(name).is_none()) {
            return Err(missing(&format!("{set}.{name}")));
        }
        if kind == Kind::CoverBySnapshot && !matches!(item.text("PositionType")?, Some("Time" | "Percent")) {
            let message = format!("{set}.PositionType must be Time or Percent");
            return Err(ApiError::new("InvalidParameterValue", message));
        }
        if !self.knows_definition(subappid, definition) {
            let message =
                format!("{set} names the definition {definition}, which application {subappid} does not have");
            return Err(ApiError::new(kind.unknown_definition(), message));
        }
        Ok(())
    }
}

enum Source {
    File(Arc<str>),
    Pulled(Box<Upload>),
}

/// The file that a Url becomes.
fn pulled(url: &str) -> Upload {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name: String = path.rsplit('/').next().unwrap_or_default().chars().take(64).collect();
    Upload { name: Some(name), ..Upload::default() }
}

fn notify(params: Params<'_>) -> Result<Notify, ApiError> {
    match params.text("TasksNotifyMode")?.unwrap_or_default() {
        "" | "Finish" => Ok(Notify::Finish),
        "Change" => Ok(Notify::Change),
        "None" => Ok(Notify::Never),
        _ => Err(ApiError::new("InvalidParameterValue", "TasksNotifyMode must be Finish, Change or None")),
    }
}

fn refuse_independent_media(params: Params<'_>) -> Result<(), ApiError> {
    match params.text("OutputAsIndependentMedia")?.unwrap_or_default() {
        "" | "OFF" => Ok(()),
        "ON" => Err(ApiError::new(
            "UnsupportedOperation",
            "the simulator keeps outputs with their file: OutputAsIndependentMedia must be OFF",
        )),
        _ => Err(ApiError::new("InvalidParameterValue", "OutputAsIndependentMedia must be ON or OFF")),
    }
}
