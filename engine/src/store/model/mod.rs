//! What goes into a store and what comes out, in the engine's words.

mod command;
mod examine;
mod inbox;
mod kept;
mod rerun;
mod view;

pub use command::*;
pub use examine::*;
pub use inbox::*;
pub use kept::*;
pub use rerun::*;
pub use view::*;

pub use crate::workflow::{ErrorRecord, FailedAttempt, RunStatus, StepOutcome, StepRow, Timer, TimerKind, Wait};
