use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use oncue::config::{Config, Environment, admin_token, read_source};
use serde_json::Value;

use super::invocation::ENVIRONMENT;
use super::{APP, Folder, block_on, eventually, fixture, http};

/// A line that the action `log` wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    pub level: String,
    pub rule: String,
    pub event: String,
    pub message: String,
    pub fields: Value,
}

impl Logged {
    fn of(line: &Value) -> Self {
        let text = |name: &str| line["fields"][name].as_str().unwrap_or_default().to_owned();
        Self {
            level: line["level"].as_str().unwrap().to_owned(),
            rule: text("rule"),
            event: text("event"),
            message: text("message"),
            fields: serde_json::from_str(&text("fields")).unwrap_or_default(),
        }
    }
}

/// A server that runs, ended with the test.
pub struct Serving {
    child: Child,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    admin_token: String,
    callback_token: String,
    log: Arc<Mutex<String>>,
    /// Takes what is logged, to the end.
    listener: Option<JoinHandle<()>>,
}

impl Serving {
    /// Starts `oncue serve` in a folder.
    pub fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[])
    }

    /// Starts it with further environment variables.
    pub fn start_with(folder: &Folder, environment: &[(&str, &str)]) -> Self {
        Self::try_start(folder, environment).expect("the server ended before it listened")
    }

    /// As [`Serving::start_with`]; `None` when it ended before it listened, which a crash point may make it.
    pub fn try_start(folder: &Folder, environment: &[(&str, &str)]) -> Option<Self> {
        // The clients of the tests need one too; a provider that was installed before serves as well.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut child = Command::new(env!("CARGO_BIN_EXE_oncue"))
            .args(["--json", "serve", "--log-json"])
            .current_dir(folder.path())
            .envs(ENVIRONMENT)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (log, listener) = collect(BufReader::new(child.stderr.take().unwrap()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(said) = serde_json::from_str::<Value>(&line) else {
            child.wait().unwrap();
            return None;
        };
        let address = |name: &str| said[name].as_str().unwrap().parse().unwrap();
        let config = config(folder, environment);
        Some(Self {
            child,
            listen: address("listen"),
            admin: address("admin"),
            admin_token: admin_token::read(&config).unwrap().expose().to_owned(),
            callback_token: config.apps[0].tokens[0].expose().to_owned(),
            log,
            listener: Some(listener),
        })
    }

    /// Posts a body to the callback of the application; the status, when one came.
    pub async fn post(&self, body: &str) -> Option<u16> {
        self.post_to(&format!("/vod/{APP}/{}", self.callback_token), body).await.map(|(status, _)| status)
    }

    /// Posts a body to a path; status and text of the answer, when one came.
    pub async fn post_to(&self, path: &str, body: &str) -> Option<(u16, String)> {
        let request = http().post(format!("http://{}{path}", self.listen)).body(body.to_owned());
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Asks the admin API.
    pub async fn get(&self, path: &str) -> Value {
        let request = http().get(format!("http://{}/api/v1{path}", self.admin));
        let answer = request.bearer_auth(&self.admin_token).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "GET {path} answered {status}: {body}");
        body
    }

    /// Has the admin API do something.
    pub async fn ask(&self, path: &str) -> Value {
        let request = http().post(format!("http://{}/api/v1{path}", self.admin));
        let answer = request.bearer_auth(&self.admin_token).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "POST {path} answered {status}: {body}");
        body
    }

    /// Posts JSON to the admin API.
    pub async fn post_json(&self, path: &str, body: &Value) -> Value {
        let request = http().post(format!("http://{}/api/v1{path}", self.admin)).json(body);
        let answer = request.bearer_auth(&self.admin_token).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "POST {path} answered {status}: {body}");
        body
    }

    /// What `/readyz` says.
    pub async fn ready(&self) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}/readyz", self.admin)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends an upload and gives the run that it started.
    pub fn first_run_of_an_upload(&self) -> String {
        block_on(async {
            assert_eq!(self.post(&fixture("protocol/events/01_new_file_upload_plain.json")).await, Some(200));
            let runs = || async { self.get("/runs").await["items"][0]["id"].as_str().map(str::to_owned) };
            eventually("a run", runs).await
        })
    }

    /// The path of an application's door, with the token of the first application.
    pub fn door(&self, app: u64) -> String {
        format!("/vod/{app}/{}", self.callback_token)
    }

    /// What rules have logged so far.
    pub fn logged(&self) -> Vec<Logged> {
        let lines = self.log();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["target"] == "oncue::log").map(|line| Logged::of(&line)).collect()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// What it logs, also after it has ended.
    pub fn log_handle(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.log)
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.hear_all();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Asks it to end, and waits for that; the exit code.
    pub fn stop(mut self) -> i32 {
        self.signal("TERM");
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        self.hear_all();
        code
    }

    /// Of a server that has ended, the last that it logged may not have been read yet.
    fn hear_all(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended before.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn config(folder: &Folder, environment: &[(&str, &str)]) -> Config {
    let file = read_source(&folder.file("oncue.yaml")).unwrap();
    let variables = ENVIRONMENT.iter().chain(environment);
    let environment =
        Environment::of(variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
    Config::load(&file, folder.path(), &environment).0.unwrap()
}

fn collect(mut stream: impl std::io::BufRead + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let log = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&log);
    let listener = std::thread::spawn(move || {
        let mut line = String::new();
        while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
            into.lock().unwrap().push_str(&line);
            line.clear();
        }
    });
    (log, listener)
}
