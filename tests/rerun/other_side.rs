//! A stand-in for whom steps call: it keeps what it is sent, and answers as it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
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

/// Passes connections on, and cuts the first one that posts once its request has been answered.
pub(super) struct Lossy {
    pub(super) address: SocketAddr,
    posts: Arc<Mutex<u32>>,
}

impl Lossy {
    pub(super) async fn start(to: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let posts = Arc::<Mutex<u32>>::default();
        let counted = Arc::clone(&posts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, to, Arc::clone(&counted)));
            }
        });
        Self { address, posts }
    }

    pub(super) fn posts(&self) -> u32 {
        *self.posts.lock().unwrap()
    }
}

async fn pass(mut client: TcpStream, to: SocketAddr, posts: Arc<Mutex<u32>>) {
    let mut server = TcpStream::connect(to).await.unwrap();
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(read) if read > 0 => {
                    *posts.lock().unwrap() += u32::from(asked.starts_with(b"POST"));
                    server.write_all(&asked[..read]).await.unwrap();
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(read) if read > 0 && *posts.lock().unwrap() != 1 => client.write_all(&answered[..read]).await.unwrap(),
                _ => return,
            },
        }
    }
}
