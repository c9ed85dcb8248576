//! The task items of `MediaProcessTask`, with the vendor's names (protocol section 6). A `Definition` is the number of a
//! template of the application. Times keep the digits that they are written with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::overrides::{OverrideParameter, SubtitleInfo, ThirdPartyDrm};
use super::params::Switch;

/// A task that a template describes entirely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TemplateTask {
    /// The template.
    pub definition: u64,
}

/// One transcode.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TranscodeTask {
    /// The transcoding template.
    pub definition: u64,
    /// Watermarks; at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub watermark_set: Option<Vec<Watermark>>,
    /// A watermark that traces leaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_watermark: Option<TraceWatermark>,
    /// A copyright watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_right_watermark: Option<CopyRightWatermark>,
    /// A digital watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blind_watermark: Option<TemplateTask>,
    /// Mosaics; at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub mosaic_set: Option<Vec<Mosaic>>,
    /// Opening and closing parts; at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub head_tail_set: Option<Vec<TemplateTask>>,
    /// Where the output begins in the source. In seconds; negative: so long before the end. Left out or 0: from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_offset: Option<Number>,
    /// Where the output ends in the source. In seconds; negative: so long before the end. Left out or 0: to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_offset: Option<Number>,
    /// What differs from the template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_parameter: Option<OverrideParameter>,
    /// Subtitles that become part of the picture; at most 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2))]
    pub subtitle_info_set: Option<Vec<SubtitleInfo>>,
}

/// One animated picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AnimatedGraphicTask {
    /// The template for animated pictures.
    pub definition: u64,
    /// Where it begins in the video. In seconds; negative: so long before the end. 0: from the start.
    pub start_time_offset: Number,
    /// Where it ends in the video. In seconds; negative: so long before the end. 0: to the end.
    pub end_time_offset: Number,
}

/// Snapshots at given times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SnapshotByTimeOffsetTask {
    /// The template for snapshots at given times.
    pub definition: u64,
    /// The times: `3.5s` is 3.5 seconds, `10%` a tenth of the duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ext_time_offset_set: Option<Vec<String>>,
    /// The times in **milliseconds**. The vendor advises `ExtTimeOffsetSet` instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_offset_set: Option<Vec<Number>>,
    /// Watermarks; at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub watermark_set: Option<Vec<Watermark>>,
}

/// Snapshots at equal distances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SampleSnapshotTask {
    /// The template for sampled snapshots.
    pub definition: u64,
    /// Watermarks; at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub watermark_set: Option<Vec<Watermark>>,
}

/// One image sprite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ImageSpriteTask {
    /// The template for image sprites.
    pub definition: u64,
}

/// A snapshot that becomes the cover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CoverBySnapshotTask {
    /// The template for snapshots at given times.
    pub definition: u64,
    /// What `PositionValue` counts.
    pub position_type: PositionType,
    /// Seconds, or percent of the duration.
    pub position_value: Number,
    /// Watermarks; at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub watermark_set: Option<Vec<Watermark>>,
}

/// One adaptive bit-rate stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AdaptiveDynamicStreamingTask {
    /// The template for adaptive streaming.
    pub definition: u64,
    /// Watermarks; at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub watermark_set: Option<Vec<Watermark>>,
    /// A watermark that traces leaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_watermark: Option<TraceWatermark>,
    /// A copyright watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_right_watermark: Option<CopyRightWatermark>,
    /// A digital watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blind_watermark: Option<TemplateTask>,
    /// Ids of subtitles to go with it; at most 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub subtitle_set: Option<Vec<String>>,
    /// Subtitles that become part of the picture; at most 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2))]
    pub subtitle_info_set: Option<Vec<SubtitleInfo>>,
    /// Another party's DRM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drm_info: Option<ThirdPartyDrm>,
}

/// One watermark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Watermark {
    /// The watermark template.
    pub definition: u64,
    /// The text of a text watermark; at most 100 characters; not on snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub text_content: Option<String>,
    /// The SVG of an SVG watermark; at most 2000000 characters; not on snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2_000_000))]
    pub svg_content: Option<String>,
    /// When it appears. In seconds; negative: so long before the end. Left out or 0: from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_offset: Option<Number>,
    /// When it goes. In seconds; negative: so long before the end. Left out or 0: to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_offset: Option<Number>,
}

/// A watermark that traces leaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TraceWatermark {
    /// Whether it is used.
    pub switch: Switch,
    /// No longer used by the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<u64>,
}

/// A copyright watermark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CopyRightWatermark {
    /// The text; at most 200 characters.
    #[schemars(length(max = 200))]
    pub text: String,
}

/// One mosaic. Places and sizes are texts: `10%` of the picture, or `100px`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Mosaic {
    /// The corner to count from. Left out: `TopLeft`, the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinate_origin: Option<String>,
    /// How far right. Left out: `0px`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_pos: Option<String>,
    /// How far down. Left out: `0px`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_pos: Option<String>,
    /// Left out: `10%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<String>,
    /// Left out: `10%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<String>,
    /// When it appears. In seconds; negative: so long before the end. Left out or 0: from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_offset: Option<Number>,
    /// When it goes. In seconds; negative: so long before the end. Left out or 0: to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time_offset: Option<Number>,
}

/// What a position counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PositionType {
    /// Seconds.
    Time,
    /// Percent of the duration.
    Percent,
}

impl TranscodeTask {
    /// A transcode by this template as it is.
    #[must_use]
    pub fn of(definition: u64) -> Self {
        Self { definition, ..Self::default() }
    }
}
