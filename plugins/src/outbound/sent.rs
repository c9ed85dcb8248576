//! Knowing whether a request left: the difference between an attempt that can be repeated and one that is unknown.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Set once the body of a request was handed to a connection. Before that no server can have acted on it, since it
/// waits for as many bytes as the head announced.
#[derive(Debug, Clone, Default)]
pub(crate) struct SentFlag(Arc<AtomicBool>);

impl SentFlag {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A request body of these bytes and the flag that tells when they left.
pub(crate) fn body(payload: impl Into<Bytes>) -> (reqwest::Body, SentFlag) {
    let sent = SentFlag::default();
    let body = Watched { payload: Some(payload.into()), sent: sent.clone() };
    (reqwest::Body::wrap(body), sent)
}

struct Watched {
    payload: Option<Bytes>,
    sent: SentFlag,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.0.store(true, Ordering::Release);
        Poll::Ready(self.payload.take().map(|payload| Ok(Frame::data(payload))))
    }

    fn is_end_stream(&self) -> bool {
        self.payload.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.payload.as_ref().map_or(0, |payload| payload.len() as u64))
    }
}
