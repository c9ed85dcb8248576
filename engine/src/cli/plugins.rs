//! `oncue plugins`: the actions that rules can use, and the plugins that some of them come from.

mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use oncue_plugins::action::{Repeatable, Spec};
use oncue_plugins::plugin::{self, Folder, Host, Known, Plugin};
use oncue_plugins::registry::Registry;
use oncue_rules::diagnostic::Diagnostics;
use serde_json::{Value, json};

use super::output::{Output, cell, table};
use super::{Exit, Failure, check};
use crate::app;
use crate::config::{self, Config, Environment};
use crate::live;

const EXAMPLES: &str = "\
Examples:
  oncue plugins                        every action that rules can use, and where it comes from
  oncue plugins show chat_notify       a plugin: what it may do, and its actions
  oncue plugins show chat_notify.send  an action: its parameters, its outputs, a step that uses it
  oncue plugins check plugins/mine     find what is wrong with a plugin, also without oncue.yaml
  oncue plugins list --json";

/// List the actions that rules can use; show one, or a plugin; check plugins
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List every action with the plugin that it comes from
    List,
    /// Show a plugin or an action
    Show {
        /// The name of a plugin, or of an action
        name: String,
    },
    /// Find everything that is wrong with plugins; exit code 3 when something is
    Check {
        /// Folders of plugins, or folders of such folders, instead of the configured ones
        folders: Vec<PathBuf>,
    },
}

/// Plugins and all actions.
struct Loaded {
    plugins: Vec<Arc<Plugin>>,
    registry: Registry,
    found: Diagnostics,
}

pub(super) fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    match args.command {
        None | Some(Command::List) => {
            let loaded = Loaded::whole(config)?;
            let answer =
                json!({ "items": loaded.registry.iter().map(|action| loaded.row(action.spec())).collect::<Vec<_>>() });
            output.answer(&answer, list);
            Ok(())
        }
        Some(Command::Show { name }) => {
            let answer = show::show(&Loaded::whole(config)?, &name)?;
            output.answer(&answer, show::text);
            Ok(())
        }
        Some(Command::Check { folders }) => {
            let loaded = Loaded::of(config, &folders)?;
            check::report(&loaded.found, (loaded.plugins.len(), "plugin"), output)
        }
    }
}

impl Loaded {
    /// The configured plugins, which must be right.
    fn whole(path: &Path) -> Result<Self, Failure> {
        let loaded = Self::of(path, &[])?;
        if loaded.found.has_errors() {
            return Err(Failure::new(Exit::Invalid, loaded.found.to_string()));
        }
        Ok(loaded)
    }

    /// The plugins of these folders, or the configured ones. Where there are folders, there need be no configuration.
    fn of(path: &Path, folders: &[PathBuf]) -> Result<Self, Failure> {
        let (config, is_bare) = configuration(path, !folders.is_empty())?;
        let places = if folders.is_empty() { &config.plugins } else { folders };
        let read: Vec<Folder> = plugin::folder::read(places)
            .map_err(|error| Failure::caused(Exit::NotFound, "the plugins cannot be read", error))?;
        if read.is_empty() && !folders.is_empty() {
            let message = format!("there is no {} in {}", plugin::manifest::FILE, shown(folders));
            return Err(Failure::new(Exit::NotFound, message));
        }
        let builtin = app::actions(&config).map_err(super::serve::failure)?;
        let (plugins, found) = if is_bare {
            plugin::load(&read, Known { builtin: &builtin, secrets: None }, &Host::idle())
        } else {
            live::plugins(&config, &builtin, &read, &Host::idle())
        };
        let registry = builtin.with(&plugins);
        Ok(Self { plugins, registry, found })
    }

    fn row(&self, spec: &Spec) -> Value {
        let from = self.from(spec);
        json!({
            "name": spec.name.as_str(),
            "plugin": from.map(|plugin| plugin.manifest.name.as_str()),
            "version": from.map(|plugin| plugin.manifest.version.as_str()),
            "kind": from.map_or("builtin", |plugin| plugin.kind()),
            "repeatable": word(spec.repeatable),
            "summary": &*spec.summary,
        })
    }

    /// The plugin that an action comes from; none for one that ships with Oncue.
    fn from(&self, spec: &Spec) -> Option<&Arc<Plugin>> {
        self.plugins.iter().find(|plugin| plugin.actions().iter().any(|action| action.spec().name == spec.name))
    }
}

/// The configuration; a bare one when it is not there and need not be.
fn configuration(path: &Path, may_be_absent: bool) -> Result<(Config, bool), Failure> {
    if may_be_absent && !path.exists() {
        return Ok((Config::without_applications(Path::new(".")), true));
    }
    let file = config::read_source(path).map_err(|error| {
        let message = format!("cannot read {} (write one with `oncue init`, or name it with --config)", path.display());
        Failure::caused(Exit::NotFound, message, error)
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let (config, found) = Config::load(&file, folder, &Environment::of_process().lenient());
    Ok((config.ok_or_else(|| Failure::new(Exit::Invalid, found.to_string()))?, false))
}

fn list(answer: &Value) -> String {
    let rows: Vec<_> = answer["items"].as_array().into_iter().flatten().map(row).collect();
    table(["ACTION", "FROM", "REPEATABLE", "SUMMARY"], &rows)
}

fn row(item: &Value) -> [String; 4] {
    let from = match item["plugin"].as_str() {
        Some(plugin) => format!("{plugin} {} ({})", cell(item, "version"), cell(item, "kind")),
        None => "oncue".to_owned(),
    };
    [cell(item, "name"), from, cell(item, "repeatable"), cell(item, "summary")]
}

fn word(repeatable: Repeatable) -> &'static str {
    match repeatable {
        Repeatable::Yes => "yes",
        Repeatable::Keyed => "keyed",
        Repeatable::No => "no",
    }
}

fn shown(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}
