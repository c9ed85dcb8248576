//! `oncue backup` through the real binary, while senders post and runs are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::{APP, Folder, Serving, eventually, fixture, oncue};

const RULES: &str = "
rules:
  - name: says
    on: NewFileUpload
    steps:
      - { id: said, uses: log, with: { message: '${{ event.file_id }}' } }
  - name: rests
    on: NewFileUpload
    steps:
      - { id: said, uses: log, with: { message: resting } }
      - { id: rest, sleep: 1h }
";
const SENDERS: usize = 4;

/// Posts uploads until it is stopped; every one that was answered with 200 is put into the ledger.
async fn send(serving: Arc<Serving>, sender: usize, stop: Arc<AtomicBool>, ledger: Arc<Mutex<Vec<String>>>) {
    let sample = fixture("protocol/events/01_new_file_upload_plain.json");
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let file = format!("{sender}{number:08}");
        if serving.post(&sample.replace("5000000000000000001", &file)).await == Some(200) {
            ledger.lock().await.push(file);
        }
    }
}

fn lines(ledger: &[String]) -> String {
    let line = |file: &String| json!({ "subappid": APP, "dedupe_key": format!("NewFileUpload:{file}"), "status": 200 });
    ledger.iter().map(|file| line(file).to_string() + "\n").collect()
}

/// A folder whose store is the copy.
fn restored(from: &Folder, copy: &str) -> Folder {
    let folder = Folder::with_rules(RULES);
    std::fs::create_dir_all(folder.file("data")).unwrap();
    std::fs::copy(from.file(copy), folder.file("data/oncue.db")).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_holds_every_event_acknowledged_before_it_and_goes_on_where_it_was() {
    let folder = Folder::with_rules(RULES);
    let serving = Arc::new(Serving::start(&folder));
    let (stop, ledger) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(send(Arc::clone(&serving), sender, Arc::clone(&stop), Arc::clone(&ledger))))
        .collect();
    eventually("some events", || async { (ledger.lock().await.len() > 300).then_some(()) }).await;

    let before = ledger.lock().await.clone();
    let ran = oncue(&["backup", "copy.db", "--json"]).within(&folder).success();
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    let size = std::fs::metadata(folder.file("copy.db")).unwrap().len();
    assert_eq!((&said["by"], &said["bytes"]), (&json!("the server"), &json!(size)), "{said}");
    let after = ledger.lock().await.len();
    eventually("events after it", || async { (ledger.lock().await.len() > after).then_some(()) }).await;
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    assert!(after > before.len(), "senders went on meanwhile");
    let again = oncue(&["backup", "copy.db"]).within(&folder).failure();
    assert_eq!(again.code, 2, "{}", again.stderr);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    drop(Arc::into_inner(serving).unwrap());

    let copy = restored(&folder, "copy.db");
    copy.write("ledger.jsonl", &lines(&before));
    let proof = oncue(&["verify", "--json", "--ledger", "ledger.jsonl"]).within(&copy).success();
    let proof: Value = serde_json::from_str(&proof.stdout).unwrap();
    assert_eq!((&proof["violations"], &proof["acknowledged"]), (&json!(0), &json!(before.len())), "{proof}");

    let serving = Serving::start(&copy);
    eventually("every run goes on", || async {
        let counts = serving.get("/counts").await;
        let runs = |status: &str| counts["runs"][status].as_u64().unwrap_or(0);
        let events = counts["events"].as_u64().unwrap();
        (runs("succeeded") == events && runs("waiting") == events).then_some(())
    })
    .await;
    assert_eq!(serving.stop(), 0);
    oncue(&["verify"]).within(&copy).success();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_nobody_has_open_is_copied_by_the_command() {
    let folder = Folder::with_rules(RULES);
    let absent = oncue(&["backup", "copy.db"]).within(&folder).failure();
    assert_eq!(absent.code, 4, "{}", absent.stderr);
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture("protocol/events/01_new_file_upload_plain.json")).await, Some(200));
    serving.kill();
    let ran = oncue(&["backup", "copy.db", "--json"]).within(&folder).success();
    let said: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(said["by"], "this command", "{said}");
    let copy = restored(&folder, "copy.db");
    copy.write("ledger.jsonl", &lines(&["5000000000000000001".to_owned()]));
    oncue(&["verify", "--ledger", "ledger.jsonl"]).within(&copy).success();
    for (file, code) in [("copy.db", 2), ("no/such/folder/copy.db", 5)] {
        assert_eq!(oncue(&["backup", file]).within(&folder).failure().code, code, "{file}");
    }
    assert!(!folder.file("no").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_write_the_copy_says_why() {
    let folder = Folder::with_rules(RULES);
    let _serving = Serving::start(&folder);
    let ran = oncue(&["backup", "no/such/folder/copy.db"]).within(&folder).failure();
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("No such file or directory"), "{}", ran.stderr);
}
