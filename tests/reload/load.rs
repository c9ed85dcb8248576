//! Three hundred reloads under load, a third of them of broken files: no event is lost, and every run ends on the rules
//! that it began with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::{APP, Folder, Serving, TOKEN, Vendor, eventually, fixture, http};

const RELOADS: usize = 300;
const SENDERS: usize = 3;
/// How many events are sent for each reload, so that the load lasts as long as the reloads do.
const EVENTS_A_RELOAD: usize = 2;
const NAMES: [&str; 2] = ["left", "right"];

/// Two rules that say the same number: what an event starts must be of one version.
fn rules(version: usize) -> String {
    let rule = |name: &str| {
        format!(
            "  - name: {name}\n    on: NewFileUpload\n    steps:\n\
             \x20     - {{ id: submit, uses: vod.process_media, with: {{ definitions: [100010] }} }}\n\
             \x20     - {{ id: say, uses: log, with: {{ message: version {version} }} }}\n"
        )
    };
    format!("rules:\n{}", NAMES.map(rule).concat())
}

/// What is wrong with a file, in turn.
fn broken(version: usize) -> String {
    match version / 3 % 4 {
        0 => "rules:\n  - nam".to_owned(),
        1 => String::new(),
        2 => rules(version).replace("uses: log", "uses: lgo"),
        _ => rules(version).replace("name: right", "name: left"),
    }
}

/// Writes the file in place, or beside and renames it.
fn write(folder: &Folder, version: usize, text: &str) {
    if version.is_multiple_of(2) {
        folder.write("rules/rules.yaml", text);
    } else {
        folder.write("rules/.rules.yaml.new", text);
        std::fs::rename(folder.file("rules/.rules.yaml.new"), folder.file("rules/rules.yaml")).unwrap();
    }
}

struct Load {
    vendor: Vendor,
    listen: String,
    reloads: AtomicUsize,
    sent: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    /// Sends events in step with the reloads; each must be taken at once.
    async fn send(self: Arc<Self>) -> Vec<String> {
        let sample = fixture("protocol/events/01_new_file_upload_plain.json");
        let http = http();
        let mut ledger = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            if self.sent.load(Ordering::Relaxed) >= (self.reloads.load(Ordering::Relaxed) + 1) * EVENTS_A_RELOAD {
                tokio::task::yield_now().await;
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                continue;
            }
            self.sent.fetch_add(1, Ordering::Relaxed);
            let file_id = self.vendor.upload(APP, &serde_json::json!({})).await;
            let body = sample.replace("5000000000000000001", &file_id);
            let sent = http.post(format!("http://{}/vod/{APP}/{TOKEN}", self.listen)).body(body).send().await.unwrap();
            assert_eq!(sent.status(), 200, "no reload keeps an event out");
            ledger.push(file_id);
        }
        ledger
    }
}

/// The version of each closure that was ever live.
type Versions = BTreeMap<String, (String, usize)>;

async fn reload_all(folder: &Folder, serving: &Serving, load: &Load) -> Versions {
    let mut versions = Versions::new();
    note(serving, 0, &mut versions).await;
    for version in 1..=RELOADS {
        let is_broken = version.is_multiple_of(3);
        write(folder, version, &if is_broken { broken(version) } else { rules(version) });
        let answer = serving.ask("/rules/reload").await;
        let outcome = answer["outcome"].as_str().unwrap();
        // The file may have been seen to change and been taken before it was asked for.
        let expected: &[&str] = if is_broken { &["refused"] } else { &["loaded", "unchanged"] };
        assert!(expected.contains(&outcome), "version {version}: {answer}");
        if !is_broken {
            note(serving, version, &mut versions).await;
        }
        load.reloads.fetch_add(1, Ordering::Relaxed);
    }
    versions
}

async fn note(serving: &Serving, version: usize, versions: &mut Versions) {
    let rules = serving.get("/rules").await;
    assert_eq!(rules["items"].as_array().unwrap().len(), NAMES.len(), "{rules}");
    for rule in rules["items"].as_array().unwrap() {
        let text = |name: &str| rule[name].as_str().unwrap().to_owned();
        versions.insert(text("hash"), (text("name"), version));
    }
}

/// Every run with its steps.
async fn runs(serving: &Serving) -> Vec<Value> {
    let mut runs = Vec::new();
    let mut before = String::new();
    loop {
        let page = serving.get(&format!("/runs?limit=1000{before}")).await;
        for run in page["items"].as_array().unwrap() {
            runs.push(serving.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await);
        }
        let Some(next) = page["next"].as_str() else { return runs };
        before = format!("&before={next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_reloads_under_load_lose_nothing_and_mix_nothing() {
    let vendor = Vendor::start(None).await;
    let folder = Folder::with_rules(&rules(0));
    vendor.serve(&folder);
    let serving = Serving::start(&folder);
    let load = Arc::new(Load {
        vendor,
        listen: serving.listen.to_string(),
        reloads: AtomicUsize::new(0),
        sent: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    });
    let senders: Vec<_> = (0..SENDERS).map(|_| tokio::spawn(Arc::clone(&load).send())).collect();
    let versions = reload_all(&folder, &serving, &load).await;
    load.is_over.store(true, Ordering::Relaxed);
    let mut ledger = BTreeSet::new();
    for sender in senders {
        ledger.extend(sender.await.unwrap());
    }
    assert!(ledger.len() >= RELOADS, "only {} events were sent", ledger.len());
    let all = ledger.len() * NAMES.len();
    let counts = eventually("the end of every run", || async {
        let counts = serving.get("/counts").await;
        (counts["runs"]["succeeded"].as_u64() == Some(all as u64)).then_some(counts)
    })
    .await;
    assert_eq!(counts["events"].as_u64(), Some(ledger.len() as u64), "{counts}");
    assert_eq!(load.vendor.tasks().await.len(), all);

    check(&runs(&serving).await, &versions, ledger.len());
}

/// Each run said the number of the version that its closure belongs to, and both runs of an event said the same one.
fn check(runs: &[Value], versions: &Versions, events: usize) {
    let mut by_event: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for detail in runs {
        let run = &detail["run"];
        let (name, version) = &versions[run["closure"].as_str().unwrap()];
        assert_eq!(run["rule"].as_str(), Some(name.as_str()), "{run}");
        let said = detail["steps"].as_array().unwrap().iter().find(|step| step["path"] == "say").unwrap();
        assert_eq!(said["output"]["message"].as_str(), Some(format!("version {version}").as_str()), "{detail}");
        by_event.entry(run["event"].as_str().unwrap()).or_default().push(*version);
    }
    assert_eq!(by_event.len(), events);
    let mixed: Vec<_> = by_event.iter().filter(|(_, of)| of.len() != NAMES.len() || of[0] != of[1]).collect();
    assert!(mixed.is_empty(), "{mixed:?}");
    let used: BTreeSet<_> = by_event.values().map(|of| of[0]).collect();
    assert!(used.len() > RELOADS / 10, "events came to only {} versions", used.len());
}
