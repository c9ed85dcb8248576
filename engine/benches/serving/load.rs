//! A closed-loop sender of real bodies: each connection sends its next event when the last one is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const BODY: &str = include_str!("../../../tests/fixtures/protocol/events/02_new_file_upload_with_procedure.json");
const FILE_ID: &str = "5000000000000000002";
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

/// Sends for a time over so many connections; every event has a `FileId` of its own.
///
/// # Errors
///
/// When a connection breaks or an answer is not 200.
pub(crate) async fn send(to: SocketAddr, path: &str, connections: usize, time: Duration) -> Result<Seen> {
    let next_id = Arc::new(AtomicU64::new(FIRST_FILE_ID));
    let started = Instant::now();
    let senders: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(one_connection(to, path.to_owned(), Arc::clone(&next_id), None, started + time)))
        .collect();
    let mut latencies = Vec::new();
    for sender in senders {
        latencies.append(&mut sender.await??);
    }
    let took = started.elapsed();
    latencies.sort_unstable();
    let p99 = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
    Ok(Seen { accepted: latencies.len() as u64, took, p99: Duration::from_micros(u64::from(p99)) })
}

/// Sends one event after each pause, for a time; returns how many.
///
/// # Errors
///
/// As [`send`].
pub(crate) async fn trickle(to: SocketAddr, path: &str, pause: Duration, time: Duration) -> Result<u64> {
    let next_id = Arc::new(AtomicU64::new(FIRST_FILE_ID));
    let latencies = one_connection(to, path.to_owned(), next_id, Some(pause), Instant::now() + time).await?;
    Ok(latencies.len() as u64)
}

async fn one_connection(
    to: SocketAddr,
    path: String,
    next_id: Arc<AtomicU64>,
    pause: Option<Duration>,
    until: Instant,
) -> Result<Vec<u32>> {
    let mut stream = TcpStream::connect(to).await.context("no connection")?;
    stream.set_nodelay(true)?;
    let mut request =
        format!("POST {path} HTTP/1.1\r\nhost: {to}\r\ncontent-length: {}\r\n\r\n{BODY}", BODY.len()).into_bytes();
    let places = find_all(&request, FILE_ID.as_bytes());
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 4096];
    while Instant::now() < until {
        let id = next_id.fetch_add(1, Ordering::Relaxed).to_string();
        for place in &places {
            request[*place..*place + FILE_ID.len()].copy_from_slice(id.as_bytes());
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
