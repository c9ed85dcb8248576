//! A connection that fails when its other end takes nothing for too long. hyper waits for ever there, so a client that
//! asks much and reads nothing would hold a connection for good.
//!
//! When it ends it waits a little for the other end to end too, and drops what still comes: a socket that is closed with
//! unread bytes resets the connection, and a sender who has not finished his body would lose the answer to it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// How long the other end is waited for.
const LEAVE: Duration = Duration::from_secs(1);
/// How much of what it still sends is dropped, in bytes.
const DROPPED: usize = 8 << 20;

pub(super) struct StallLimit {
    stream: TcpStream,
    limit: Duration,
    /// Set while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Set once this end has said that it is done.
    leaving: Option<Leaving>,
}

struct Leaving {
    until: Pin<Box<Sleep>>,
    dropped: usize,
}

impl Leaving {
    /// Ready when the other end is done as well, or was waited for long enough.
    fn poll(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        while self.dropped < DROPPED && self.until.as_mut().poll(cx).is_pending() {
            let mut bytes = [0; 8 << 10];
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            self.dropped += buffer.filled().len();
        }
        Poll::Ready(())
    }
}

impl StallLimit {
    pub(super) fn new(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, limit, stalled: None, leaving: None }
    }

    fn limited<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let result = write(Pin::new(&mut self.stream), cx);
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let limit = self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for StallLimit {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for StallLimit {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.limited(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.limited(cx, |stream, cx| stream.poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.limited(cx, TcpStream::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.leaving.is_none() {
            ready!(this.limited(cx, TcpStream::poll_shutdown))?;
            let until = Box::pin(sleep(LEAVE.min(this.limit)));
            this.leaving = Some(Leaving { until, dropped: 0 });
        }
        match &mut this.leaving {
            Some(leaving) => leaving.poll(&mut this.stream, cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}
