//! What the rule language must know of actions to check the steps that use them.

use crate::ids::ActionName;
use crate::value::Value;

/// The actions that rules may use. The registry of actions implements this; this crate knows no action.
pub trait ActionCatalog {
    /// The names of all actions, sorted.
    fn names(&self) -> Vec<ActionName>;

    /// The parameters of an action as a JSON Schema of type `object`; `None` when there is no such action.
    fn parameters(&self, action: &str) -> Option<&serde_json::Value>;

    /// What is wrong with parameters as they are written, beyond their schema. A text with `${{` in it is a template.
    #[expect(unused_variables, reason = "named for those who implement it")]
    fn problems(&self, action: &str, with: &Value) -> Vec<Problem> {
        Vec::new()
    }
}

/// Something wrong with a parameter that its schema cannot tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The parameter; when it is not written, all of them are meant.
    pub parameter: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}
