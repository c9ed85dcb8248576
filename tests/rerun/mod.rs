//! Running again what has run, through the real binary, with another side that can be told to refuse.

mod collected;
mod other_side;
mod replay;
mod retry;

use serde_json::Value;

use crate::support::{Folder, Serving, eventually, fixture, oncue};
use other_side::OtherSide;

const UPLOAD: &str = "protocol/events/01_new_file_upload_plain.json";

/// A server with these rules, in which `URL` is where the other side is.
fn serve(rules: &str, other: &OtherSide) -> (Folder, Serving) {
    let folder = Folder::with_rules(&rules.replace("URL", &other.url()));
    let serving = Serving::start(&folder);
    (folder, serving)
}

/// Sends an upload of a file.
async fn upload(serving: &Serving, file: &str) {
    assert_eq!(serving.post(&fixture(UPLOAD).replace("5000000000000000001", file)).await, Some(200));
}

/// The only run in a status, once there is one.
async fn run(serving: &Serving, status: &str) -> Value {
    let id = eventually(&format!("a run that is {status}"), || async {
        let runs = serving.get(&format!("/runs?status={status}")).await;
        runs["items"].get(0)?["id"].as_str().map(str::to_owned)
    })
    .await;
    serving.get(&format!("/runs/{id}")).await
}

/// Until so many runs are in a status.
async fn count(serving: &Serving, status: &str, expected: u64) {
    eventually(&format!("{expected} runs that are {status}"), || async {
        let counts = serving.get("/counts").await;
        (counts["runs"][status].as_u64().unwrap_or(0) == expected).then_some(())
    })
    .await;
}

/// Runs a command with `--json`: its exit code, and what it printed.
fn ask(folder: &Folder, words: &[&str]) -> (i32, Value) {
    let ran = oncue(&[words, &["--json"]].concat()).within(folder).run();
    let printed = if ran.stdout.is_empty() { &ran.stderr } else { &ran.stdout };
    (ran.code, serde_json::from_str(printed).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr)))
}

fn id(run: &Value) -> &str {
    run["run"]["id"].as_str().unwrap()
}
