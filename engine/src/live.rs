//! What is live: the configured applications and the rules that were loaded for them. Built whole, then swapped.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use oncue_plugins::action::App;
use oncue_plugins::plugin::{self, Folder, Host, Known as KnownToPlugins, Plugin};
use oncue_plugins::registry::Registry;
use oncue_rules::diagnostic::{Diagnostics, SourceFile};
use oncue_rules::ids::SubAppId;
use oncue_rules::rule_set::{AppFacts, Known, RuleSet};
use oncue_rules::value::{Map, Value};

use crate::config::{AppConfig, Config, Scripts};

/// Rules and applications that belong together.
#[derive(Debug)]
pub struct Live {
    /// The rules.
    pub rules: RuleSet,
    /// The applications.
    pub apps: Apps,
}

/// The configured applications.
#[derive(Debug)]
pub struct Apps {
    by_id: HashMap<SubAppId, LiveApp>,
    list: Value,
}

/// One application, as rules and as actions see it.
#[derive(Debug)]
pub struct LiveApp {
    /// What rules may know of it.
    pub facts: AppFacts,
    /// What actions may know of it.
    pub action: Arc<App>,
    /// What `app` is in expressions, without `vars`.
    pub value: Value,
}

/// Loads the plugins that were read. What rules use of a plugin with errors is not there.
#[must_use]
pub fn plugins(
    config: &Config,
    builtin: &Registry,
    folders: &[Folder],
    host: &Host,
) -> (Vec<Arc<Plugin>>, Diagnostics) {
    let secrets = config.secrets.keys().map(ToString::to_string).collect();
    plugin::load(folders, KnownToPlugins { builtin, secrets: Some(&secrets) }, host)
}

/// Loads the rules for the configured applications. Nothing is live when there are errors.
#[must_use]
pub fn build(config: &Config, actions: &Registry, files: &[SourceFile]) -> (Option<Live>, Diagnostics) {
    build_after(None, config, actions, files)
}

/// As [`build`], in the place of what is live: what stays of it is not compiled for matching again.
#[must_use]
pub fn build_after(
    before: Option<&Live>,
    config: &Config,
    actions: &Registry,
    files: &[SourceFile],
) -> (Option<Live>, Diagnostics) {
    let facts: Vec<AppFacts> = config.apps.iter().map(facts).collect();
    let secrets: BTreeSet<String> = config.secrets.keys().map(ToString::to_string).collect();
    let files_of_rules = Scripts::of(config);
    let known = Known {
        actions,
        files: &files_of_rules,
        apps: &facts,
        secrets: Some(&secrets),
        defaults: config.defaults.as_ref(),
    };
    let (rules, diagnostics) = RuleSet::load_after(before.map(|live| &live.rules), files, &known);
    let live = rules.map(|rules| Live { rules, apps: Apps::new(&config.apps) });
    (live, diagnostics)
}

impl Apps {
    /// The applications of a configuration.
    #[must_use]
    pub fn new(apps: &[AppConfig]) -> Self {
        let mut ordered: Vec<&AppConfig> = apps.iter().collect();
        ordered.sort_unstable_by_key(|app| app.subappid);
        let list = Value::list(ordered.into_iter().map(|app| described(app, Some(app.vars.clone()))).collect());
        let by_id = apps.iter().map(|app| (app.subappid, LiveApp::new(app))).collect();
        Self { by_id, list }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: SubAppId) -> Option<&LiveApp> {
        self.by_id.get(&id)
    }

    /// The name of an application; its number where it is not configured.
    #[must_use]
    pub fn name(&self, id: SubAppId) -> String {
        self.get(id).map_or_else(|| id.to_string(), |app| app.facts.name.clone())
    }

    /// The numbers of all of them, the smallest first.
    pub fn ids(&self) -> impl Iterator<Item = SubAppId> {
        let mut ids: Vec<_> = self.by_id.keys().copied().collect();
        ids.sort_unstable();
        ids.into_iter()
    }

    /// The number of the application, where there is only one.
    #[must_use]
    pub fn only(&self) -> Option<SubAppId> {
        let mut ids = self.ids();
        ids.next().filter(|_| ids.next().is_none())
    }

    /// What `apps` is in expressions: all of them, the smallest number first.
    #[must_use]
    pub fn list(&self) -> &Value {
        &self.list
    }
}

impl LiveApp {
    fn new(app: &AppConfig) -> Self {
        let action = App {
            subappid: app.subappid,
            send_subappid: app.send_subappid,
            name: app.name.as_str().into(),
            credentials: app.credentials.clone(),
        };
        Self { facts: facts(app), action: Arc::new(action), value: described(app, None) }
    }
}

fn facts(app: &AppConfig) -> AppFacts {
    AppFacts {
        subappid: app.subappid,
        name: app.name.clone(),
        labels: app.labels.clone(),
        vars: app.vars.clone(),
        has_credentials: app.credentials.is_some(),
    }
}

fn described(app: &AppConfig, vars: Option<Value>) -> Value {
    let labels = app.labels.iter().map(|(name, label)| (name.clone(), Value::text(label.as_str()))).collect();
    let fields = [
        ("subappid", Some(Value::Number(app.subappid.0.into()))),
        ("name", Some(Value::text(app.name.as_str()))),
        ("labels", Some(Value::map(labels))),
        ("vars", vars),
    ];
    Value::map(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map>())
}
