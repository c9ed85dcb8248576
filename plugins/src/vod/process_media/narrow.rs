//! What submits only some of the sub-tasks that were submitted together.

use oncue_rules::value::{Map, Value};

use crate::completion::Part;

/// The parameter that holds the lists of sub-tasks, each a definition.
const MEDIA: &str = "MediaProcessTask";
/// The parameters that each ask for one kind of analysis, and are submitted again whole.
const WHOLE: [&str; 3] = ["AiContentReviewTask", "AiAnalysisTask", "AiRecognitionTask"];
/// The short form of transcodes.
const SHORT: &str = "definitions";
const TRANSCODES: &str = "TranscodeTaskSet";

/// Which list asks for sub-tasks of a type (protocol section 1).
const LISTS: [(&str, &str); 8] = [
    ("Transcode", TRANSCODES),
    ("AnimatedGraphics", "AnimatedGraphicTaskSet"),
    ("SnapshotByTimeOffset", "SnapshotByTimeOffsetTaskSet"),
    ("SampleSnapshot", "SampleSnapshotTaskSet"),
    ("ImageSprites", "ImageSpriteTaskSet"),
    ("ImageSprite", "ImageSpriteTaskSet"),
    ("CoverBySnapshot", "CoverBySnapshotTaskSet"),
    ("AdaptiveDynamicStreaming", "AdaptiveDynamicStreamingTaskSet"),
];

/// The parameters that submit these parts alone. A part is known by its type and definition; where two that were submitted
/// share both and one of them is done, there are none: submitting both again would cost twice.
pub(in crate::vod) fn narrow(params: &Value, parts: &[&Part]) -> Option<Value> {
    if parts.is_empty() {
        return Some(params.clone());
    }
    let mut request = params.as_map()?.clone();
    for name in WHOLE {
        if !parts.iter().any(|part| part.of == name) {
            request.remove(name);
        }
    }
    let media: Vec<&Part> = parts.iter().copied().filter(|part| part.of == MEDIA).collect();
    let short = request.remove(SHORT).and_then(|list| list.as_list().map(<[Value]>::to_vec)).unwrap_or_default();
    let lists = request.remove(MEDIA).and_then(|task| task.as_map().cloned()).unwrap_or_default();
    let of_list = |name: &str| media.iter().copied().filter(|part| list_of(part) == Some(name)).collect::<Vec<_>>();
    if media.iter().any(|part| list_of(part).is_none()) {
        return None;
    }
    let mut kept = Map::new();
    for (name, list) in &lists {
        let entries = list.as_list().unwrap_or_default();
        let beside = if name == TRANSCODES { short.as_slice() } else { &[] };
        let entries = only(entries, beside, &of_list(name))?;
        if !entries.is_empty() {
            kept.insert(name.clone(), Value::list(entries));
        }
    }
    let beside = lists.get(TRANSCODES).and_then(Value::as_list).unwrap_or_default();
    let short = only(&short, beside, &of_list(TRANSCODES))?;
    for (name, value) in [(SHORT, Value::list(short)), (MEDIA, Value::map(kept))] {
        if value.as_list().is_some_and(|list| !list.is_empty()) || value.as_map().is_some_and(|map| !map.is_empty()) {
            request.insert(name.to_owned(), value);
        }
    }
    let asks = request.keys().any(|name| name == SHORT || name == MEDIA || WHOLE.contains(&name.as_str()));
    asks.then(|| Value::map(request))
}

fn list_of(part: &Part) -> Option<&'static str> {
    let kind = part.result.get("Type").as_text()?;
    LISTS.iter().find(|(known, _)| *known == kind).map(|(_, list)| *list)
}

/// The entries that ask for these parts; `beside` are more entries that could have. None when it cannot be told which.
fn only(entries: &[Value], beside: &[Value], parts: &[&Part]) -> Option<Vec<Value>> {
    if entries.len() == 1 && beside.is_empty() {
        return Some(if parts.is_empty() { Vec::new() } else { entries.to_vec() });
    }
    let wanted: Vec<String> = parts.iter().map(|part| definition_of(part)).collect::<Option<_>>()?;
    let count = |definition: &String| wanted.iter().filter(|wanted| *wanted == definition).count();
    let asking = |definition: &String| {
        entries.iter().chain(beside).filter(|entry| number(entry).as_ref() == Some(definition)).count()
    };
    let mut kept = Vec::new();
    for entry in entries {
        let definition = number(entry)?;
        match count(&definition) {
            0 => {}
            all if all == asking(&definition) => kept.push(entry.clone()),
            _ => return None,
        }
    }
    Some(kept)
}

/// The definition that a sub-task was submitted with.
fn definition_of(part: &Part) -> Option<String> {
    let task = part.result.as_map()?.values().find(|task| task.get("Input").as_map().is_some())?;
    number(task.get("Input").get("Definition"))
}

/// The definition of an entry, which is a number or a map with one.
fn number(entry: &Value) -> Option<String> {
    match entry {
        Value::Number(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.to_string()),
        Value::Map(_) => number(entry.get("Definition")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(of: &'static str, kind: &str, definition: u32) -> Part {
        let result = format!(
            r#"{{"Type":"{kind}","AnyTask":{{"Status":"FAIL","Input":{{"Definition":{definition}}}}},"OtherTask":null}}"#
        );
        Part { of, result: Value::from_json(result.as_bytes()).unwrap(), failure: None }
    }

    fn narrowed(params: &str, parts: &[Part]) -> Option<String> {
        let params = Value::from_json(params.as_bytes()).unwrap();
        narrow(&params, &parts.iter().collect::<Vec<_>>()).map(|params| params.to_json())
    }

    const ALL: &str = r#"{"FileId":"1","definitions":[10,20],"AiAnalysisTask":{"Definition":1},"AiRecognitionTask":{"Definition":2},
        "MediaProcessTask":{"TranscodeTaskSet":[{"Definition":30,"StartTimeOffset":1.50}],"CoverBySnapshotTaskSet":[{"Definition":10}],
        "ImageSpriteTaskSet":[{"Definition":10}]}}"#;

    #[test]
    fn only_what_failed_is_left_each_as_it_was_written() {
        for (parts, left) in [
            (vec![part(MEDIA, "Transcode", 20)], r#"{"FileId":"1","definitions":[20]}"#),
            (
                vec![part(MEDIA, "Transcode", 30), part(MEDIA, "Transcode", 10)],
                r#"{"FileId":"1","MediaProcessTask":{"TranscodeTaskSet":[{"Definition":30,"StartTimeOffset":1.5}]},"definitions":[10]}"#,
            ),
            (
                vec![part(MEDIA, "ImageSprites", 10)],
                r#"{"FileId":"1","MediaProcessTask":{"ImageSpriteTaskSet":[{"Definition":10}]}}"#,
            ),
            (
                vec![part("AiRecognitionTask", "FaceRecognition", 2)],
                r#"{"AiRecognitionTask":{"Definition":2},"FileId":"1"}"#,
            ),
        ] {
            assert_eq!(narrowed(ALL, &parts).as_deref(), Some(left));
        }
    }

    #[test]
    fn work_without_parts_is_submitted_as_it_was() {
        assert_eq!(narrowed(r#"{"definitions":[10]}"#, &[]).as_deref(), Some(r#"{"definitions":[10]}"#));
    }

    #[test]
    fn nothing_is_left_where_what_failed_cannot_be_told_from_what_is_done() {
        let twice =
            r#"{"MediaProcessTask":{"TranscodeTaskSet":[{"Definition":10},{"Definition":10,"WatermarkSet":[]}]}}"#;
        assert_eq!(narrowed(twice, &[part(MEDIA, "Transcode", 10)]), None);
        let both = [part(MEDIA, "Transcode", 10), part(MEDIA, "Transcode", 10)];
        assert_eq!(narrowed(twice, &both).map(|left| left.len()), Some(twice.len()));
        assert_eq!(narrowed(ALL, &[part(MEDIA, "Hologram", 10)]), None, "a type that is not known");
        assert_eq!(narrowed(ALL, &[part(MEDIA, "Transcode", 99)]), None, "a definition that was not asked for");
        assert_eq!(
            narrowed(
                r#"{"definitions":[10],"MediaProcessTask":{"TranscodeTaskSet":[{"Definition":10}]}}"#,
                &[part(MEDIA, "Transcode", 10)]
            ),
            None
        );
    }
}
