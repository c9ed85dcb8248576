//! `plugin.yaml`, parsed: what a plugin is, what it may do, and the actions that it brings.
//!
//! A value of these types is right in itself: names fit, schemas are understood, numbers are within their bounds. What
//! takes more than one file (clashes of names, secrets that are not configured, functions that a script lacks) is found
//! when the plugin is loaded; the spans are kept for that.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use oncue_rules::diagnostic::{SourceFile, Span};
use oncue_rules::ids::ActionName;
use oncue_rules::rule::Retry;

use crate::action::Repeatable;

/// The name of the file in the folder of a plugin.
pub const FILE: &str = "plugin.yaml";

/// One plugin.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The text that it was read from; its name is its path as reports show it.
    pub file: SourceFile,
    /// The folder of that file: what the plugin's own files are relative to.
    pub folder: PathBuf,
    /// Its name: `[a-z][a-z0-9_]*`, at most 40 characters. Its actions are called `NAME.ACTION`.
    pub name: String,
    /// Where the name is written.
    pub name_span: Span,
    /// Its version, as its author writes it: at most 40 characters without spaces.
    pub version: String,
    /// What it is for, in one line.
    pub summary: String,
    /// What runs its actions.
    pub kind: Kind,
    /// Where the kind is written.
    pub kind_span: Span,
    /// What its code may do. A process is trusted: for it they only say which secrets it is given.
    pub permissions: Permissions,
    /// Its actions, sorted by name; at least one, at most 100.
    pub actions: Vec<ActionManifest>,
}

/// What runs the actions of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Functions of a script, on the script threads and within their limits.
    Rhai(Rhai),
    /// A program that speaks JSON lines.
    Process(Process),
}

/// `rhai:` a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rhai {
    /// The script, relative to the folder and within it: `main.rhai`.
    pub file: String,
    /// Where that is written.
    pub file_span: Span,
}

/// `process:` a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The program and its arguments, 1 to 32 words that are not interpreted by a shell. It is started in the folder of the
    /// plugin; a program with a `/` in it is relative to that.
    pub command: Vec<String>,
    /// How many calls it is given at the same time, 1 to 64.
    pub calls: u32,
    /// The most address space that it may take, in bytes, 16 MiB to 64 GiB.
    pub memory: u64,
    /// The most bytes of one line that it may write, 1 KiB to 16 MiB.
    pub line: u64,
    /// How long it may take from its start to its `hello`, 100 ms to 5 min.
    pub start: Duration,
    /// How long it has to end by itself once its input is closed, before its group is killed; up to 1 min.
    pub stop: Duration,
    /// The variables that it is started with, which are all that it has besides `PATH`.
    pub environment: BTreeMap<String, String>,
}

impl Process {
    /// How many calls it is given at the same time, when it does not say.
    pub const CALLS: u32 = 4;
    /// The most address space, when it does not say.
    pub const MEMORY: u64 = 1024 * 1024 * 1024;
    /// The longest line, when it does not say.
    pub const LINE: u64 = 1024 * 1024;
    /// How long it may take until its `hello`, when it does not say.
    pub const START: Duration = Duration::from_secs(10);
    /// How long it has to end, when it does not say.
    pub const STOP: Duration = Duration::from_secs(5);
}

/// What the code of a plugin may do; nothing that is not written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// The hosts that it may send requests to.
    pub http: Vec<Host>,
    /// The secrets of `oncue.yaml` that it may use, by name, with where each is written.
    pub secrets: Vec<(String, Span)>,
    /// Whether it may keep values in the store.
    pub store: bool,
    /// The actions that it may call, with where each is written.
    pub call: Vec<(ActionName, Span)>,
}

/// Hosts that requests may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// A host name or an address, in lower case, without a port; `*.` before a name stands for everything below it.
    pub pattern: String,
    /// Whether it may have a private or loopback address.
    pub allow_private: bool,
}

impl Host {
    /// Whether a request may go to this host, as a URL spells it.
    #[must_use]
    pub fn fits(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self.pattern.strip_prefix("*.") {
            Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => host == self.pattern,
        }
    }
}

/// One action of a plugin.
#[derive(Debug, Clone)]
pub struct ActionManifest {
    /// Its own name, without that of the plugin: `[a-z][a-z0-9_]*`. It is also what the code of the plugin calls it.
    pub own_name: String,
    /// Its whole name, as rules write it: `chat_notify.send`.
    pub name: ActionName,
    /// Where the name is written.
    pub span: Span,
    /// What it does, in one line.
    pub summary: String,
    /// Its parameters as a JSON Schema of type `object` that stands alone and uses only keywords that are checked.
    pub parameters: serde_json::Value,
    /// Its outputs, likewise.
    pub outputs: serde_json::Value,
    /// Whether calling it again is safe.
    pub repeatable: Repeatable,
    /// How long one call may take at most, 10 ms to 10 min; the deadline of the attempt may come before.
    pub timeout: Duration,
    /// How failed attempts are repeated when a step does not say.
    pub retry: Option<Retry>,
    /// A step that uses it, as YAML; made from its parameters when the author wrote none.
    pub sample: String,
}

impl ActionManifest {
    /// How long one call may take, when it does not say.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// The parameters that are secrets: those whose schema says `writeOnly: true`.
    pub fn secret_parameters(&self) -> impl Iterator<Item = &str> {
        let properties = self.parameters.get("properties").and_then(serde_json::Value::as_object);
        let is_secret = |schema: &serde_json::Value| schema.get("writeOnly") == Some(&serde_json::Value::Bool(true));
        properties.into_iter().flatten().filter(move |(_, schema)| is_secret(schema)).map(|(name, _)| name.as_str())
    }
}
