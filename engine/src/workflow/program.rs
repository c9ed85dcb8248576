//! What stays the same while a run runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use oncue_plugins::action::Repeatable;
use oncue_plugins::completion::Completion;
use oncue_rules::event::Event;
use oncue_rules::ids::{ActionName, RunId};
use oncue_rules::rule::{Retry, Rule, Step, StepKind};
use oncue_rules::time::Timestamp;
use oncue_rules::value::{Map, Value};

/// A rule with all that its runs need to know of the actions that it uses.
#[derive(Debug)]
pub struct Program {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The pinned `vars` of every application, by its id as text.
    pub vars: Value,
    manners: BTreeMap<ActionName, Manner>,
}

/// How an action wants to be called.
#[derive(Clone)]
pub struct Manner {
    /// Whether calling it again with these rendered parameters is safe.
    pub repeatable: Arc<dyn Fn(&Value) -> Repeatable + Send + Sync>,
    /// Whether the other side is given the idempotency key.
    pub sends_key: bool,
    /// How failed attempts are repeated when a step does not say.
    pub retry: Retry,
    /// How the work that it starts tells of its end.
    pub completion: Option<Completion>,
}

impl From<Repeatable> for Manner {
    /// Equally repeatable whatever the parameters, with the retry that most actions have.
    fn from(repeatable: Repeatable) -> Self {
        let sends_key = repeatable == Repeatable::Keyed;
        Self { repeatable: Arc::new(move |_| repeatable), sends_key, retry: Retry::default(), completion: None }
    }
}

impl fmt::Debug for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manner").field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// A rule uses an action that this Oncue does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no action {action}: add the plugin that provides it")]
pub struct UnknownAction {
    /// The action.
    pub action: ActionName,
}

impl Program {
    /// Binds a rule to its actions.
    ///
    /// # Errors
    ///
    /// When `manner` does not know an action that the rule uses.
    pub fn bind(
        rule: Arc<Rule>,
        vars: Value,
        manner: impl Fn(&ActionName) -> Option<Manner>,
    ) -> Result<Self, UnknownAction> {
        let mut bound = BTreeMap::new();
        let mut left: Vec<&Step> = rule.steps.iter().chain(&rule.on_failure).collect();
        while let Some(step) = left.pop() {
            if let StepKind::Uses { action, .. } = &step.kind {
                let known = manner(action).ok_or_else(|| UnknownAction { action: action.clone() })?;
                bound.insert(action.clone(), known);
            }
            step.lists().for_each(|steps| left.extend(steps));
        }
        Ok(Self { rule, vars, manners: bound })
    }

    /// Whether calling an action again with these parameters is safe; not, when it is not one of this rule.
    pub(super) fn repeatable(&self, action: &ActionName, params: &Value) -> Repeatable {
        self.manners.get(action).map_or(Repeatable::No, |manner| (manner.repeatable)(params))
    }

    /// Whether the other side is given the idempotency key.
    pub(super) fn sends_key(&self, action: &ActionName) -> bool {
        self.manners.get(action).is_some_and(|manner| manner.sends_key)
    }

    /// How the work that an action starts tells of its end.
    pub(super) fn completion(&self, action: &ActionName) -> Option<Completion> {
        self.manners.get(action)?.completion
    }

    /// How failed attempts of a step are repeated.
    pub(super) fn retry(&self, step: &Step) -> Retry {
        let own = step.retry.as_deref().copied();
        let StepKind::Uses { action, .. } = &step.kind else { return own.unwrap_or_default() };
        own.or_else(|| Some(self.manners.get(action)?.retry)).unwrap_or_default()
    }
}

/// What is known of a run before its first step.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The run.
    pub run: RunId,
    /// Its event.
    pub event: Arc<Event>,
    /// The body of that event, to the byte as it was received.
    pub raw: Arc<[u8]>,
    /// What `app` is, without `vars`: those are pinned. Null when the event belongs to no application.
    pub app: Value,
    /// What `apps` is at present, with the `vars` of the present.
    pub apps: Value,
    /// The events that the run has gathered, in the order of reception; `event` is the last of them. None when it does not
    /// gather.
    pub gathered: Vec<Arc<Event>>,
    /// When the run began.
    pub started_at: Timestamp,
    /// The moment that a schedule meant, for a run that a schedule started.
    pub scheduled_at: Option<Timestamp>,
}

impl Facts {
    /// What `app` is, with its pinned `vars`.
    pub(super) fn app(&self, vars: &Value) -> Value {
        let Some(id) = self.event.subappid else { return self.app.clone() };
        let mut app = self.app.as_map().cloned().unwrap_or_default();
        app.insert("vars".to_owned(), vars.get(&id.to_string()).clone());
        app.entry("subappid".to_owned()).or_insert_with(|| Value::Number(id.0.into()));
        Value::map(app)
    }

    /// What `run` is.
    pub(super) fn run(&self, rule: &Rule) -> Value {
        let moment = |at: Timestamp| Value::text(at.to_string());
        let fields = [
            ("id", Value::text(self.run.to_string())),
            ("rule", Value::text(rule.name.as_str())),
            ("started_at", moment(self.started_at)),
            ("scheduled_at", self.scheduled_at.map_or(Value::Null, moment)),
        ];
        Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map>())
    }
}
