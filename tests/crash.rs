//! The real binary is killed, again and again, while events come in; nothing is lost and nothing is submitted twice.
//!
//! The sender keeps a ledger of every 200. In the end the tasks that the vendor was given must be exactly the ledger's
//! events times the rules that match them, each with one SessionId.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::{APP, Folder, Serving, TOKEN, Vendor, eventually, fixture, http};

const KILLS: usize = 20;
const SENDERS: usize = 4;

/// Two rules match every upload; each submits once. Its `if` and its second step give a run more than one commit.
const RULES: &str = "
rules:
  - name: transcode
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Video }
    steps:
      - { id: submit, uses: vod.process_media, with: { definitions: [100010] } }
      - { uses: log, with: { message: '${{ event.file_id }} is task ${{ steps.submit.TaskId }}' } }
  - name: cover
    on: NewFileUpload
    if: payload.MediaBasicInfo.Category == 'Video'
    steps:
      - { set: { position: 10 } }
      - id: submit
        uses: vod.process_media
        with: { MediaProcessTask: { CoverBySnapshotTaskSet: [{ Definition: 10, PositionType: Percent, PositionValue: 10 }] } }
  - name: never
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Audio }
    steps: [{ uses: vod.process_media, with: { definitions: [100020] } }]
";
const MATCHING_RULES: usize = 2;

/// Where the binary crashes by itself when it is built with `failpoints`; elsewhere it is only killed from outside.
const CRASH_POINTS: &[&str] = oncue::failpoint::NAMES;

/// Sends events until it is told to stop; an event that was not answered by 200 is sent again until it is.
async fn send(vendor: Arc<Vendor>, listen: String, stop: Arc<AtomicBool>, accepted: Arc<AtomicUsize>) -> Vec<String> {
    let sample = fixture("protocol/events/01_new_file_upload_plain.json");
    let http = http();
    let mut ledger = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let file_id = vendor.upload(APP, &json!({})).await;
        let body = sample.replace("5000000000000000001", &file_id);
        eventually("a 200", || async {
            let sent = http.post(format!("http://{listen}/vod/{APP}/{TOKEN}")).body(body.clone()).send().await;
            sent.ok().filter(|answer| answer.status() == 200)
        })
        .await;
        accepted.fetch_add(1, Ordering::Relaxed);
        ledger.push(file_id);
    }
    ledger
}

/// One life of the server: it ends by its own crash point, or by a kill once it has taken some more events.
async fn live_and_die(folder: &Folder, round: usize, accepted: &AtomicUsize) {
    let crash_at = (round % 2 == 1)
        .then(|| CRASH_POINTS.get(round / 2 % CRASH_POINTS.len().max(1)))
        .flatten()
        .map(|point| format!("{point}:{}", 1 + round * 7 % 23));
    let environment: Vec<_> = crash_at.iter().map(|point| ("ONCUE_CRASH_AT", point.as_str())).collect();
    let Some(serving) = Serving::try_start(folder, &environment) else {
        assert!(crash_at.is_some(), "the server did not start");
        return;
    };
    let serving = Mutex::new(serving);
    let enough = accepted.load(Ordering::Relaxed) + 3 + round * 13 % 29;
    eventually("the end of this life", || async {
        let crashed = serving.lock().await.has_ended();
        (crashed || (crash_at.is_none() && accepted.load(Ordering::Relaxed) >= enough)).then_some(())
    })
    .await;
    serving.into_inner().kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_twenty_times_loses_nothing_and_submits_everything_once() {
    let vendor = Arc::new(Vendor::start(None).await);
    let folder = Folder::with_rules(RULES);
    vendor.serve(&folder);
    let listen = folder.listen();

    let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| tokio::spawn(send(Arc::clone(&vendor), listen.clone(), Arc::clone(&stop), Arc::clone(&accepted))))
        .collect();
    for round in 0..KILLS {
        live_and_die(&folder, round, &accepted).await;
        if round == KILLS / 2 {
            // Runs finish on the rules that they began with, also when the file has gone meanwhile.
            folder.write("rules/rules.yaml", &RULES.replace("PositionValue: 10", "PositionValue: 20"));
        }
    }

    let serving = Serving::start(&folder);
    stop.store(true, Ordering::Relaxed);
    let mut ledger = BTreeSet::new();
    for sender in senders {
        ledger.extend(sender.await.unwrap());
    }
    eventually("the end of every run", || async {
        let counts = serving.get("/counts").await;
        let ended = counts["runs"]["succeeded"].as_u64().unwrap_or(0);
        assert_eq!(counts["runs"]["dead"].as_u64().unwrap_or(0), 0, "{counts}");
        (ended >= (ledger.len() * MATCHING_RULES) as u64).then_some(())
    })
    .await;

    check(&vendor.tasks().await, &ledger);
    let counts = serving.get("/counts").await;
    assert_eq!(counts["events"].as_u64(), Some(ledger.len() as u64), "{counts}");
}

/// Tasks are exactly the ledger's events times the matching rules; each (event, rule) used one SessionId.
fn check(tasks: &[Value], ledger: &BTreeSet<String>) {
    let mut sessions: BTreeMap<(String, bool), BTreeSet<String>> = BTreeMap::new();
    for task in tasks {
        let is_cover = !task["request"]["MediaProcessTask"]["CoverBySnapshotTaskSet"].is_null();
        let of = (task["file_id"].as_str().unwrap().to_owned(), is_cover);
        sessions.entry(of).or_default().insert(task["session_id"].as_str().unwrap().to_owned());
    }
    assert!(ledger.len() > KILLS, "only {} events were taken", ledger.len());
    assert_eq!(tasks.len(), ledger.len() * MATCHING_RULES, "tasks, for {} events", ledger.len());
    for file_id in ledger {
        for is_cover in [false, true] {
            let used = sessions.get(&(file_id.clone(), is_cover)).map_or(0, BTreeSet::len);
            assert_eq!(used, 1, "SessionIds for {file_id}, cover: {is_cover}");
        }
    }
}
