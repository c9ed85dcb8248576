//! A simulator, a client for it, and a receiver of its callbacks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oncue::simulator::{AppOptions, Handle, Key, Mode, Options, Simulator, Switches, Trouble};
use oncue_plugins::vod::tc3;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use warp::{Buf, Filter};

pub(crate) const APP: u64 = 1_500_000_001;
pub(crate) const PULLED: u64 = 1_500_000_002;
const SECRET_ID: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "EXAMPLESecretKey";

/// How long something that must come is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who takes callbacks: answers as planned, then with 200.
pub(crate) struct Receiver {
    addr: SocketAddr,
    bodies: mpsc::UnboundedReceiver<Value>,
}

/// A planned answer.
pub(crate) enum Planned {
    Status(u16),
    Never,
}

impl Receiver {
    pub(crate) async fn start(plan: Vec<Planned>) -> Self {
        let (sender, bodies) = mpsc::unbounded_channel();
        let plan = Arc::new(Mutex::new(VecDeque::from(plan)));
        let filter = warp::post()
            .and(warp::path!("vod" / "secret"))
            .and(warp::body::content_length_limit(1 << 20))
            .and(warp::body::aggregate())
            .then(move |body| {
                let planned = plan.lock().unwrap().pop_front().unwrap_or(Planned::Status(200));
                sender.send(read(body)).unwrap();
                answer(planned)
            });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(warp::serve(filter).incoming(listener).run());
        Self { addr, bodies }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/vod/secret", self.addr)
    }

    pub(crate) async fn next(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.bodies.recv()).await.expect("no callback came").unwrap()
    }

    pub(crate) async fn next_status(&mut self) -> String {
        self.next().await["ProcedureStateChangeEvent"]["Status"].as_str().unwrap().to_owned()
    }

    /// What came already.
    pub(crate) fn seen(&mut self) -> usize {
        std::iter::from_fn(|| self.bodies.try_recv().ok()).count()
    }
}

fn read(body: impl Buf) -> Value {
    serde_json::from_reader(body.reader()).unwrap()
}

async fn answer(planned: Planned) -> warp::http::StatusCode {
    match planned {
        Planned::Status(status) => warp::http::StatusCode::from_u16(status).unwrap(),
        Planned::Never => std::future::pending().await,
    }
}

/// A simulator and a client for it.
pub(crate) struct Bench {
    pub(crate) handle: Handle,
    pub(crate) client: reqwest::Client,
}

/// One application that pushes and one that is pulled from, with all events on and nothing to wait for.
pub(crate) fn options(receiver: Option<&Receiver>) -> Options {
    let switches = Switches { upload: true, delete: true, persistence: true };
    let mut pushed = AppOptions::new(APP);
    pushed.callback_url = receiver.map(Receiver::url);
    pushed.switches = switches;
    let mut pulled = AppOptions::new(PULLED);
    pulled.mode = Mode::Pull;
    pulled.switches = switches;
    Options {
        keys: vec![Key { secret_id: SECRET_ID.to_owned(), secret_key: SECRET_KEY.to_owned(), token: None }],
        apps: vec![pushed, pulled],
        task_delay: Duration::ZERO,
        callback_resend_delay: Duration::ZERO,
        pull_wait: Duration::ZERO,
        ..Options::default()
    }
}

/// What a signed request says of itself.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) secret_id: &'a str,
    pub(crate) secret_key: &'a str,
    pub(crate) service: &'a str,
    /// From now, in seconds.
    pub(crate) offset: i64,
    pub(crate) version: &'a str,
}

pub(crate) const GOOD: Signed<'static> =
    Signed { secret_id: SECRET_ID, secret_key: SECRET_KEY, service: "vod", offset: 0, version: "2018-07-17" };

impl Bench {
    pub(crate) async fn start(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let handle = Simulator::start(options, listener).unwrap();
        oncue::tls::prepare();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { handle, client }
    }

    pub(crate) fn request(&self, signed: Signed<'_>, action: &str, body: &str) -> reqwest::RequestBuilder {
        let host = self.handle.addr().to_string();
        let timestamp = jiff::Timestamp::now().as_second() + signed.offset;
        let authorization = tc3::sign(&tc3::Request {
            secret_id: signed.secret_id,
            secret_key: signed.secret_key,
            service: signed.service,
            host: &host,
            content_type: "application/json",
            payload: body.as_bytes(),
            timestamp,
        });
        self.client
            .post(format!("http://{host}/"))
            .header("Authorization", authorization)
            .header("Content-Type", "application/json")
            .header("X-TC-Action", action)
            .header("X-TC-Version", signed.version)
            .header("X-TC-Timestamp", timestamp)
            .body(body.to_owned())
    }

    pub(crate) async fn try_call(&self, action: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        self.request(GOOD, action, &body.to_string()).send().await
    }

    pub(crate) async fn call(&self, action: &str, body: &Value) -> Value {
        response(self.try_call(action, body).await.unwrap()).await
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("http://{}{path}", self.handle.addr()));
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// What the control plane answers when it does as it is told.
    pub(crate) async fn told(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.control(method, path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) async fn upload(&self, subappid: u64) -> String {
        let path = format!("/simulator/apps/{subappid}/media");
        let uploaded = self.told("POST", &path, json!({ "name": "clip" })).await;
        uploaded["file_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn settle(&self) {
        assert_eq!(self.told("POST", "/simulator/settle", Value::Null).await, json!({ "idle": true }));
    }

    pub(crate) async fn misbehave(&self, trouble: Trouble) {
        self.told("POST", "/simulator/misbehaviour", json!([trouble])).await;
    }

    pub(crate) async fn events(&self) -> Value {
        self.told("GET", "/simulator/statistics", Value::Null).await["events"].clone()
    }
}

pub(crate) async fn response(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), 200);
    response.json::<Value>().await.unwrap()["Response"].take()
}

pub(crate) fn code(response: &Value) -> &str {
    response["Error"]["Code"].as_str().unwrap_or("none")
}

pub(crate) fn transcode(subappid: u64, file_id: &str, session_id: &str) -> Value {
    json!({
        "SubAppId": subappid,
        "FileId": file_id,
        "MediaProcessTask": { "TranscodeTaskSet": [{ "Definition": 100_010 }, { "Definition": 100_020 }] },
        "SessionId": session_id,
        "SessionContext": "rule=hd",
    })
}

/// A bench with a receiver and a file whose event has been received.
pub(crate) async fn with_file(plan: Vec<Planned>, change: impl FnOnce(&mut Options)) -> (Bench, Receiver, String) {
    let receiver = Receiver::start(plan).await;
    let mut options = options(Some(&receiver));
    options.apps[0].switches.upload = false;
    change(&mut options);
    let bench = Bench::start(options).await;
    let file = bench.upload(APP).await;
    (bench, receiver, file)
}
