//! What a notification body of Tencent Cloud VOD is: its type, payload, identity and correlation keys. Pure.
//!
//! The receiver and the puller hand every body to [`recognise`]; a body that is not one is a [`Refusal`] whose text
//! tells a person what to change.

mod application;
mod dedupe;
mod outline;
mod recognise;
mod refusal;
pub mod sign;
mod table;

pub use application::Mark;
pub use recognise::{Opened, Recognised, parse, recognise};
pub use refusal::Refusal;
pub use table::{PROBE, is_known};

#[cfg(test)]
mod tests;
