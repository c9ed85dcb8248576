//! What sub-tasks were given and what they made.

use serde_json::{Map, Value, json};

use super::{object, output_url};
use crate::simulator::random::Stream;
use crate::simulator::state::task::{Kind, SubTask, Task};

/// The `Input` of a result: the item of the request, with the members that the vendor always writes.
pub(crate) fn input(sub_task: &SubTask) -> Value {
    let mut input = match sub_task.kind {
        Kind::Transcode => object(json!({
            "Definition": sub_task.definition, "WatermarkSet": [], "MosaicSet": [], "HeadTailSet": [],
            "StartTimeOffset": 0, "EndTimeOffset": 0,
        })),
        _ => Map::new(),
    };
    input.extend(sub_task.input.clone());
    if matches!(sub_task.kind, Kind::CoverBySnapshot | Kind::SnapshotByTimeOffset | Kind::SampleSnapshot) {
        input.entry("WatermarkSet").or_insert_with(|| json!([]));
    }
    Value::Object(input)
}

/// The `Output` of a sub-task that succeeded.
pub(crate) fn output(task: &Task, sub_task: &SubTask, seed: u64) -> Value {
    let definition = sub_task.definition;
    let url = |name: String| output_url(task.subappid, &task.file_id, &name, seed);
    match sub_task.kind {
        Kind::Transcode => transcode(task, definition, &url(format!("v.f{definition}.mp4"))),
        Kind::AnimatedGraphics => json!({
            "Url": url(format!("animatedGraphics_{definition}.gif")), "Definition": definition, "Container": "gif",
            "Height": 360, "Width": 640, "Bitrate": 1_024_000, "Size": 640_000, "Md5": "",
            "StartTimeOffset": sub_task.input.get("StartTimeOffset"),
            "EndTimeOffset": sub_task.input.get("EndTimeOffset"),
        }),
        Kind::SnapshotByTimeOffset => json!({
            "Definition": definition,
            "PicInfoSet": [{
                "TimeOffset": 0,
                "Url": url(format!("snapshotByTimeOffset/snapshotByTimeOffset_{definition}_0.jpg")),
                "WaterMarkDefinition": [],
            }],
        }),
        Kind::SampleSnapshot => json!({
            "Definition": definition,
            "ImageUrlSet": [url(format!("sampleSnapshot/sampleSnapshot_{definition}_0.jpg"))],
            "WaterMarkDefinition": [],
        }),
        Kind::ImageSprites => json!({
            "Definition": definition, "Height": 80, "Width": 142, "TotalCount": 100,
            "ImageUrlSet": [url(format!("imageSprite/imageSprite_{definition}_0.jpg"))],
            "WebVttUrl": url(format!("imageSprite/imageSprite_{definition}.vtt")),
        }),
        Kind::CoverBySnapshot => json!({
            "CoverUrl": url(format!("coverBySnapshot/coverBySnapshot_{definition}_0.jpg")),
        }),
        Kind::AdaptiveDynamicStreaming => json!({
            "Definition": definition, "Package": "HLS", "DrmType": "", "Size": 31_457_280,
            "Url": url(format!("adp.{definition}.m3u8")), "DigitalWatermarkType": "None",
            "CopyRightWatermarkText": "", "SubtitleSet": [],
        }),
        Kind::Review => json!({ "Confidence": 0, "Suggestion": "pass", "Label": "normal", "SegmentSet": [] }),
        Kind::Analysis => json!({ "ClassificationSet": [{ "Classification": "course", "Confidence": 91.5 }] }),
        Kind::Recognition => json!({ "SegmentSet": [], "SegmentSetFileUrl": "", "SubtitlePath": "" }),
    }
}

fn transcode(task: &Task, definition: u64, url: &str) -> Value {
    let height = match definition {
        100_010 => 360,
        100_020 => 540,
        100_040 => 1080,
        _ => 720,
    };
    let width = height * 16 / 9;
    json!({
        "Url": url, "Definition": definition, "Bitrate": 1_160_000, "Height": height, "Width": width,
        "Size": 9_054_720, "Duration": 62.44, "Md5": Stream::new(definition, &task.id).hex32(),
        "Container": "mov,mp4,m4a,3gp,3g2,mj2",
        "VideoStreamSet": [{
            "Bitrate": 1_032_000, "Height": height, "Width": width, "Codec": "h264", "Fps": 25, "CodecTag": "",
        }],
        "AudioStreamSet": [{ "Bitrate": 128_000, "SamplingRate": 44_100, "Codec": "aac" }],
        "DigitalWatermarkType": "None", "CopyRightWatermarkText": "",
    })
}
