//! An API of the vendor that fails with one key is left alone, tried once in a while, and keeps nothing else waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oncue::simulator::{AppOptions, Fault, Handle, Key, Options, Simulator, Switches, Trouble};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use warp::Filter;
use warp::http::{HeaderMap, Response, StatusCode};

use crate::support::{Folder, Serving, TOKEN, eventually, free_port, http};

const FIRST: u64 = 1_500_000_001;
const SECOND: u64 = 1_500_000_002;
const RULES: &str = "rules:
  - name: transcode
    on: NewFileUpload
    steps: [{ id: submit, uses: vod.process_media, with: { definitions: [100010] } }]
  - name: look
    on: NewFileUpload
    steps:
      - id: look
        uses: tencent.call
        with:
          service: vod
          version: \"2018-07-17\"
          action: DescribeMediaInfos
          params: { SubAppId: \"${{ event.subappid }}\", FileIds: [\"${{ event.file_id }}\"] }
";

fn is_feed(headers: &HeaderMap) -> bool {
    headers["authorization"].to_str().unwrap().contains("Credential=AKIDFeed/")
}

/// Stands before the simulator. Submissions with the first key wait at it while it is closed.
struct Front {
    address: SocketAddr,
    open: watch::Sender<bool>,
    /// How many have come to it while it was closed.
    came: Arc<AtomicUsize>,
}

impl Front {
    async fn before(simulator: SocketAddr) -> Self {
        let (open, came) = (watch::Sender::new(true), Arc::<AtomicUsize>::default());
        let (opened, counted) = (open.subscribe(), Arc::clone(&came));
        let pass_on = warp::post().and(warp::header::headers_cloned()).and(crate::support::body()).then(
            move |headers: HeaderMap, body: Vec<u8>| {
                let (mut opened, counted) = (opened.clone(), Arc::clone(&counted));
                async move {
                    if headers["x-tc-action"] == "ProcessMedia" && is_feed(&headers) && !*opened.borrow() {
                        counted.fetch_add(1, Ordering::SeqCst);
                        opened.wait_for(|open| *open).await.unwrap();
                    }
                    let request = http().post(format!("http://{simulator}/")).headers(headers).body(body);
                    let answer = request.send().await.unwrap();
                    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
                    Response::builder().status(status).body(answer.text().await.unwrap()).unwrap()
                }
            },
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(warp::serve(pass_on).incoming(listener).run());
        Self { address, open, came }
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

async fn simulator(listen: &str) -> Handle {
    let app = |id: u64| AppOptions {
        callback_url: Some(format!("http://{listen}/vod/{id}/{TOKEN}")),
        switches: Switches { upload: true, ..Switches::default() },
        ..AppOptions::new(id)
    };
    let key = |name: &str| Key { secret_id: format!("AKID{name}"), secret_key: format!("Key{name}"), token: None };
    let broken = Trouble { subappid: Some(FIRST), ..Trouble::new(Fault::ServerError).action("ProcessMedia") };
    let options = Options {
        keys: vec![key("Feed"), key("Replay")],
        apps: vec![app(FIRST), app(SECOND)],
        misbehaviour: vec![broken],
        ..Options::default()
    };
    Simulator::start(options, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap()
}

fn folder(listen: u16) -> Folder {
    let folder = Folder::new();
    folder.write("rules/rules.yaml", RULES);
    folder.write(
        "oncue.yaml",
        &format!(
            "listen: 127.0.0.1:{listen}
admin: 127.0.0.1:{}
tencent: {{ breaker: {{ failures: 2, open: 1s }} }}
credentials:
  feed: {{ secret_id: AKIDFeed, secret_key: KeyFeed }}
  replay: {{ secret_id: AKIDReplay, secret_key: KeyReplay }}
apps:
  - {{ subappid: {FIRST}, credentials: feed, callback: {{ token: {TOKEN} }} }}
  - {{ subappid: {SECOND}, credentials: replay, callback: {{ token: {TOKEN} }} }}
",
            free_port()
        ),
    );
    folder
}

async fn upload(simulator: &Handle, app: u64) -> String {
    let url = format!("http://{}/simulator/apps/{app}/media", simulator.addr());
    let answer: Value = http().post(url).json(&json!({})).send().await.unwrap().json().await.unwrap();
    answer["file_id"].as_str().unwrap().to_owned()
}

/// The runs of a rule for an application.
async fn runs(serving: &Serving, rule: &str, app: u64) -> Vec<Value> {
    let runs = serving.get("/runs?limit=100").await["items"].as_array().unwrap().clone();
    runs.into_iter().filter(|run| run["rule"] == rule && run["subappid"] == app).collect()
}

async fn succeeded(serving: &Serving, rule: &str, app: u64, count: usize) {
    eventually(&format!("the end of {count} runs of {rule}"), || async {
        let runs = runs(serving, rule, app).await;
        assert!(runs.iter().all(|run| run["status"] != "dead"), "{runs:?}");
        (runs.iter().filter(|run| run["status"] == "succeeded").count() == count).then_some(())
    })
    .await;
}

/// When each run of the rule that is held back is to try again, once there are so many.
async fn held(serving: &Serving, count: usize) -> BTreeMap<String, String> {
    eventually(&format!("{count} runs that are held back"), || async {
        let mut found = BTreeMap::new();
        for run in runs(serving, "transcode", FIRST).await {
            let id = run["id"].as_str().unwrap();
            let detail = serving.get(&format!("/runs/{id}")).await;
            let last = detail["failed_attempts"].as_array().unwrap().last().cloned().unwrap_or_default();
            let timer = detail["timers"][0].clone();
            if last["error"]["class"] == "held" && timer["kind"] == "retry" {
                let message = last["error"]["message"].as_str().unwrap();
                assert!(message.starts_with("the API ProcessMedia of vod failed too often"), "{message}");
                found.insert(id.to_owned(), timer["due_at"].as_str().unwrap().to_owned());
            }
        }
        (found.len() >= count).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_fails_with_one_key_is_tried_once_in_a_while_and_keeps_nothing_else_waiting() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let folder = folder(free_port());
    let simulator = simulator(&folder.listen()).await;
    let front = Front::before(simulator.addr()).await;
    let vod = format!("vod: {{ endpoint: http://{} }}\n", front.address);
    folder.write("oncue.yaml", &(folder.read("oncue.yaml") + vod.as_str()));
    let serving = Serving::start(&folder);
    let mut files = BTreeSet::new();
    for _ in 0..6 {
        files.insert(upload(&simulator, FIRST).await);
    }
    held(&serving, 5).await;

    // From here on the vendor is well, and the one request that finds it out takes its time.
    front.open.send_replace(false);
    let troubles = format!("http://{}/simulator/misbehaviour", simulator.addr());
    assert_eq!(http().delete(troubles).send().await.unwrap().status(), 200);
    eventually("a trial", || async { (front.came() > 0).then_some(()) }).await;
    files.insert(upload(&simulator, FIRST).await);
    upload(&simulator, SECOND).await;
    succeeded(&serving, "look", FIRST, 7).await;
    succeeded(&serving, "transcode", SECOND, 1).await;
    let before = held(&serving, 6).await;
    eventually("another try of each", || async {
        let now = held(&serving, 6).await;
        before.iter().all(|(run, due_at)| now.get(run).is_some_and(|due| due != due_at)).then_some(())
    })
    .await;
    assert_eq!(front.came(), 1, "one trial at a time");

    front.open.send_replace(true);
    succeeded(&serving, "transcode", FIRST, 7).await;
    let tasks = format!("http://{}/simulator/tasks?subappid={FIRST}", simulator.addr());
    let tasks: Value = http().get(tasks).send().await.unwrap().json().await.unwrap();
    let tasks = tasks["tasks"].as_array().unwrap();
    let submitted: BTreeSet<_> = tasks.iter().map(|task| task["file_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((tasks.len(), submitted), (7, files));
    simulator.stop().await;
}
