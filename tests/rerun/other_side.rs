//! A stand-in for whom steps call: it keeps what it is sent, and answers as it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use warp::Filter as _;
use warp::http::StatusCode;

#[derive(Default)]
struct State {
    /// The paths that were called, in order.
    calls: Vec<String>,
    /// What is answered instead of 200, by path.
    refusals: BTreeMap<String, u16>,
}

/// Ended with the test's runtime.
pub(super) struct OtherSide {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl OtherSide {
    pub(super) async fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let kept = Arc::clone(&state);
        let answer = warp::path::full().map(move |path: warp::path::FullPath| {
            let path = path.as_str().trim_start_matches('/').to_owned();
            let mut state = kept.lock().unwrap();
            let status = state.refusals.get(&path).copied().unwrap_or(200);
            state.calls.push(path);
            warp::reply::with_status(warp::reply::json(&7), StatusCode::from_u16(status).unwrap())
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(warp::serve(answer).incoming(listener).run());
        Self { address, state }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on a path is answered with this status; 200 is well.
    pub(super) fn answers(&self, path: &str, status: u16) {
        self.state.lock().unwrap().refusals.insert(path.to_owned(), status);
    }

    /// The paths that were called, in order; they are forgotten.
    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    /// The same, sorted: what runs at the same time comes in any order.
    pub(super) fn sorted_calls(&self) -> Vec<String> {
        let mut calls = self.calls();
        calls.sort();
        calls
    }
}
