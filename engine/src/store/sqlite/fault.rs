//! What can go wrong in SQLite, and what it is called outside.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::store::Error;

/// Something went wrong below. Shared, because a batch that fails fails every command in it.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// SQLite says no.
    Sql(Arc<rusqlite::Error>),
    /// What was read makes no sense.
    Damaged(String),
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) enum Stop {
    /// It tested, and must not write. It has written nothing.
    Refused(Error),
    /// Something went wrong; all that it wrote is to be taken back.
    Failed(Fault),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(Arc::new(error))
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Stop {
    /// The error outside, when nothing was committed.
    pub(super) fn into_error(self, doing: &'static str) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Failed(fault) => fault.to_error(doing, false),
        }
    }
}

impl Fault {
    /// The error outside.
    pub(super) fn to_error(&self, doing: &'static str, unknown: bool) -> Error {
        match self {
            Self::Damaged(what) => Error::Corrupt { what: format!("{doing}: {what}") },
            Self::Sql(error) if makes_no_sense(error) => Error::Corrupt { what: format!("{doing}: {error}") },
            Self::Sql(error) => Error::Unavailable { doing, unknown, source: Some(Box::new(Cause(Arc::clone(error)))) },
        }
    }

    /// Whether SQLite gave up a statement because it was told to.
    pub(super) fn is_interrupt(&self) -> bool {
        self.has_code(ErrorCode::OperationInterrupted)
    }

    /// Whether it is the store that failed, and not one command: each of the others would meet the same.
    pub(super) fn is_everybodys(&self) -> bool {
        [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked, ErrorCode::ReadOnly, ErrorCode::SystemIoFailure]
            .into_iter()
            .any(|code| self.has_code(code))
    }

    /// Whether a commit that failed so may still be found done after a restart: what was written cannot be told when
    /// writing itself fails.
    pub(super) fn leaves_commit_unknown(&self) -> bool {
        self.has_code(ErrorCode::SystemIoFailure)
    }

    fn has_code(&self, code: ErrorCode) -> bool {
        matches!(self, Self::Sql(error) if error.sqlite_error_code() == Some(code))
    }
}

/// Whether the fault lies in what is stored, or in the command itself: asking again would not help.
fn makes_no_sense(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::Unknown
        ),
        None => true,
    }
}

/// Keeps the driver's error type out of the public one.
#[derive(Debug)]
struct Cause(Arc<rusqlite::Error>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Cause {}
