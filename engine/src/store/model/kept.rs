//! What plugins keep.

use oncue_rules::time::Timestamp;

/// The most keys that one plugin may have.
pub const MOST_KEPT: u32 = 1_000;

/// A value to keep, or a key to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The plugin.
    pub plugin: String,
    /// The key, which is the plugin's own.
    pub key: String,
    /// The value as JSON; none removes what is kept.
    pub value: Option<String>,
    /// Now.
    pub now: Timestamp,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept, or gone.
    Done,
    /// The plugin has [`MOST_KEPT`] other keys, and nothing was changed.
    Full,
}
