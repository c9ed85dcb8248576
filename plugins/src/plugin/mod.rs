//! Plugins: folders with a `plugin.yaml`, whose actions rules use like those that ship with Oncue.
//!
//! ```text
//! folder::read       everything of every folder, at one moment     (the only place that reads files)
//!      |
//! decode::read       plugin.yaml -> Manifest                       every problem, with its place
//!      |
//! load               names, secrets, actions that are called       every problem, with its place
//!      |
//! rhai:: | process:: the Code that runs the actions of a manifest
//!      |
//! Registry::with     actions like any other
//! ```
//!
//! A kind of plugin brings a [`Code`]; what is the same for all kinds (parameters and outputs against their schemas, sizes,
//! the deadline) is done around it.

mod action;
mod decode;
pub mod folder;
mod host;
pub mod manifest;
mod process;
mod rhai;
mod sample;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oncue_rules::catalog::ActionCatalog as _;
use oncue_rules::closure::Content;
use oncue_rules::decode::did_you_mean;
use oncue_rules::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile, Span};

pub use action::{Code, OUTPUT_LIMIT};
pub use folder::{Folder, ReadError};
pub use host::{Around, Host};
pub use manifest::Manifest;

use self::action::PluginAction;
use self::manifest::Kind;
use crate::action::Action;
use crate::registry::Registry;

/// What plugins are checked against.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The actions that ship with Oncue.
    pub builtin: &'a Registry,
    /// The names of the configured secrets; `None` when nobody knows them, and then any name is taken.
    pub secrets: Option<&'a BTreeSet<String>>,
}

/// A plugin that is ready to run.
pub struct Plugin {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Everything that makes it what it is, named by its hash.
    pub content: Content,
    actions: Vec<Arc<dyn Action>>,
    code: Arc<dyn Code>,
}

impl Plugin {
    /// Its actions, sorted by name.
    #[must_use]
    pub fn actions(&self) -> &[Arc<dyn Action>] {
        &self.actions
    }

    /// Starts what runs it, for those who check a plugin: what is wrong that its files do not show, such as a program that is
    /// not there or lacks an action.
    pub async fn probe(&self) -> Option<Diagnostic> {
        let Manifest { file, kind_span, actions, name, .. } = &self.manifest;
        let problem = self.code.probe(actions).await?;
        let hint = "run its program by hand, as docs/plugin-protocol.md shows";
        Some(error(file, *kind_span, format!("`{name}` does not run: {problem}"), hint))
    }

    /// Ends what goes on for it outside of calls, such as a program that waits for the next one. To be called when no more
    /// calls are made.
    pub async fn stop(&self) {
        self.code.stop().await;
    }

    /// The word for what runs it: `rhai` or `process`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.manifest.kind {
            Kind::Rhai(_) => "rhai",
            Kind::Process(_) => "process",
        }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

/// Makes plugins of what was read. Everything that is wrong in any of them is reported at once; those that have errors are
/// left out.
#[must_use]
pub fn load(folders: &[Folder], known: Known<'_>, host: &Host) -> (Vec<Arc<Plugin>>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let mut read = Vec::new();
    for folder in folders {
        let (manifest, found) = decode::read(&folder.manifest, &folder.path);
        diagnostics.extend(found);
        read.extend(manifest.map(|manifest| (folder, manifest)));
    }
    let manifests: Vec<&Manifest> = read.iter().map(|(_, manifest)| manifest).collect();
    let found = clashes(&manifests, known).into_iter().chain(unknown_names(&manifests, known));
    found.for_each(|one| diagnostics.push(one));
    let mut plugins = Vec::new();
    for (folder, manifest) in read {
        let code = match &manifest.kind {
            Kind::Rhai(kind) => {
                rhai::load(kind, &manifest, folder, host).map_err(|found| diagnostics.extend(found)).ok()
            }
            Kind::Process(kind) => Some(process::load(kind, &manifest)),
        };
        let is_wrong = |one: &Diagnostic| one.severity == Severity::Error && one.file.name == manifest.file.name;
        if let Some(code) = code.filter(|_| !diagnostics.iter().any(is_wrong)) {
            plugins.push(Arc::new(plugin(folder, manifest, code)));
        }
    }
    (plugins, diagnostics.sorted())
}

fn plugin(folder: &Folder, manifest: Manifest, code: Arc<dyn Code>) -> Plugin {
    let action = |action: &manifest::ActionManifest| {
        Arc::new(PluginAction::new(action.clone(), Arc::clone(&code))) as Arc<dyn Action>
    };
    let actions = manifest.actions.iter().map(action).collect();
    Plugin { manifest, content: folder.content(), actions, code }
}

/// Names that are taken: by what ships with Oncue, or by another plugin.
fn clashes(manifests: &[&Manifest], known: Known<'_>) -> Vec<Diagnostic> {
    let names = known.builtin.names();
    let first_word = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let builtin: BTreeSet<String> = names.iter().map(|name| first_word(name.as_str())).collect();
    let mut taken: BTreeMap<&str, &Manifest> = BTreeMap::new();
    let mut found = Vec::new();
    for manifest in manifests {
        let (name, hint) = (manifest.name.as_str(), "give it another name; rules use it as `NAME.ACTION`");
        let place = |message: String| error(&manifest.file, manifest.name_span, message, hint);
        if builtin.contains(name) {
            let mine = names.iter().filter(|action| first_word(action.as_str()) == name);
            let mine: Vec<_> = mine.map(|action| format!("`{action}`")).collect();
            found.push(place(format!("`{name}` is what ships with Oncue: {}", mine.join(", "))));
        }
        match taken.get(name) {
            Some(first) => {
                let message = format!("two plugins have the name `{name}`: the other is at {}", position(first));
                found.push(place(message));
            }
            None => {
                taken.insert(name, manifest);
            }
        }
    }
    found
}

/// Secrets and actions that a plugin may use, and that are not there.
fn unknown_names(manifests: &[&Manifest], known: Known<'_>) -> Vec<Diagnostic> {
    let mut actions: BTreeSet<String> = known.builtin.names().iter().map(ToString::to_string).collect();
    let all = manifests.iter().flat_map(|manifest| &manifest.actions);
    actions.extend(all.map(|action| action.name.to_string()));
    let mut found = Vec::new();
    for manifest in manifests {
        for (name, span) in &manifest.permissions.secrets {
            if known.secrets.is_some_and(|known| !known.contains(name)) {
                let hint =
                    format!("add it to oncue.yaml: `secrets: {{ {name}: \"${{env:{}}}\" }}`", name.to_uppercase());
                found.push(error(&manifest.file, *span, format!("there is no secret `{name}`"), hint));
            }
        }
        for (name, span) in &manifest.permissions.call {
            if !actions.contains(name.as_str()) {
                let hint = did_you_mean(name.as_str(), "actions", actions.iter().map(String::as_str));
                found.push(error(&manifest.file, *span, format!("there is no action `{name}`"), hint));
            }
        }
    }
    found
}

/// Where the name of a plugin is written.
fn position(manifest: &Manifest) -> String {
    let (line, column) = error(&manifest.file, manifest.name_span, "", "").position();
    format!("{}:{line}:{column}", manifest.file.name)
}

fn error(file: &SourceFile, span: Span, message: impl Into<String>, hint: impl Into<String>) -> Diagnostic {
    let (message, hint) = (message.into(), Some(hint.into()));
    Diagnostic { severity: Severity::Error, file: file.clone(), span, message, hint }
}
