//! The real binary is killed, again and again, while events come in and the vendor misbehaves; nothing is lost and nothing
//! is submitted twice.
//!
//! The senders keep a ledger of every 200. In the end the tasks that the vendor was given must be exactly the ledger's
//! events times the rules that match them, each with one SessionId, and `oncue verify --ledger` must find nothing.
//!
//! `make chaos` runs it for 300 lives with the release build. `ONCUE_CHAOS_LIVES` and `ONCUE_CHAOS_SEED` say how many
//! lives there are and what is drawn: when the server is killed, at which crash point it ends, and how the vendor misbehaves. What
//! the scheduler does is not repeatable, so a seed brings back the plan and not each interleaving.

mod dice;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use oncue::simulator::{AppOptions, Fault, Options, Switches, Trouble};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::{APP, Folder, Serving, TOKEN, Vendor, eventually, fixture, http, oncue};
use dice::Dice;

const LIVES: usize = 20;
const SENDERS: usize = 4;

/// Two rules match every upload; each submits once. One waits for the end of its task, of which it may never hear; the `if`
/// and the second step of the other give a run more than one commit.
const RULES: &str = "
rules:
  - name: transcode
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Video }
    steps:
      - id: submit
        uses: vod.process_media
        with: { definitions: [100010] }
        wait: { timeout: 1h, on_silence: 500ms }
        retry: { max_attempts: 100, initial: 100ms, max: 1s }
      - { uses: log, with: { message: '${{ event.file_id }} is task ${{ steps.submit.TaskId }}' } }
  - name: cover
    on: NewFileUpload
    if: payload.MediaBasicInfo.Category == 'Video'
    steps:
      - { set: { position: 10 } }
      - id: submit
        uses: vod.process_media
        with: { MediaProcessTask: { CoverBySnapshotTaskSet: [{ Definition: 10, PositionType: Percent, PositionValue: 10 }] } }
        retry: { max_attempts: 100, initial: 100ms, max: 1s }
  - name: never
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Audio }
    steps: [{ uses: vod.process_media, with: { definitions: [100020] } }]
";
const MATCHING_RULES: usize = 2;

/// How the vendor misbehaves: faults with their probability and their delay in milliseconds. It seldom has had too many
/// requests: each time all calls pause, and a life is not much longer than such a pause.
const TROUBLES: [(Fault, f64, u64); 12] = [
    (Fault::TooManyRequests, 0.05, 0),
    (Fault::RequestLimitExceeded, 0.05, 0),
    (Fault::ServerError, 0.05, 0),
    (Fault::InternalError, 0.05, 0),
    (Fault::HangUp, 0.05, 0),
    (Fault::NoAnswer, 0.03, 0),
    (Fault::Slow, 0.05, 300),
    (Fault::CallbackDuplicated, 0.2, 0),
    (Fault::CallbackLate, 0.1, 500),
    (Fault::CallbackReordered, 0.1, 200),
    (Fault::CallbackLost, 0.2, 0),
    (Fault::CallbackBeforeReply, 0.05, 0),
];

/// Where the binary crashes by itself when it is built with `failpoints`; elsewhere it is only killed from outside.
const CRASH_POINTS: &[&str] = oncue::failpoint::NAMES;

/// How far it is; shown by `--nocapture`, and when the test fails.
#[expect(clippy::print_stdout, reason = "the seed is needed to do it again")]
fn say(what: &str) {
    println!("chaos: {what}");
}

fn number(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}: give a number"))
}

async fn misbehaving(folder: &Folder, seed: u64) -> Vendor {
    let trouble = |(fault, probability, delay_ms)| Trouble { probability, delay_ms, ..Trouble::new(fault) };
    let app = AppOptions {
        callback_url: Some(format!("http://{}/vod/{APP}/{TOKEN}", folder.listen())),
        switches: Switches { upload: true, ..Switches::default() },
        ..AppOptions::new(APP)
    };
    let misbehaviour = TROUBLES.map(trouble).to_vec();
    Vendor::with(Options { seed, apps: vec![app], misbehaviour, ..Options::default() }).await
}

/// Sends events until it is told to stop; an event that was not answered by 200 is sent again until it is, and some that
/// were are sent once more. The vendor sends the same ones by itself.
async fn send(
    vendor: Arc<Vendor>,
    listen: String,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    mut dice: Dice,
) -> Vec<String> {
    let sample = fixture("protocol/events/01_new_file_upload_plain.json");
    let http = http();
    let mut ledger = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let file_id = vendor.upload(APP, &json!({})).await;
        let body = sample.replace("5000000000000000001", &file_id);
        let post = || http.post(format!("http://{listen}/vod/{APP}/{TOKEN}")).body(body.clone()).send();
        eventually("a 200", || async { post().await.ok().filter(|answer| answer.status() == 200) }).await;
        accepted.fetch_add(1, Ordering::Relaxed);
        ledger.push(file_id);
        if dice.below(5) == 0 {
            // Whatever comes of it: it is a duplicate, or the server is not there.
            drop(post().await);
        }
    }
    ledger
}

/// How a life ends: at a crash point, the so-manieth time that it is passed, or by a kill after so many more events.
enum End {
    Crash(String),
    Kill(usize),
}

impl End {
    fn draw(life: usize, dice: &mut Dice) -> Self {
        match CRASH_POINTS.get(life / 2 % CRASH_POINTS.len().max(1)) {
            Some(point) if life % 2 == 1 => Self::Crash(format!("{point}:{}", 1 + dice.below(23))),
            _ => Self::Kill(dice.below(29)),
        }
    }
}

/// One life of the server.
async fn live_and_die(folder: &Folder, end: &End, accepted: &AtomicUsize) {
    let environment = match end {
        End::Crash(point) => vec![("ONCUE_CRASH_AT", point.as_str())],
        End::Kill(_) => Vec::new(),
    };
    let Some(serving) = Serving::try_start(folder, &environment) else {
        assert!(matches!(end, End::Crash(_)), "the server did not start");
        return;
    };
    let serving = Mutex::new(serving);
    let before = accepted.load(Ordering::Relaxed);
    eventually("the end of this life", || async {
        let is_over = match end {
            End::Crash(_) => serving.lock().await.has_ended(),
            End::Kill(after) => accepted.load(Ordering::Relaxed) >= before + after,
        };
        is_over.then_some(())
    })
    .await;
    serving.into_inner().kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_loses_nothing_and_submits_everything_once() {
    let lives = usize::try_from(number("ONCUE_CHAOS_LIVES", LIVES as u64)).unwrap();
    let seed = number("ONCUE_CHAOS_SEED", u64::from(std::process::id()));
    say(&format!("{lives} lives, ONCUE_CHAOS_SEED={seed}"));
    let folder = Folder::with_rules(RULES);
    let vendor = Arc::new(misbehaving(&folder, seed).await);
    vendor.serve(&folder);
    // No rate to speak of: what waits for its turn when the server is killed has lost an attempt, and a step bears ten.
    folder.write("oncue.yaml", &(folder.read("oncue.yaml") + "tencent: { timeout: 1s, rate: 100000/s }\n"));
    let mut dice = Dice::new(seed);

    let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let dice = Dice::new(dice.next());
            let (vendor, stop, accepted) = (Arc::clone(&vendor), Arc::clone(&stop), Arc::clone(&accepted));
            tokio::spawn(send(vendor, folder.listen(), stop, accepted, dice))
        })
        .collect();
    for life in 0..lives {
        live_and_die(&folder, &End::draw(life, &mut dice), &accepted).await;
        if (life + 1) % 20 == 0 {
            say(&format!("{} lives, {} events taken", life + 1, accepted.load(Ordering::Relaxed)));
        }
        if life == lives / 2 {
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
    settle(&serving, ledger.len()).await;
    check(&vendor.tasks().await, &ledger);
    assert_eq!(serving.stop(), 0);
    verify(&folder, &ledger);
    say(&format!("{} events, {} tasks, nothing lost and nothing twice", ledger.len(), ledger.len() * MATCHING_RULES));
}

async fn settle(serving: &Serving, events: usize) {
    eventually("the end of every run", || async {
        let counts = serving.get("/counts").await;
        let ended = counts["runs"]["succeeded"].as_u64().unwrap_or(0);
        assert_eq!(counts["runs"]["dead"].as_u64().unwrap_or(0), 0, "{counts}");
        (ended >= (events * MATCHING_RULES) as u64).then_some(())
    })
    .await;
}

/// The proof over what is stored, by the program itself.
fn verify(folder: &Folder, ledger: &BTreeSet<String>) {
    let line = |file_id| json!({ "subappid": APP, "dedupe_key": format!("NewFileUpload:{file_id}"), "status": 200 });
    let lines: Vec<_> = ledger.iter().map(|file_id| line(file_id).to_string()).collect();
    folder.write("ledger.jsonl", &lines.join("\n"));
    oncue(&["verify", "--ledger", "ledger.jsonl"]).within(folder).success();
}

/// Tasks are exactly the ledger's events times the matching rules; each (event, rule) used one SessionId.
fn check(tasks: &[Value], ledger: &BTreeSet<String>) {
    let mut sessions: BTreeMap<(String, bool), BTreeSet<String>> = BTreeMap::new();
    for task in tasks {
        let is_cover = !task["request"]["MediaProcessTask"]["CoverBySnapshotTaskSet"].is_null();
        let of = (task["file_id"].as_str().unwrap().to_owned(), is_cover);
        sessions.entry(of).or_default().insert(task["session_id"].as_str().unwrap().to_owned());
    }
    assert!(!ledger.is_empty(), "no event was taken");
    assert_eq!(tasks.len(), ledger.len() * MATCHING_RULES, "tasks, for {} events", ledger.len());
    for file_id in ledger {
        for is_cover in [false, true] {
            let used = sessions.get(&(file_id.clone(), is_cover)).map_or(0, BTreeSet::len);
            assert_eq!(used, 1, "SessionIds for {file_id}, cover: {is_cover}");
        }
    }
}
