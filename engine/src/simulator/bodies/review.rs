//! `ReviewAudioVideoComplete`. What is found is what the file's tags ask for: `suggest-review`, `suggest-block`, else
//! `pass`.

use serde_json::{Map, Value, json};

use super::envelope;
use super::procedure::failure_message;
use crate::simulator::state::medium::Medium;
use crate::simulator::state::task::Task;

/// The event that a review has ended.
pub(crate) fn event(task: &Task, medium: Option<&Medium>, seed: u64) -> Map<String, Value> {
    envelope("ReviewAudioVideoComplete", "ReviewAudioVideoCompleteEvent", payload(task, medium, seed))
}

/// The payload of that event.
pub(crate) fn payload(task: &Task, medium: Option<&Medium>, _seed: u64) -> Value {
    let request = task.parameters();
    let failure = task.failure(0);
    let has_ended = task.finished_at.is_some();
    let contents = request["ReviewContents"].as_array().filter(|contents| !contents.is_empty());
    let contents = contents.cloned().unwrap_or_else(|| vec!["Media".into()]);
    let found = found(suggestion(medium));
    let output = (has_ended && failure.is_none()).then(|| {
        let mut output = found.clone();
        let reviews_cover = contents.iter().any(|content| content == "Cover");
        output["CoverReviewResult"] = if reviews_cover { self::found("pass") } else { Value::Null };
        output
    });
    json!({
        "TaskId": &*task.id,
        "Status": task.status(),
        "ErrCodeExt": failure.unwrap_or_default(),
        "Message": failure.map_or_else(|| if has_ended { "SUCCESS".to_owned() } else { String::new() }, failure_message),
        "Input": {
            "FileId": &*task.file_id,
            "Definition": request["Definition"].as_u64().unwrap_or(10),
            "ReviewContents": contents,
        },
        "Output": output,
        "SessionId": task.session_id,
        "SessionContext": task.session_context,
    })
}

fn suggestion(medium: Option<&Medium>) -> &'static str {
    let has = |tag: &str| medium.is_some_and(|medium| medium.upload.tags.iter().any(|known| known == tag));
    if has("suggest-block") {
        "block"
    } else if has("suggest-review") {
        "review"
    } else {
        "pass"
    }
}

fn found(suggestion: &str) -> Value {
    let is_clean = suggestion == "pass";
    json!({
        "Suggestion": suggestion,
        "Label": if is_clean { "" } else { "Ad" },
        "Form": if is_clean { "" } else { "OCR" },
        "SegmentSet": [],
        "SegmentSetFileUrl": "",
        "SegmentSetFileUrlExpireTime": "",
    })
}
