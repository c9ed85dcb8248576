//! What can go wrong in a store.

use std::error::Error as StdError;

use oncue_rules::ids::RunId;

/// Why a store did not do what was asked. Nothing was written, except where [`Error::Unavailable`] says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The lease on the run went to somebody else, or ended.
    #[error("the lease on {run} is no longer held")]
    Fenced {
        /// The run.
        run: RunId,
    },
    /// There is nothing of that name.
    #[error("{what} is not stored")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The store cannot be reached, is full, locked, read-only, or too busy. Trying later may help. For a write it is
    /// unknown whether it was committed only when `unknown` says so.
    #[error("the store is not available: {doing}")]
    Unavailable {
        /// What it was doing.
        doing: &'static str,
        /// Whether a write may have been committed all the same.
        unknown: bool,
        /// The cause.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// What is stored makes no sense.
    #[error("the store is damaged: {what}")]
    Corrupt {
        /// What is wrong.
        what: String,
    },
    /// The store was made by a newer Oncue.
    #[error(
        "the store has schema {found}, and this Oncue knows up to {known}: use the newer Oncue, or a copy made before"
    )]
    TooNew {
        /// The schema number found.
        found: i32,
        /// The newest schema number known here.
        known: i32,
    },
    /// A new file was to be made, and there is one of that name.
    #[error("{path} is there already: name a file that is not")]
    Occupied {
        /// The file.
        path: String,
    },
    /// Another process holds the store.
    #[error("{path} is in use by another process: stop it, or ask it through its admin address")]
    InUse {
        /// The file.
        path: String,
    },
}
