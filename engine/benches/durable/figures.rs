//! How figures are printed.

use std::fmt::Display;

/// The head of a part.
pub(crate) fn part(what: &str) {
    println!("\n{what}");
}

/// One figure.
pub(crate) fn figure(what: &str, value: impl Display) {
    println!("  {what:<66} {value:>12}");
}

/// One figure that something is required of.
pub(crate) fn required(what: &str, value: f64, requirement: &str, is_met: bool) {
    let verdict = if is_met { "met" } else { "MISSED" };
    println!("  {what:<66} {value:>12.2}  {requirement}: {verdict}");
}
