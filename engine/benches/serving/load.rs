//! A closed-loop sender of real bodies: each connection sends its next event when the last one is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const UPLOAD: &str = include_str!("../../../tests/fixtures/protocol/events/02_new_file_upload_with_procedure.json");
const UPLOADED: &str = "5000000000000000002";
const FIRST_FILE_ID: u64 = 6_000_000_000_000_000_000;

/// What the senders saw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Answers of 200.
    pub accepted: u64,
    /// From the first request to the last answer.
    pub took: Duration,
    /// 99 of 100 answers took no longer.
    pub p99: Duration,
}

impl Seen {
    /// Answers of 200 in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64()
    }
}

/// A body that is sent again and again, each time about another file.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// The text of the first one.
    pub text: String,
    /// The id of its file, of 19 digits, wherever it stands in the text.
    pub file: &'static str,
}

/// A real upload of 2.3 kB.
pub(crate) fn upload() -> Body {
    Body { text: UPLOAD.to_owned(), file: UPLOADED }
}

/// The ids of the files: the next one each time, none when there are no more.
pub(crate) type FileIds = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// Ids one after the other, without an end.
pub(crate) fn in_order() -> FileIds {
    let next = AtomicU64::new(FIRST_FILE_ID);
    Arc::new(move || Some(next.fetch_add(1, Ordering::Relaxed)))
}

/// Who sends what where.
#[derive(Clone)]
pub(crate) struct Senders {
    /// The server.
    pub to: SocketAddr,
    /// The path of the application.
    pub path: String,
    /// How many send at once.
    pub connections: usize,
    /// What they send.
    pub body: Body,
    /// About which files.
    pub ids: FileIds,
}

impl Senders {
    /// Sends for a time, or until there are no more ids; every event is about a file of its own.
    ///
    /// # Errors
    ///
    /// When a connection breaks or an answer is not 200.
    pub(crate) async fn send(&self, time: Duration) -> Result<Seen> {
        let started = Instant::now();
        let one = |_| {
            let senders = self.clone();
            tokio::spawn(async move { senders.one_connection(None, started + time).await })
        };
        let senders: Vec<_> = (0..self.connections).map(one).collect();
        let mut latencies = Vec::new();
        for sender in senders {
            latencies.append(&mut sender.await??);
        }
        let took = started.elapsed();
        latencies.sort_unstable();
        let p99 = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
        Ok(Seen { accepted: latencies.len() as u64, took, p99: Duration::from_micros(u64::from(p99)) })
    }

    /// Sends over one connection, with a pause after each event where one is wanted; how long each answer took, in
    /// microseconds.
    ///
    /// # Errors
    ///
    /// As [`Senders::send`].
    pub(crate) async fn one_connection(&self, pause: Option<Duration>, until: Instant) -> Result<Vec<u32>> {
        let mut stream = TcpStream::connect(self.to).await.context("no connection")?;
        stream.set_nodelay(true)?;
        let (path, to, Body { text, file }) = (&self.path, self.to, &self.body);
        let head = format!("POST {path} HTTP/1.1\r\nhost: {to}\r\ncontent-length: {}\r\n\r\n", text.len());
        let mut request = (head + text.as_str()).into_bytes();
        let places = find_all(&request, file.as_bytes());
        let mut latencies = Vec::new();
        let mut buffer = vec![0; 4096];
        while Instant::now() < until
            && let Some(id) = (self.ids)()
        {
            let id = id.to_string();
            for place in &places {
                request[*place..*place + id.len()].copy_from_slice(id.as_bytes());
            }
            let sent = Instant::now();
            stream.write_all(&request).await?;
            read_answer(&mut stream, &mut buffer).await?;
            latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(latencies)
    }
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        ensure!(read > 0, "the server closed the connection");
        filled += read;
        let answer = std::str::from_utf8(&buffer[..filled]).context("an answer that is no text")?;
        if let Some((head, body)) = answer.split_once("\r\n\r\n") {
            ensure!(head.starts_with("HTTP/1.1 200"), "answered {}", head.lines().next().unwrap_or_default());
            let length = head.lines().filter_map(|line| line.split_once(": "));
            let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length: usize = length.map(|(_, value)| value.trim().parse()).next().transpose()?.unwrap_or(0);
            if body.len() >= length {
                return Ok(());
            }
        }
    }
}

fn find_all(haystack: &[u8], needle: &[u8]) -> Vec<usize> {
    (0..haystack.len().saturating_sub(needle.len())).filter(|at| haystack[*at..].starts_with(needle)).collect()
}
