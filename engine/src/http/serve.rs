//! Serves HTTP/1 on a listener, within limits that hold against slow, large and many senders.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use warp::hyper::server::conn::http1;

use super::Routes;
use super::stall::StallLimit;

/// The limits of a server. Bodies have limits of their own, [`super::body::BodyLimits`].
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a sender may take for a request's head; also how long a connection may be idle.
    pub head_time: Duration,
    /// How long a client may take no byte of an answer that waits for it.
    pub write_time: Duration,
    /// The largest head, in bytes.
    pub head_bytes: usize,
    /// How many header fields a head may have.
    pub head_fields: usize,
    /// How many connections are served at once; more wait in the listener's backlog.
    pub connections: usize,
    /// How long requests under way may take once the server is told to stop.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_time: Duration::from_secs(10),
            write_time: Duration::from_secs(10),
            head_bytes: 16 << 10,
            head_fields: 64,
            connections: 1024,
            stop_time: Duration::from_secs(10),
        }
    }
}

/// How a server stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// How many connections were cut because they did not finish in [`Limits::stop_time`].
    pub cut: usize,
}

/// Serves until `shutdown` is ready, then takes no more connections, finishes what is under way, and returns.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> Stopped {
    let mut server = Server::new(routes, limits);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async {
            // Permit first: without one, a connection is better off in the backlog.
            let permit = server.permit().await;
            (accept(&listener).await, permit)
        };
        tokio::select! {
            (stream, permit) = next => server.take(stream, permit),
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    server.stop().await
}

struct Server {
    routes: Routes,
    limits: Limits,
    http: http1::Builder,
    permits: Arc<Semaphore>,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

impl Server {
    fn new(routes: Routes, limits: Limits) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_header_size(limits.head_bytes)
            .max_headers(limits.head_fields);
        let permits = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let (graceful, connections) = (GracefulShutdown::new(), JoinSet::new());
        Self { routes, limits, http, permits, graceful, connections }
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so this is always some.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    fn take(&mut self, stream: TcpStream, permit: Option<OwnedSemaphorePermit>) {
        let service = TowerToHyperService::new(warp::service(self.routes.0.clone()));
        let connection = self
            .graceful
            .watch(self.http.serve_connection(TokioIo::new(StallLimit::new(stream, self.limits.write_time)), service));
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
        while let Some(ended) = self.connections.try_join_next() {
            report(ended);
        }
    }

    async fn stop(mut self) -> Stopped {
        // Those that do not finish hold `graceful` back, and are cut below.
        let _finished = tokio::time::timeout(self.limits.stop_time, self.graceful.shutdown()).await;
        while let Some(ended) = self.connections.try_join_next() {
            report(ended);
        }
        let cut = self.connections.len();
        self.connections.shutdown().await;
        if cut > 0 {
            tracing::warn!(cut, "connections were cut because they did not finish in time");
        }
        Stopped { cut }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

/// The next connection. A failed accept concerns one peer, or passes when others close (too many open files).
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection went before it was served");
                }
                return stream;
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
