//! Lines on their way to a process. One that does not read holds up nothing but them.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Lines that are written at once.
const AT_ONCE: usize = 16;

/// A line, and the call that it is.
struct Line {
    text: String,
    call: Option<(u64, Arc<AtomicBool>)>,
}

/// Lines in their order. There are few: a call and its cancel for each place, the answers to a limited number of events, and
/// two more.
#[derive(Default)]
pub(super) struct Outbox {
    lines: VecDeque<Line>,
    /// Bytes of the first line that are written.
    written: usize,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn push(&mut self, text: impl Into<String>) {
        self.lines.push_back(Line { text: text.into(), call: None });
    }

    pub(super) fn push_call(&mut self, text: String, id: u64, may_be_sent: Arc<AtomicBool>) {
        self.lines.push_back(Line { text, call: Some((id, may_be_sent)) });
    }

    /// Whether nothing of a call was written.
    pub(super) fn has_whole(&self, id: u64) -> bool {
        self.position(id).is_some()
    }

    /// Takes a call back of which nothing was written; whether that is so.
    pub(super) fn take_back(&mut self, id: u64) -> bool {
        self.position(id).is_some_and(|at| self.lines.remove(at).is_some())
    }

    fn position(&self, id: u64) -> Option<usize> {
        let is_it = |line: &Line| line.call.as_ref().is_some_and(|(call, _)| *call == id);
        self.lines.iter().position(is_it).filter(|at| *at > 0 || self.written == 0)
    }

    /// Writes some. The future may be dropped: nothing is written then.
    pub(super) async fn write(&self, pipe: &mut (impl AsyncWrite + Unpin)) -> io::Result<usize> {
        let mut slices = Vec::with_capacity(AT_ONCE.min(self.lines.len()));
        for (at, line) in self.lines.iter().enumerate().take(AT_ONCE) {
            if let Some((_, may_be_sent)) = &line.call {
                may_be_sent.store(true, Ordering::SeqCst);
            }
            let rest = if at == 0 { line.text.as_bytes().get(self.written..) } else { Some(line.text.as_bytes()) };
            slices.push(IoSlice::new(rest.unwrap_or_default()));
        }
        pipe.write_vectored(&slices).await
    }

    /// So many bytes were written.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        while let Some(first) = self.lines.front().filter(|line| line.text.len() <= self.written) {
            self.written -= first.text.len();
            self.lines.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(lines: &[(&str, u64)]) -> Outbox {
        let mut outbox = Outbox::default();
        for (text, id) in lines {
            outbox.push_call((*text).to_owned(), *id, Arc::default());
        }
        outbox
    }

    #[tokio::test]
    async fn everything_is_written_in_its_order_whatever_the_pipe_takes() {
        let mut outbox = outbox(&[("one\n", 1), ("two\n", 2)]);
        outbox.push("three\n");
        let (mut pipe, mut other) = tokio::io::duplex(3);
        let mut read = Vec::new();
        while !outbox.is_empty() {
            let written = outbox.write(&mut pipe).await.unwrap();
            outbox.advance(written);
            let mut bytes = vec![0; written];
            tokio::io::AsyncReadExt::read_exact(&mut other, &mut bytes).await.unwrap();
            read.extend(bytes);
        }
        assert_eq!(String::from_utf8(read).unwrap(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_call_of_which_nothing_was_written_can_be_taken_back() {
        let mut outbox = outbox(&[("one\n", 1), ("two\n", 2), ("three\n", 3)]);
        outbox.advance(1);
        assert_eq!([1, 2, 3].map(|id| outbox.has_whole(id)), [false, true, true]);
        assert!(!outbox.take_back(1) && outbox.take_back(2) && !outbox.take_back(2));
        outbox.advance(3);
        assert!(outbox.has_whole(3));
        outbox.advance(6);
        assert!(outbox.is_empty() && !outbox.has_whole(3));
    }
}
