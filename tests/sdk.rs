//! The vendor's own SDK, in Python, on the stand-in and on what Oncue sends; and the reference library of Standard Webhooks.
//!
//! Both come from `PyPI` into a virtual environment below `target/`. Where that cannot be reached the tests say that they
//! were skipped, and fail instead when `CI=true`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use oncue::simulator::{AppOptions, Options};
use serde_json::{Value, json};

use crate::support::{APP, Folder, Serving, Vendor, eventually, fixture, root};

/// Every form of submission that rules commonly write.
const RULES: &str = "
rules:
  - name: definitions
    on: NewFileUpload
    steps: [{ uses: vod.process_media, with: { definitions: '${{ app.vars.definitions }}' } }]
  - name: written-out
    on: NewFileUpload
    steps:
      - uses: vod.process_media
        with:
          MediaProcessTask:
            TranscodeTaskSet: [{ Definition: 100030, StartTimeOffset: 1.5 }]
            CoverBySnapshotTaskSet: [{ Definition: 10, PositionType: Percent, PositionValue: 10 }]
            AdaptiveDynamicStreamingTaskSet: [{ Definition: 10 }]
          TasksPriority: -5
          TasksNotifyMode: Change
          SessionContext: '{\"for\": \"${{ event.file_id }}\"}'
  - name: review
    on: NewFileUpload
    steps: [{ uses: vod.process_media, with: { AiContentReviewTask: { Definition: 10 } } }]
  - name: reviewed
    on: NewFileUpload
    steps: [{ uses: vod.review_audio_video, with: { ReviewContents: [Media, Cover] } }]
  - name: edited
    on: NewFileUpload
    steps: [{ uses: vod.edit_media, with: { InputType: File, FileInfos: [{ FileId: '${{ event.file_id }}', EndTimeOffset: 10 }] } }]
";
const RULE_COUNT: usize = 5;

/// The interpreter of the environment, made once; why there is none.
fn python() -> Result<&'static Path, String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(prepare).as_deref().map_err(Clone::clone)
}

fn prepare() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-venv");
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed.txt"));
    let requirements = root().join("tests/sdk/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"])
        .arg("--requirement")
        .arg(&requirements))?;
    std::fs::write(stamp, wanted).unwrap();
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = || format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    if output.status.success() { Ok(()) } else { Err(said()) }
}

/// The interpreter, or nothing after saying why.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should see what did not run")]
pub fn python_or_skip() -> Option<&'static Path> {
    match python() {
        Ok(python) => Some(python),
        Err(reason) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("the SDK is not here: {reason}"),
        Err(reason) => {
            eprintln!("skipped: the SDK is not here: {reason}");
            None
        }
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What Oncue submits for an upload that every rule matches.
async fn recorded(vendor: &Vendor) -> Vec<Value> {
    let folder = Folder::with_rules(RULES);
    folder.write("oncue.yaml", &format!("{}vod: {{ endpoint: \"{}\" }}\n", folder.read("oncue.yaml"), vendor.url()));
    let serving = Serving::start(&folder);
    let file = vendor.upload(APP, &json!({})).await;
    let event = fixture("protocol/events/01_new_file_upload_plain.json").replace("5000000000000000001", &file);
    assert_eq!(serving.post(&event).await, Some(200));
    let all = || async { Some(vendor.tasks().await).filter(|tasks| tasks.len() >= RULE_COUNT) };
    let tasks = eventually("every submission", all).await;
    tasks.iter().map(|task| json!([task["action"], task["request"]])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_sdk_takes_the_stand_in_for_the_vendor_and_oncues_requests_for_its_own() {
    let Some(python) = python_or_skip() else { return };
    let vendor = Vendor::with(Options { apps: vec![AppOptions::new(APP)], ..Options::default() }).await;
    let mut requests = recorded(&vendor).await;
    // What the actions pass through unchanged, as their own tests prove.
    for (action, fixture) in [
        ("ProcessMedia", "process_media_all"),
        ("EditMedia", "edit_media_all"),
        ("ReviewAudioVideo", "review_audio_video_all"),
        ("DeleteMedia", "delete_media_all"),
    ] {
        let all = root().join(format!("plugins/tests/fixtures/{fixture}.json"));
        let all: Value = serde_json::from_str(&std::fs::read_to_string(all).unwrap()).unwrap();
        requests.push(json!([action, all]));
    }
    let folder = Folder::new();
    folder.write("requests.json", &Value::from(requests).to_string());
    let file = vendor.upload(APP, &json!({})).await;
    let endpoint = vendor.url().trim_start_matches("http://").to_owned();
    let output = Command::new(python)
        .arg(root().join("tests/sdk/check_vod.py"))
        .args([endpoint, file])
        .arg(folder.file("requests.json"))
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// Whether the reference library takes a webhook for one that was signed with this secret.
pub fn is_standard_webhook(secret: &str, headers: &Value, body: &str) -> Option<bool> {
    let mut verifier = Command::new(python_or_skip()?)
        .arg(root().join("tests/sdk/verify_webhook.py"))
        .arg(secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let request = json!({ "headers": headers, "body": body }).to_string();
    verifier.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    Some(verifier.wait().unwrap().success())
}

#[test]
fn a_webhook_that_nobody_signed_is_told_from_one_that_somebody_did() {
    // The signature is made by the library itself: what is tried here is the script, which other tests rely on.
    let Some(python) = python_or_skip() else { return };
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let sign = "import sys, time, datetime, json; from standardwebhooks import Webhook; \
                now = datetime.datetime.now(tz=datetime.timezone.utc); \
                print(json.dumps({'webhook-id': 'm1', 'webhook-timestamp': str(int(now.timestamp())), \
                'webhook-signature': Webhook(sys.argv[1]).sign('m1', now, '{\"a\": 1}')}))";
    let signed = Command::new(python).args(["-c", sign, secret]).output().unwrap();
    let headers: Value = serde_json::from_slice(&signed.stdout).unwrap_or_else(|_| panic!("{}", said(&signed)));
    assert_eq!(is_standard_webhook(secret, &headers, "{\"a\": 1}"), Some(true));
    assert_eq!(is_standard_webhook(secret, &headers, "{\"a\": 2}"), Some(false));
    assert_eq!(is_standard_webhook("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &headers, "{\"a\": 1}"), Some(false));
}
