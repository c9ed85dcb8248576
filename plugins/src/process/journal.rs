//! What processes write for people: into the log of Oncue, with the run that it belongs to.

use std::sync::Arc;
use std::time::Instant;

use oncue_rules::ids::{EventId, RuleName, RunId, StepPath};
use tracing::Level;

use super::limits;
use super::meter::Meter;
use super::{Options, TARGET};
use crate::action::Call;
use crate::log::one_line;

/// What a call is for, for the log.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The run.
    pub run: RunId,
    /// The rule that it follows.
    pub rule: RuleName,
    /// The step.
    pub step: StepPath,
    /// The event that started the run.
    pub event: EventId,
}

impl From<&Call> for Origin {
    fn from(call: &Call) -> Self {
        Self { run: call.run, rule: call.rule.clone(), step: call.step.clone(), event: call.event.id }
    }
}

/// Writes no more than a log can bear.
pub(super) struct Journal {
    options: Arc<Options>,
    meter: Meter,
    left_out: u64,
}

impl Journal {
    pub(super) fn new(options: Arc<Options>) -> Self {
        Self { options, meter: Meter::new(limits::LOG_EVERY * (limits::LOG_BURST - 1)), left_out: 0 }
    }

    pub(super) fn write(&mut self, level: Level, origin: Option<&Origin>, text: &str) {
        let now = Instant::now();
        if !self.meter.is_free(now) {
            self.left_out += 1;
            return;
        }
        self.meter.charge(limits::LOG_EVERY, now);
        self.tell_what_was_left_out();
        let line = one_line(&cut((self.options.scrub)(text)));
        event(&self.options.plugin, level, origin, &line);
    }

    /// Says how many lines were left out, if some were.
    pub(super) fn tell_what_was_left_out(&mut self) {
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            let plugin = &*self.options.plugin;
            tracing::warn!(target: TARGET, plugin, "{left_out} lines were left out: the plugin wrote too many");
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > limits::LOG_LINE {
        text.truncate(text.floor_char_boundary(limits::LOG_LINE));
        text.push('…');
    }
    text
}

fn event(plugin: &str, level: Level, origin: Option<&Origin>, line: &str) {
    let run = origin.map(|origin| tracing::field::display(&origin.run));
    let rule = origin.map(|origin| tracing::field::display(&origin.rule));
    let step = origin.map(|origin| tracing::field::display(&origin.step));
    let event = origin.map(|origin| tracing::field::display(&origin.event));
    // The level of an event is a constant of its call site.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(target: TARGET, Level::$level, plugin, run, rule, step, event, "{line}")
        };
    }
    match level {
        Level::TRACE => event!(TRACE),
        Level::DEBUG => event!(DEBUG),
        Level::INFO => event!(INFO),
        Level::WARN => event!(WARN),
        Level::ERROR => event!(ERROR),
    }
}
