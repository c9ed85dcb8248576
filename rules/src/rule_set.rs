//! All rules of one load, and what they say to an event.

mod explain;
mod judge;
mod keys;
mod listeners;
mod place;
#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::catalog::{ActionCatalog, RuleFiles};
use crate::closure::{self, Content};
use crate::decode::Findings;
use crate::diagnostic::{Diagnostics, SourceFile};
use crate::ids::{EventType, SubAppId};
use crate::language::{self, Surroundings};
use crate::matcher::{Envelope, Matcher, Subject};
use crate::node::Node;
use crate::rule::{AppSelection, Mode, Rule, Subscription};
use crate::value::{JsonError, Map, Value};
use crate::yaml;

pub use explain::{Explained, Explanation, Stage};
pub use judge::{Judgement, Unmatched, Verdict};
pub use keys::Keys;
pub use place::Place;

pub(crate) use keys::key_text;

use listeners::Listeners;

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
    by_name: HashMap<String, usize>,
    /// Where each rule is written, in the order of the rules.
    places: Vec<Place>,
    contents: Vec<Content>,
    vars: Value,
    /// What `apps` is in an expression or a template: all of them, the smallest number first.
    apps: Value,
}

impl RuleSet {
    /// Reads rule files. Everything that is wrong in any of them is reported at once; there is a set when nothing is an
    /// error. Warnings may come with a set.
    #[must_use]
    pub fn load(files: &[SourceFile], known: &Known<'_>) -> (Option<Self>, Diagnostics) {
        Self::load_after(None, files, known)
    }

    /// As [`RuleSet::load`], for a set that takes the place of another: rules that are the same in both are not compiled into
    /// the matcher again.
    #[must_use]
    pub fn load_after(before: Option<&Self>, files: &[SourceFile], known: &Known<'_>) -> (Option<Self>, Diagnostics) {
        let vars = closure::vars_of(known.apps);
        let vars_content = Content::new(vars.to_json());
        let bare = Surroundings {
            actions: known.actions,
            files: known.files,
            apps: Some(known.apps),
            secrets: known.secrets,
            vars: &vars_content.hash,
            defaults: None,
        };
        let mut diagnostics = Diagnostics::default();
        let defaults = known.defaults.and_then(|defaults| {
            let findings = Findings::new(&defaults.file);
            let usable = language::read_defaults(defaults, bare, &findings);
            diagnostics.extend(findings.into_diagnostics());
            usable
        });
        let surroundings = Surroundings { defaults: defaults.as_ref(), ..bare };
        let (mut loaded, mut places) = (Vec::new(), Vec::new());
        let mut taken = HashMap::new();
        for file in files {
            let Some(node) = yaml::read(file, &mut diagnostics) else { continue };
            let findings = Findings::new(file);
            let (rules, names) = language::read_file(&node, surroundings, &findings);
            refuse_taken_names(names, &mut taken, &findings);
            diagnostics.extend(findings.into_diagnostics());
            places.extend(rules.iter().map(|loaded| Place { file: file.clone(), span: loaded.span }));
            loaded.extend(rules);
        }
        let diagnostics = diagnostics.sorted();
        if diagnostics.has_errors() {
            return (None, diagnostics);
        }
        let mut contents = vec![vars_content];
        contents.extend(loaded.iter().map(|loaded| Content::new(loaded.closure.as_str())));
        let rules: Vec<Arc<Rule>> = loaded.into_iter().map(|loaded| Arc::new(loaded.rule)).collect();
        let mut apps: Vec<&AppFacts> = known.apps.iter().collect();
        apps.sort_unstable_by_key(|app| app.subappid);
        let apps = Value::list(apps.into_iter().map(AppFacts::to_value).collect());
        (Some(Self { places, ..Self::index(before, rules, contents, vars, apps) }), diagnostics)
    }

    fn index(before: Option<&Self>, rules: Vec<Arc<Rule>>, contents: Vec<Content>, vars: Value, apps: Value) -> Self {
        let by_name = rules.iter().enumerate().map(|(at, rule)| (rule.name.as_str().to_owned(), at)).collect();
        let listeners = Listeners::of(&rules);
        let matcher = match before {
            None => Matcher::new(subjects(&rules)),
            Some(before) => {
                let stayed = |old| before.same_in(old, &by_name, &contents);
                before.matcher.changed(subjects(&rules), stayed)
            }
        };
        Self { rules, matcher, listeners, by_name, places: Vec::new(), contents, vars, apps }
    }

    /// The number, among other rules with these names and contents, of the one that is word for word the rule that has this
    /// number here.
    fn same_in(&self, number: u32, by_name: &HashMap<String, usize>, contents: &[Content]) -> Option<u32> {
        let rule = self.rules.get(number as usize)?;
        let at = *by_name.get(rule.name.as_str())?;
        // The first content is the variables.
        let is_same = contents.get(at + 1)?.hash == self.contents.get(number as usize + 1)?.hash;
        if is_same { u32::try_from(at).ok() } else { None }
    }

    /// Whether an event of this type and application may mean something to a rule: one listens to such, or has a step that
    /// waits for the type.
    #[must_use]
    pub fn hears(&self, kind: &EventType, app: Option<SubAppId>) -> bool {
        self.listeners.hear(kind, app)
    }

    /// The rules whose match holds for a body, by the bytes of it: type, application and `match`, without `if`. What a match
    /// names outside of `body` is not there.
    ///
    /// # Errors
    ///
    /// When the body is no JSON.
    pub fn find_in_body(
        &self,
        kind: Option<&EventType>,
        app: Option<SubAppId>,
        body: &[u8],
    ) -> Result<Vec<&Arc<Rule>>, JsonError> {
        let rule = |number: u32| self.rules.get(number as usize);
        let found = self.matcher.find_in_json_at("body", Envelope { kind, app }, body, |number, document| {
            rule(number).and_then(|rule| rule.pattern.as_ref()).is_none_or(|pattern| pattern.matches(document))
        })?;
        Ok(found.matched.into_iter().filter_map(rule).collect())
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
        self.by_name.get(name).and_then(|at| self.rules.get(*at))
    }

    /// Where the rule of this name is written.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.by_name.get(name).and_then(|at| self.places.get(*at))
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

/// What the matcher is asked for: the rules that are not off, and no schedules, with their places.
fn subjects(rules: &[Arc<Rule>]) -> impl Iterator<Item = (u32, Subject<'_>)> + Clone {
    (0..).zip(rules).filter(|(_, rule)| rule.mode != Mode::Off).filter_map(|(number, rule)| {
        let kinds = match &rule.on {
            Subscription::All => None,
            Subscription::Types(types) => Some(types),
            Subscription::Schedule(_) => return None,
        };
        let apps = match &rule.apps {
            AppSelection::All => None,
            AppSelection::Only(apps) => Some(apps),
        };
        Some((number, Subject::new(kinds, apps, rule.pattern.as_ref())))
    })
}

/// Reports every name that an earlier rule of any file has.
fn refuse_taken_names(names: Vec<language::NamedAt>, taken: &mut HashMap<String, Place>, findings: &Findings<'_>) {
    for language::NamedAt { name, span } in names {
        match taken.entry(name) {
            Entry::Vacant(free) => {
                free.insert(Place { file: findings.file().clone(), span });
            }
            Entry::Occupied(first) => {
                let (name, place) = (first.key(), first.get());
                let message =
                    format!("two rules have the name `{name}`: the other is at {}:{}", place.file(), place.line());
                findings.error(span, message, "give each rule a name of its own");
            }
        }
    }
}
