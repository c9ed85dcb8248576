//! A server on a port of its own, a client that sends raw bytes, and stand-ins for what is behind the faces.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use oncue_rules::ids::{ContentHash, EventId, RunId, SubAppId};
use oncue_rules::time::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::http::body::BodyLimits;
use crate::http::receiver::{
    Ack, Door, Doors, Ingest, IngestError, Outcome, Outcomes, QuarantineLimits, Receiver, face,
};
use crate::http::serve::Stopped;
use crate::http::{Limits, Routes, routes, serve};
use crate::secret::Secret;
use crate::secrets::{KnownSecrets, Secrets};
use crate::sources::endpoint::Received;
use crate::sources::vod::Recognised;
use crate::store::*;

pub(crate) const APP: u64 = 1_500_000_001;
pub(crate) const SIGNED: u64 = 1_500_000_002;
pub(crate) const SIGN_ONLY: u64 = 1_500_000_003;
pub(crate) const INSECURE: u64 = 1_500_000_004;
pub(crate) const CLOSED: u64 = 1_500_000_005;
pub(crate) const TOKEN: &str = "t0ken-of-the-first";
pub(crate) const OLD_TOKEN: &str = "t0ken-that-goes";
/// A secret that bodies of these tests may hold.
pub(crate) const SCRUBBED: &str = "marker-of-a-secret";
pub(crate) const KEY: &str = "VodSignKey0000000000000000000001";

/// Within the life of the vendor's signature vector (protocol section 4).
pub(crate) fn now() -> Timestamp {
    Timestamp(1_700_000_000_000)
}

pub(crate) fn sample(name: &str) -> String {
    let path = format!("{}/../tests/fixtures/protocol/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn doors() -> Doors {
    let token = || vec![Secret::new(TOKEN), Secret::new(OLD_TOKEN)];
    let key = || vec![Secret::new(KEY)];
    let apps = [
        (APP, Door { tokens: token(), ..Door::default() }),
        (SIGNED, Door { tokens: token(), sign_keys: key(), insecure: false }),
        (SIGN_ONLY, Door { sign_keys: key(), ..Door::default() }),
        (INSECURE, Door { insecure: true, ..Door::default() }),
        (CLOSED, Door::default()),
    ];
    Doors { apps: apps.into_iter().map(|(app, door)| (SubAppId(app), door)).collect(), ..Doors::default() }
}

/// What the stand-in for the engine does with events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Take,
    Unavailable,
    Fault,
    Panic,
    /// Waits for `FakeIngest::go` before it takes.
    Hold,
}

pub(crate) struct FakeIngest {
    pub(crate) mood: Mutex<Mood>,
    pub(crate) taken: Mutex<Vec<(SubAppId, Recognised)>>,
    seen: Mutex<HashMap<String, EventId>>,
    /// Told when an event is held.
    pub(crate) held: Notify,
    pub(crate) go: Notify,
}

impl FakeIngest {
    pub(crate) fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(mood),
            taken: Mutex::default(),
            seen: Mutex::default(),
            held: Notify::new(),
            go: Notify::new(),
        })
    }
}

#[async_trait]
impl Ingest for FakeIngest {
    async fn ingest(&self, app: SubAppId, event: Recognised, _: Timestamp) -> Result<Ack, IngestError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Take => {}
            Mood::Unavailable => {
                let retry_after = Some(Duration::from_millis(2500));
                return Err(IngestError::Unavailable { retry_after, source: "the disk is full of s3cret".into() });
            }
            Mood::Fault => return Err(IngestError::Internal { source: "s3cret".into() }),
            Mood::Panic => panic!("a fault in the engine"),
            Mood::Hold => {
                self.held.notify_one();
                self.go.notified().await;
            }
        }
        let key = format!("{app}/{}", event.dedupe_key);
        self.taken.lock().unwrap().push((app, event));
        if let Some(first) = self.seen.lock().unwrap().get(&key) {
            return Ok(Ack::Duplicate(*first));
        }
        let event = EventId::generate();
        self.seen.lock().unwrap().insert(key, event);
        Ok(Ack::Accepted { event, runs: 2 })
    }

    async fn receive(&self, _: Received, _: Timestamp) -> Result<Ack, IngestError> {
        unreachable!("these doors have no endpoints")
    }
}

/// A store that knows the verbs that the faces use.
#[derive(Default)]
pub(crate) struct FakeStore {
    pub(crate) quarantined: Mutex<Vec<Quarantine>>,
    pub(crate) delivered: Mutex<Vec<Delivery>>,
    pub(crate) runs: Mutex<Vec<RunDetail>>,
    pub(crate) broken: Mutex<bool>,
}

impl FakeStore {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let broken = *self.broken.lock().unwrap();
        if broken { Err(Error::Unavailable { doing: "anything", unknown: false, source: None }) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for FakeStore {
    async fn quarantine(&self, quarantine: Quarantine) -> Result<(), Error> {
        self.check()?;
        self.quarantined.lock().unwrap().push(quarantine);
        Ok(())
    }

    async fn deliver(&self, delivery: Delivery) -> Result<Delivered, Error> {
        self.check()?;
        let runs = self.runs.lock().unwrap();
        let Some(run) = runs.iter().find(|run| run.row.id == delivery.run) else { return Ok(Delivered::NoRun) };
        if run.row.status.is_final() {
            return Ok(Delivered::Ended);
        }
        self.delivered.lock().unwrap().push(delivery);
        Ok(Delivered::Stored)
    }

    async fn join(&self, _: &NodeId, _: Timestamp) -> Result<Joined, Error> {
        unreachable!()
    }
    async fn accept(&self, _: Accept) -> Result<Accepted, Error> {
        unreachable!()
    }
    async fn put_contents(&self, _: Vec<Content>) -> Result<(), Error> {
        unreachable!()
    }
    async fn content(&self, _: &ContentHash) -> Result<Option<String>, Error> {
        unreachable!()
    }
    async fn origin(&self, _: &str) -> Result<Option<Origin>, Error> {
        unreachable!()
    }
    async fn awaited(&self, _: oncue_rules::ids::EventId) -> Result<Option<crate::store::StoredEvent>, Error> {
        Ok(None)
    }

    async fn collected(&self, _: RunId) -> Result<Vec<crate::store::StoredEvent>, Error> {
        Ok(Vec::new())
    }

    async fn claim(&self, _: Claim) -> Result<Vec<ClaimedRun>, Error> {
        unreachable!()
    }
    async fn apply(&self, _: Advance) -> Result<Vec<InboxRow>, Error> {
        unreachable!()
    }
    async fn park(&self, _: Advance) -> Result<Vec<InboxRow>, Error> {
        unreachable!()
    }
    async fn due(&self, _: Timestamp, _: u32) -> Result<Due, Error> {
        unreachable!()
    }
    async fn renew(&self, _: Vec<(RunId, Fence)>, _: Timestamp) -> Result<Vec<RunId>, Error> {
        unreachable!()
    }
    async fn release(&self, _: Vec<(RunId, Fence)>) -> Result<(), Error> {
        unreachable!()
    }
}

#[async_trait]
impl Outcomes for FakeStore {
    async fn outcome(&self, _: EventId) -> Result<Option<Outcome>, Error> {
        unreachable!("these doors have no endpoints")
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<Stopped>,
}

impl Server {
    pub(crate) async fn start(routes: Routes, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _either_way = stopped.await;
        };
        let task = tokio::spawn(serve(listener, routes, limits, shutdown));
        Self { address, stop, task }
    }

    pub(crate) fn stop(self) -> JoinHandle<Stopped> {
        self.stop.send(()).unwrap();
        self.task
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address).await.unwrap()))
    }
}

/// A receiver with what stands behind it.
pub(crate) struct Rig {
    pub(crate) server: Server,
    pub(crate) ingest: Arc<FakeIngest>,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) doors: Arc<ArcSwap<Doors>>,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(Mood::Take, BodyLimits::default(), Limits::default()).await
    }

    pub(crate) async fn with(mood: Mood, body: BodyLimits, limits: Limits) -> Self {
        let ingest = FakeIngest::new(mood);
        let store = Arc::new(FakeStore::default());
        let doors = Arc::new(ArcSwap::from_pointee(doors()));
        let receiver = Receiver {
            doors: Arc::clone(&doors),
            ingest: Arc::<FakeIngest>::clone(&ingest),
            store: Arc::<FakeStore>::clone(&store),
            outcomes: Arc::<FakeStore>::clone(&store),
            secrets: Secrets::new(KnownSecrets { others: vec![Secret::new(SCRUBBED)], ..KnownSecrets::default() }),
            body,
            quarantine: QuarantineLimits { keep: 7, bytes: 100 },
            now,
        };
        let server = Server::start(routes(face(Arc::new(receiver))), limits).await;
        Self { server, ingest, store, doors }
    }

    /// Sends a body on a connection of its own.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let mut client = self.server.connect().await;
        client.call("POST", path, "", body).await
    }
}

pub(crate) fn path(app: u64) -> String {
    format!("/vod/{app}/{TOKEN}")
}

pub(crate) struct Client(pub(crate) BufReader<TcpStream>);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"));
        body["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

impl Client {
    pub(crate) async fn call(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        self.send(&format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{length}{headers}\r\n{body}")).await;
        self.answer(method).await
    }

    pub(crate) async fn send(&mut self, raw: &str) {
        self.0.write_all(raw.as_bytes()).await.unwrap();
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self, method: &str) -> Answer {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
        let mut headers = HashMap::new();
        loop {
            line.clear();
            self.0.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_owned(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if method == "HEAD" { 0 } else { length }];
        self.0.read_exact(&mut body).await.unwrap();
        Answer { status, headers, body: String::from_utf8(body).unwrap() }
    }

    /// Everything that still comes until the server closes.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _reset_or_end = self.0.read_to_end(&mut rest).await;
        rest
    }
}
