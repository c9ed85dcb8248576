//! Lines from a pipe, of which none may be too long.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::meter::Meter;

/// Bytes that are asked for at once: what a pipe of Linux holds.
const CHUNK: usize = 64 * 1024;
/// What is written unasked is read at about 16 MiB/s, when each line counts as 1 KiB more than it has.
const BYTE: Duration = Duration::from_nanos(60);
const LINE_BYTES: usize = 1024;
const BURST: Duration = Duration::from_secs(1);

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A line, without its end.
    Line(Bytes),
    /// The beginning of a line that is longer than the limit.
    Long(Bytes),
    /// So many bytes more of such a line.
    More(usize),
    /// The end, and what stood after the last end of a line.
    End(Bytes),
}

/// Reads lines. A future of [`Lines::next`] may be dropped at any time: nothing is lost.
#[derive(Debug)]
pub(super) struct Lines<R> {
    pipe: R,
    buffer: BytesMut,
    /// Bytes of the buffer in which no end of a line is.
    searched: usize,
    limit: usize,
    /// Inside a line whose beginning was given.
    is_long: bool,
    is_open: bool,
    meter: Meter,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(pipe: R, limit: usize) -> Self {
        let (buffer, meter) = (BytesMut::new(), Meter::new(BURST));
        Self { pipe, buffer, searched: 0, limit, is_long: false, is_open: true, meter }
    }

    /// Whether to read on: it has not ended, and has not written too much of late.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.is_open && self.meter.is_free(now)
    }

    /// When to read on, when that is later.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        (self.is_open && !self.meter.is_free(now)).then(|| self.meter.paid(now))
    }

    /// So many bytes were written unasked.
    pub(super) fn charge(&mut self, bytes: usize, now: Instant) {
        let cost = BYTE.saturating_mul(u32::try_from(bytes + LINE_BYTES).unwrap_or(u32::MAX));
        self.meter.charge(cost, now);
    }

    pub(super) async fn next(&mut self) -> io::Result<Read> {
        loop {
            if let Some(read) = self.held() {
                return Ok(read);
            }
            self.buffer.reserve(CHUNK);
            if self.pipe.read_buf(&mut self.buffer).await? == 0 {
                self.is_open = false;
                let rest = if self.is_long { Bytes::new() } else { self.buffer.split().freeze() };
                return Ok(Read::End(rest));
            }
        }
    }

    /// What the buffer gives.
    fn held(&mut self) -> Option<Read> {
        let fresh = self.buffer.get(self.searched..).unwrap_or_default();
        let end = fresh.iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        match end {
            Some(end) => {
                let mut line = self.buffer.split_to(end + 1);
                self.searched = 0;
                line.truncate(end);
                Some(self.line(line.freeze()))
            }
            None if self.is_long && !self.buffer.is_empty() => Some(Read::More(self.drop_all())),
            None if self.buffer.len() > self.limit => {
                let beginning = Bytes::copy_from_slice(&self.buffer[..self.limit]);
                self.drop_all();
                self.is_long = true;
                Some(Read::Long(beginning))
            }
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }

    fn line(&mut self, line: Bytes) -> Read {
        if std::mem::take(&mut self.is_long) {
            Read::More(line.len())
        } else if line.len() > self.limit {
            // Its end is known, so nothing more of it follows.
            Read::Long(line.slice(..self.limit))
        } else {
            Read::Line(line)
        }
    }

    fn drop_all(&mut self) -> usize {
        self.searched = 0;
        let bytes = self.buffer.len();
        self.buffer.clear();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &[u8], limit: usize) -> Vec<Read> {
        let mut lines = Lines::new(text, limit);
        let mut all = Vec::new();
        loop {
            let read = lines.next().await.unwrap();
            let is_end = matches!(read, Read::End(_));
            all.push(read);
            if is_end {
                return all;
            }
        }
    }

    fn line(text: &'static str) -> Read {
        Read::Line(Bytes::from_static(text.as_bytes()))
    }

    fn end(rest: &'static str) -> Read {
        Read::End(Bytes::from_static(rest.as_bytes()))
    }

    #[tokio::test]
    async fn lines_come_one_by_one_and_then_the_rest() {
        assert_eq!(read(b"a\n\nbc\n", 8).await, [line("a"), line(""), line("bc"), end("")]);
        assert_eq!(read(b"a\nhalf", 8).await, [line("a"), end("half")]);
        assert_eq!(read(b"", 8).await, [end("")]);
    }

    #[tokio::test]
    async fn of_a_long_line_only_the_beginning_is_kept() {
        let long = |text: &'static [u8]| Read::Long(Bytes::from_static(text));
        assert_eq!(read(b"12345678\n", 8).await, [line("12345678"), end("")]);
        assert_eq!(read(b"123456789\nb\n", 8).await, [long(b"12345678"), line("b"), end("")]);
        let endless = vec![b'x'; 3 * CHUNK];
        let mut reads = read(&endless, 8).await.into_iter();
        assert_eq!(reads.next(), Some(long(b"xxxxxxxx")));
        assert!(reads.all(|read| matches!(read, Read::More(_)) || read == end("")));
        let mut ended = vec![b'x'; CHUNK + 1];
        ended.extend(b"\nb\n");
        assert_eq!(read(&ended, 8).await.last_chunk::<2>(), Some(&[line("b"), end("")]));
    }

    #[tokio::test]
    async fn one_that_writes_too_much_unasked_is_left_alone_for_a_while() {
        let mut lines = Lines::new(&b"a\n"[..], 8);
        let now = Instant::now() + Duration::from_hours(1);
        assert!(lines.is_due(now) && lines.due(now).is_none());
        lines.charge(64 * 1024 * 1024, now);
        assert!(!lines.is_due(now));
        assert!(lines.is_due(lines.due(now).unwrap()));
    }
}
