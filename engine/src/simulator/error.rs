//! What can go wrong: starting a simulator, a call of the vendor's API, a call of the control plane.

use super::misbehaviour::InvalidTrouble;

/// Options that no simulator can be started with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidOptions {
    /// No application.
    #[error("there is no application: give at least one")]
    NoApps,
    /// No key.
    #[error("there is no key: give at least one secret id with its secret key")]
    NoKeys,
    /// An application is there twice.
    #[error("application {subappid} is there twice: leave one out")]
    AppTwice {
        /// Its number.
        subappid: u64,
    },
    /// A callback URL is none.
    #[error("the callback url of application {subappid} is no http or https url")]
    CallbackUrl {
        /// The number of the application.
        subappid: u64,
    },
    /// A sign key is none.
    #[error("the sign key of application {subappid} must be 1 to 32 letters and digits")]
    SignKey {
        /// The number of the application.
        subappid: u64,
    },
    /// A misbehaviour is not possible.
    #[error("misbehaviour {index} cannot be")]
    Misbehaviour {
        /// Which, from 0.
        index: usize,
        /// Why.
        source: InvalidTrouble,
    },
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The options are not valid.
    #[error("the options of the simulator are not valid")]
    Options {
        /// Why.
        #[from]
        source: InvalidOptions,
    },
    /// The listener has no address.
    #[error("the listener has no address")]
    Listener {
        /// What the system said.
        source: std::io::Error,
    },
    /// The client that sends callbacks could not be made.
    #[error("the client that sends callbacks could not be made")]
    Client {
        /// What the library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What the vendor's API answers when it refuses: `Response.Error` (protocol section 6).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct ApiError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The simulator keeps no more.
    pub(crate) fn full(limit: &str, value: usize) -> Self {
        Self::new(
            "LimitExceeded",
            format!(
                "the simulator keeps {value} {limit} at most: raise its limit, or reset it with POST /simulator/reset"
            ),
        )
    }
}

/// Why the control plane refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ControlError {
    #[error("application {subappid} is not known: it must be among the applications that the simulator started with")]
    UnknownApp { subappid: u64 },
    #[error("application {subappid} has no file {file_id}")]
    UnknownFile { subappid: u64, file_id: String },
    #[error("{what}")]
    Invalid { what: String },
    #[error("{what}")]
    Full { what: String },
    #[error("{method} {path} is not known: the paths are in the documentation of the simulator")]
    UnknownPath { method: String, path: String },
    #[error("the control plane serves this machine alone: start the simulator with remote control to open it")]
    Remote,
    #[error("the body is longer than {limit} bytes")]
    TooLong { limit: usize },
}

impl ControlError {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::UnknownApp { .. } | Self::UnknownFile { .. } | Self::UnknownPath { .. } => 404,
            Self::Invalid { .. } => 400,
            Self::Full { .. } => 507,
            Self::Remote => 403,
            Self::TooLong { .. } => 413,
        }
    }
}
