//! What a task item may change of its template, with the vendor's names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::params::Switch;

/// What differs from the transcoding template; what is left out stays as there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct OverrideParameter {
    /// `mp4`, `flv`, `hls`, or for sound alone `mp3`, `flac`, `ogg`, `m4a`, `wav`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// 1 drops the picture, 0 keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1))]
    pub remove_video: Option<u64>,
    /// 1 drops the sound, 0 keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1))]
    pub remove_audio: Option<u64>,
    /// The picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_template: Option<VideoOverride>,
    /// The sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_template: Option<AudioOverride>,
    /// The vendor's top speed codec.
    #[serde(rename = "TEHDConfig", skip_serializing_if = "Option::is_none")]
    pub tehd_config: Option<TehdOverride>,
    /// Reserved by the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std_ext_info: Option<String>,
}

/// The picture of a transcode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct VideoOverride {
    /// `libx264`, `libx265`, `av1` or `H.266`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// In Hz, from 0 to 100; 0 is that of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<u64>,
    /// In kbit/s, 0 (chosen by the vendor) or from 128 to 100000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// `open`: Width is the long side; `close`: Width is the width.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution_adaptive: Option<String>,
    /// At most so many pixels, 0 (in proportion) or from 128 to 8192.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u64>,
    /// At most so many pixels, 0 (in proportion) or from 128 to 8192.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// `stretch`, `black`, `white` or `gauss`: what to do when the proportions differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill_type: Option<String>,
    /// Constant rate factor from 1 to 51; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcrf: Option<u64>,
    /// Distance of key frames in `GopUnit`, up to 100000; 0 is chosen by the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gop: Option<u64>,
    /// Whether HDR stays HDR.
    #[serde(rename = "PreserveHDRSwitch", skip_serializing_if = "Option::is_none")]
    pub preserve_hdr_switch: Option<Switch>,
    /// For H.265: `hvc1` or `hev1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec_tag: Option<String>,
    /// `frame` or `second`. Left out: `frame`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gop_unit: Option<String>,
    /// Rate control: `VBR`, `ABR`, `CBR` or `VCRF`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Most B frames in a row, up to 16; -1 is chosen by the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bframes: Option<i64>,
    /// Length of segments in seconds, up to 10; 0 is chosen by the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hls_time: Option<u64>,
    /// For H.264: `baseline`, `main`, `high` or `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_profile: Option<String>,
}

/// The sound of a transcode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AudioOverride {
    /// Such as `libfdk_aac` or `libmp3lame`, as the container allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// In kbit/s, 0 (chosen by the vendor) or from 26 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// In Hz: 16000, 32000, 44100 or 48000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u64>,
    /// 1, 2 or 6 channels; 0 as in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_channel: Option<u64>,
    /// The sound tracks to keep. Left out: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_selects: Option<Vec<u64>>,
}

/// The vendor's top speed codec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TehdOverride {
    /// `TEHD-100`, or `OFF`.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The highest video bit rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_video_bitrate: Option<u64>,
}

/// A subtitle that becomes part of the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SubtitleInfo {
    /// The id of the subtitle, or `SUBTITLE_ID_PLACE_HOLDER` for a track of the source.
    pub id: String,
    /// The track's index in the source, with that placeholder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_index: Option<u64>,
    /// Such as `kai.ttf` or `arial.ttf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub font_type: Option<String>,
    /// `Npx` up to 4096, or `N%` of the height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub font_size: Option<String>,
    /// `0xRRGGBB`. Left out: white.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub font_color: Option<String>,
    /// Opacity, above 0 and up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub font_alpha: Option<Number>,
    /// Height above the bottom: `Npx` from 0 to 4096, or `N%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_pos: Option<String>,
    /// Height of the board behind it above the bottom: `Npx` from 0 to 4096, or `N%`. Left out: no board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_y: Option<String>,
    /// Width of the board: `Npx` from 0 to 4096, or `N%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_width: Option<String>,
    /// Height of the board: `Npx` from 0 to 4096, or `N%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_height: Option<String>,
    /// `0xRRGGBB`. Left out: black.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_color: Option<String>,
    /// Opacity of the board from 0 to 1. Left out: 0.8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_alpha: Option<Number>,
    /// What stays in place when lines are added: `top` or `bottom`. Left out: `bottom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alignment: Option<String>,
    /// `Npx` up to 1000, or `N%`. Left out: 0.3% of the height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outline_width: Option<String>,
    /// `0xRRGGBB`. Left out: black.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outline_color: Option<String>,
    /// Opacity, above 0 and up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outline_alpha: Option<Number>,
    /// `Npx` up to 1000, or `N%`. Left out: no shadow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_width: Option<String>,
    /// `0xRRGGBB`. Left out: black.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_color: Option<String>,
    /// Opacity, above 0 and up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_alpha: Option<Number>,
    /// `Npx` up to 1000, or `N%`. Left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_spacing: Option<String>,
}

/// Another party's DRM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ThirdPartyDrm {
    /// `FairPlay` (HLS only), `Widevine`, `PlayReady`, or several of them.
    pub drm_types: Vec<String>,
    /// The key server.
    #[serde(rename = "SPEKEDrm", skip_serializing_if = "Option::is_none")]
    pub speke_drm: Option<SpekeDrm>,
}

/// A key server that speaks SPEKE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SpekeDrm {
    /// 1 to 128 letters, digits, `_` or `-`: the `cid` of the request for keys.
    #[schemars(length(min = 1, max = 128))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// The address of the key server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_server_url: Option<String>,
    /// The initialization vector: 32 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<String>,
    /// `cbcs` or `cenc`, as the kinds of DRM allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_method: Option<String>,
    /// `preset0`: one key for all streams; `preset1`: one for each. Left out: `preset0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_preset: Option<String>,
    /// `POST` or `GET`. Left out: `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_acquire_mode: Option<String>,
}
