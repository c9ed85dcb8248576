//! Reading bodies within a limit.

use futures_util::{Stream, StreamExt};
use warp::Buf;

/// The vendor's limit of a request body (protocol section 7).
pub(super) const VENDOR_LIMIT: usize = 10_000_000;

/// The limit of a body for the control plane.
pub(super) const CONTROL_LIMIT: usize = 1_000_000;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// It is too long.
    #[error("the body is longer than {limit} bytes")]
    TooLong { limit: usize },
    /// The client stopped sending it.
    #[error("the body ended too early")]
    Broken,
}

/// The limit for a path.
pub(super) fn limit(path: &str) -> usize {
    if path.starts_with("/simulator") { CONTROL_LIMIT } else { VENDOR_LIMIT }
}

/// The whole body. One that is too long is read on for a while and thrown away: a client that is still sending would not
/// see the answer.
pub(super) async fn read_capped<S, B>(stream: S, limit: usize) -> Result<Vec<u8>, Error>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let mut stream = std::pin::pin!(stream);
    let mut body = Vec::new();
    let mut length = 0_usize;
    while let Some(part) = stream.next().await {
        let mut part = part.map_err(|_| Error::Broken)?;
        length = length.saturating_add(part.remaining());
        if length > limit.saturating_mul(2) {
            break;
        }
        if length > limit {
            body = Vec::new();
            continue;
        }
        while part.has_remaining() {
            let chunk = part.chunk();
            body.extend_from_slice(chunk);
            let read = chunk.len();
            part.advance(read);
        }
    }
    if length > limit { Err(Error::TooLong { limit }) } else { Ok(body) }
}
