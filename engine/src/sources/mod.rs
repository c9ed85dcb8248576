//! Where events come from.

pub mod endpoint;
pub mod vod;
