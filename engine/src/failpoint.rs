//! Named points at which a test can make the process die.

/// Every point.
pub const NAMES: &[&str] = if cfg!(feature = "failpoints") { ALL } else { &[] };

const ALL: &[&str] = &["after_accept", "before_call", "after_call", "after_commit"];

/// Ends the process without any clean-up when the environment variable `ONCUE_CRASH_AT` is `name:count` and this is the
/// `count`th time that the point of this name is passed (from 1). Only in a build with the feature `failpoints`; else
/// nothing.
#[cfg(feature = "failpoints")]
pub fn crash_point(name: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    debug_assert!(ALL.contains(&name), "{name} is not in the list");
    let Ok(wanted) = std::env::var("ONCUE_CRASH_AT") else { return };
    let Some((point, count)) = wanted.rsplit_once(':') else { return };
    if point == name && count.parse() == Ok(PASSED.fetch_add(1, Ordering::SeqCst) + 1) {
        std::process::abort();
    }
}

/// Nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn crash_point(_name: &str) {}
