//! `DescribeTaskDetail`, `DescribeTasks` and `DescribeMediaInfos` (protocol section 6).

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value, json};

use super::Reply;
use super::params::Params;
use crate::simulator::bodies::{metadata, outputs, procedure, upload};
use crate::simulator::error::ApiError;
use crate::simulator::state::State;
use crate::simulator::state::medium::Medium;
use crate::simulator::state::task::{Kind, Task};

/// The most tasks of one page.
const MAX_LISTED: usize = 100;

/// The most files of one call.
const MAX_FILES: usize = 20;

/// Of how many tasks, the latest, the transcodes of a file are told.
const MAX_TASKS: usize = 20;

impl State {
    pub(super) fn describe_task_detail(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&["TaskId"])?;
        let task_id = params.required_text("TaskId")?;
        let task = self.task(subappid, task_id).ok_or_else(|| {
            let message = format!("application {subappid} has no task {task_id:.100}");
            ApiError::new("InvalidParameterValue.TaskId", message)
        })?;
        Ok(procedure::detail(task, self.medium(subappid, &task.file_id), self.options.seed))
    }

    /// Tasks, the latest first; by file or status, when asked.
    pub(super) fn describe_tasks(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&["Status", "FileId", "CreateTime", "FinishTime", "Sort", "Limit", "ScrollToken"])?;
        let limit = usize::try_from(params.uint("Limit")?.unwrap_or(10)).unwrap_or(usize::MAX);
        if limit == 0 || limit > MAX_LISTED {
            let message = format!("Limit must be from 1 to {MAX_LISTED}");
            return Err(ApiError::new("InvalidParameterValue.Limit", message));
        }
        let token = params.text("ScrollToken")?.filter(|token| !token.is_empty());
        let before = match token.map(str::parse) {
            None => self.tasks.len(),
            Some(Ok(number)) => number,
            Some(Err(_)) => return Err(ApiError::new("InvalidParameterValue.ScrollToken", "no such ScrollToken")),
        };
        let (file_id, status) = (params.text("FileId")?, params.text("Status")?);
        let fits = |task: &Task| {
            task.subappid == subappid
                && file_id.is_none_or(|file_id| *task.file_id == *file_id)
                && status.is_none_or(|status| task.status() == status)
        };
        let found = self.tasks.iter().enumerate().take(before).rev().filter(|(_, task)| fits(task));
        let mut found: Vec<_> = found.take(limit + 1).collect();
        let is_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| is_more).map_or_else(String::new, |(number, _)| number.to_string());
        let tasks: Vec<_> = found.into_iter().map(|(_, task)| procedure::summary(task)).collect();
        Ok(Map::from_iter([("TaskSet".to_owned(), tasks.into()), ("ScrollToken".to_owned(), next.into())]))
    }

    pub(super) fn describe_media_infos(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&["FileIds", "Filters"])?;
        let file_ids = params.texts("FileIds", MAX_FILES, "InvalidParameterValue.FileIds")?;
        let filters = match params.list("Filters")? {
            Some(list) if !list.is_empty() => Some(list),
            _ => None,
        };
        let wanted = |part: &str| filters.is_none_or(|filters| filters.iter().any(|filter| filter == part));
        let mut infos = Vec::new();
        let mut unknown = Vec::new();
        for file_id in file_ids {
            let Some(medium) = self.medium(subappid, file_id) else {
                unknown.push(file_id);
                continue;
            };
            let part = |name: &str, value: &dyn Fn() -> Value| if wanted(name) { value() } else { Value::Null };
            infos.push(json!({
                "FileId": file_id,
                "BasicInfo": part("basicInfo", &|| upload::basic_info(medium, self.options.seed)),
                "MetaData": part("metaData", &|| metadata(medium)),
                "TranscodeInfo": part("transcodeInfo", &|| self.transcodes(medium)),
            }));
        }
        Ok(Map::from_iter([
            ("MediaInfoSet".to_owned(), Value::from(infos)),
            ("NotExistFileIdSet".to_owned(), Value::from(unknown)),
        ]))
    }

    fn transcodes(&self, medium: &Medium) -> Value {
        let mut transcodes = Vec::new();
        for task in medium.finished.iter().rev().take(MAX_TASKS).filter_map(|number| self.tasks.get(*number)) {
            for (part, sub_task) in task.sub_tasks().iter().enumerate() {
                if sub_task.kind == Kind::Transcode && task.failure(part).is_none() {
                    transcodes.push(outputs::output(task, sub_task, self.options.seed));
                }
            }
        }
        json!({ "TranscodeSet": transcodes })
    }
}
