//! A marker stands in every place that takes a secret; everything that can go wrong goes wrong, with an other side that
//! sends back all that it was sent and every marker besides. Then nothing that Oncue wrote holds a marker.

mod echo;
mod markers;

use std::sync::{Arc, Mutex};

use md5::{Digest as _, Md5};
use oncue::clock;
use serde_json::Value;

use crate::support::{APP, Folder, Serving, eventually, fixture, free_port, oncue};
use markers::{ADMIN_TOKEN, CMS, ENVIRONMENT, SECRET_KEY, SIGN_KEY, SIGNED_APP, TOKEN};

/// `ECHO` is where the other side listens.
const RULES: &str = r#"
rules:
  - name: echoed-well
    on: NewFileUpload
    steps:
      - { id: sent, uses: vod.process_media, with: { definitions: [1], SessionContext: "${{ secrets.cms }}", ExtInfo: "${{ secrets.oncall }}" } }
      - { uses: log, with: { message: "said ${{ steps.sent.TaskId }}", fields: { answer: "${{ steps.sent }}" } } }
      - { id: kept, set: { answer: "${{ steps.sent.TaskId }}" } }
      - { uses: log, with: { message: "${{ secrets.cms }}", fields: { deep: [{ token: "${{ secrets.oncall }}" }] }, level: warn } }
  - name: refused
    on: FileDeleted
    steps: [{ uses: vod.process_media, with: { FileId: "1", definitions: [2], SessionContext: "${{ secrets.cms }}" } }]
    on_failure: [{ uses: log, with: { message: "${{ error.code }}: ${{ error.message }}" } }]
  - name: broken
    on: PullComplete
    steps:
      - uses: vod.process_media
        with: { FileId: "1", definitions: [3], SessionContext: "${{ secrets.cms }}" }
        retry: { max_attempts: 2, initial: 10ms }
  - name: told
    on: NewFileUpload
    steps:
      - { id: cms, uses: webhook, with: { to: cms, body: { whole: "${{ secrets.cms }}", list: ["${{ secrets.oncall }}"] } } }
      - { id: plain, uses: webhook, with: { to: plain, raw: true } }
      - id: bearer
        uses: http
        with: { url: "http://ECHO/echo", allow_private: true, auth: { bearer: "${{ secrets.cms }}" }, query: { key: "${{ secrets.cms }}" } }
      - id: basic
        uses: http
        with: { url: "http://ECHO/echo", allow_private: true, auth: { basic: { user: me, password: "${{ secrets.cms }}" } } }
      - { id: whole_url, uses: http, with: { url: "${{ secrets.url }}", allow_private: true }, on_error: continue }
      - id: script
        uses: script
        with: { args: { key: "${{ secrets.cms }}" }, code: "print(args.key); debug(args.key); #{ key: args.key, twice: args.key + args.key }" }
      - id: thrown
        uses: script
        with: { args: { key: "${{ secrets.cms }}" }, code: "throw args.key" }
        on_error: continue
      - id: called
        uses: tencent.call
        with: { service: cdn, version: "2018-06-06", action: DescribeX, endpoint: "http://ECHO", params: { Key: "${{ secrets.cms }}" } }
      - { uses: emit, with: { type: Told, body: { answer: "${{ steps.cms }}" } } }
      - { uses: fail, with: { message: "${{ steps.script.key }} ${{ steps.bearer.body }}" } }
  - name: unmet
    on: NewFileUpload
    steps:
      - uses: webhook
        with: { to: cms, body: "${{ secrets.cms }}", expect: "response.body.no" }
        retry: { max_attempts: 1 }
  - name: no-key
    on: EditMediaComplete
    steps: [{ uses: vod.process_media, with: { FileId: "1", definitions: ["${{ body.nothing ?? 4 }}"] } }]
"#;

/// All that was said, each with where.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Said>>>);

/// What was said, and where.
type Said = (String, Vec<u8>);

impl Heard {
    fn add(&self, whence: impl Into<String>, text: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().push((whence.into(), text.into()));
    }

    /// Runs a command in both forms of output; whether it fails does not matter here.
    fn run(&self, folder: &Folder, environment: &[(&str, &str)], arguments: &[&str]) -> String {
        let ran = oncue(arguments).within(folder).with_environment(environment).run();
        self.add(format!("oncue {arguments:?}"), ran.stdout.clone() + ran.stderr.as_str());
        let json = oncue(&[&["--json"], arguments].concat()).within(folder).with_environment(environment).run();
        self.add(format!("oncue --json {arguments:?}"), json.stdout.clone() + json.stderr.as_str());
        json.stdout
    }

    /// The files of the store as they lie on the disk.
    fn read_store(&self, folder: &Folder, when: &str) {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder.file("data")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            self.add(format!("{name} {when}"), std::fs::read(&path).unwrap_or_default());
            names.push(name);
        }
        assert!(names.iter().any(|name| name == "oncue.db"), "{names:?}");
    }
}

fn folder(endpoint: std::net::SocketAddr) -> Folder {
    let folder = Folder::new();
    folder.write("rules/rules.yaml", &RULES.replace("ECHO", &endpoint.to_string()));
    folder.write("oncall.secret", &format!("{}\n", markers::ONCALL));
    folder.write("oncue.yaml", &markers::config(free_port(), free_port(), endpoint));
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn no_marker_is_found_in_anything_that_was_written() {
    let heard = Heard::default();
    let folder = folder(echo::start().await);
    let trace = [&ENVIRONMENT[..], &[("ONCUE_LOG", "trace")]].concat();
    let serving = Serving::start_with(&folder, &trace);
    knock(&serving, &heard).await;
    let ended = async || {
        let runs = serving.get("/runs").await;
        let items = runs["items"].as_array().unwrap().clone();
        let over = items.iter().filter(|run| ["succeeded", "dead"].contains(&run["status"].as_str().unwrap())).count();
        (over == 6).then_some(items)
    };
    let runs = eventually("the end of six runs", ended).await;
    assert_eq!(runs.iter().filter(|run| run["status"] == "dead").count(), 5, "{runs:?}");
    heard.read_store(&folder, "while it serves");
    ask(&serving, &heard, &runs).await;
    let here = folder_commands(&folder, &heard, &runs);
    let log = serving.log_handle();
    assert_eq!(serving.stop(), 0);
    let log = log.lock().unwrap().clone();
    heard.add("the log", log.clone());
    heard.read_store(&folder, "afterwards");
    broken_configurations(&folder, &heard);
    markers::assert_none_in(&heard.0.lock().unwrap());
    assert!(here.contains("***"), "the answer of the other side was not even kept: {here}");
    assert!(log.contains("said ") && log.contains("***"), "the answer was not even logged: {log}");
}

/// Sends what is taken and what is refused.
async fn knock(serving: &Serving, heard: &Heard) {
    let well = |name: &str| fixture(&format!("protocol/events/{name}.json"));
    let now = clock::now().0 / 1000;
    let signed = |key: &str| {
        let sign = hex::encode(Md5::digest(format!("{key}{}", now + 600)));
        let body = fixture("protocol/events/extra/signed_new_file_upload.json");
        body.replace("9c62faf80d36f43ffbbb13797ed48b6b", &sign).replace("1700000600", &(now + 600).to_string())
    };
    let door = format!("/vod/{APP}/{TOKEN}");
    let signed_door = format!("/vod/{SIGNED_APP}/{TOKEN}");
    let requests = [
        (door.as_str(), well("01_new_file_upload_plain"), 200),
        (&door, well("09_file_deleted"), 200),
        (&door, well("08_pull_complete"), 200),
        (&door, well("10_edit_media_complete"), 200),
        (&door, well("01_new_file_upload_plain"), 200),
        (&door, "{".to_owned(), 400),
        (&door, "[]".to_owned(), 400),
        (&door, r#"{"eventType":"a","version":"4.0","data":{}}"#.to_owned(), 400),
        (&door, "x".repeat(1024 * 1024 + 1), 413),
        (&signed_door, well("01_new_file_upload_plain"), 401),
        (&signed_door, signed("WrongKey"), 401),
        (&format!("{signed_door}x"), signed(SIGN_KEY), 401),
        (&format!("/vod/1500000777/{TOKEN}"), "{}".to_owned(), 404),
        (&format!("{door}/more"), "{}".to_owned(), 404),
        (&format!("/{TOKEN}"), "{}".to_owned(), 404),
        (&format!("{door}?t={SIGN_KEY}&{CMS}"), "{".to_owned(), 400),
    ];
    for (path, body, expected) in requests {
        let (status, answer) = serving.post_to(path, &body).await.unwrap();
        assert_eq!(status, expected, "{path}: {answer}");
        heard.add(format!("the answer to {path}"), answer);
    }
    let got = reqwest::get(format!("http://{}{door}", serving.listen)).await.unwrap();
    heard.add("the answer to GET", format!("{:?}{}", got.headers().clone(), got.text().await.unwrap()));
}

/// Asks the admin API for everything.
async fn ask(serving: &Serving, heard: &Heard, runs: &[Value]) {
    let mut paths: Vec<String> = ["/events", "/runs", "/rules", "/quarantine", "/counts"].map(str::to_owned).to_vec();
    paths.extend(runs.iter().map(|run| format!("/runs/{}", run["id"].as_str().unwrap())));
    paths.extend(runs.iter().map(|run| format!("/events/{}", run["event"].as_str().unwrap())));
    for path in paths {
        heard.add(format!("GET {path}"), serving.get(&path).await.to_string());
    }
    let client = reqwest::Client::new();
    for (path, token) in [("/runs/nonsense", ADMIN_TOKEN), ("/nowhere", ADMIN_TOKEN), ("/runs", "wrong")] {
        let request = client.get(format!("http://{}/api/v1{path}", serving.admin)).bearer_auth(token);
        let answer = request.send().await.unwrap();
        heard.add(format!("GET {path}"), format!("{:?}{}", answer.headers().clone(), answer.text().await.unwrap()));
    }
}

/// Runs every command against the server, and gives what the runs look like.
fn folder_commands(folder: &Folder, heard: &Heard, runs: &[Value]) -> String {
    let run = |arguments: &[&str]| heard.run(folder, &ENVIRONMENT, arguments);
    folder.write_event("event.json");
    run(&["check"]);
    run(&["events"]);
    run(&["runs"]);
    run(&["emit", "--app", &APP.to_string(), "event.json"]);
    run(&["emit", "--app", "1500000777", "event.json"]);
    run(&["runs", "show", "run_00000000000000000000000000000000"]);
    run(&["events", "show", runs[0]["event"].as_str().unwrap()]);
    run(&["serve"]);
    run(&["rules"]);
    run(&["rules", "show", "told"]);
    run(&["rules", "reload"]);
    for command in [&["show"][..], &["set", "--url", "https://oncue.example"], &["clear"], &["test"]] {
        run(&[&["vod", "callback"], command, &["--app", "main"]].concat());
    }
    let config = serde_json::json!({ "secret_id": "AKIDEXAMPLE", "secret_key": SECRET_KEY, "definitions": [1], "subappid": APP });
    folder.write("config.json", &config.to_string());
    run(&["init", "seed", "--from", "config.json"]);
    folder.write("broken.json", &config.to_string().replace('}', ",}"));
    run(&["init", "seed", "--from", "broken.json"]);
    let wrong = [&ENVIRONMENT[..], &[("ADMIN_TOKEN", "another-token")]].concat();
    heard.run(folder, &wrong, &["runs"]);
    runs.iter().map(|one| run(&["runs", "show", one["id"].as_str().unwrap()])).collect()
}

/// Every secret is written out in the file, and something is wrong on each of their lines.
fn broken_configurations(folder: &Folder, heard: &Heard) {
    let config = folder.read("oncue.yaml");
    let out = markers::written_out(&config);
    let spoiled = [
        out.clone(),
        out.replace(" }", ", oops: 1 }"),
        out.replace("admin_token: ", "admin_tokem: 1\nadmin_token: \"\\t\""),
        out.replace(SIGN_KEY, &format!("{SIGN_KEY}-too-long-and-with-dashes")),
        out.replace("callback: {", "callback: { tokens: 1,"),
        out.replace("secret_id:", "secretid:"),
    ];
    for (number, text) in spoiled.iter().enumerate() {
        let name = format!("spoiled-{number}.yaml");
        folder.write(&name, text);
        for command in ["check", "serve", "runs"] {
            if number > 0 || command != "serve" {
                heard.run(folder, &[], &[command, "--config", &name]);
            }
        }
    }
    folder.write("rules/rules.yaml", &RULES.replace("secrets.cms", "secrets.cmss"));
    heard.run(folder, &ENVIRONMENT, &["check"]);
    heard.run(folder, &ENVIRONMENT, &["serve"]);
}
