//! Where events come from.

pub mod vod;
