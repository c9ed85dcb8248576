//! Webhooks through the real binary: an event starts a run, and another system hears of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::sdk::is_standard_webhook;
use crate::support::{Folder, Serving, eventually, fixture, oncue, root};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const EVENT: &str = "protocol/events/03_new_file_upload_unicode_name.json";

/// A request as it came.
#[derive(Debug, Clone)]
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// What a receiver says that has this secret and the public library for Rust; the one for Python must say the same.
    fn is_verified_with(&self, secret: &str) -> bool {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers = names.map(|name| (name, self.header(name).unwrap()));
        let map = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let map = reqwest::header::HeaderMap::from_iter(map);
        let verified = standardwebhooks::Webhook::new(secret).unwrap().verify(&self.body, &map).is_ok();
        let (headers, body) = (serde_json::json!(BTreeMap::from(headers)), std::str::from_utf8(&self.body).unwrap());
        if let Some(python) = is_standard_webhook(secret, &headers, body) {
            assert_eq!(python, verified, "the libraries disagree on {self:?}");
        }
        verified
    }
}

/// Keeps what it is sent; answers the n-th request with the n-th status, and those beyond with 200.
struct Receiver {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    async fn start(statuses: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, statuses, Arc::clone(&kept)));
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, statuses: &[&str], kept: Arc<Mutex<Vec<Request>>>) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut request = Request { head, body: bytes[end + 4..].to_vec() };
        let length: usize = request.header("content-length").unwrap().parse().unwrap();
        if request.body.len() < length {
            continue;
        }
        request.body.truncate(length);
        bytes.clear();
        let status = {
            let mut kept = kept.lock().unwrap();
            kept.push(request);
            *statuses.get(kept.len() - 1).unwrap_or(&"200 OK")
        };
        let body = r#"{"code":0}"#;
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn folder(rules: &str, targets: &str) -> Folder {
    let folder = Folder::with_rules(rules);
    folder.configure(targets);
    folder
}

fn target(port: u16, more: &str) -> String {
    format!(
        "secrets: {{ cms: {SECRET} }}\ntargets:\n  cms: {{ url: \"http://127.0.0.1:{port}/hooks\", sign: standard, \
         secret: \"${{{{ secrets.cms }}}}\"{more} }}\n"
    )
}

async fn ended(serving: &Serving, status: &str) -> Value {
    eventually("the end of the run", || async {
        let run = serving.get("/runs").await["items"][0].clone();
        let id = run["id"].as_str()?.to_owned();
        if run["status"] != status {
            return None;
        }
        Some(serving.get(&format!("/runs/{id}")).await)
    })
    .await
}

#[tokio::test]
async fn an_event_becomes_one_signed_webhook_of_the_very_bytes() {
    let receiver = Receiver::start(&[]).await;
    let rules = "rules:\n  - name: relay\n    on: NewFileUpload\n    steps:\n      \
                 - { id: tell, uses: webhook, with: { to: cms, raw: true, expect: response.body.code == 0 } }\n";
    let folder = folder(rules, &target(receiver.port, ", allow_private: true"));
    let serving = Serving::start(&folder);
    let body = fixture(EVENT);
    assert_eq!(serving.post(&body).await, Some(200));
    assert_eq!(serving.post(&body).await, Some(200), "a duplicate");
    let run = ended(&serving, "succeeded").await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let request = &requests[0];
    assert_eq!(request.body, body.as_bytes());
    assert_eq!(request.header("webhook-id").map(str::len), Some(40));
    assert!(run.to_string().contains(request.header("webhook-id").unwrap()), "{run}");
    assert!(request.is_verified_with(SECRET));
    assert!(!request.is_verified_with(NEW_SECRET));
    assert_eq!(serving.stop(), 0);
}

#[tokio::test]
async fn while_secrets_are_changed_receivers_with_either_verify() {
    let receiver = Receiver::start(&[]).await;
    let rules = "rules:\n  - { name: tell, on: NewFileUpload, steps: [{ uses: webhook, with: { to: cms, body: { a: 1 } } }] }\n";
    let port = receiver.port;
    let folder = folder(
        rules,
        &format!(
            "secrets: {{ old: {SECRET}, new: {NEW_SECRET} }}\ntargets:\n  cms: {{ url: \"http://127.0.0.1:{port}/\", \
             allow_private: true, sign: standard, secrets: [\"${{{{ secrets.new }}}}\", \"${{{{ secrets.old }}}}\"] }}\n"
        ),
    );
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(EVENT)).await, Some(200));
    ended(&serving, "succeeded").await;
    let request = &receiver.requests()[0];
    assert!(request.is_verified_with(SECRET) && request.is_verified_with(NEW_SECRET));
    assert!(!request.is_verified_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

#[tokio::test]
async fn a_receiver_that_was_down_hears_with_the_same_id() {
    let receiver = Receiver::start(&["500 Internal Server Error", "404 Not Found"]).await;
    let rules = "rules:\n  - name: tell\n    on: NewFileUpload\n    steps:\n      - uses: webhook\n        \
                 with: { to: cms, body: { file: \"${{ event.file_id }}\" } }\n        \
                 retry: { initial: 10ms, max: 50ms }\n";
    let folder = folder(rules, &target(receiver.port, ", allow_private: true"));
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(EVENT)).await, Some(200));
    ended(&serving, "succeeded").await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    let ids: Vec<_> = requests.iter().map(|request| request.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_target_inside_is_refused_at_once_and_the_run_says_what_to_write() {
    let receiver = Receiver::start(&[]).await;
    let rules =
        "rules:\n  - { name: tell, on: NewFileUpload, steps: [{ uses: webhook, with: { to: cms, body: hi } }] }\n";
    let folder = folder(rules, &target(receiver.port, ""));
    let serving = Serving::start(&folder);
    assert_eq!(serving.post(&fixture(EVENT)).await, Some(200));
    let run = ended(&serving, "dead").await.to_string();
    assert!(run.contains("write `allow_private: true` at the target `cms` in oncue.yaml"), "{run}");
    assert!(receiver.requests().is_empty());
    assert!(!serving.log().contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "the log shows the secret");
}

#[test]
fn a_misspelt_target_and_a_wrong_expect_are_errors_of_the_rules() {
    let rules = "rules:\n  - name: tell\n    on: NewFileUpload\n    steps:\n      \
                 - { uses: webhook, with: { to: csm, body: hi, expect: respons.status == 200 } }\n      \
                 - { uses: http, with: { url: \"ftp://x\", timeout: 1h } }\n      \
                 - { uses: webhook, with: { to: \"${{ app.vars.to }}\", raw: true } }\n      \
                 - { uses: webhook, with: { to: cms } }\n";
    let folder = folder(rules, &target(1, ""));
    let report = oncue(&["check"]).within(&folder).failure().stdout;
    for expected in [
        "there is no target `csm` in oncue.yaml",
        "did you mean `cms`?",
        "`expect`: ",
        "`url`: its scheme must be http or https",
        "`timeout` must be a duration up to `10m`",
        "this webhook has nothing to send",
    ] {
        assert!(report.contains(expected), "{expected}:\n{report}");
    }
}

/// What a receiver of `docs/webhooks.md` says to webhooks that are right, changed, and signed with another secret.
fn said(program: &str, arguments: &[&str], language: &str, main: &str) -> Option<String> {
    let page = std::fs::read_to_string(root().join("docs/webhooks.md")).unwrap();
    let code: Vec<_> =
        page.split(&format!("```{language}\n")).skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!code.is_empty(), "the page has no {language}");
    let script = format!("{}\n{main}", code.join("\n"));
    let output = std::process::Command::new(program).args(arguments).arg(script).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap() + String::from_utf8(output.stderr).unwrap().as_str())
}

/// The vector that Standard Webhooks publishes, as texts of Python and of JavaScript alike.
const VECTOR: &str = r#"{"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}"#;

#[test]
#[expect(clippy::print_stderr, reason = "what was skipped must be seen")]
fn the_receivers_of_the_docs_verify_the_published_vector() {
    let python = format!(
        "h = {VECTOR}\nb = b'{{\"test\": 2432232314}}'\ns = '{SECRET}'\nlong = 10**10\n\
         print(verify(s, h, b, long), verify(s, h, b), verify(s, h, b + b' ', long), verify('whsec_AAAA', h, b, long))\n\
         print(verify_plain('Jefe', 'sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843', \
         b'what do ya want for nothing?'))"
    );
    let node = format!(
        "const h = {VECTOR}, b = Buffer.from('{{\"test\": 2432232314}}'), s = '{SECRET}', long = 1e10;\n\
         console.log(verify(s, h, b, long), verify(s, h, b), verify(s, h, Buffer.from('x'), long), \
         verify('whsec_AAAA', h, b, long));"
    );
    for (program, arguments, language, main, expected) in [
        ("python3", ["-c"], "python", python, "True False False False\nTrue\n"),
        ("node", ["-e"], "js", node, "true false false false\n"),
    ] {
        match said(program, &arguments, language, &main) {
            Some(said) => assert_eq!(said, expected, "{program}"),
            None => eprintln!("skipped: {program} is not on this machine"),
        }
    }
}

/// How an endpoint behaves badly, and the error that an attempt on it ends with.
const BAD: [(&str, &str); 3] = [("silent", "NoAnswer"), ("drips", "SlowAnswer"), ("storm", "Http429")];

/// Answers nothing, a byte a second, or 429; in any case no more once it is told to let go.
async fn misbehave(listener: TcpListener, how: &'static str, let_go: watch::Receiver<bool>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut let_go = let_go.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = let_go.wait_for(|go| *go) => {}
                () = answer_badly(&mut stream, how) => {}
            }
        });
    }
}

async fn answer_badly(stream: &mut TcpStream, how: &str) {
    let mut request = [0; 8192];
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
        match how {
            "drips" => {
                let mut more = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n").await.is_ok();
                while more {
                    more = stream.write_all(b"x").await.is_ok();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            "storm" => {
                let answer = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n";
                if stream.write_all(answer).await.is_err() {
                    return;
                }
            }
            _ => {}
        }
    }
}

fn rule(name: &str, on: &str, port: u16, timeout: &str) -> String {
    format!(
        "  - name: {name}\n    on: {on}\n    steps:\n      - uses: webhook\n        \
         with: {{ url: \"http://127.0.0.1:{port}/\", body: hi, allow_private: true, timeout: {timeout} }}\n        \
         retry: {{ max_attempts: 2, initial: 10ms, max: 10ms }}\n"
    )
}

/// Of the endpoint that holds on there are more webhooks than may be under way at once, so its line is full.
#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_behave_badly_end_in_errors_of_their_own_and_hold_up_nothing_else() {
    let receiver = Receiver::start(&[]).await;
    let let_go = watch::Sender::new(false);
    let mut rules = "rules:\n".to_owned() + rule("good", "FileDeleted", receiver.port, "10m").as_str();
    for name in ["holds"].into_iter().chain(BAD.map(|(name, _)| name)) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(misbehave(listener, name, let_go.subscribe()));
        let (copies, timeout) = if name == "holds" { (20, "10m") } else { (1, "500ms") };
        rules.extend((0..copies).map(|copy| rule(&format!("{name}-{copy}"), "NewFileUpload", port, timeout)));
    }
    let serving = Serving::start(&Folder::with_rules(&rules));
    assert_eq!(serving.post(&fixture(EVENT)).await, Some(200));
    assert_eq!(serving.post(&fixture("protocol/events/09_file_deleted.json")).await, Some(200));
    let runs = async |rule: &str| serving.get(&format!("/runs?rule={rule}")).await["items"][0].clone();
    let is =
        async |rule: &str, status: &str| runs(rule).await.get("status").is_some_and(|is| is == status).then_some(());
    eventually("the end of the good run", || is("good", "succeeded")).await;
    for (name, code) in BAD {
        let rule = format!("{name}-0");
        eventually("the end of a bad run", || is(&rule, "dead")).await;
        assert_eq!(runs(&rule).await["error"]["code"], code);
    }
    for copy in 0..20 {
        assert_eq!(runs(&format!("holds-{copy}")).await["status"], "running");
    }
    let_go.send_replace(true);
    for copy in 0..20 {
        let rule = format!("holds-{copy}");
        eventually("the end of a held run", || is(&rule, "dead")).await;
    }
}
