//! Kind `rhai`: each action is a function of a script.
//!
//! The scripts of a plugin run on threads of their own, which the system serves last, within the limits of every script
//! ([`crate::script::limits`]). They can import what lies in the folder of their plugin, and nothing else.

#![expect(clippy::unnecessary_box_returns, reason = "the engine has its errors boxed everywhere")]

mod context;
mod failure;
mod grants;
mod imports;
mod outside;
mod program;
mod requests;
mod sealed;
mod seen;

use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::diagnostic::{Diagnostics, SourceFile, Span};
use oncue_rules::value::Value;
use tokio::runtime::Handle;

use self::grants::Grants;
use self::program::Program;
use super::manifest::{self, ActionManifest, Manifest};
use super::{Code, Folder, error};
use crate::action::{ActionError, Call};
use crate::script::pool::{Pool, Ticket};

/// Threads for the scripts of plugins. They may wait for another side, so there are more than for other scripts.
const THREADS: usize = 32;
/// How many of them one plugin has at most.
const SHARE: usize = 8;
const HINT: &str = "a plugin is written in rhai: see docs/plugins.md";

/// The threads that scripts of plugins run on, all together.
#[derive(Clone)]
pub(super) struct Threads(Arc<Pool<Arc<str>>>);

impl Threads {
    pub(super) fn new() -> Self {
        Self(Arc::new(Pool::new("plugin", THREADS, SHARE)))
    }
}

/// The code of one plugin.
struct Scripts {
    plugin: Arc<str>,
    program: Arc<Program>,
    threads: Threads,
}

/// The code of a plugin; every problem of its scripts when there are some.
pub(super) fn load(
    kind: &manifest::Rhai,
    manifest: &Manifest,
    folder: &Folder,
    host: &super::Host,
) -> Result<Arc<dyn Code>, Diagnostics> {
    let mut found = Diagnostics::default();
    let Some(main) = folder.scripts.get(&kind.file) else {
        let message = format!("there is no file `{}` in the folder of the plugin", kind.file);
        found.push(error(&manifest.file, kind.file_span, message, "write it, or name the file that is there"));
        return Err(found);
    };
    let grants =
        Grants { plugin: manifest.name.as_str().into(), permissions: manifest.permissions.clone(), host: host.clone() };
    let program = Program::compile(&kind.file, folder, grants)?;
    for action in &manifest.actions {
        if let Err(problem) = program.function(&action.own_name) {
            let hint = format!("write `fn {}(params) {{ #{{}} }}` in {}", action.own_name, main.name);
            found.push(error(&manifest.file, action.span, problem, hint));
        }
    }
    if found.has_errors() {
        return Err(found);
    }
    let (plugin, threads) = (Arc::from(manifest.name.as_str()), host.threads.clone());
    Ok(Arc::new(Scripts { plugin, program: Arc::new(program), threads }))
}

#[async_trait]
impl Code for Scripts {
    async fn call(&self, action: &ActionManifest, call: Call) -> Result<Value, ActionError> {
        let ticket = Ticket {
            lane: Arc::clone(&self.plugin),
            origin: format!("run={} rule={} step={} action={}", call.run, call.rule, call.step, action.name),
            deadline: call.deadline,
            time: action.timeout,
        };
        let (program, action) = (Arc::clone(&self.program), action.clone());
        let (runtime, depth) = (Handle::current(), context::depth());
        self.threads.0.run(ticket, move |budget| program.run(&action, call, (runtime, depth), budget)).await
    }

    fn seals_secrets(&self) -> bool {
        true
    }
}

/// A problem of a script.
fn problem(file: &SourceFile, span: Span, message: impl Into<String>) -> Diagnostics {
    let mut found = Diagnostics::default();
    found.push(error(file, span, message, HINT));
    found
}
