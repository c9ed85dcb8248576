//! How much one script may take. What goes beyond ends it with the code that stands at the limit; such an error is fatal,
//! since the next attempt would meet it too.

use std::time::Duration;

/// The longest program, in bytes: refused when rules are loaded, `script_size` for one that comes otherwise.
pub const CODE: usize = 64 * 1024;
/// The most operations: `script_operations`. An operation is about a statement, an operator or a call.
pub const OPERATIONS: u64 = 1_000_000;
/// The longest time on a thread: `script_timeout`.
pub const TIME: Duration = Duration::from_secs(10);
/// How deep functions may call each other: `script_depth`.
pub const CALLS: usize = 32;
/// How deep expressions of the program may lie in each other: refused when rules are loaded.
pub const NESTING: usize = 64;
/// The bytes of all texts in one value: `script_size`.
pub const TEXT: usize = 1024 * 1024;
/// The items of all lists, and the entries of all maps, in one value: `script_size`.
pub const ITEMS: usize = 10_000;
/// Variables that are there at once: `script_size`.
pub const VARIABLES: usize = 256;
/// About how many bytes all variables hold at once, names of entries included: `script_size`.
pub const MEMORY: usize = 32 * 1024 * 1024;
/// How deep lists and maps of the outputs may lie in each other: `script_size`.
pub const DEPTH: usize = 64;
/// The bytes of the outputs, as JSON: `script_size`.
pub const OUTPUT: usize = 64 * 1024;
/// Lines that `print` and `debug` write; what comes after them is dropped.
pub const LINES: u32 = 100;
/// Bytes of a line that are kept.
pub const LINE: usize = 1024;
/// Programs that wait for a thread; `script_busy`, which is tried again, when there are more.
pub const WAITING: usize = 256;
/// Threads for scripts. One application has at most half of them at a time.
pub const THREADS: usize = 4;
