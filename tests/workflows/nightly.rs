//! `nightly-report-wecom`: a report over all applications, and how many runs died.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::json;

use super::since::later;
use super::{REPLAY, Workflow};
use crate::support::{APP, Folder, eventually, http};

const NAME: &str = "nightly-report-wecom";
const RULES: &str = "rules/nightly-report-wecom.yaml";
const REPORT: &str = "nightly-transcode-report";
const WECOM: &str = "/cgi-bin/webhook/send";
/// What the bot says with a 200 when it does not take a message.
const REFUSED: &str = r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#;
const DAY: Duration = Duration::from_hours(24);

/// A workflow whose morning was so many hours ago, and the day before it. The one change is the hour of the report.
async fn missed(hours: i64, apps: &[u64], change: impl FnOnce(&Folder)) -> (Workflow, Date) {
    let morning = jiff::Timestamp::from_millisecond(oncue::clock::now().0 - hours * 3_600_000).unwrap();
    let morning = Offset::constant(8).to_datetime(morning);
    let workflow = Workflow::changed(NAME, apps, |folder| {
        let cron = format!("{} {} * * *", morning.minute(), morning.hour());
        folder.write(RULES, &folder.read(RULES).replace("0 9 * * *", &cron));
        change(folder);
    })
    .await;
    let known = async || {
        let database = rusqlite::Connection::open(workflow.running.folder.file("data/oncue.db")).unwrap();
        let known = database.query_row("SELECT count(*) FROM schedules", (), |row| row.get::<_, u32>(0));
        known.is_ok_and(|known| known == 1).then_some(())
    };
    eventually("the store to know of the schedule", known).await;
    (workflow, morning.date().yesterday().unwrap())
}

impl Workflow {
    async fn used(&self, app: u64, days: &[(Date, u64)]) {
        let usage: serde_json::Map<_, _> =
            days.iter().map(|(day, seconds)| (day.to_string(), json!(seconds))).collect();
        let url = format!("{}/simulator/apps/{app}/usage", self.running.vendor.url());
        assert_eq!(http().put(url).json(&usage).send().await.unwrap().status(), 200);
    }

    /// The messages that the group was sent.
    fn messages(&self) -> Vec<String> {
        let of = |heard: super::receiver::Heard| {
            let message = heard.json();
            assert_eq!(message["msgtype"], "markdown");
            message["markdown"]["content"].as_str().unwrap().to_owned()
        };
        self.receivers.heard(WECOM).into_iter().map(of).collect()
    }
}

#[tokio::test]
async fn a_morning_that_was_missed_is_made_up_for_and_reports_the_day_before_it() {
    let (workflow, yesterday) = missed(2, &[APP, REPLAY], |_| {}).await;
    let before = yesterday.yesterday().unwrap();
    workflow.used(APP, &[(before, 60), (yesterday, 7_230), (yesterday.tomorrow().unwrap(), 60)]).await;
    workflow.receivers.answer(WECOM, &[(200, REFUSED)]);
    let workflow = workflow.meanwhile(|folder| later(folder, DAY));
    workflow.runs(REPORT, "succeeded", 1).await;
    let report = format!("**转码日报 {yesterday}**\n> short-video: 120 分钟\n> replay: 0 分钟");
    assert_eq!(workflow.messages(), [report.clone(), report], "a refusal in words is one, and it is sent again");
    assert_eq!(workflow.calls().await, json!({ "DescribeMediaProcessUsageData": 2 }));
}

#[tokio::test]
async fn a_morning_that_was_missed_for_more_than_three_hours_is_left_out() {
    let (workflow, _) = missed(4, &[APP, REPLAY], |_| {}).await;
    let workflow = workflow.meanwhile(|folder| later(folder, DAY));
    let left_out = async || workflow.running.serving.log().contains("ticks were missed and are left out").then_some(());
    eventually("word of it", left_out).await;
    assert_eq!(workflow.running.serving.get("/runs").await["items"], json!([]));
    assert!(workflow.messages().is_empty());
}

#[tokio::test]
async fn an_application_whose_figures_cannot_be_read_is_named_and_the_message_stays_short() {
    let many = |folder: &Folder| {
        let door = "credentials: main, callback: { token: \"${env:REPLAY_TOKEN}\" }";
        let app = |number| {
            format!("  - {{ subappid: {}, name: another-application-{number}, {door} }}\n", REPLAY + 1 + number)
        };
        let more = (0..80).map(app).collect::<Vec<_>>().concat();
        let config = folder.read("oncue.yaml");
        folder.write("oncue.yaml", &config.replace("targets:\n", &format!("{more}targets:\n")));
    };
    let (workflow, yesterday) = missed(1, &[APP], many).await;
    workflow.used(APP, &[(yesterday, 60)]).await;
    let workflow = workflow.meanwhile(|folder| later(folder, DAY));
    workflow.runs(REPORT, "succeeded", 1).await;
    let messages = workflow.messages();
    assert_eq!(messages.len(), 1);
    let lines: Vec<_> = messages[0].lines().collect();
    assert_eq!(lines[1..4], ["> short-video: 1 分钟", "> replay: 查询失败", "> another-application-0: 查询失败"]);
    assert_eq!(*lines.last().unwrap(), "> …", "what does not fit is not silently left out");
    assert!(messages[0].len() <= 4_096, "{} bytes", messages[0].len());
}

#[tokio::test]
async fn a_day_of_dead_runs_is_one_message() {
    let dies = "rules:\n  - { name: dies, on: NewFileUpload, steps: [{ uses: fail, with: { message: no } }] }\n";
    let workflow = Workflow::changed(NAME, &[APP, REPLAY], |folder| folder.write("rules/dies.yaml", dies)).await;
    for _ in 0..3 {
        workflow.upload(APP).await;
    }
    workflow.runs("dies", "dead", 3).await;
    workflow.events("RunDead", 3).await;
    workflow.runs("daily-dead-run-count", "waiting", 1).await;
    workflow.receivers.answer(WECOM, &[(200, REFUSED)]);
    let workflow = workflow.meanwhile(|folder| later(folder, DAY + Duration::from_mins(1)));
    workflow.runs("daily-dead-run-count", "succeeded", 1).await;
    let digest = "**流程失败** 过去 24 小时 3 个, 待处理";
    assert_eq!(workflow.messages(), [digest, digest]);
}
