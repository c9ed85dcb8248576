//! What the vendor's events say of the end of work that an action started (protocol section 1).

use oncue_rules::value::Value;

use super::process_media;
use crate::completion::{Completed, Completion, Failure, Part};

/// The end of `ProcessMedia`.
pub(super) const PROCEDURE: Completion =
    Completion { events: &["ProcedureStateChanged"], judge: procedure, narrow: process_media::narrow };
/// The end of `EditMedia`.
pub(super) const EDIT: Completion = Completion { events: &["EditMediaComplete"], judge: whole, narrow: all };
/// The end of `ReviewAudioVideo`.
pub(super) const REVIEW: Completion = Completion { events: &["ReviewAudioVideoComplete"], judge: whole, narrow: all };

/// The code of a fault of the vendor's own, the one kind that is worth another try (protocol section 1).
const INTERNAL: &str = "InternalError";

/// Where the results of sub-tasks stand, and the parameter that asks for them.
const RESULT_SETS: [(&str, &str); 4] = [
    ("MediaProcessResultSet", "MediaProcessTask"),
    ("AiContentReviewResultSet", "AiContentReviewTask"),
    ("AiAnalysisResultSet", "AiAnalysisTask"),
    ("AiRecognitionResultSet", "AiRecognitionTask"),
];

/// A procedure has sub-tasks, each with a status of its own. `ErrCode` of the whole is deprecated, and stays 0 when a part
/// has failed.
fn procedure(payload: &Value) -> Option<Completed> {
    has_finished(payload)?;
    let of_set = |(set, of): (&str, &'static str)| {
        let results = payload.get(set).as_list().unwrap_or_default();
        results.iter().map(|result| sub_task(of, result)).collect::<Vec<_>>()
    };
    let parts: Vec<Part> = RESULT_SETS.into_iter().flat_map(of_set).collect();
    let failure = if parts.is_empty() { failure_of_all(payload) } else { None };
    Some(Completed { parts, failure })
}

fn sub_task(of: &'static str, result: &Value) -> Part {
    let is_failed = |task: &&Value| task.get("Status").as_text() == Some("FAIL");
    let failed = result.as_map().and_then(|members| members.values().find(is_failed));
    let failure = failed.map(|task| failure(result.get("Type").as_text().unwrap_or("a sub-task"), task));
    Part { of, result: result.clone(), failure }
}

/// Work without parts is its own only result.
fn whole(payload: &Value) -> Option<Completed> {
    has_finished(payload)?;
    let part = Part { of: "", result: payload.clone(), failure: failure_of_all(payload) };
    Some(Completed { parts: vec![part], failure: None })
}

#[expect(clippy::unnecessary_wraps, reason = "the form of `Completion::narrow`")]
fn all(params: &Value, _: &[&Part]) -> Option<Value> {
    Some(params.clone())
}

fn failure_of_all(payload: &Value) -> Option<Failure> {
    let has_code = payload.get("ErrCodeExt").as_text().is_some_and(|code| !code.is_empty());
    (has_code || number(payload) != 0).then(|| failure("the task", payload))
}

fn number(task: &Value) -> i64 {
    match task.get("ErrCode") {
        Value::Number(number) => number.as_i64().unwrap_or(-1),
        _ => 0,
    }
}

/// `PROCESSING` comes too, also after the end (protocol section 3).
fn has_finished(payload: &Value) -> Option<()> {
    (payload.get("Status").as_text() == Some("FINISH")).then_some(())
}

fn failure(what: &str, task: &Value) -> Failure {
    let text = |name: &str| task.get(name).as_text().unwrap_or_default().to_owned();
    let (code, message) = (text("ErrCodeExt"), text("Message"));
    let reason = match (code.is_empty(), message.is_empty()) {
        (false, false) => format!("{what}: {code}: {message}"),
        (false, true) => format!("{what}: {code}"),
        (true, false) => format!("{what}: {message}"),
        (true, true) => format!("{what} failed"),
    };
    let code = match number(task) {
        _ if !code.is_empty() => code,
        // The family of the number says it where the word is not there.
        70_000..80_000 => INTERNAL.to_owned(),
        number => number.to_string(),
    };
    Failure { code, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::Outcome;

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
        assert_eq!((done.outcome(), done.results().len(), done.failed().len()), (Outcome::Succeeded, 3, 0));
        let partly = procedure_of("05_procedure_finish_one_transcode_failed.json").unwrap();
        assert_eq!((partly.outcome(), partly.failed().len()), (Outcome::PartlyFailed, 1));
        assert!(partly.reason().starts_with("Transcode: SourceFileError.ContentUnsupported: "), "{}", partly.reason());
        assert_eq!(procedure_of("06_procedure_processing.json"), None);
        let failed = procedure_of("07_procedure_finish_errcode_nonzero.json").unwrap();
        assert_eq!(failed.outcome(), Outcome::Failed);
        assert!(!failed.reason().is_empty());
    }

    #[test]
    fn work_without_parts_is_what_its_code_says() {
        let edit = payload("10_edit_media_complete.json", "EditMediaCompleteEvent");
        assert_eq!(whole(&edit).unwrap().outcome(), Outcome::Succeeded);
        let mut members = edit.as_map().unwrap().clone();
        members.insert("ErrCodeExt".to_owned(), Value::text("InternalError"));
        let failed = whole(&Value::map(members)).unwrap();
        assert_eq!((failed.outcome(), failed.failed().len()), (Outcome::Failed, 1));
        assert_eq!(failed.reason(), "the task: InternalError: SUCCESS");
        let review = payload("11_review_audio_video_complete.json", "ReviewAudioVideoCompleteEvent");
        assert_eq!(whole(&review).unwrap().outcome(), Outcome::Succeeded);
        assert_eq!(whole(&Value::Null), None);
    }

    #[test]
    fn what_failed_has_a_code_also_where_the_vendor_gives_a_number_alone() {
        let code = |task: &str| failure("it", &Value::from_json(task.as_bytes()).unwrap()).code;
        assert_eq!(code(r#"{"ErrCodeExt":"InternalError","ErrCode":70000}"#), "InternalError");
        assert_eq!(code(r#"{"ErrCodeExt":"","ErrCode":70010}"#), "InternalError");
        assert_eq!(code(r#"{"ErrCode":60000}"#), "60000");
    }
}
