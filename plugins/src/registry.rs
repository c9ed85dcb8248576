//! The actions that rules can use.

use std::collections::BTreeMap;
use std::sync::Arc;

use oncue_rules::catalog::{ActionCatalog, CheckCode, Problem};
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;

use crate::action::{Action, Spec};
use crate::emit::{Emit, Emitter};
use crate::fail::Fail;
use crate::http::Http;
use crate::log::Log;
use crate::outbound;
use crate::plugin::Plugin;
use crate::script::Script;
use crate::target::Targets;
use crate::tencent::TencentCall;
use crate::vod;
use crate::vod::delete_media::DeleteMedia;
use crate::vod::edit_media::EditMedia;
use crate::vod::process_media::ProcessMedia;
use crate::vod::review_audio_video::ReviewAudioVideo;
use crate::webhook::Webhook;

/// The most characters of a name.
const NAME_LIMIT: usize = 64;

/// Actions by name. Filled once, in the open: nothing registers itself.
#[derive(Clone, Default)]
pub struct Registry {
    actions: BTreeMap<ActionName, Arc<dyn Action>>,
}

/// What the actions that ship with Oncue work with. A clone works with the same.
#[derive(Clone)]
pub struct Parts {
    /// Calls VOD, and holds the connections to all of Tencent Cloud.
    pub vod: vod::Client,
    /// Makes the requests of `webhook` and `http`.
    pub outbound: outbound::Client,
    /// The targets that `webhook` may name.
    pub targets: Targets,
    /// Stores events of our own.
    pub emitter: Arc<dyn Emitter>,
    /// Lets `tencent.call` name an endpoint `http://` on this machine.
    pub plain_loopback: bool,
}

/// An action cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Its name is not one.
    #[error(
        "{name:?} is no name of an action: write words of a-z, 0-9 and _ that begin with a letter, joined by dots, at \
         most {NAME_LIMIT} characters"
    )]
    Name {
        /// The name.
        name: ActionName,
    },
    /// There is one of that name.
    #[error("the action {name:?} is registered already: give one of the two another name")]
    Taken {
        /// The name.
        name: ActionName,
    },
    /// One of its schemas does not describe a map, or refers to something outside itself.
    #[error("the {of} of the action {name:?} are no JSON Schema of type object that stands alone")]
    Schema {
        /// The name.
        name: ActionName,
        /// `parameters` or `outputs`.
        of: &'static str,
    },
}

impl Registry {
    /// A registry without actions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The actions that ship with Oncue.
    #[must_use]
    pub fn builtin(parts: Parts) -> Self {
        let Parts { vod, outbound, targets, emitter, plain_loopback } = parts;
        let actions: [Arc<dyn Action>; 11] = [
            Arc::new(Emit::new(emitter)),
            Arc::new(Fail::new()),
            Arc::new(Http::new(outbound.clone())),
            Arc::new(Log::new()),
            Arc::new(Script::new()),
            Arc::new(TencentCall::new(vod.clone(), plain_loopback)),
            Arc::new(DeleteMedia::new(vod.clone())),
            Arc::new(EditMedia::new(vod.clone())),
            Arc::new(ProcessMedia::new(vod.clone())),
            Arc::new(ReviewAudioVideo::new(vod)),
            Arc::new(Webhook::new(outbound, targets)),
        ];
        Self { actions: actions.into_iter().map(|action| (action.spec().name.clone(), action)).collect() }
    }

    /// Adds an action.
    ///
    /// # Errors
    ///
    /// When its name is not valid or taken, or a schema of it is not one of type `object` that stands alone.
    pub fn register(&mut self, action: Arc<dyn Action>) -> Result<(), RegistryError> {
        let Spec { name, parameters, outputs, .. } = action.spec();
        let name = name.clone();
        if !is_name(name.as_str()) {
            return Err(RegistryError::Name { name });
        }
        if self.actions.contains_key(&name) {
            return Err(RegistryError::Taken { name });
        }
        for (of, schema) in [("parameters", parameters), ("outputs", outputs)] {
            if schema.get("type").and_then(serde_json::Value::as_str) != Some("object") || !stands_alone(schema) {
                return Err(RegistryError::Schema { name, of });
            }
        }
        self.actions.insert(name, action);
        Ok(())
    }

    /// These actions and those of plugins, whose names were found to be free when they were loaded.
    #[must_use]
    pub fn with<'p>(mut self, plugins: impl IntoIterator<Item = &'p Arc<Plugin>>) -> Self {
        for action in plugins.into_iter().flat_map(|plugin| plugin.actions()) {
            self.actions.entry(action.spec().name.clone()).or_insert_with(|| Arc::clone(action));
        }
        self
    }

    /// The action of this name.
    #[must_use]
    pub fn get(&self, name: &ActionName) -> Option<Arc<dyn Action>> {
        self.actions.get(name).map(Arc::clone)
    }

    /// All actions, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Action>> {
        self.actions.values()
    }
}

impl ActionCatalog for Registry {
    fn names(&self) -> Vec<ActionName> {
        self.actions.keys().cloned().collect()
    }

    fn parameters(&self, action: &str) -> Option<&serde_json::Value> {
        self.actions.get(action).map(|action| &action.spec().parameters)
    }

    fn problems(&self, action: &str, with: &Value) -> Vec<Problem> {
        self.actions.get(action).map(|action| action.check(with)).unwrap_or_default()
    }

    fn check_code(&self, action: &str) -> Option<CheckCode> {
        self.actions.get(action)?.check_code()
    }

    fn completes(&self, action: &str) -> bool {
        self.actions.get(action).is_some_and(|action| action.completion().is_some())
    }

    fn has_own_retry(&self, action: &str) -> bool {
        self.actions.get(action).is_some_and(|action| action.retry().is_some())
    }

    fn needs_credentials(&self, action: &str) -> bool {
        self.actions.get(action).is_some_and(|action| action.spec().needs_credentials)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.actions.keys()).finish()
    }
}

fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    name.len() <= NAME_LIMIT && name.split('.').all(is_word)
}

/// Whether every reference is into the schema itself.
fn stands_alone(schema: &serde_json::Value) -> bool {
    match schema {
        serde_json::Value::Array(items) => items.iter().all(stands_alone),
        serde_json::Value::Object(members) => members.iter().all(|(name, value)| match value.as_str() {
            Some(target) if name == "$ref" || name == "$dynamicRef" => target.starts_with('#'),
            _ => stands_alone(value),
        }),
        _ => true,
    }
}

#[cfg(test)]
mod readme;
#[cfg(test)]
pub(crate) mod tests;
