//! Tests of workflows.

mod completions;
mod model;
mod pauses;
mod stories;
pub(crate) mod support;
mod table;
