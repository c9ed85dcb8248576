//! Reading a body: at most so many bytes, in at most so much time, and only as many bodies at once as memory is set
//! aside for. Chunked senders are welcome; warp's `content_length_limit` would refuse them.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warp::Buf;

use super::Bytes;
use super::reply::{Error, ErrorKind};

/// How bodies are read.
#[derive(Debug, Clone)]
pub struct BodyLimits {
    /// The largest body, in bytes.
    pub max: usize,
    /// How long a sender may take for a body, from its first byte to its last.
    pub time: Duration,
    /// The memory for bodies of all requests together.
    pub memory: Memory,
}

impl Default for BodyLimits {
    /// 1 MiB (protocol section 1), 10 s, and 64 MiB together.
    fn default() -> Self {
        Self { max: 1 << 20, time: Duration::from_secs(10), memory: Memory::new(64 << 20) }
    }
}

/// Memory set aside for bodies; a clone is the same memory.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Semaphore>);

impl Memory {
    /// So many bytes, 4 GiB at most.
    #[must_use]
    pub fn new(bytes: u32) -> Self {
        Self(Arc::new(Semaphore::new(usize::try_from(bytes).unwrap_or(Semaphore::MAX_PERMITS))))
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }
}

/// A body that was read. Its bytes count as used memory until it is dropped.
#[derive(Debug)]
pub struct Body {
    bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body; `declared` is its `Content-Length`, when it has one.
///
/// # Errors
///
/// [`ErrorKind::TooLarge`] past `limits.max`, before reading when the declared length is; [`ErrorKind::TooSlow`] past
/// `limits.time`; [`ErrorKind::Unavailable`] when the memory is used up; [`ErrorKind::Invalid`] when the sender breaks
/// off.
pub async fn read_capped<S, B>(stream: S, declared: Option<u64>, limits: &BodyLimits) -> Result<Body, Error>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limits.max)) {
        return Err(too_large(limits.max));
    }
    let read = tokio::time::timeout(limits.time, read(stream, limits)).await;
    read.unwrap_or_else(|_| {
        let message = format!("the body did not come within {:?}", limits.time);
        Err(Error::new(ErrorKind::TooSlow, "too_slow", message).closing())
    })
}

async fn read<S, B>(stream: S, limits: &BodyLimits) -> Result<Body, Error>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let mut stream = std::pin::pin!(stream);
    let mut bytes = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk.map_err(|error| {
            tracing::debug!(%error, "a sender broke off");
            Error::invalid("broken_off", "the body ends before it is complete").closing()
        })?;
        let length = chunk.remaining();
        if length > limits.max.saturating_sub(bytes.len()) {
            return Err(too_large(limits.max));
        }
        let taken = limits.memory.take(length).ok_or_else(|| {
            let message = "too many bodies are being read at once: send it again";
            Error::unavailable("busy", message, Duration::from_secs(1)).closing()
        })?;
        match &mut held {
            Some(held) => held.merge(taken),
            None => held = Some(taken),
        }
        while chunk.has_remaining() {
            let part = chunk.chunk();
            bytes.extend_from_slice(part);
            let read = part.len();
            chunk.advance(read);
        }
    }
    Ok(Body { bytes: bytes.into(), _held: held })
}

fn too_large(max: usize) -> Error {
    Error::new(ErrorKind::TooLarge, "too_large", format!("the body is larger than {max} bytes")).closing()
}
