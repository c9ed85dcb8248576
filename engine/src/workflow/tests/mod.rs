//! Tests of workflows.

mod model;
mod pauses;
mod stories;
pub(crate) mod support;
mod table;
