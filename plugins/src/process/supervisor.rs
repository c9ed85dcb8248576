//! Starts a process when it is wanted, and again when it has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::failure::{Failure, FailureKind};
use super::inbox::{Inbox, Request};
use super::journal::Journal;
use super::session::{self, Ending};
use super::{Options, TARGET, limits};

pub(super) struct Supervisor {
    options: Arc<Options>,
    inbox: Inbox,
    journal: Journal,
    pause: Pause,
}

/// How long a process that fails is left alone.
#[derive(Debug, Default)]
struct Pause {
    /// Failures since it last answered a call.
    failures: u32,
    until: Option<Instant>,
    /// How it last ended.
    why: String,
}

impl Pause {
    /// The longest pause after so many failures.
    fn longest(failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        limits::FIRST_PAUSE.saturating_mul(doubled).min(limits::LONGEST_PAUSE)
    }

    fn after(&mut self, ending: Ending, draw: f64, now: Instant) {
        if ending.has_answered {
            self.failures = 0;
        }
        self.why = ending.why;
        self.until = None;
        if !ending.is_well {
            self.failures = self.failures.saturating_add(1);
            self.until = Some(now + Self::longest(self.failures).mul_f64(draw));
        }
    }
}

impl Supervisor {
    pub(super) fn new(options: Arc<Options>, requests: mpsc::UnboundedReceiver<Request>) -> Self {
        let journal = Journal::new(Arc::clone(&options));
        Self { options, inbox: Inbox::new(requests), journal, pause: Pause::default() }
    }

    /// Until it is told to stop, or nobody is left who could ask for anything.
    pub(super) async fn run(mut self) {
        while self.is_wanted().await {
            if !self.wait().await {
                continue;
            }
            let ending = session::run(&self.options, &mut self.inbox, &mut self.journal).await;
            self.journal.tell_what_was_left_out();
            let plugin = &*self.options.plugin;
            if ending.is_well {
                tracing::debug!(target: TARGET, plugin, "its process {}", ending.why);
            } else {
                tracing::warn!(target: TARGET, plugin, "its process {}", ending.why);
            }
            self.pause.after(ending, (self.options.draw)(), Instant::now());
        }
        // Dropping what waits tells it.
    }

    /// Waits until a process is to run; false when none is any more.
    async fn is_wanted(&mut self) -> bool {
        if self.options.emits.is_some() { !self.inbox.is_stopping() } else { self.inbox.wanted().await }
    }

    /// Waits out a short pause. False when there is nothing to start it for any more; who would have to wait for long is
    /// told so.
    async fn wait(&mut self) -> bool {
        let Some(until) = self.pause.until else { return true };
        let pause = sleep_until(until.into());
        tokio::pin!(pause);
        while !self.inbox.is_stopping() {
            let left = until.saturating_duration_since(Instant::now());
            if left > limits::WAITED {
                let message = format!("the process of the plugin {} {}", self.options.plugin, self.pause.why);
                self.inbox.turn_away(&Failure::new(FailureKind::Held { after: left }, "process_paused", message));
                if self.options.emits.is_none() {
                    return false;
                }
            }
            tokio::select! {
                () = &mut pause => return true,
                request = self.inbox.receive() => {
                    // A call that is not here any more was answered.
                    let _answered = self.inbox.take(request);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(has_answered: bool, is_well: bool) -> Ending {
        Ending { has_answered, is_well, why: String::new() }
    }

    #[test]
    fn pauses_grow_to_a_limit_while_nothing_is_answered() {
        let (mut pause, start) = (Pause::default(), Instant::now());
        let mut after = |ending, draw| {
            pause.after(ending, draw, start);
            pause.until.map(|until| until.duration_since(start).as_millis())
        };
        let whole: Vec<_> = (0..12).map(|_| after(ending(false, false), 1.0).unwrap()).collect();
        assert_eq!(whole[..4], [200, 400, 800, 1_600]);
        assert_eq!(whole[8..], [51_200, 60_000, 60_000, 60_000]);
        assert_eq!(after(ending(false, false), 0.5), Some(30_000), "any part of it");
        assert_eq!(after(ending(true, false), 1.0), Some(200), "an answer makes them short again");
        assert_eq!(after(ending(true, true), 1.0), None, "and one that ends well makes none");
    }
}
