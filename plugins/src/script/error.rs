//! What is wrong with a script, and where.

use oncue_rules::catalog::CodeError;
use rhai::{EvalAltResult, ParseError, Position};

use super::budget::Stop;
use super::convert::Uncrossed;
use super::limits;
use crate::action::ActionError;

/// An error that a function of ours raises.
pub(crate) type Fault = Box<EvalAltResult>;

pub(crate) fn fault(message: impl Into<String>) -> Fault {
    Box::new(EvalAltResult::ErrorRuntime(message.into().into(), Position::NONE))
}

/// Something grew beyond a limit: no script can catch this.
pub(crate) fn too_large(what: &str) -> Fault {
    Box::new(EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE))
}

impl From<Uncrossed> for Fault {
    fn from(problem: Uncrossed) -> Self {
        match problem {
            Uncrossed::Large(what) => too_large(&what),
            Uncrossed::Odd(what) => fault(what),
        }
    }
}

/// A program that is none, with its place.
pub(crate) fn of_parser(error: &ParseError, code: &str) -> CodeError {
    // An end that comes too early is shown behind the last letter.
    let offset = offset(code, error.position()).min(code.trim_end().len());
    let message = lower(&error.err_type().to_string());
    let length = code.get(offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    CodeError { message, offset, length }
}

/// Where a position is, in bytes.
pub(crate) fn offset(code: &str, position: Position) -> usize {
    let Some(line) = position.line() else { return code.trim_end().len() };
    let start: usize = code.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let text = code.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let column = position.position().map_or(0, |column| column - 1);
    start + text.char_indices().nth(column).map_or(text.len(), |(at, _)| at)
}

/// The error of an attempt. `stopped` is why the script was ended, when it was.
pub(crate) fn of_engine(error: Fault, stopped: Option<Stop>, name: &str) -> ActionError {
    let mut inner = error;
    let mut source = String::new();
    while let EvalAltResult::ErrorInFunctionCall(_, of, cause, _) = *inner {
        source = of;
        inner = cause;
    }
    let name = if source.is_empty() { name } else { &source };
    let position = inner.take_position();
    let (code, message) = match (stopped, &*inner) {
        (Some(stop), _) => of_stop(stop),
        (None, EvalAltResult::ErrorStackOverflow(_)) => {
            ("script_depth", format!("functions call each other deeper than {} levels", limits::CALLS))
        }
        (None, EvalAltResult::ErrorDataTooLarge(what, _)) => ("script_size", size(what)),
        (None, EvalAltResult::ErrorTooManyVariables(_)) => {
            ("script_size", format!("more than {} variables at once", limits::VARIABLES))
        }
        (None, EvalAltResult::ErrorRuntime(thrown, _)) => ("script_error", thrown.to_string()),
        (None, other) => ("script_error", lower(&other.to_string())),
    };
    let place = match (position.line(), position.position()) {
        (Some(line), Some(column)) => format!("{name}:{line}:{column}: "),
        (Some(line), None) => format!("{name}:{line}: "),
        (None, _) => String::new(),
    };
    ActionError::fatal(code, format!("{place}{message}"))
}

fn of_stop(stop: Stop) -> (&'static str, String) {
    match stop {
        Stop::Operations => {
            ("script_operations", format!("more than {} operations: is there a loop without end?", limits::OPERATIONS))
        }
        Stop::Time => ("script_timeout", format!("not done within {:?}, or within the step's `timeout`", limits::TIME)),
        Stop::Memory => ("script_size", format!("the variables hold more than {} MiB", limits::MEMORY >> 20)),
        Stop::Unwanted => ("script_timeout", "nobody waits for it any more".to_owned()),
    }
}

fn size(what: &str) -> String {
    format!(
        "{}: a value has at most {} MiB of text and {} items or entries",
        lower(what),
        limits::TEXT >> 20,
        limits::ITEMS
    )
}

pub(crate) fn lower(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
