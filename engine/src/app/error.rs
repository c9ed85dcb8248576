//! Why a server does not start.

use std::net::SocketAddr;

use oncue_rules::diagnostic::Diagnostics;

use crate::reload::{NotPrepared, Trouble};
use crate::store;
use crate::workflow::UnknownAction;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Configuration or rules cannot be read.
    #[error("configuration or rules cannot be read")]
    Unreadable {
        /// What is wrong.
        #[source]
        source: Trouble,
    },
    /// The rules have errors.
    #[error("the rules are not valid:\n{0}")]
    Invalid(Diagnostics),
    /// The vendor cannot be called.
    #[error("the vendor cannot be called")]
    Vod {
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Other systems cannot be called.
    #[error("webhooks cannot be sent")]
    Outbound {
        /// The cause.
        #[source]
        source: oncue_plugins::outbound::ClientError,
    },
    /// The store does not open or does not answer.
    #[error("the store does not open")]
    Store {
        /// The cause.
        #[source]
        source: store::Error,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address} (is another server running there?)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The admin token can be neither read nor made.
    #[error("no admin token (it is kept beside the store)")]
    Token {
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// An origin that no header can carry.
    #[error("`cors` cannot be `{origin}`")]
    Origin {
        /// What is configured.
        origin: String,
    },
    /// A rule uses an action that is not there although it was checked.
    #[error("a rule cannot be bound to its actions")]
    Action {
        /// The cause.
        #[source]
        source: UnknownAction,
    },
}

impl Error {
    pub(super) fn endpoint(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Vod { source: Box::new(source) }
    }

    pub(super) fn client(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Vod { source: Box::new(source) }
    }

    pub(super) fn outbound(source: oncue_plugins::outbound::ClientError) -> Self {
        Self::Outbound { source }
    }

    pub(super) fn store(source: store::Error) -> Self {
        Self::Store { source }
    }

    pub(super) fn token(source: std::io::Error) -> Self {
        Self::Token { source }
    }

    pub(super) fn trouble(source: Trouble) -> Self {
        Self::Unreadable { source }
    }

    pub(super) fn not_prepared(problem: NotPrepared) -> Self {
        match problem {
            NotPrepared::Store(source) => Self::Store { source },
            NotPrepared::Action(source) => Self::Action { source },
        }
    }
}
