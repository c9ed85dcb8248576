//! The parameters and outputs of `vod.process_media`. Names, units and limits are the vendor's (protocol section 6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tasks::{
    AdaptiveDynamicStreamingTask, AnimatedGraphicTask, CoverBySnapshotTask, ImageSpriteTask, SampleSnapshotTask,
    SnapshotByTimeOffsetTask, TemplateTask, TranscodeTask,
};
use crate::action::ActionError;
use crate::params::invalid;
use crate::vod::submission;

/// What to process, and how. Something must be asked for: `definitions`, a list in `MediaProcessTask`, or one of the
/// `Ai...Task`s.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ProcessMediaParams {
    /// Transcoding templates: each becomes a `{ Definition: N }` after those that `TranscodeTaskSet` holds.
    #[serde(rename = "definitions", skip_serializing)]
    pub definitions: Option<Vec<u64>>,
    /// The file. Left out: the file of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
    /// Instead of `FileId`: the path of the file, in applications that the vendor calls `FileID + Path` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_storage_path: Option<String>,
    /// Instead of `FileId`: where to fetch a file that becomes a new medium, which costs storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The application. Left out: the one that the step acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_app_id: Option<u64>,
    /// The tasks, by kind: `TranscodeTaskSet`, `AnimatedGraphicTaskSet`, `SnapshotByTimeOffsetTaskSet`,
    /// `SampleSnapshotTaskSet`, `ImageSpriteTaskSet`, `CoverBySnapshotTaskSet`, `AdaptiveDynamicStreamingTaskSet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_process_task: Option<MediaProcessTask>,
    /// `{ Definition: N }`: content review. The vendor advises `ReviewAudioVideo` instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai_content_review_task: Option<TemplateTask>,
    /// `{ Definition: N }`: content analysis; not for HLS files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai_analysis_task: Option<TemplateTask>,
    /// `{ Definition: N }`: content recognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai_recognition_task: Option<TemplateTask>,
    /// From -10 to 10; the higher, the earlier. Left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -10, max = 10))]
    pub tasks_priority: Option<i64>,
    /// When events are sent. Left out: `Finish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_notify_mode: Option<TasksNotifyMode>,
    /// Comes back in the events of the task; at most 1000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub session_context: Option<String>,
    /// A request with an id of the last 3 days is not taken again; at most 50 characters. Left out: the idempotency key of
    /// the step. Empty: no check, so an attempt without an answer ends as `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    pub session_id: Option<String>,
    /// Reserved by the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ext_info: Option<String>,
    /// `ON`: each transcode becomes a new medium with a `FileId` of its own, which costs storage and raises events that a
    /// rule may answer again. Left out: `OFF`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_as_independent_media: Option<Switch>,
}

/// The tasks, by kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MediaProcessTask {
    /// Transcoding.
    #[serde(skip_serializing_if = "is_empty")]
    pub transcode_task_set: Option<Vec<TranscodeTask>>,
    /// Animated pictures.
    #[serde(skip_serializing_if = "is_empty")]
    pub animated_graphic_task_set: Option<Vec<AnimatedGraphicTask>>,
    /// Snapshots at given times.
    #[serde(skip_serializing_if = "is_empty")]
    pub snapshot_by_time_offset_task_set: Option<Vec<SnapshotByTimeOffsetTask>>,
    /// Snapshots at equal distances.
    #[serde(skip_serializing_if = "is_empty")]
    pub sample_snapshot_task_set: Option<Vec<SampleSnapshotTask>>,
    /// Image sprites.
    #[serde(skip_serializing_if = "is_empty")]
    pub image_sprite_task_set: Option<Vec<ImageSpriteTask>>,
    /// Snapshots that become the cover.
    #[serde(skip_serializing_if = "is_empty")]
    pub cover_by_snapshot_task_set: Option<Vec<CoverBySnapshotTask>>,
    /// Adaptive bit-rate streaming.
    #[serde(skip_serializing_if = "is_empty")]
    pub adaptive_dynamic_streaming_task_set: Option<Vec<AdaptiveDynamicStreamingTask>>,
}

/// When the vendor sends events about a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TasksNotifyMode {
    /// Once, at the end.
    Finish,
    /// At each change of a sub-task.
    Change,
    /// Never.
    None,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Switch {
    /// On.
    #[serde(rename = "ON")]
    On,
    /// Off.
    #[serde(rename = "OFF")]
    Off,
}

#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn is_empty<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}

impl ProcessMediaParams {
    pub(super) fn add_definitions(&mut self) {
        let definitions = self.definitions.take().unwrap_or_default();
        if definitions.is_empty() {
            return;
        }
        let tasks = self.media_process_task.get_or_insert_default().transcode_task_set.get_or_insert_default();
        tasks.extend(definitions.into_iter().map(TranscodeTask::of));
    }

    /// What the vendor would refuse, said before a request is spent on it.
    pub(super) fn check(&mut self) -> Result<(), ActionError> {
        self.media_process_task.take_if(|tasks| tasks.is_empty());
        let ai = [&self.ai_content_review_task, &self.ai_analysis_task, &self.ai_recognition_task];
        if self.media_process_task.is_none() && ai.iter().all(|task| task.is_none()) {
            let fix = "asks for nothing: write `definitions: [100010]`, a list in MediaProcessTask, or an Ai...Task";
            return Err(invalid("MediaProcessTask", fix));
        }
        submission::check(self.session_id.as_deref(), self.session_context.as_deref(), self.tasks_priority)
    }

    pub(super) fn has_no_source(&self) -> bool {
        [&self.file_id, &self.media_storage_path, &self.url].iter().all(|source| source.is_none())
    }
}

impl MediaProcessTask {
    fn is_empty(&self) -> bool {
        is_empty(&self.transcode_task_set)
            && is_empty(&self.animated_graphic_task_set)
            && is_empty(&self.snapshot_by_time_offset_task_set)
            && is_empty(&self.sample_snapshot_task_set)
            && is_empty(&self.image_sprite_task_set)
            && is_empty(&self.cover_by_snapshot_task_set)
            && is_empty(&self.adaptive_dynamic_streaming_task_set)
    }
}
