//! Why a process ends, in words.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use super::protocol::VERSION;

/// Why a session is over.
#[derive(Debug)]
pub(super) enum Why {
    NotStarted(io::Error),
    /// By itself.
    Exited(ExitStatus),
    /// As it was told.
    Stopped,
    NoHello(Duration),
    Version(u64),
    LongLine {
        limit: usize,
        beginning: String,
    },
    HalfLine(String),
    WrongLine {
        problem: String,
        line: String,
    },
    ClosedOutput,
    ClosedInput,
    Overdue {
        action: String,
        grace: Duration,
    },
    Pipe(io::Error),
}

impl Why {
    /// Whether it may be about to end, so that the true reason is its exit status.
    pub(super) fn may_be_an_exit(&self) -> bool {
        matches!(self, Self::ClosedOutput | Self::HalfLine(_) | Self::ClosedInput | Self::Pipe(_))
    }

    /// Whether what it wrote last is still to be heard.
    pub(super) fn is_heard_out(&self) -> bool {
        !matches!(self, Self::LongLine { .. } | Self::WrongLine { .. } | Self::Version(_) | Self::HalfLine(_))
    }

    /// The code of errors of calls that met it.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::LongLine { .. } | Self::HalfLine(_) | Self::WrongLine { .. } => "process_protocol",
            Self::NotStarted(_) | Self::NoHello(_) | Self::Version(_) => "process_start",
            _ => "process_ended",
        }
    }
}

/// What follows "the process of the plugin NAME".
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => write!(f, "could not be started: {error}"),
            Self::Exited(status) if status.code() == Some(127) => {
                write!(f, "ended with {status}: is its program there, and in PATH?")
            }
            Self::Exited(status) => write!(f, "ended with {status}"),
            Self::Stopped => write!(f, "was stopped"),
            Self::NoHello(limit) => write!(f, "said no hello within {limit:?}: a plugin says it before anything else"),
            Self::Version(version) => write!(
                f,
                "speaks version {version} of the protocol, and this Oncue speaks {VERSION}: use another version of the \
                 plugin or of Oncue"
            ),
            Self::LongLine { limit, beginning } => {
                write!(f, "wrote a line of more than {limit} bytes, which begins with {beginning:?}")
            }
            Self::HalfLine(beginning) => write!(f, "ended in the middle of a line, which begins with {beginning:?}"),
            Self::WrongLine { problem, line } => write!(
                f,
                "wrote a line that {problem}; the line begins with {line:?}. What is for people goes to standard error"
            ),
            Self::ClosedOutput => write!(f, "closed its standard output"),
            Self::ClosedInput => write!(f, "closed its standard input"),
            Self::Overdue { action, grace } => {
                write!(f, "was killed, since it had not answered a call of {action} {grace:?} after its deadline")
            }
            Self::Pipe(error) => write!(f, "could not be read: {error}"),
        }
    }
}
