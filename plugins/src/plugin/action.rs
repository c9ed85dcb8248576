//! An action of a plugin, whatever runs it: the part of the contract that is the same for all kinds.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use oncue_rules::catalog::Problem;
use oncue_rules::rule::Retry;
use oncue_rules::schema;
use oncue_rules::template::secret_reference;
use oncue_rules::value::{Map, Value};
use serde_json::Value as Json;

use super::manifest::ActionManifest;
use crate::action::{Action, ActionError, Call, Spec};
use crate::params::INVALID;

/// The most bytes of outputs, as JSON.
pub const OUTPUT_LIMIT: usize = 64 * 1024;
/// The code of outputs that are not what the manifest says.
const OUTPUTS: &str = "plugin_outputs";

/// What runs the actions of one plugin.
#[async_trait]
pub trait Code: Send + Sync + 'static {
    /// Runs an action once, and gives its outputs. Parameters fit their schema; the deadline is that of the action already.
    /// Outputs are checked afterwards.
    ///
    /// # Errors
    ///
    /// When it did not succeed.
    async fn call(&self, action: &ActionManifest, call: Call) -> Result<Value, ActionError>;

    /// What is wrong with what runs the actions, which only starting it shows; for people, to follow the name of the plugin.
    async fn probe(&self, _actions: &[ActionManifest]) -> Option<String> {
        None
    }

    /// Ends what goes on outside of calls; none is made afterwards.
    async fn stop(&self) {}

    /// Whether it never sees the parameters that the manifest marks as secrets, so that no other may be one.
    fn seals_secrets(&self) -> bool {
        false
    }
}

/// One action.
pub(super) struct PluginAction {
    manifest: ActionManifest,
    spec: Spec,
    code: Arc<dyn Code>,
}

impl PluginAction {
    pub(super) fn new(manifest: ActionManifest, code: Arc<dyn Code>) -> Self {
        let spec = Spec {
            name: manifest.name.clone(),
            summary: manifest.summary.clone().into(),
            parameters: manifest.parameters.clone(),
            outputs: manifest.outputs.clone(),
            sample: manifest.sample.clone().into(),
            repeatable: manifest.repeatable,
            needs_credentials: false,
        };
        Self { manifest, spec, code }
    }

    fn outputs(&self, given: Value) -> Result<Value, ActionError> {
        let name = self.spec.name.as_str();
        let given = match given {
            Value::Null => Value::map(Map::new()),
            map @ Value::Map(_) => map,
            other => {
                let message = format!("`{name}` gave {} and no map of outputs", other.kind());
                return Err(ActionError::fatal(OUTPUTS, message));
            }
        };
        let length = given.to_json().len();
        if length > OUTPUT_LIMIT {
            let message = format!("`{name}` gave {length} bytes of outputs as JSON, and {OUTPUT_LIMIT} are the limit");
            return Err(ActionError::fatal(OUTPUTS, message));
        }
        match schema::misfit(name, &self.spec.outputs, &given) {
            None => Ok(given),
            Some(problem) => Err(ActionError::fatal(OUTPUTS, format!("the outputs are not as described: {problem}"))),
        }
    }
}

#[async_trait]
impl Action for PluginAction {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn retry(&self) -> Option<Retry> {
        self.manifest.retry
    }

    /// A secret that a script would see.
    fn check(&self, with: &Value) -> Vec<Problem> {
        if !self.code.seals_secrets() {
            return Vec::new();
        }
        let open = with.as_map().into_iter().flatten().filter(|(name, value)| {
            names_a_secret(value) && self.manifest.secret_parameters().all(|known| known != name.as_str())
        });
        let problem = |(name, _): (&String, &Value)| Problem {
            parameter: name.clone().into(),
            message: format!("`{name}` of `{}` is seen by the plugin, and a secret is not to be seen", self.spec.name),
            hint: format!("write `writeOnly: true` beside `{name}` in `parameters` of its plugin.yaml"),
        };
        open.map(problem).collect()
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let params = given(&call.params, &self.spec.parameters);
        if let Some(problem) = schema::misfit(self.spec.name.as_str(), &self.spec.parameters, &params) {
            return Err(ActionError::fatal(INVALID, problem));
        }
        let deadline = call.deadline.min(Instant::now() + self.manifest.timeout);
        let outputs = self.code.call(&self.manifest, Call { params, deadline, ..call }).await?;
        self.outputs(outputs)
    }
}

/// Whether a value as it is written has a reference to a secret in it.
fn names_a_secret(value: &Value) -> bool {
    match value {
        Value::Text(text) => secret_reference(text).is_some(),
        Value::List(items) => items.iter().any(names_a_secret),
        Value::Map(entries) => entries.values().any(names_a_secret),
        _ => false,
    }
}

/// Parameters without those that are null, which a template gives for a missing value, where null is no value.
fn given(params: &Value, schema: &Json) -> Value {
    let Some(members) = params.as_map().filter(|members| members.values().any(|value| *value == Value::Null)) else {
        return params.clone();
    };
    let takes_null = |name: &str| {
        let property = schema.get("properties").and_then(|properties| properties.get(name));
        property.is_some_and(|property| schema::misfit("it", property, &Value::Null).is_none())
    };
    let kept = members.iter().filter(|(name, value)| **value != Value::Null || takes_null(name));
    Value::map(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}
