//! Faults of the disk, through the real binary: a sender is told to come again, nothing that was acknowledged is lost,
//! and the server goes on when the fault is over.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::support::{APP, Folder, Serving, TOKEN, eventually, fixture, http, oncue, root};

const RULES: &str =
    "rules:\n  - { name: seen, on: NewFileUpload, steps: [{ id: said, uses: log, with: { message: seen } }] }\n";

/// Answers 200, or the status with what `Retry-After` says.
async fn post(folder: &Folder, file_id: &str) -> (u16, Option<String>) {
    let body = fixture("protocol/events/01_new_file_upload_plain.json").replace("5000000000000000001", file_id);
    let url = format!("http://{}/vod/{APP}/{TOKEN}", folder.listen());
    let answer = http().post(url).body(body).send().await.unwrap();
    let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), retry_after)
}

async fn is_refused_then_taken(folder: &Folder, file_id: &str, over: impl FnOnce()) {
    let (status, retry_after) = post(folder, file_id).await;
    assert_eq!(status, 503, "{file_id}");
    assert!(retry_after.is_some_and(|after| after.parse::<u32>().is_ok()), "{file_id} has no Retry-After");
    over();
    eventually("the fault to be over", || async { (post(folder, file_id).await.0 == 200).then_some(()) }).await;
}

/// Everything ran, and the store holds each of these once.
async fn proved(folder: &Folder, serving: Serving, file_ids: &[&str]) {
    let all = u64::try_from(file_ids.len()).unwrap();
    eventually("the end of every run", || async {
        let counts = serving.get("/counts").await;
        (counts["runs"]["succeeded"].as_u64() == Some(all)).then_some(())
    })
    .await;
    assert_eq!(serving.stop(), 0);
    let line = |id: &&str| json!({ "subappid": APP, "dedupe_key": format!("NewFileUpload:{id}"), "status": 200 });
    let lines: Vec<_> = file_ids.iter().map(|id| line(id).to_string()).collect();
    folder.write("ledger.jsonl", &lines.join("\n"));
    oncue(&["verify", "--ledger", "ledger.jsonl"]).within(folder).success();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_somebody_locks_is_waited_for() {
    let folder = Folder::with_rules(RULES);
    let serving = Serving::start(&folder);
    assert_eq!(post(&folder, "1").await.0, 200);
    let intruder = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    is_refused_then_taken(&folder, "2", || drop(intruder)).await;
    proved(&folder, serving, &["1", "2"]).await;
}

/// The compiled shim; `None` where there is no C compiler, or where nothing can be put before the C library.
fn shim(folder: &Folder) -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let library = folder.file("faults.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library);
    let built = compiler.arg(root().join("tests/disk/faults.c")).arg("-ldl").status().ok()?;
    assert!(built.success(), "tests/disk/faults.c does not compile");
    Some(library)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn a_disk_that_fails_is_waited_for_whatever_fails() {
    let folder = Folder::with_rules(RULES);
    let Some(library) = shim(&folder) else {
        eprintln!("skipped: a disk that fails needs Linux and a C compiler (cc)");
        return;
    };
    let fault = folder.file("fault");
    let environment = [("LD_PRELOAD", library.to_str().unwrap()), ("ONCUE_DISK_FAULT", fault.to_str().unwrap())];
    let serving = Serving::start_with(&folder, &environment);
    assert_eq!(post(&folder, "1").await.0, 200);
    for (file_id, what) in [("2", "full"), ("3", "readonly"), ("4", "sync")] {
        folder.write("fault", what);
        is_refused_then_taken(&folder, file_id, || std::fs::remove_file(&fault).unwrap()).await;
    }
    proved(&folder, serving, &["1", "2", "3", "4"]).await;
}
