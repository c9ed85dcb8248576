//! How much one expression may ask for. Each limit ends in an error of its own.

use std::cell::Cell;

use super::error::{Fault, fault};
use crate::value::Value;

/// The longest expression, in bytes.
pub const EXPRESSION_TEXT: usize = 8 * 1024;
/// The most words (names, literals, operators, brackets) of one expression.
pub const WORDS: usize = 1_000;
/// How deep brackets, blocks and closures may lie in each other.
pub const NESTING: usize = 24;
/// How many operators and members may depend on each other, as in `a.b + c`, where there are two.
pub const DEPTH: usize = 100;
/// The most operations of one evaluation; a list item that a function looks at is one, and so are 64 bytes of a text.
pub const OPERATIONS: u64 = 100_000;
/// How deep closures may call each other.
pub const CALLS: usize = 32;
/// The longest text that an expression may make, in bytes.
pub const TEXT: usize = 64 * 1024;
/// The most items of a list, and entries of a map, that an expression may make.
pub const ITEMS: usize = 10_000;

thread_local! {
    // The engine counts anew inside every closure call, so it cannot bound `map` within `map`: this count spans them.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Begins the count of an evaluation on this thread.
pub(super) fn begin() {
    LEFT.set(OPERATIONS);
}

/// Takes operations from what is left; false when that is not enough.
pub(super) fn take(operations: u64) -> bool {
    LEFT.get().checked_sub(operations).map(|left| LEFT.set(left)).is_some()
}

pub(super) fn spend(operations: usize) -> Result<(), Fault> {
    if take(operations as u64) { Ok(()) } else { Err(fault(format!("more than {OPERATIONS} operations"))) }
}

/// Counts the reading or writing of a text.
pub(super) fn spend_text(bytes: usize) -> Result<(), Fault> {
    spend(bytes / 64)
}

/// Counts what looks at a value through and through, such as comparing or hashing it. Lists that share their items can be
/// far larger to look at than they are to keep.
pub(super) fn spend_whole(value: &Value) -> Result<(), Fault> {
    match value {
        Value::Text(text) => spend_text(text.len()),
        Value::List(items) => {
            spend(items.len())?;
            items.iter().try_for_each(spend_whole)
        }
        Value::Map(entries) => {
            spend(entries.len())?;
            entries.values().try_for_each(spend_whole)
        }
        _ => Ok(()),
    }
}

pub(super) fn too_large() -> String {
    format!("a text of more than {} KiB, or a list or map of more than {ITEMS} items", TEXT / 1024)
}
