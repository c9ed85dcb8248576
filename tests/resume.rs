//! What a killed server left unfinished goes on at the next start, all of it, and ends well.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use warp::Filter as _;

use crate::support::{Folder, Serving, body, eventually, fixture};

const RUNS: usize = 200;
const FILE: &str = "5000000000000000001";

/// Keeps what it hears; answers nobody until it is let go.
struct Receiver {
    port: u16,
    heard: Arc<Mutex<BTreeSet<String>>>,
    let_go: watch::Sender<bool>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, let_go) = (Arc::<Mutex<BTreeSet<String>>>::default(), watch::Sender::new(false));
        let (keep, gate) = (Arc::clone(&heard), let_go.subscribe());
        let answer = move |id: String, _: Vec<u8>| {
            keep.lock().unwrap().insert(id);
            let mut gate = gate.clone();
            async move {
                gate.wait_for(|open| *open).await.unwrap();
                Ok::<_, warp::Rejection>("heard")
            }
        };
        let routes = warp::post().and(warp::header::<String>("webhook-id")).and(body()).and_then(answer);
        tokio::spawn(warp::serve(routes).incoming(listener).run());
        Self { port, heard, let_go }
    }

    fn heard(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_runs_that_a_killed_server_left_end_well_and_everybody_hears_of_each() {
    let receiver = Receiver::start().await;
    let url = format!("http://127.0.0.1:{}/", receiver.port);
    let folder = Folder::with_rules(&format!(
        "rules:\n  - name: tell\n    on: NewFileUpload\n    steps:\n      \
         - {{ uses: webhook, with: {{ url: '{url}', allow_private: true, body: {{ file: '${{{{ event.file_id }}}}' }} }} }}\n"
    ));
    let serving = Serving::start(&folder);
    let event = fixture("protocol/events/01_new_file_upload_plain.json");
    assert!(event.contains(FILE));
    for n in 0..RUNS {
        let file = format!("51{n:017}");
        assert_eq!(serving.post(&event.replace(FILE, &file)).await, Some(200));
    }
    eventually("a call", || async { (receiver.heard() > 0).then_some(()) }).await;
    serving.kill();
    assert!(receiver.heard() < RUNS, "most of them wait for their turn");

    receiver.let_go.send_replace(true);
    let serving = Serving::start(&folder);
    let counts = eventually("the end of all", || async {
        let counts = serving.get("/counts").await;
        (counts["runs"]["succeeded"] == json!(RUNS)).then_some(counts)
    })
    .await;
    assert_eq!((&counts["events"], receiver.heard()), (&json!(RUNS), RUNS), "{counts}");
    assert_eq!(serving.stop(), 0);
}
