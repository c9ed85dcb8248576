//! All rules of one load, and what they say to an event.

mod explain;
mod judge;
mod keys;
mod listeners;
mod load;
mod named;
mod place;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::{ActionCatalog, RuleFiles};
use crate::closure::Content;
use crate::diagnostic::SourceFile;
use crate::ids::{EventType, RuleName, SubAppId};
use crate::matcher::{Document, Matcher};
use crate::node::Node;
use crate::rule::Rule;
use crate::value::{JsonError, Map, Value};

pub use explain::{Explained, Explanation, Stage};
pub use judge::{Judgement, Unmatched, Verdict};
pub use keys::Keys;
pub use place::Place;

pub(crate) use keys::key_text;

use listeners::Listeners;
use named::Named;
use place::Places;

/// What rules are checked against, and see.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The actions that steps may use.
    pub actions: &'a dyn ActionCatalog,
    /// The files that rule files name.
    pub files: &'a dyn RuleFiles,
    /// The configured applications.
    pub apps: &'a [AppFacts],
    /// The names of the configured secrets; `None` when nobody knows them, and then any name is taken.
    pub secrets: Option<&'a BTreeSet<String>>,
    /// What rules have that do not say otherwise.
    pub defaults: Option<&'a Defaults>,
}

/// `defaults` of the configuration: `on_failure` for rules without one, `retry` for steps without one whose action says
/// nothing of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// The file in which they are written, for reports.
    pub file: SourceFile,
    /// Them as they are written.
    pub node: Node,
}

/// What rules may know of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct AppFacts {
    /// Its id.
    pub subappid: SubAppId,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its variables, a map.
    pub vars: Value,
    /// Whether calls can be made in its name.
    pub has_credentials: bool,
}

impl AppFacts {
    /// What `app` is in an expression or a template.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let labels: Map = self.labels.iter().map(|(name, value)| (name.clone(), Value::text(value.as_str()))).collect();
        let fields = [
            ("subappid", Value::Number(self.subappid.0.into())),
            ("name", Value::text(self.name.as_str())),
            ("labels", Value::map(labels)),
            ("vars", self.vars.clone()),
        ];
        Value::map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// All rules of one load.
#[derive(Debug, Clone)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    /// Of the rules that are not off, and no schedules; they have the numbers of their places.
    matcher: Matcher,
    listeners: Listeners,
    named: Named,
    places: Places,
    contents: Vec<Content>,
    vars: Value,
    /// What `apps` is in an expression or a template: all of them, the smallest number first.
    apps: Value,
}

impl RuleSet {
    /// Whether an event of this type and application may mean something to a rule: one listens to such, or has a step that
    /// waits for the type.
    #[must_use]
    pub fn hears(&self, kind: &EventType, app: Option<SubAppId>) -> bool {
        self.listeners.hear(kind, app)
    }

    /// The names of the rules whose match holds for a body, by the bytes of it: type, application and `match`, without `if`. What a match
    /// names outside of `body` is not there. Rules that were not decided are left out.
    ///
    /// # Errors
    ///
    /// When the body is no JSON.
    pub fn find_in_body(
        &self,
        kind: Option<&EventType>,
        app: Option<SubAppId>,
        body: &[u8],
    ) -> Result<Vec<&RuleName>, JsonError> {
        let rule = |number: u32| self.rules.get(number as usize);
        let (value, whole) = (OnceCell::new(), OnceCell::new());
        let tree = || value.get_or_init(|| Value::from_json(body)).as_ref().map_err(JsonError::clone);
        let document = |body: &Value| Value::map([("body".to_owned(), body.clone())].into());
        let asked = Document { kind, app, event: None, body, payload: None };
        let found = self.matcher.find(asked, tree, |number, steps| {
            let document = whole.get_or_init(|| tree().map(document).unwrap_or_default());
            let pattern = rule(number).and_then(|rule| rule.pattern.as_ref());
            pattern.map_or(Ok(true), |pattern| pattern.decide(document, steps))
        })?;
        Ok(found.matched.into_iter().filter_map(|number| self.named.name(number)).collect())
    }

    /// The matcher of these rules.
    #[must_use]
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// The rules, in the order of files and places.
    #[must_use]
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The rule of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Rule>> {
        self.named.number(name).and_then(|number| self.rules.get(number as usize))
    }

    /// Where the rule of this name is written.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<Place> {
        self.named.number(name).and_then(|number| self.places.get(number as usize))
    }

    /// What a store must keep before runs of these rules begin: the variables, then a closure for each rule.
    #[must_use]
    pub fn contents(&self) -> &[Content] {
        &self.contents
    }

    /// The variables of every application: a map from the application's id, as text, to its `vars`.
    #[must_use]
    pub fn vars(&self) -> &Value {
        &self.vars
    }
}
