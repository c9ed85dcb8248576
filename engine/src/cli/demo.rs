//! `oncue demo`: the whole flow on this machine, shown as it happens.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use oncue_rules::packs;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::client::{Client, load};
use super::output::{Output, cell};
use super::progress::Progress;
use super::{Exit, Failure, serve};
use crate::app::{App, Origin};
use crate::config::{Environment, admin_token};
use crate::simulator::{AppOptions, Handle, Key, Options, Simulator, Switches};

const APP: u64 = 1_500_000_001;
const SECRET_ID: &str = "AKIDDEMO";
const SECRET_KEY: &str = "demo-secret-key";
/// How long any part of the flow may take before the demo says that it failed.
const PATIENCE: Duration = Duration::from_secs(15);
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

const EXAMPLES: &str = "\
Examples:
  oncue demo                      an upload, its transcodes, their URLs
  oncue demo --keep               leaves everything running, and says how to send more";

/// Show the whole flow on this machine, with a stand-in for the vendor
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Leave everything running until Ctrl-C
    #[arg(long)]
    keep: bool,
}

/// Everything that the demo started.
struct Demo<'a> {
    folder: tempfile::TempDir,
    simulator: Handle,
    app: App,
    client: Client,
    http: reqwest::Client,
    token: String,
    started: Instant,
    output: Output<'a>,
}

pub(super) async fn run(args: Args, output: Output<'_>) -> Result<(), Failure> {
    let demo = Demo::start(output).await?;
    let outcome = demo.show().await;
    if args.keep && outcome.is_ok() {
        demo.explain();
        serve::stop_signal().await;
    }
    demo.app.stop().await;
    demo.simulator.stop().await;
    outcome
}

impl<'a> Demo<'a> {
    async fn start(output: Output<'a>) -> Result<Self, Failure> {
        let internal = |what: &'static str| move |error: std::io::Error| Failure::internal(what, error);
        let folder = tempfile::tempdir().map_err(internal("no temporary folder"))?;
        let ports = [free_address().await?, free_address().await?, free_address().await?];
        let [listen, admin, vendor] = ports;
        let token = admin_token::random();
        let simulator = simulate(vendor, &format!("http://{listen}/vod/{APP}/{token}")).await?;
        write(&folder, "rules/transcode-new-uploads.yaml", packs::TRANSCODE_NEW_UPLOADS)?;
        write(&folder, "oncue.yaml", &configuration(listen, admin, simulator.addr(), &token))?;

        let path = folder.path().join("oncue.yaml");
        let config = load(&path, &Environment::of_process())?;
        let app = App::start(Origin::new(path)).await.map_err(serve::failure)?;
        let admin_token = admin_token::read(&config).map_err(internal("no admin token"))?;
        let client = Client::new(format!("http://{}", app.admin()), admin_token.expose())?;
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let http = http.map_err(|error| Failure::internal("no HTTP client", error))?;
        let demo = Self { folder, simulator, app, client, http, token, started: Instant::now(), output };
        demo.say("simulator", format!("http://{} stands in for vod.tencentcloudapi.com", demo.simulator.addr()));
        demo.say("oncue", format!("callbacks at http://{listen}/vod/{APP}/…, admin at http://{admin}"));
        Ok(demo)
    }

    /// One upload, followed to the end.
    async fn show(&self) -> Result<(), Failure> {
        let file_id = self.upload("sample-clip").await?;
        self.say("upload", format!("sample-clip is file {file_id}"));
        let upload = self.event("NewFileUpload", &file_id).await?;
        self.say("received", format!("NewFileUpload as {}", cell(&upload, "id")));
        let run = self.run("transcode-new-uploads", &cell(&upload, "id")).await?;
        self.say("matched", format!("rule transcode-new-uploads, {}", cell(&run["run"], "id")));
        self.show_submission(&file_id, &run).await?;
        let finish = self.event("ProcedureStateChanged", &file_id).await?;
        self.say("received", format!("ProcedureStateChanged as {}", cell(&finish, "id")));
        let run = self.run("log-finished-transcodes", &cell(&finish, "id")).await?;
        self.show_results(&run)?;
        self.say("done", format!("in {} ms", self.started.elapsed().as_millis()));
        Ok(())
    }

    async fn show_submission(&self, file_id: &str, run: &Value) -> Result<(), Failure> {
        let tasks = self.simulator_get(&format!("tasks?file_id={file_id}")).await?;
        let task = &tasks["tasks"][0];
        let set = task["request"]["MediaProcessTask"]["TranscodeTaskSet"].as_array();
        let definitions: Vec<_> = set.into_iter().flatten().map(|task| cell(task, "Definition")).collect();
        if tasks["total"] != 1 || definitions != ["100010", "100020"] {
            let message = format!("the vendor was to get one task with 100010 and 100020, and got {tasks}");
            return Err(Failure::new(Exit::Internal, message));
        }
        let task_id = cell(&run["steps"][0]["output"], "TaskId");
        let definitions = definitions.join(" and ");
        self.say("accepted", format!("ProcessMedia with {definitions} as task {task_id}"));
        self.say("", format!("SessionId {}", cell(task, "session_id")));
        Ok(())
    }

    fn show_results(&self, run: &Value) -> Result<(), Failure> {
        let logged = run["steps"].as_array().into_iter().flatten();
        let urls: Vec<_> = logged.filter_map(|step| step["output"]["message"].as_str()).collect();
        for url in &urls {
            self.say("output", *url);
        }
        if urls.len() == 2 && urls.iter().all(|url| url.starts_with("http")) {
            return Ok(());
        }
        Err(Failure::new(Exit::Internal, format!("two URLs were to be logged, and these were: {urls:?}")))
    }

    fn explain(&self) {
        let config = self.folder.path().join("oncue.yaml").display().to_string();
        let simulator = self.simulator.addr();
        self.output.line(&format!(
            "\neverything goes on running until Ctrl-C. In another terminal:\n\
             \x20 curl -X POST http://{simulator}/simulator/apps/{APP}/media -d '{{\"name\": \"another\"}}'   another upload\n\
             \x20 curl http://{simulator}/simulator/tasks                                          what was submitted\n\
             \x20 curl -X POST http://{}/vod/{APP}/{} -d @event.json                               any event\n\
             \x20 oncue --config {config} events\n\
             \x20 oncue --config {config} runs",
            self.app.listen(),
            self.token,
        ));
    }

    fn say(&self, what: &str, text: impl AsRef<str>) {
        let text = text.as_ref();
        if self.output.is_json() {
            let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.output.line(&json!({ "at_ms": millis, "what": what, "text": text }).to_string());
        } else {
            self.output.line(&format!("{what:<10} {text}"));
        }
    }

    async fn upload(&self, name: &str) -> Result<String, Failure> {
        let url = format!("http://{}/simulator/apps/{APP}/media", self.simulator.addr());
        let answer = self.answer(self.http.post(url).json(&json!({ "name": name }))).await?;
        Ok(cell(&answer, "file_id"))
    }

    async fn simulator_get(&self, path: &str) -> Result<Value, Failure> {
        self.answer(self.http.get(format!("http://{}/simulator/{path}", self.simulator.addr()))).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let answer = async { request.send().await?.error_for_status()?.json().await };
        answer.await.map_err(|error: reqwest::Error| Failure::internal("the simulator does not answer", error))
    }

    /// The event of a type about a file, once it was received.
    async fn event(&self, kind: &str, file_id: &str) -> Result<Value, Failure> {
        let query = [("type", kind.to_owned()), ("file_id", file_id.to_owned())];
        self.find(kind, "/events", &query, |answer| answer["items"].get(0).cloned()).await
    }

    /// The run of a rule for an event, once it has ended.
    async fn run(&self, rule: &str, event: &str) -> Result<Value, Failure> {
        let query = [("rule", rule.to_owned()), ("event", event.to_owned())];
        let ended = |answer: &Value| {
            let run = answer["items"].get(0)?;
            ["succeeded", "dead"].contains(&run["status"].as_str()?).then(|| run.clone())
        };
        let run = self.find(rule, "/runs", &query, ended).await?;
        let run = self.client.get(&format!("/runs/{}", cell(&run, "id")), &[]).await?;
        if run["run"]["status"] == "succeeded" {
            return Ok(run);
        }
        let error = cell(&run["run"]["error"], "message");
        Err(Failure::new(Exit::Internal, format!("the run of {rule} is dead: {error}")))
    }

    async fn find(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, String)],
        found: impl Fn(&Value) -> Option<Value>,
    ) -> Result<Value, Failure> {
        let asked = Instant::now();
        let mut progress = Progress::start("waiting");
        while asked.elapsed() < PATIENCE {
            progress.update(|| what.to_owned());
            if let Some(value) = found(&self.client.get(path, query).await?) {
                return Ok(value);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Err(Failure::new(Exit::Internal, format!("{what} did not come about within {} s", PATIENCE.as_secs())))
    }
}

async fn simulate(listen: SocketAddr, callback_url: &str) -> Result<Handle, Failure> {
    let listener =
        TcpListener::bind(listen).await.map_err(|error| Failure::internal("no port for the simulator", error))?;
    let switches = Switches { upload: true, delete: true, persistence: true };
    let app = AppOptions { callback_url: Some(callback_url.to_owned()), switches, ..AppOptions::new(APP) };
    let key = Key { secret_id: SECRET_ID.to_owned(), secret_key: SECRET_KEY.to_owned(), token: None };
    let options = Options { keys: vec![key], apps: vec![app], ..Options::default() };
    Simulator::start(options, listener).map_err(|error| Failure::internal("the simulator does not start", error))
}

async fn free_address() -> Result<SocketAddr, Failure> {
    let address = async { TcpListener::bind("127.0.0.1:0").await?.local_addr() };
    address.await.map_err(|error| Failure::internal("no free port", error))
}

fn configuration(listen: SocketAddr, admin: SocketAddr, vendor: SocketAddr, token: &str) -> String {
    format!(
        "listen: {listen}\nadmin: {admin}\nvod: {{ endpoint: \"http://{vendor}\" }}\n\
         credentials:\n  main: {{ secret_id: {SECRET_ID}, secret_key: {SECRET_KEY} }}\n\
         apps:\n  - {{ subappid: {APP}, name: demo, credentials: main, callback: {{ token: \"{token}\" }}, \
         vars: {{ definitions: [100010, 100020] }} }}\n"
    )
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> Result<(), Failure> {
    let path = folder.path().join(name);
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
    written.map_err(|error| Failure::internal(format!("cannot write {}", path.display()), error))
}
