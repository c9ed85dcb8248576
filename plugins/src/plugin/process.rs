//! Code that is a program of its own.

use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::value::Value;

use super::action::Code;
use super::manifest::{self, ActionManifest, Manifest};
use crate::action::{ActionError, Call};
use crate::process::{Options, Process};

/// The code of a manifest. The program starts with the first call.
pub(super) fn load(kind: &manifest::Process, manifest: &Manifest) -> Arc<dyn Code> {
    let manifest::Process { command, calls, memory, line, start, stop, environment } = kind.clone();
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Arc::new(Process::new(Options {
        version: manifest.version.clone(),
        environment,
        calls: count(calls.into()),
        memory,
        line: count(line),
        start,
        stop,
        ..Options::new(&manifest.name, &manifest.folder, command)
    }))
}

#[async_trait]
impl Code for Process {
    async fn call(&self, action: &ActionManifest, call: Call) -> Result<Value, ActionError> {
        self.act(&action.own_name, action.repeatable, &call).await
    }

    async fn stop(&self) {
        Process::stop(self).await;
    }
}
