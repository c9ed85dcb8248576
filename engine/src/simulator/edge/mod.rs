//! The edge of a simulator: the listener, the clock, and what the two faces and the callbacks share.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use oncue_rules::time::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use warp::Filter;
use warp::reply::Response;

mod auth;
mod body;
mod control;
pub(super) mod deliver;
mod query;
mod vendor;

use super::state::State;

/// The most connections at a time; more wait for being accepted.
const MAX_CONNECTIONS: usize = 1_024;

/// How long a client may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The state, and who is told when it changes.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Wakes the one that does what is due.
    wake: Notify,
    /// Tells everyone who waits for something.
    changed: watch::Sender<()>,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), wake: Notify::new(), changed: watch::Sender::new(()) }
    }

    /// Reads the state.
    fn read<T>(&self, read: impl FnOnce(&State, Timestamp) -> T) -> T {
        read(&self.state.lock().unwrap_or_else(PoisonError::into_inner), crate::clock::now())
    }

    /// Changes the state, and has what is due looked after.
    fn change<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let result = self.change_quietly(change);
        self.wake.notify_one();
        result
    }

    /// The same for the one that looks after what is due.
    fn change_quietly<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = crate::clock::now();
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), now);
        self.changed.send_replace(());
        result
    }

    /// Waits until `done` says so, or until the time is over: then it is false.
    async fn wait(&self, limit: Duration, done: impl Fn(&State) -> bool) -> bool {
        let mut changed = self.changed.subscribe();
        let waited = tokio::time::timeout(limit, async {
            while !self.read(|state, _| done(state)) {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        });
        waited.await.is_ok()
    }
}

/// Serves until told to stop, then drops all connections and callbacks.
pub(super) async fn serve(
    shared: Arc<Shared>,
    client: reqwest::Client,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
) {
    let mut tasks = JoinSet::new();
    tasks.spawn(deliver::run(shared.clone(), client));
    loop {
        tokio::select! {
            // Its error means that the handle was dropped.
            _ = stop.changed() => break,
            accepted = listener.accept(), if tasks.len() <= MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => { tasks.spawn(connection(shared.clone(), stream, peer)); }
                Err(error) => {
                    tracing::warn!(%error, "the simulator could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    tasks.shutdown().await;
}

/// Serves one connection. Dropping it is how the connection is closed without an answer.
async fn connection(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    let hang_up = Arc::new(Notify::new());
    let edge = Edge { shared, peer, hang_up: hang_up.clone() };
    let filter = warp::method()
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |method, path: warp::path::FullPath, query: String, headers, stream| {
            let edge = edge.clone();
            async move {
                let body = body::read_capped(stream, body::limit(path.as_str())).await;
                edge.route(&Request { method, path: path.as_str().to_owned(), query, headers, body }).await
            }
        });
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let service = TowerToHyperService::new(warp::service(filter));
    tokio::select! {
        served = builder.serve_connection(TokioIo::new(stream), service) => {
            if let Err(error) = served {
                tracing::debug!(%error, "a connection to the simulator ended with an error");
            }
        }
        () = hang_up.notified() => {}
    }
}

/// A request, read whole.
struct Request {
    method: warp::http::Method,
    path: String,
    query: String,
    headers: warp::http::HeaderMap,
    body: Result<Vec<u8>, body::Error>,
}

/// What answers the requests of one connection.
#[derive(Clone)]
struct Edge {
    shared: Arc<Shared>,
    peer: SocketAddr,
    hang_up: Arc<Notify>,
}

impl Edge {
    async fn route(&self, request: &Request) -> Response {
        if request.path == "/simulator" || request.path.starts_with("/simulator/") {
            control::answer(self, request).await
        } else {
            vendor::answer(self, request).await
        }
    }

    /// Closes the connection; the answer never comes.
    async fn close(&self) -> Infallible {
        self.hang_up.notify_one();
        std::future::pending().await
    }
}

/// An answer with a JSON body.
fn json(status: u16, value: &serde_json::Value) -> Response {
    respond(status, "application/json", value.to_string())
}

fn respond(status: u16, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = warp::http::StatusCode::from_u16(status).unwrap_or_default();
    let content_type = warp::http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(warp::http::header::CONTENT_TYPE, content_type);
    response
}
