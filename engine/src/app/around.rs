//! What the code of plugins reaches of this program. The actions come later: plugins are among them.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use oncue_plugins::action::{Action, ActionError};
use oncue_plugins::plugin::Around;
use oncue_rules::ids::{ActionName, SecretName};
use tokio::sync::SetOnce;

use crate::clock;
use crate::program::Programs;
use crate::secrets::Secrets;
use crate::store::{Keep, Kept, MOST_KEPT, Shelf};

/// The program around plugins. It does not keep the programs alive, which keep the plugins.
pub(super) struct PluginsAround {
    secrets: Secrets,
    shelf: SetOnce<Arc<dyn Shelf>>,
    programs: SetOnce<Weak<Programs>>,
}

impl PluginsAround {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self { secrets, shelf: SetOnce::new(), programs: SetOnce::new() }
    }

    /// From now on plugins keep values in this store, and call actions of these programs; a second time is ignored.
    pub(super) fn connect(&self, store: Arc<dyn Shelf>, programs: &Arc<Programs>) {
        if self.shelf.set(store).is_err() || self.programs.set(Arc::downgrade(programs)).is_err() {
            tracing::error!("plugins have a store already");
        }
    }

    fn shelf(&self) -> Result<&Arc<dyn Shelf>, ActionError> {
        self.shelf.get().ok_or_else(|| ActionError::retry("unavailable", "the store is not there yet"))
    }
}

#[async_trait]
impl Around for PluginsAround {
    fn secret(&self, name: &str) -> Option<String> {
        self.secrets.get(&SecretName::from(name))
    }

    fn action(&self, name: &ActionName) -> Option<Arc<dyn Action>> {
        self.programs.get().and_then(Weak::upgrade)?.action(name)
    }

    async fn kept(&self, plugin: &str, key: &str) -> Result<Option<String>, ActionError> {
        self.shelf()?.kept(plugin, key).await.map_err(|error| ActionError::retry("unavailable", error.to_string()))
    }

    async fn keep(&self, plugin: &str, key: &str, value: Option<String>) -> Result<(), ActionError> {
        let keep = Keep { plugin: plugin.to_owned(), key: key.to_owned(), value, now: clock::now() };
        match self.shelf()?.keep(keep).await {
            Ok(Kept::Done) => Ok(()),
            Ok(Kept::Full) => {
                let message = format!("the plugin keeps {MOST_KEPT} keys already: remove some");
                Err(ActionError::fatal("store_full", message))
            }
            Err(error) => Err(ActionError::retry("unavailable", error.to_string())),
        }
    }
}
