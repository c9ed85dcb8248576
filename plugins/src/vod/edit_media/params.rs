//! The parameters of `vod.edit_media`. Names, units and limits are the vendor's (protocol section 6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::action::ActionError;
use crate::params::invalid;
use crate::vod::submission;

/// The most characters of the name of a file.
const MEDIA_NAME: usize = 64;

/// What to join or cut, and what to make of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EditMediaParams {
    /// `File`: `FileInfos`; `Stream`: `StreamInfos`.
    pub input_type: InputType,
    /// The application. Left out: the one that the step acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_app_id: Option<u64>,
    /// The files, in the order in which they are joined; required for `File`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_infos: Option<Vec<EditMediaFileInfo>>,
    /// The recordings of streams, in their order; required for `Stream`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_infos: Option<Vec<EditMediaStreamInfo>>,
    /// Whose picture counts where inputs differ: 10, the highest resolution; 20, the highest bit rate. Left out: 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<u64>,
    /// A procedure that is started on the new file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure_name: Option<String>,
    /// What the new file is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_config: Option<EditMediaOutputConfig>,
    /// Comes back in the events of the task; at most 1000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub session_context: Option<String>,
    /// From -10 to 10; the higher, the earlier. Left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -10, max = 10))]
    pub tasks_priority: Option<i64>,
    /// A request with an id of the last 3 days is not taken again; at most 50 characters. Left out: the idempotency key of
    /// the step. Empty: no check, so an attempt without an answer ends as `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    pub session_id: Option<String>,
    /// Reserved by the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ext_info: Option<String>,
}

/// What is joined or cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum InputType {
    /// Files.
    #[default]
    File,
    /// Recordings of streams.
    Stream,
}

/// A file, or a part of one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EditMediaFileInfo {
    /// The file.
    pub file_id: String,
    /// Where the part begins. In seconds; negative: so long before the end. Left out or 0: from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_offset: Option<Number>,
    /// Where the part ends. In seconds; negative: so long before the end. Left out or 0: to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_offset: Option<Number>,
}

/// A recording of a stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EditMediaStreamInfo {
    /// The stream.
    pub stream_id: String,
    /// From when on, as `2026-01-01T00:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Until when, in the same form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
}

/// What the new file is to be.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EditMediaOutputConfig {
    /// Its name; at most 64 characters. Left out: one that the vendor makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub media_name: Option<String>,
    /// Its container. Left out: `mp4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "Type")]
    pub container: Option<Container>,
    /// Its class. Left out: 0, others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_id: Option<i64>,
    /// When it is deleted, as `2026-01-01T00:00:00Z`. Left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<String>,
    /// Its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_stream: Option<EditMediaVideoStream>,
    /// Top Speed Codec.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "TEHDConfig")]
    pub tehd_config: Option<EditMediaTehdConfig>,
}

/// A container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// MP4.
    Mp4,
    /// HLS.
    Hls,
}

/// The picture of the new file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EditMediaVideoStream {
    /// `libx264`, `libx265`, `av1` or `H.266`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// In kbit/s: 0, for what suits, or from 128 to 100000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// `open`: width is the longer side; `close`: width is the width. Left out: `open`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution_adaptive: Option<String>,
    /// In pixels: 0, for what suits, or from 128 to 4096.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u64>,
    /// In pixels: 0, for what suits, or from 128 to 4096.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// Frames a second, up to 100; 0: what suits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<u64>,
}

/// Top Speed Codec.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EditMediaTehdConfig {
    /// `TEHD-100`, or `OFF`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    /// In kbit/s; 0: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_video_bitrate: Option<u64>,
}

impl EditMediaParams {
    /// What the vendor would refuse, said before a request is spent on it.
    pub(super) fn check(&self) -> Result<(), ActionError> {
        let files = self.file_infos.as_deref().unwrap_or_default();
        match self.input_type {
            InputType::File if files.is_empty() => {
                return Err(invalid("FileInfos", "write the files to join, such as `[{ FileId: \"…\" }]`"));
            }
            InputType::Stream if self.stream_infos.as_deref().unwrap_or_default().is_empty() => {
                return Err(invalid("StreamInfos", "write the recordings to join, such as `[{ StreamId: … }]`"));
            }
            InputType::File | InputType::Stream => {}
        }
        if let Some(at) = files.iter().position(|file| file.file_id.is_empty()) {
            return Err(invalid(&format!("FileInfos[{at}].FileId"), "it is empty: check what it is taken from"));
        }
        let name = self.output_config.as_ref().and_then(|config| config.media_name.as_deref());
        if name.is_some_and(|name| name.chars().count() > MEDIA_NAME) {
            return Err(invalid("OutputConfig.MediaName", "longer than 64 characters: shorten it with `sub_string`"));
        }
        submission::check(self.session_id.as_deref(), self.session_context.as_deref(), self.tasks_priority)
    }
}
