//! From rule files to a set of rules.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::{AppFacts, Known, Place, RuleSet, listeners::Listeners, named::Named, place::Places};
use crate::closure::{self, Content};
use crate::decode::Findings;
use crate::diagnostic::{Diagnostics, SourceFile};
use crate::language::{self, Configured, Loaded, Surroundings};
use crate::matcher::{Builder, Subject};
use crate::pattern::{Match, Pattern};
use crate::rule::{AppSelection, Mode, Rule, Subscription};
use crate::value::Value;

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
        let configured = Configured::new(known.apps);
        let bare = Surroundings {
            actions: known.actions,
            files: known.files,
            apps: Some(&configured),
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
        let mut gathered = Gathered::after(before);
        let mut taken = HashMap::new();
        for file in files {
            let findings = Findings::new(file);
            let read = language::read_file(file, surroundings, &findings, &mut diagnostics);
            let Some((rules, names)) = read else { continue };
            refuse_taken_names(names, &mut taken, &findings);
            diagnostics.extend(findings.into_diagnostics());
            gathered.add(file, rules);
        }
        let diagnostics = diagnostics.sorted();
        if diagnostics.has_errors() {
            return (None, diagnostics);
        }
        let mut apps: Vec<&AppFacts> = known.apps.iter().collect();
        apps.sort_unstable_by_key(|app| app.subappid);
        let apps = Value::list(apps.into_iter().map(AppFacts::to_value).collect());
        (Some(gathered.into_set(vars_content, vars, apps)), diagnostics)
    }

    /// The number of the rule here that is word for word this one.
    fn number_of_same(&self, rule: &Rule) -> Option<u32> {
        let number = self.named.number(rule.name.as_str())?;
        let is_same = self.rules.get(number as usize).is_some_and(|here| here.closure == rule.closure);
        is_same.then_some(number)
    }
}

/// What was read so far. Each rule goes into the matcher as it comes; the compiled form of its match is dropped then.
struct Gathered<'b> {
    before: Option<&'b RuleSet>,
    rules: Vec<Arc<Rule>>,
    closures: Vec<Content>,
    places: Places,
    builder: Builder,
}

impl<'b> Gathered<'b> {
    fn after(before: Option<&'b RuleSet>) -> Self {
        let builder = before.map_or_else(Builder::new, |before| Builder::after(&before.matcher));
        Self { before, rules: Vec::new(), closures: Vec::new(), places: Places::default(), builder }
    }

    fn add(&mut self, file: &SourceFile, rules: Vec<Loaded>) {
        self.places.begin(file.clone());
        for Loaded { rule, pattern, closure, span } in rules {
            let number = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
            let old = self.before.and_then(|before| before.number_of_same(&rule));
            let is_kept = old.is_some_and(|old| self.builder.keep(old, number));
            if !is_kept && let Some(subject) = subject(&rule, pattern.as_ref()) {
                self.builder.add(number, subject);
            }
            self.places.add(span);
            self.closures.push(Content { hash: rule.closure.clone(), text: closure.into() });
            self.rules.push(Arc::new(rule));
        }
    }

    fn into_set(self, vars_content: Content, vars: Value, apps: Value) -> RuleSet {
        let Self { mut rules, closures, mut places, builder, .. } = self;
        rules.shrink_to_fit();
        places.shrink();
        let mut contents = Vec::with_capacity(closures.len() + 1);
        contents.push(vars_content);
        contents.extend(closures);
        let named = Named::new(rules.iter().map(|rule| rule.name.clone()));
        let listeners = Listeners::of(&rules);
        let matcher = builder.finish(|builder| add_all(&rules, builder));
        RuleSet { rules, matcher, listeners, named, places, contents, vars, apps }
    }
}

/// Adds rules whose compiled matches are dropped already.
fn add_all(rules: &[Arc<Rule>], builder: &mut Builder) {
    for (number, rule) in (0..).zip(rules) {
        let pattern = rule.pattern.as_ref().and_then(Match::compile);
        if let Some(subject) = subject(rule, pattern.as_ref()) {
            builder.add(number, subject);
        }
    }
}

/// What the matcher is asked for; none of a rule that is off, or is a schedule.
fn subject<'r>(rule: &'r Rule, pattern: Option<&'r Pattern>) -> Option<Subject<'r>> {
    if rule.mode == Mode::Off {
        return None;
    }
    let kinds = match &rule.on {
        Subscription::All => None,
        Subscription::Types(types) => Some(types),
        Subscription::Schedule(_) => return None,
    };
    let apps = match &rule.apps {
        AppSelection::All => None,
        AppSelection::Only(apps) => Some(apps),
    };
    Some(Subject::new(kinds, apps, pattern))
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
