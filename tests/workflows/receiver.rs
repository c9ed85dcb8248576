//! The systems that a workflow tells: one listener, told apart by path.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::TcpListener;
use warp::Filter as _;
use warp::http::{HeaderMap, StatusCode};

use crate::support::{body, eventually};

const WELL: &str = r#"{"code":0,"errcode":0}"#;

/// What one of them was told.
#[derive(Debug, Clone)]
pub struct Heard {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }
}

#[derive(Default)]
struct Kept {
    heard: BTreeMap<String, Vec<Heard>>,
    answers: BTreeMap<String, VecDeque<(u16, &'static str)>>,
}

/// Answers 200, and that all is well in the words of each, unless told otherwise.
pub struct Receivers {
    pub port: u16,
    kept: Arc<Mutex<Kept>>,
}

impl Receivers {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::<Mutex<Kept>>::default();
        let keep = Arc::clone(&kept);
        let answer = move |path: warp::path::FullPath, headers: HeaderMap, body: Vec<u8>| {
            let mut kept = keep.lock().unwrap();
            let (status, text) =
                kept.answers.get_mut(path.as_str()).and_then(VecDeque::pop_front).unwrap_or((200, WELL));
            kept.heard.entry(path.as_str().to_owned()).or_default().push(Heard { headers, body });
            warp::reply::with_status(text, StatusCode::from_u16(status).unwrap())
        };
        let routes = warp::post().and(warp::path::full()).and(warp::header::headers_cloned()).and(body()).map(answer);
        tokio::spawn(warp::serve(routes).incoming(listener).run());
        Self { port, kept }
    }

    /// What the next requests to a path are answered, in order.
    pub fn answer(&self, path: &str, answers: &[(u16, &'static str)]) {
        self.kept.lock().unwrap().answers.entry(path.to_owned()).or_default().extend(answers);
    }

    /// What was heard at a path so far.
    pub fn heard(&self, path: &str) -> Vec<Heard> {
        self.kept.lock().unwrap().heard.get(path).cloned().unwrap_or_default()
    }

    /// The first that is heard at a path.
    pub async fn first(&self, path: &str) -> Heard {
        eventually(path, || async { self.heard(path).first().cloned() }).await
    }
}
