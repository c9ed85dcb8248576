//! What the vendor's events say of the end of work that an action started (protocol section 1).

use oncue_rules::value::Value;

use crate::action::{Completed, Completion, Outcome};

/// The end of `ProcessMedia`.
pub(super) const PROCEDURE: Completion = Completion { events: &["ProcedureStateChanged"], judge: procedure };
/// The end of `EditMedia`.
pub(super) const EDIT: Completion = Completion { events: &["EditMediaComplete"], judge: whole };
/// The end of `ReviewAudioVideo`.
pub(super) const REVIEW: Completion = Completion { events: &["ReviewAudioVideoComplete"], judge: whole };

/// Where the results of sub-tasks stand.
const RESULT_SETS: [&str; 4] =
    ["MediaProcessResultSet", "AiContentReviewResultSet", "AiAnalysisResultSet", "AiRecognitionResultSet"];

/// A procedure has sub-tasks, each with a status of its own. `ErrCode` of the whole is deprecated, and stays 0 when a part
/// has failed.
fn procedure(payload: &Value) -> Option<Completed> {
    has_finished(payload)?;
    let sets = RESULT_SETS.iter().filter_map(|name| payload.get(name).as_list());
    let results: Vec<Value> = sets.flatten().cloned().collect();
    if results.is_empty() {
        return whole(payload).map(|whole| Completed { results: Vec::new(), failed: Vec::new(), ..whole });
    }
    let mut reasons = Vec::new();
    let failed: Vec<Value> = results
        .iter()
        .filter(|result| {
            let task = result.as_map().and_then(|members| members.values().find(|member| is_failed(member)));
            reasons.extend(task.map(|task| said(result.get("Type").as_text().unwrap_or("a sub-task"), task)));
            task.is_some()
        })
        .cloned()
        .collect();
    let outcome = match failed.len() {
        0 => Outcome::Succeeded,
        all if all == results.len() => Outcome::Failed,
        _ => Outcome::PartlyFailed,
    };
    Some(Completed { outcome, results, failed, reason: reasons.join("; ") })
}

fn is_failed(task: &Value) -> bool {
    task.get("Status").as_text() == Some("FAIL")
}

/// Work without parts is its own only result.
fn whole(payload: &Value) -> Option<Completed> {
    has_finished(payload)?;
    let code = payload.get("ErrCodeExt").as_text().is_some_and(|code| !code.is_empty());
    let number = match payload.get("ErrCode") {
        Value::Number(number) => number.as_i64() != Some(0),
        _ => false,
    };
    let results = vec![payload.clone()];
    Some(if code || number {
        Completed { outcome: Outcome::Failed, failed: results.clone(), results, reason: said("the task", payload) }
    } else {
        Completed { outcome: Outcome::Succeeded, results, failed: Vec::new(), reason: String::new() }
    })
}

/// `PROCESSING` comes too, also after the end (protocol section 3).
fn has_finished(payload: &Value) -> Option<()> {
    (payload.get("Status").as_text() == Some("FINISH")).then_some(())
}

fn said(what: &str, task: &Value) -> String {
    let text = |name: &str| task.get(name).as_text().unwrap_or_default().to_owned();
    let (code, message) = (text("ErrCodeExt"), text("Message"));
    match (code.is_empty(), message.is_empty()) {
        (false, false) => format!("{what}: {code}: {message}"),
        (false, true) => format!("{what}: {code}"),
        (true, false) => format!("{what}: {message}"),
        (true, true) => format!("{what} failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(file: &str, member: &str) -> Value {
        let path = format!("{}/../tests/fixtures/protocol/events/{file}", env!("CARGO_MANIFEST_DIR"));
        Value::from_json(&std::fs::read(path).unwrap()).unwrap().get(member).clone()
    }

    fn procedure_of(file: &str) -> Option<Completed> {
        procedure(&payload(file, "ProcedureStateChangeEvent"))
    }

    #[test]
    fn a_procedure_is_what_its_parts_are() {
        let done = procedure_of("04_procedure_finish_two_transcodes_and_cover.json").unwrap();
        assert_eq!((done.outcome, done.results.len(), done.failed.len()), (Outcome::Succeeded, 3, 0));
        let partly = procedure_of("05_procedure_finish_one_transcode_failed.json").unwrap();
        assert_eq!((partly.outcome, partly.failed.len()), (Outcome::PartlyFailed, 1));
        assert!(partly.reason.starts_with("Transcode: SourceFileError.ContentUnsupported: "), "{}", partly.reason);
        assert_eq!(procedure_of("06_procedure_processing.json"), None);
        let failed = procedure_of("07_procedure_finish_errcode_nonzero.json").unwrap();
        assert_eq!(failed.outcome, Outcome::Failed);
        assert!(!failed.reason.is_empty());
    }

    #[test]
    fn work_without_parts_is_what_its_code_says() {
        let edit = payload("10_edit_media_complete.json", "EditMediaCompleteEvent");
        assert_eq!(whole(&edit).unwrap().outcome, Outcome::Succeeded);
        let mut members = edit.as_map().unwrap().clone();
        members.insert("ErrCodeExt".to_owned(), Value::text("InternalError"));
        let failed = whole(&Value::map(members)).unwrap();
        assert_eq!((failed.outcome, failed.failed.len()), (Outcome::Failed, 1));
        assert_eq!(failed.reason, "the task: InternalError: SUCCESS");
        let review = payload("11_review_audio_video_complete.json", "ReviewAudioVideoCompleteEvent");
        assert_eq!(whole(&review).unwrap().outcome, Outcome::Succeeded);
        assert_eq!(whole(&Value::Null), None);
    }
}
