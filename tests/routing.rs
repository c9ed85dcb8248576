//! One rule, two applications: each event is answered with the definitions and the credentials of its own application.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oncue::simulator::{AppOptions, Handle, Key, Options, Simulator, Switches};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use warp::Filter;
use warp::http::{HeaderMap, Response, StatusCode};

use crate::support::{Folder, Serving, eventually, free_port, oncue};

const FIRST: u64 = 1_500_000_001;
const SECOND: u64 = 1_500_000_002;
const TOKENS: [&str; 2] = ["0123456789abcdef0123456789abcde1", "0123456789abcdef0123456789abcde2"];
const RULE: &str = "rules:
  - name: transcode-new-uploads
    on: NewFileUpload
    apps: [replay, 'label:team=feed']
    steps:
      - { uses: vod.process_media, with: { definitions: \"${{ app.vars.definitions }}\" } }
";

fn options(listen: u16) -> Options {
    let app = |id: u64, token: &str| AppOptions {
        callback_url: Some(format!("http://127.0.0.1:{listen}/vod/{id}/{token}")),
        switches: Switches { upload: true, ..Switches::default() },
        ..AppOptions::new(id)
    };
    let key =
        |name: &str| Key { secret_id: format!("AKID{name}"), secret_key: format!("SecretKeyOf{name}"), token: None };
    Options {
        keys: vec![key("Feed"), key("Replay")],
        apps: vec![app(FIRST, TOKENS[0]), app(SECOND, TOKENS[1])],
        task_delay: Duration::ZERO,
        ..Options::default()
    }
}

/// Application and `SecretId` of a call.
type Signed = (u64, String);

/// Passes calls on to the simulator, and remembers who signed for which application.
async fn witness(simulator: SocketAddr) -> (SocketAddr, Arc<Mutex<BTreeSet<Signed>>>) {
    let seen: Arc<Mutex<BTreeSet<Signed>>> = Arc::default();
    let witnessed = Arc::clone(&seen);
    let pass_on = warp::post().and(warp::header::headers_cloned()).and(crate::support::body()).then(
        move |headers: HeaderMap, body: Vec<u8>| {
            let witnessed = Arc::clone(&witnessed);
            async move {
                let request: Value = serde_json::from_slice(&body).unwrap();
                let authorization = headers["authorization"].to_str().unwrap();
                let id = authorization.split("Credential=").nth(1).unwrap().split('/').next().unwrap().to_owned();
                witnessed.lock().unwrap().insert((request["SubAppId"].as_u64().unwrap(), id));
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                let answer = client.post(format!("http://{simulator}/")).headers(headers).body(body).send().await;
                let answer = answer.unwrap();
                let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
                Response::builder().status(status).body(answer.text().await.unwrap()).unwrap()
            }
        },
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(warp::serve(pass_on).incoming(listener).run());
    (address, seen)
}

fn folder(listen: u16, endpoint: SocketAddr) -> Folder {
    let folder = Folder::new();
    folder.write("rules/rules.yaml", RULE);
    let [first, second] = TOKENS;
    folder.write(
        "oncue.yaml",
        &format!(
            "listen: 127.0.0.1:{listen}
admin: 127.0.0.1:{}
vod: {{ endpoint: http://{endpoint} }}
credentials:
  feed: {{ secret_id: AKIDFeed, secret_key: SecretKeyOfFeed }}
  replay: {{ secret_id: AKIDReplay, secret_key: SecretKeyOfReplay }}
apps:
  - {{ subappid: {FIRST}, name: short-video, labels: {{ team: feed }}, credentials: feed, \
               callback: {{ token: {first} }}, vars: {{ definitions: [100010, 100020] }} }}
  - {{ subappid: {SECOND}, name: replay, credentials: replay, callback: {{ token: {second} }}, \
               vars: {{ definitions: [100030] }} }}
",
            free_port()
        ),
    );
    folder
}

async fn ask(simulator: &Handle, method: &str, path: &str, body: Option<Value>) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = client.request(method, format!("http://{}/simulator{path}", simulator.addr()));
    let request = if let Some(body) = body { request.json(&body) } else { request };
    request.send().await.unwrap().json().await.unwrap()
}

/// The transcode definitions of the one task of an application.
async fn definitions(simulator: &Handle, app: u64) -> Vec<u64> {
    let task = || async {
        let tasks = ask(simulator, "GET", &format!("/tasks?subappid={app}"), None).await;
        (tasks["total"] == 1).then(|| tasks["tasks"][0].clone())
    };
    let task = eventually("a task", task).await;
    let set = task["request"]["MediaProcessTask"]["TranscodeTaskSet"].as_array().unwrap().clone();
    set.iter().map(|item| item["Definition"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rule_serves_two_applications_each_with_its_definitions_and_credentials() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let listen = free_port();
    let simulator = Simulator::start(options(listen), TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let (endpoint, seen) = witness(simulator.addr()).await;
    let folder = folder(listen, endpoint);
    let _serving = Serving::start(&folder);
    for app in [FIRST, SECOND] {
        ask(&simulator, "POST", &format!("/apps/{app}/media"), Some(json!({ "name": "clip" }))).await;
    }
    assert_eq!(definitions(&simulator, FIRST).await, [100_010, 100_020]);
    assert_eq!(definitions(&simulator, SECOND).await, [100_030]);
    let expected = BTreeSet::from([(FIRST, "AKIDFeed".to_owned()), (SECOND, "AKIDReplay".to_owned())]);
    assert_eq!(*seen.lock().unwrap(), expected);
    simulator.stop().await;
}

#[test]
fn check_names_every_selected_application_that_a_rule_cannot_serve() {
    let folder = folder(free_port(), SocketAddr::from(([127, 0, 0, 1], 1)));
    oncue(&["check"]).within(&folder).success();
    let config = folder.read("oncue.yaml");
    folder.write("oncue.yaml", &config.replace(", credentials: replay", "").replace("[100030]", "[1], other: 2"));
    let report = oncue(&["check"]).within(&folder).failure().stdout;
    let problem = "the application `replay` (1500000002) has no credentials, which `vod.process_media` needs";
    assert!(report.contains(problem), "{report}");
    folder.write("oncue.yaml", &config.replace("definitions:", "definition:"));
    let report = oncue(&["check"]).within(&folder).failure().stdout;
    let problem = "the applications `short-video` (1500000001), `replay` (1500000002) have no `vars.definitions`";
    assert!(report.contains(problem), "{report}");
    folder.write("rules/rules.yaml", &RULE.replace("replay, ", "replai, "));
    let report = oncue(&["check"]).within(&folder).failure().stdout;
    assert!(report.contains("did you mean `replay`?"), "{report}");
}
