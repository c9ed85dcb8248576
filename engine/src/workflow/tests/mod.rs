//! Tests of workflows.

mod model;
mod stories;
pub(crate) mod support;
mod table;
