//! How the program ends.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// An internal error.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Rules or configuration are invalid.
    Invalid = 3,
    /// There is nothing of that name.
    NotFound = 4,
    /// The server or the store is not available.
    Unavailable = 5,
    /// What is stored breaks a promise.
    Broken = 6,
    /// What was asked for cannot be done as things stand.
    Refused = 7,
    /// The answer is that it does not match.
    NoMatch = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a subcommand did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong and what to do, for people.
    pub message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure without a further cause.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), source: None }
    }

    /// A failure that was told already, as the answer of the subcommand.
    #[must_use]
    pub fn said(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// A failure of ours or of the machine.
    pub fn internal(message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::caused(Exit::Internal, message, source)
    }

    /// A failure with its cause.
    pub fn caused(exit: Exit, message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit, message: message.into(), source: Some(source.into()) }
    }
}

impl fmt::Display for Failure {
    /// The message and every cause, once.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
