//! Rules that run by themselves.

use std::collections::BTreeSet;

use oncue::clock;
use serde_json::Value;

use crate::support::{APP, Folder, Serving, TOKEN, eventually};

const OTHER: u64 = 1_500_000_002;
const RULES: &str = "
rules:
  - name: each-ten
    on: { cron: '*/10 * * * *', tz: Asia/Shanghai, catch_up: 1h }
    steps: [{ id: seen, set: { at: '${{ run.scheduled_at }}', app: '${{ app }}', kind: '${{ event.type }}', source: '${{ event.source }}' } }]
  - name: per-app
    on: { cron: '*/10 * * * *', tz: UTC, catch_up: 15m, per: app }
    steps: [{ id: seen, set: { at: '${{ run.scheduled_at }}', app: '${{ app.name }}', definitions: '${{ app.vars.definitions }}' } }]
  - name: everything
    on: '*'
    steps: [{ uses: log, with: { message: '${{ event.type }}' } }]
";
const TEN_MINUTES: i64 = 600_000;

fn folder(rules: &str) -> Folder {
    let folder = Folder::with_rules(rules);
    folder.configure(&format!(
        "  - {{ subappid: {OTHER}, name: other, callback: {{ token: {TOKEN} }}, vars: {{ definitions: [7] }} }}\n"
    ));
    folder
}

/// Moves what the store knows of schedules back, as if the server had been down for so long.
fn put_back(folder: &Folder, millis: i64) {
    let database = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
    database.execute("UPDATE schedules SET until = ?1", [clock::now().0 - millis]).unwrap();
}

/// The outputs of the first step of every ended run of a rule.
async fn seen(serving: &Serving, rule: &str) -> Vec<Value> {
    let runs = serving.get(&format!("/runs?rule={rule}&status=succeeded")).await;
    let mut outputs = Vec::new();
    for run in runs["items"].as_array().unwrap() {
        let run = serving.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await;
        outputs.push(run["steps"][0]["output"].clone());
    }
    outputs
}

fn moments(seen: &[Value]) -> BTreeSet<i64> {
    let moment = |output: &Value| output["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    seen.iter().map(moment).collect()
}

#[tokio::test]
async fn ticks_that_a_stop_has_missed_are_caught_up_once_each() {
    let folder = folder(RULES);
    let serving = Serving::start(&folder);
    eventually("the store to know of both schedules", || async {
        let database = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
        let known = "SELECT count(*) FROM schedules";
        database.query_row(known, (), |row| row.get::<_, u32>(0)).is_ok_and(|known| known == 2).then_some(())
    })
    .await;
    assert_eq!(serving.stop(), 0);

    put_back(&folder, 12 * TEN_MINUTES);
    let before = clock::now().0;
    let serving = Serving::start(&folder);
    // An hour has six of them, and fifteen minutes one or two; one more comes when a tick falls into the test itself.
    let ticks = eventually("an hour of ticks", || async {
        Some(seen(&serving, "each-ten").await).filter(|seen| seen.len() >= 6)
    })
    .await;
    let caught_up = moments(&ticks);
    assert_eq!(caught_up.len(), ticks.len(), "{ticks:?}");
    assert!(caught_up.iter().all(|at| at % TEN_MINUTES == 0 && *at > before - 7 * TEN_MINUTES), "{ticks:?}");
    let first = &ticks[0];
    assert_eq!(
        (&first["app"], &first["kind"], &first["source"]),
        (&Value::Null, &"schedule:each-ten".into(), &"schedule".into())
    );
    let apps = eventually("ticks of both applications", || async {
        let seen = seen(&serving, "per-app").await;
        let apps: BTreeSet<String> = seen.iter().map(|output| output["app"].as_str().unwrap().to_owned()).collect();
        (apps.len() == 2).then_some(seen)
    })
    .await;
    assert!(apps.iter().any(|output| output["app"] == "other" && output["definitions"] == serde_json::json!([7])));
    assert!(seen(&serving, "everything").await.is_empty(), "a tick is for its rule alone");
    assert!(serving.log().contains("ticks were missed and are left out"));
    assert_eq!(serving.stop(), 0);

    // The same again, as another node would see it that knows of none: every tick is a duplicate.
    put_back(&folder, 5 * TEN_MINUTES);
    let serving = Serving::start(&folder);
    eventually("the duplicates", || async {
        let counts = serving.get("/counts").await;
        (counts["duplicates"].as_u64()? >= 4).then_some(())
    })
    .await;
    let again = seen(&serving, "each-ten").await;
    assert_eq!(moments(&again).len(), again.len(), "{again:?}");
    assert!(moments(&again).is_superset(&caught_up));
}

#[tokio::test]
async fn a_schedule_begins_when_it_is_first_loaded() {
    let folder = folder("rules:\n  - { name: none, on: X, steps: [{ uses: log, with: { message: a } }] }\n");
    let serving = Serving::start(&folder);
    folder.write("rules/rules.yaml", &RULES.replace("catch_up: 1h", "catch_up: 7d"));
    let rule = eventually("the new rules", || async {
        let rules = serving.get("/rules").await;
        rules["items"].as_array()?.iter().find(|rule| rule["name"] == "each-ten").cloned()
    })
    .await;
    assert_eq!(rule["on"][0], "schedule */10 * * * * Asia/Shanghai");
    eventually("the store to know of both schedules", || async {
        let database = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
        let known = "SELECT count(*) FROM schedules";
        database.query_row(known, (), |row| row.get::<_, u32>(0)).is_ok_and(|known| known == 2).then_some(())
    })
    .await;
    let ticks = seen(&serving, "each-ten").await;
    assert!(ticks.len() <= 1, "what was before the rule is none of its ticks: {ticks:?}");
    let forged = format!("{{\"EventType\":\"schedule:each-ten\",\"rule\":\"each-ten\",\"App\":{APP}}}");
    assert_eq!(serving.post(&forged).await, Some(200));
    let runs = serving.get("/runs?rule=each-ten").await;
    assert!(runs["items"].as_array().unwrap().len() <= 1, "an event of others is no tick: {runs}");
}
