//! Tests of workflows.

pub(crate) mod applications;
mod collections;
mod completions;
mod diagram;
mod forks;
mod late;
mod model;
mod pauses;
mod replays;
mod retries;
mod sought;
mod stories;
pub(crate) mod support;
mod table;
mod work;
