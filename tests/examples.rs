//! The examples run as they stand, but for the ports, against the stand-in for the vendor.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{APP, Folder, Serving, TOKEN, Vendor, eventually, fixture, free_port, http, oncue, root};

/// An example that runs: its folder, copied.
pub struct Running {
    pub vendor: Vendor,
    pub serving: Serving,
    pub folder: Folder,
}

impl Running {
    /// Starts an example whose other system, if any, is at `other`.
    pub async fn start(name: &str, apps: &[u64], other: Option<u16>) -> Self {
        Self::within(copy(name), apps, other).await
    }

    /// Starts the copy of an example.
    pub async fn within(folder: Folder, apps: &[u64], other: Option<u16>) -> Self {
        let listen = free_port();
        let url = |app: &u64| (*app, format!("http://127.0.0.1:{listen}/vod/{app}/{TOKEN}"));
        let vendor = Vendor::calling(&apps.iter().map(url).collect::<Vec<_>>()).await;
        let config = folder
            .read("oncue.yaml")
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{listen}"))
            .replace("127.0.0.1:8081", &format!("127.0.0.1:{}", free_port()))
            .replace("http://127.0.0.1:9000", &vendor.url())
            .replace("127.0.0.1:9100", &format!("127.0.0.1:{}", other.unwrap_or(9100)));
        folder.write("oncue.yaml", &config);
        let serving = Serving::start(&folder);
        Self { vendor, serving, folder }
    }

    /// Waits for a line of the log that begins like this.
    async fn logged(&self, beginning: &str) -> String {
        let find = || async {
            let logged = self.serving.logged().into_iter().map(|logged| logged.message);
            logged.into_iter().find(|message| message.starts_with(beginning))
        };
        eventually(beginning, find).await
    }
}

/// A copy of the folder of an example.
pub fn copy(name: &str) -> Folder {
    let folder = Folder::new();
    copy_below(&root().join("examples").join(name), Path::new(""), &folder);
    folder
}

fn copy_below(from: &Path, below: &Path, to: &Folder) {
    for entry in std::fs::read_dir(from.join(below)).unwrap() {
        let name = below.join(entry.unwrap().file_name());
        if from.join(&name).is_dir() {
            copy_below(from, &name, to);
        } else {
            to.write(name.to_str().unwrap(), &std::fs::read_to_string(from.join(&name)).unwrap());
        }
    }
}

/// Head and body of each request.
type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Another system, which keeps what it is sent and answers 200.
struct Other {
    port: u16,
    requests: Requests,
}

impl Other {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Requests::default();
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(keep(stream, Arc::clone(&kept)));
            }
        });
        Self { port, requests }
    }

    /// Head and body of the first request.
    async fn first(&self) -> (String, Vec<u8>) {
        eventually("a request", || async { self.requests.lock().unwrap().first().cloned() }).await
    }
}

async fn keep(mut stream: TcpStream, kept: Requests) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let body = &bytes[end + 4..];
        if body.len() == length {
            kept.lock().unwrap().push((head, body.to_vec()));
            bytes.clear();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    }
}

#[tokio::test]
async fn seed_transcode_logs_the_urls_of_an_upload() {
    let running = Running::start("seed-transcode", &[APP], None).await;
    let file = running.vendor.upload(APP, &json!({ "name": "clip" })).await;
    running.logged(&format!("ProcessMedia accepted. FileId: {file}, TaskId: ")).await;
    for definition in [100_010, 100_020] {
        running.logged(&format!("Transcode succeeded. FileId: {file}, Definition: {definition}, Url: http")).await;
    }
}

#[test]
fn seed_transcode_has_the_rules_that_init_writes() {
    let rules = std::fs::read_to_string(root().join("examples/seed-transcode/rules/seed-transcode.yaml")).unwrap();
    assert_eq!(rules, oncue_rules::packs::SEED_TRANSCODE);
}

#[tokio::test]
async fn multi_app_routing_gives_each_application_its_definitions() {
    let apps = [APP, APP + 1, APP + 2];
    let running = Running::start("multi-app-routing", &apps, None).await;
    // The third one is not for the rule; its upload comes first, so that it has been judged when the others are done.
    for app in [APP + 2, APP, APP + 1] {
        running.vendor.upload(app, &json!({})).await;
    }
    running.logged("short-video: ").await;
    running.logged("replay: ").await;
    let submitted = |task: &Value| {
        let set = task["request"]["MediaProcessTask"]["TranscodeTaskSet"].as_array().unwrap().clone();
        let definitions: Vec<_> = set.iter().map(|item| item["Definition"].as_u64().unwrap()).collect();
        (task["request"]["SubAppId"].as_u64().unwrap(), definitions)
    };
    let mut tasks: Vec<_> = running.vendor.tasks().await.iter().map(submitted).collect();
    tasks.sort();
    assert_eq!(tasks, [(APP, vec![100_010, 100_020]), (APP + 1, vec![100_030])]);
}

#[tokio::test]
async fn webhook_notify_sends_a_signed_request() {
    let other = Other::start().await;
    let running = Running::start("webhook-notify", &[APP], Some(other.port)).await;
    let file = running.vendor.upload(APP, &json!({ "procedure": "any" })).await;
    let (head, body) = other.first().await;
    assert!(head.starts_with("post /hooks/vod "), "{head}");
    for header in ["webhook-id: ", "webhook-timestamp: ", "webhook-signature: v1,"] {
        assert!(head.contains(header), "no {header} in {head}");
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["file"], file);
    assert!(body["results"].is_array(), "{body}");
}

#[tokio::test]
async fn script_action_counts_the_transcodes() {
    let running = Running::start("script-action", &[APP], None).await;
    let event = fixture("protocol/events/05_procedure_finish_one_transcode_failed.json");
    assert_eq!(running.serving.post(&event).await, Some(200));
    assert_eq!(running.logged("5000000000000000004: ").await, "5000000000000000004: 1 good, 1 bad");
}

#[tokio::test]
async fn relay_hands_on_the_very_bytes() {
    let other = Other::start().await;
    let running = Running::start("relay", &[APP], Some(other.port)).await;
    let event = fixture("protocol/events/03_new_file_upload_unicode_name.json");
    assert_eq!(running.serving.post(&event).await, Some(200));
    let (head, body) = other.first().await;
    assert!(head.starts_with("post /vod/callback "), "{head}");
    assert_eq!(body, event.as_bytes());
}

#[test]
fn every_example_has_a_readme_and_passes_the_check() {
    let folders = std::fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path());
    // Those in `workflows` have an index of their own.
    let mut names: Vec<_> = folders.filter(|path| path.is_dir() && !path.ends_with("workflows")).collect();
    names.sort();
    assert_eq!(names.len(), 5);
    let index = std::fs::read_to_string(root().join("examples/README.md")).unwrap();
    for path in names {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(path.join("README.md").is_file() && index.contains(&format!("]({name}/)")), "{name}");
        oncue(&["check"]).within(&copy(&name)).success();
    }
}

/// The binary of `examples/embed.rs`, which `cargo test` builds beside the others; built now where it did not.
fn embed() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_oncue")).parent().unwrap().join("examples/embed");
    if !binary.exists() {
        let cargo = Command::new(env!("CARGO")).args(["build", "-p", "oncue", "--example", "embed"]).status();
        assert!(cargo.unwrap().success());
    }
    binary
}

#[tokio::test]
async fn the_engine_runs_inside_another_program() {
    let folder = Folder::with_rules(
        "rules:\n  - { name: seen, on: NewFileUpload, steps: [{ uses: log, with: { message: embedded } }] }\n",
    );
    let mut program = Command::new(embed())
        .arg(folder.file("oncue.yaml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let listen = line.trim().strip_prefix("callbacks at ").and_then(|rest| rest.split(',').next()).unwrap().to_owned();

    let url = format!("http://{listen}/vod/{APP}/{TOKEN}");
    let event = fixture("protocol/events/01_new_file_upload_plain.json");
    let answer = http().post(url).body(event).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let asked = Command::new("kill").args(["-INT", &program.id().to_string()]).status().unwrap();
    assert!(asked.success());
    assert!(program.wait().unwrap().success());
}
