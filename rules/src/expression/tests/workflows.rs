//! Expressions as media teams write them.

use super::super::{Expression, Names, Scope};
use super::value;

fn names() -> Names {
    ["media", "review", "uploads_review", "verdict", "person", "join", "parts", "tasks", "edit"]
        .into_iter()
        .fold(Names::workflow().with_root("events").with_root("result"), Names::with_step)
}

fn scope() -> Scope {
    let mut scope = Scope::default();
    scope.set(
        "payload",
        value(
            r#"{"FileId": "528", "MediaBasicInfo": {"Name": "holiday.mov", "SourceInfo": {"SourceType": "Upload", "SourceContext": null}},
                "MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": {"Status": "SUCCESS"}}, {"Type": "Sprite"}],
                "TranscodeInfo": {"TranscodeSet": [{"Definition": 0}, {"Definition": 100040}]}, "MetaData": {"Duration": 90.0}}"#,
        ),
    );
    scope.set(
        "app",
        value(r#"{"name": "short-video", "vars": {"definitions": [100010, 100020], "new_definition": 100040}}"#),
    );
    scope.set("apps", value(r#"[{"name": "short-video"}, {"name": "replay"}]"#));
    scope.set("run", value(r#"{"id": "r1", "scheduled_at": "2024-05-01T01:00:00.000Z"}"#));
    scope.set("result", value(r#"{"Type": "Transcode"}"#));
    scope.set(
        "events",
        value(r#"[{"payload": {"FileId": "1", "MediaBasicInfo": {"SourceInfo": {"LiveRecordInfo": {"StreamId": "s"}}}}}]"#),
    );
    scope.set(
        "steps",
        value(
            r#"{"media": {"outcome": "succeeded", "MediaInfoSet": [{"TranscodeInfo": null}], "NotExistFileIdSet": [],
                  "results": [{"AdaptiveDynamicStreamingTask": {"Status": "SUCCESS", "Output": {"Url": "https://a"}}, "CoverBySnapshotTask": null},
                              {"CoverBySnapshotTask": {"Status": "FAIL"}}]},
                "verdict": {"suggestion": "review"}, "person": {"body": {"decision": "publish", "who": null}},
                "parts": {"file_ids": ["11", "12"]}, "join": null,
                "tasks": {"TaskSet": [{"TaskType": "Procedure", "Status": "WAITING"}]}}"#,
        ),
    );
    scope
}

#[test]
fn workflows_ask_and_compute() {
    let cases = [
        ("payload.MediaBasicInfo.SourceInfo.SourceType != 'VideoProcessing'", "true"),
        ("payload.ReviewAudioVideoTaskId ?? ''", r#""""#),
        ("steps.review.payload ?? steps.uploads_review.payload", "null"),
        ("steps.verdict.suggestion == 'pass' or steps.person.body.decision == 'publish'", "true"),
        ("steps.verdict.suggestion != 'pass' and steps.person.body.decision != 'publish'", "false"),
        ("steps.person.body.who ?? 'machine'", r#""machine""#),
        (
            "steps.media.results.filter(|r| r.AdaptiveDynamicStreamingTask.Status == 'SUCCESS').map(|r| r.AdaptiveDynamicStreamingTask.Output.Url)",
            r#"["https://a"]"#,
        ),
        (
            "steps.media.results.filter(|r| r.CoverBySnapshotTask.Status == 'SUCCESS').map(|r| r.CoverBySnapshotTask.Output.CoverUrl)",
            "[]",
        ),
        (
            "events.map(|e| #{ file_id: e.payload.FileId, live: e.payload.MediaBasicInfo.SourceInfo.LiveRecordInfo })",
            r#"[{"file_id":"1","live":{"StreamId":"s"}}]"#,
        ),
        ("events.len()", "1"),
        ("steps.parts.file_ids.len() > 1", "true"),
        ("steps.join.payload.Output.FileId ?? steps.parts.file_ids[0]", r#""11""#),
        ("(steps.media.NotExistFileIdSet ?? []).len() > 0", "false"),
        ("(steps.media.MediaInfoSet[0].TranscodeInfo.TranscodeSet ?? []).some(|t| t.Definition != 0)", "false"),
        (
            "(steps.tasks.TaskSet ?? []).some(|t| t.TaskType == 'Procedure' and t.Status in ['WAITING', 'PROCESSING'])",
            "true",
        ),
        ("not (payload.TranscodeInfo.TranscodeSet ?? []).some(|t| t.Definition == app.vars.new_definition)", "false"),
        ("payload.MediaProcessResultSet.all(|r| r.Type != 'Transcode' or r.TranscodeTask.Status == 'SUCCESS')", "true"),
        ("body.definitions ?? app.vars.definitions", "[100010,100020]"),
        ("time.format(time.add(run.scheduled_at, '-1d'), '%Y-%m-%d', 'Asia/Shanghai')", r#""2024-04-30""#),
        ("apps.map(|a| a.name)", r#"["short-video","replay"]"#),
        ("payload.MediaBasicInfo.Name.sub_string(0, 59)", r#""holiday.mov""#),
        ("result.Type == 'Transcode'", "true"),
        ("payload.MetaData.Duration / 60.0 * app.vars.definitions.len()", "3"),
    ];
    let (names, scope) = (names(), scope());
    for (text, expected) in cases {
        let expression = Expression::compile(text, &names).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let value = expression.evaluate(&scope).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(value.to_json(), expected, "{text}");
    }
}
