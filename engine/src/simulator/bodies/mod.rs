//! The bodies that the vendor sends, as its samples have them (protocol sections 1 and 8).

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value, json};

use super::random::Stream;
use super::state::medium::{Category, Medium};

pub(crate) mod edit;
pub(crate) mod outputs;
pub(crate) mod procedure;
pub(crate) mod publish;
pub(crate) mod review;
pub(crate) mod upload;

/// What the vendor writes for a moment that is not known.
pub(crate) const NO_TIME: &str = "0000-00-00T00:00:00Z";

/// The fields that stand beside the payload as explicit nulls.
const PAYLOADS: [&str; 11] = [
    "FileUploadEvent",
    "ProcedureStateChangeEvent",
    "FileDeleteEvent",
    "PullCompleteEvent",
    "EditMediaCompleteEvent",
    "SplitMediaCompleteEvent",
    "ComposeMediaCompleteEvent",
    "WechatPublishCompleteEvent",
    "WechatMiniProgramPublishCompleteEvent",
    "RestoreMediaCompleteEvent",
    "ReviewAudioVideoCompleteEvent",
];

/// An event: its type, its payload, and the other payloads as nulls.
pub(crate) fn envelope(event_type: &str, field: &str, mut payload: Value) -> Map<String, Value> {
    let mut event = Map::new();
    event.insert("EventType".to_owned(), event_type.into());
    for name in PAYLOADS {
        let value = if name == field { payload.take() } else { Value::Null };
        event.insert(name.to_owned(), value);
    }
    event
}

/// The list of `members` as an object; what is no object is an empty one.
pub(crate) fn object(members: Value) -> Map<String, Value> {
    match members {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A moment as the vendor writes it: UTC, whole seconds.
pub(crate) fn time(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.0.div_euclid(1_000)).map_or_else(|_| NO_TIME.to_owned(), |at| at.to_string())
}

/// The URL of a file: host and first segment carry the application, as the vendor's do (protocol section 2).
pub(crate) fn media_url(medium: &Medium, seed: u64) -> String {
    format!("{}/f0.{}", base(medium.subappid, &medium.file_id, "vodcq", seed), medium.container())
}

/// The URL of something made from a file.
pub(crate) fn output_url(subappid: u64, file_id: &str, name: &str, seed: u64) -> String {
    format!("{}/{name}", base(subappid, file_id, "vodtranscq", seed))
}

fn base(subappid: u64, file_id: &str, kind: &str, seed: u64) -> String {
    let prefix = Stream::new(seed ^ subappid, "bucket").next() >> 32;
    format!("http://{subappid}.vod2.myqcloud.com/{prefix:08x}{kind}{subappid}/{file_id}")
}

/// The `MetaData` of a file.
pub(crate) fn metadata(medium: &Medium) -> Value {
    if medium.upload.metadata == Some(false) {
        return Value::Null;
    }
    let audio = json!([{ "Bitrate": 129_160, "SamplingRate": 48_000, "Codec": "aac" }]);
    let video =
        json!([{ "Bitrate": 3_899_000, "Height": 1080, "Width": 1920, "Codec": "h264", "Fps": 25, "CodecTag": "" }]);
    let (size, container, bitrate, height, width, duration, video, audio) = match medium.upload.category {
        Category::Video => (31_457_280, "mov,mp4,m4a,3gp,3g2,mj2", 4_028_160, 1080, 1920, json!(62.44), video, audio),
        Category::Audio => (1_008_000, medium.container(), 129_160, 0, 0, json!(62.44), json!([]), audio),
        Category::Image => (204_800, medium.container(), 0, 1080, 1920, json!(0), json!([]), json!([])),
    };
    let of = |streams: &Value| if streams == &json!([]) { json!(0) } else { duration.clone() };
    let (video_duration, audio_duration) = (of(&video), of(&audio));
    json!({
        "Size": size, "Container": container, "Bitrate": bitrate, "Height": height, "Width": width,
        "Duration": duration, "Rotate": 0,
        "VideoStreamSet": video, "AudioStreamSet": audio,
        "VideoDuration": video_duration, "AudioDuration": audio_duration, "Md5": "",
    })
}
