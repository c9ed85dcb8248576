//! `live-record-replay`: one replay for each broadcast, of however many recordings.

use std::time::Duration;

use serde_json::{Value, json};

use super::since::later;
use super::{CMS, REPLAY, Workflow};

const NAME: &str = "live-record-replay";
const RULE: &str = "one-replay-per-broadcast";
/// A little more than the quiet after which a broadcast is over.
const QUIET: Duration = Duration::from_mins(41);

impl Workflow {
    async fn recorded(&self, stream: &str, started: &str, container: &str) -> String {
        let medium = json!({
            "name": "recording", "type": container, "source_type": "Record",
            "live_record": { "StreamId": stream, "RecordStartTime": started, "RecordEndTime": "2026-01-31T14:00:00Z" },
        });
        self.running.vendor.upload(REPLAY, &medium).await
    }

    /// The events of the collection that waits, once there are so many.
    async fn gathered(&self, count: usize) {
        let events = async || {
            let waiting = self.running.serving.get(&format!("/runs?rule={RULE}&status=waiting")).await;
            let mut events = 0;
            for run in waiting["items"].as_array().unwrap() {
                let run = self.running.serving.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await;
                events += run["collected"].as_array().unwrap().len();
            }
            (events == count).then_some(())
        };
        crate::support::eventually("the recordings", events).await;
    }

    /// Each task with the files that it was about.
    async fn worked_on(&self) -> Vec<(String, Value)> {
        let of = |task: &Value| {
            let request = &task["request"];
            let files = match request["FileInfos"].as_array() {
                Some(infos) => infos.iter().map(|info| info["FileId"].clone()).collect(),
                None => request["FileId"].clone(),
            };
            (task["action"].as_str().unwrap().to_owned(), files)
        };
        self.running.vendor.tasks().await.iter().map(of).collect()
    }
}

#[tokio::test]
async fn the_recordings_of_a_broadcast_are_joined_in_order_once_it_is_quiet_and_a_late_part_is_a_replay_of_its_own() {
    let workflow = Workflow::start(NAME, &[REPLAY]).await;
    workflow.misbehave(&json!([{ "fault": "callback_duplicated", "times": 1 }])).await;
    let second = workflow.recorded("stream-1", "2026-01-31T12:30:00Z", "mp4").await;
    let third = workflow.recorded("stream-1", "2026-01-31T13:10:00Z", "mp4").await;
    workflow.recorded("stream-1", "2026-01-31T13:10:00Z", "m3u8").await;
    let first = workflow.recorded("stream-1", "2026-01-31T11:59:00Z", "mp4").await;
    workflow.upload(REPLAY).await;
    workflow.events("NewFileUpload", 5).await;
    workflow.gathered(3).await;
    assert_eq!(workflow.running.serving.get("/counts").await["duplicates"], 1, "one arrived twice");
    assert!(workflow.worked_on().await.is_empty(), "the broadcast may go on");

    let workflow = workflow.meanwhile(|folder| later(folder, QUIET));
    workflow.runs(RULE, "succeeded", 1).await;
    let worked = workflow.worked_on().await;
    let [(edit, parts), (process, joined)] = &worked[..] else { panic!("{worked:?}") };
    assert_eq!((edit.as_str(), process.as_str()), ("EditMedia", "ProcessMedia"));
    assert_eq!(parts, &json!([first, second, third]), "by their start");
    assert_eq!(workflow.submitted_definitions().await, json!([100_030]));
    let heard = workflow.receivers.heard(CMS);
    assert_eq!(heard.len(), 1);
    let told = heard[0].json();
    assert_eq!((&told["stream"], &told["recordings"], &told["replay"]), (&json!("stream-1"), parts, joined));
    assert_eq!(told["results"].as_array().map(Vec::len), Some(1), "{told}");
    let medium = workflow.medium(REPLAY, joined.as_str().unwrap()).await;
    assert_eq!(medium["Name"], "回放-stream-1-2026-01-31");

    let late = workflow.recorded("stream-1", "2026-01-31T13:50:00Z", "mp4").await;
    workflow.gathered(1).await;
    let workflow = workflow.meanwhile(|folder| later(folder, QUIET));
    workflow.runs(RULE, "succeeded", 2).await;
    let worked = workflow.worked_on().await;
    assert_eq!(worked[2..], [("ProcessMedia".to_owned(), json!(late))], "nothing that was joined is edited again");
    let heard = workflow.receivers.heard(CMS);
    assert_eq!((heard.len(), &heard[1].json()["replay"]), (2, &json!(late)));
}

impl Workflow {
    /// The definitions that the last task was given.
    async fn submitted_definitions(&self) -> Value {
        let tasks = self.running.vendor.tasks().await;
        let set = &tasks.last().unwrap()["request"]["MediaProcessTask"]["TranscodeTaskSet"];
        set.as_array().unwrap().iter().map(|item| item["Definition"].clone()).collect()
    }
}

#[tokio::test]
async fn broadcasts_do_not_mix_and_one_recording_needs_no_joining() {
    let workflow = Workflow::start(NAME, &[REPLAY]).await;
    let one = workflow.recorded("stream-1", "2026-01-31T12:00:00Z", "mp4").await;
    let other = workflow.recorded("stream-2", "2026-01-31T12:00:00Z", "mp4").await;
    workflow.gathered(2).await;
    let workflow = workflow.meanwhile(|folder| later(folder, QUIET));
    workflow.runs(RULE, "succeeded", 2).await;
    assert_eq!(workflow.calls().await, json!({ "ProcessMedia": 2 }));
    let mut told: Vec<_> = workflow.receivers.heard(CMS).iter().map(|heard| heard.json()["replay"].clone()).collect();
    told.sort_by_key(ToString::to_string);
    let mut expected = vec![json!(one), json!(other)];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_broadcast_that_is_never_quiet_is_replayed_14_hours_after_its_first_file() {
    let workflow = Workflow::start(NAME, &[REPLAY]).await;
    let first = workflow.recorded("stream-1", "2026-01-31T12:00:00Z", "mp4").await;
    workflow.gathered(1).await;
    // As if a recording had come every half hour: only the end of it all has come near.
    let workflow = workflow.meanwhile(|folder| {
        let database = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
        let by = i64::try_from(Duration::from_mins(14 * 60 - 20).as_millis()).unwrap();
        database.execute("UPDATE collections SET closes_by = closes_by - ?1", [by]).unwrap();
    });
    let last = workflow.recorded("stream-1", "2026-02-01T01:30:00Z", "mp4").await;
    workflow.gathered(2).await;
    let workflow = workflow.meanwhile(|folder| later(folder, Duration::from_mins(21)));
    workflow.runs(RULE, "succeeded", 1).await;
    let worked = workflow.worked_on().await;
    assert_eq!(worked[0], ("EditMedia".to_owned(), json!([first, last])));
    assert_eq!(worked.len(), 2);
}
