//! What the code of plugins reaches of the program around it.

use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::ids::ActionName;

use super::rhai;
use crate::action::{Action, ActionError};
use crate::outbound::Client;

/// The program around plugins.
#[async_trait]
pub trait Around: Send + Sync + 'static {
    /// A configured secret, as it is now.
    fn secret(&self, name: &str) -> Option<String>;

    /// The action of this name, as it is now.
    fn action(&self, name: &ActionName) -> Option<Arc<dyn Action>>;

    /// What a plugin has kept under a key, as JSON.
    ///
    /// # Errors
    ///
    /// When the store does not answer; trying again is safe.
    async fn kept(&self, plugin: &str, key: &str) -> Result<Option<String>, ActionError>;

    /// Keeps a value for a plugin under a key, as JSON, or removes what was kept. When it returns, that is durable.
    ///
    /// # Errors
    ///
    /// When there are too many keys, or the store does not answer.
    async fn keep(&self, plugin: &str, key: &str, value: Option<String>) -> Result<(), ActionError>;
}

/// What the code of plugins works with. A clone works with the same.
#[derive(Clone)]
pub struct Host {
    pub(super) threads: rhai::Threads,
    /// None where plugins are only looked at.
    pub(super) outbound: Option<Client>,
    pub(super) around: Arc<dyn Around>,
}

impl Host {
    /// One whose requests go through this client. Its threads start with the first call.
    #[must_use]
    pub fn new(outbound: Client, around: Arc<dyn Around>) -> Self {
        Self { threads: rhai::Threads::new(), outbound: Some(outbound), around }
    }

    /// One for plugins that are looked at, and that reach nothing when they are called.
    #[must_use]
    pub fn idle() -> Self {
        Self { threads: rhai::Threads::new(), outbound: None, around: Arc::new(Nobody) }
    }
}

struct Nobody;

#[async_trait]
impl Around for Nobody {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }

    fn action(&self, _: &ActionName) -> Option<Arc<dyn Action>> {
        None
    }

    async fn kept(&self, _: &str, _: &str) -> Result<Option<String>, ActionError> {
        Err(absent())
    }

    async fn keep(&self, _: &str, _: &str, _: Option<String>) -> Result<(), ActionError> {
        Err(absent())
    }
}

fn absent() -> ActionError {
    ActionError::retry("unavailable", "there is no store here")
}
