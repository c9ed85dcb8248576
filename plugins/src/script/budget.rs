//! What the script on this thread may still take.
//!
//! The engine counts operations anew inside every closure that a list function calls, and knows neither time nor what all
//! variables hold together. So the count is kept here, one for each thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rhai::{Dynamic, EvalContext};

use super::limits;
use crate::log::one_line;

/// Looking at the clock and at the asker costs more than an operation.
const OPERATIONS_A_LOOK: u32 = 256;
/// Operations between two looks at all variables.
const OPERATIONS_A_WEIGHING: u32 = 64;
/// About what an item takes besides its text.
const ITEM_BYTES: usize = 64;

/// Why a script is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Operations,
    Time,
    Memory,
    /// Nobody waits for it any more.
    Unwanted,
}

/// What a script has besides its limits.
pub(crate) struct Budget {
    /// When it must have ended.
    pub(crate) until: Instant,
    /// What the log says of the script.
    pub(crate) origin: String,
    /// Set once nobody waits for it any more.
    pub(crate) unwanted: Arc<AtomicBool>,
}

struct Left {
    operations: u64,
    given: Budget,
    lines: u32,
    to_look: u32,
    to_weigh: u32,
    /// Bytes of the variables of each function that is under way, the outermost first.
    weights: [usize; limits::CALLS + 2],
    stop: Option<Stop>,
}

thread_local! {
    static LEFT: RefCell<Option<Left>> = const { RefCell::new(None) };
}

impl Budget {
    /// Runs a script within the budget; says besides why it was ended, if it was.
    pub(crate) fn spend<T>(self, script: impl FnOnce() -> T) -> (T, Option<Stop>) {
        let left = Left {
            operations: limits::OPERATIONS,
            given: self,
            lines: limits::LINES,
            to_look: 0,
            to_weigh: OPERATIONS_A_WEIGHING,
            weights: [0; limits::CALLS + 2],
            stop: None,
        };
        LEFT.set(Some(left));
        let result = script();
        let stop = LEFT.take().and_then(|left| left.stop);
        (result, stop)
    }
}

impl Budget {
    /// Why the script is to end, as far as the world around it says.
    fn look(&self) -> Option<Stop> {
        if Instant::now() >= self.until {
            Some(Stop::Time)
        } else if self.unwanted.load(Ordering::Relaxed) {
            Some(Stop::Unwanted)
        } else {
            None
        }
    }
}

impl Left {
    /// Once there is a reason to stop there always is one: a script cannot catch it.
    fn take(&mut self, operations: u64) -> Option<Stop> {
        if self.stop.is_none() {
            match self.operations.checked_sub(operations) {
                Some(left) => self.operations = left,
                None => self.stop = Some(Stop::Operations),
            }
            self.to_weigh = self.to_weigh.saturating_sub(1);
            self.to_look = self.to_look.checked_sub(1).unwrap_or_else(|| {
                self.stop = self.stop.or(self.given.look());
                OPERATIONS_A_LOOK
            });
        }
        self.stop
    }
}

/// Counts operations; why the script is to end, if it is.
pub(crate) fn take(operations: u64) -> Option<Stop> {
    LEFT.with_borrow_mut(|left| left.as_mut().and_then(|left| left.take(operations)))
}

/// Looks at all variables now and then; why the script is to end, if it is.
pub(crate) fn weigh(context: &EvalContext<'_, '_, '_, '_, '_, '_>) -> Option<Stop> {
    LEFT.with_borrow_mut(|left| {
        let left = left.as_mut()?;
        if left.to_weigh > 0 || left.stop.is_some() {
            return left.stop;
        }
        left.to_weigh = OPERATIONS_A_WEIGHING;
        let level = context.call_level().min(limits::CALLS + 1);
        let weight = context.scope().iter_raw().fold(0, |sum: usize, (_, _, value)| sum.saturating_add(bytes(value)));
        left.weights.iter_mut().skip(level).for_each(|deeper| *deeper = 0);
        if let Some(here) = left.weights.get_mut(level) {
            *here = weight;
        }
        if left.weights.iter().sum::<usize>() > limits::MEMORY {
            left.stop = Some(Stop::Memory);
        }
        left.stop
    })
}

/// About how many bytes a value takes. What is being changed at this very moment counts as nothing.
fn bytes(value: &Dynamic) -> usize {
    let inside = if let Ok(text) = value.as_immutable_string_ref() {
        text.len()
    } else if let Ok(items) = value.as_array_ref() {
        items.iter().map(bytes).sum()
    } else if let Ok(entries) = value.as_map_ref() {
        entries.iter().map(|(name, value)| ITEM_BYTES + name.len() + bytes(value)).sum()
    } else if let Some(closure) = value.read_lock::<rhai::FnPtr>() {
        closure.curry().iter().map(bytes).sum()
    } else {
        0
    };
    ITEM_BYTES + inside
}

/// Writes a line to the log, while there are lines left.
pub(crate) fn print(text: &str) {
    let line = LEFT.with_borrow_mut(|left| {
        let left = left.as_mut()?;
        left.lines = left.lines.checked_sub(1)?;
        Some((left.given.origin.clone(), left.lines == 0))
    });
    let Some((origin, is_last)) = line else { return };
    let cut = text.floor_char_boundary(limits::LINE);
    let line = one_line(text.get(..cut).unwrap_or_default());
    let more = if cut < text.len() { "…" } else { "" };
    tracing::info!(target: super::TARGET, %origin, "{line}{more}");
    if is_last {
        tracing::warn!(target: super::TARGET, %origin, "this was line {}: the script prints no more", limits::LINES);
    }
}
