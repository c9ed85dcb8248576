//! A line on standard error for what takes over a second.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use super::output::is_watched;

const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN_UPDATES: Duration = Duration::from_millis(200);

/// Shows how far something is, on a terminal as one line that changes, elsewhere as a line every ten seconds.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    started: Instant,
    shown: Option<Instant>,
}

impl Progress {
    pub(super) fn start(what: &'static str) -> Self {
        Self { what, started: Instant::now(), shown: None }
    }

    /// Says where things stand; shown when a second has passed, and not too often.
    pub(super) fn update(&mut self, state: impl FnOnce() -> String) {
        let interval = if is_watched() { BETWEEN_UPDATES } else { PATIENCE * 10 };
        let due = self.shown.map_or(self.started + PATIENCE, |shown| shown + interval);
        if Instant::now() < due {
            return;
        }
        self.shown = Some(Instant::now());
        let (before, after) = if is_watched() { ("\r\x1b[K", "") } else { ("", "\n") };
        let seconds = self.started.elapsed().as_secs();
        let mut stderr = io::stderr().lock();
        let _gone = write!(stderr, "{before}{}: {} ({seconds} s){after}", self.what, state());
        let _gone = stderr.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() && is_watched() {
            let _gone = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}
