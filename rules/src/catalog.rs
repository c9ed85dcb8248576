//! What the rule language must know of actions to check the steps that use them.

use crate::ids::ActionName;

/// The actions that rules may use. The registry of actions implements this; this crate knows no action.
pub trait ActionCatalog {
    /// The names of all actions, sorted.
    fn names(&self) -> Vec<ActionName>;

    /// The parameters of an action as a JSON Schema of type `object`; `None` when there is no such action.
    fn parameters(&self, action: &str) -> Option<&serde_json::Value>;
}
