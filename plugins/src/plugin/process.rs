//! Code that is a program of its own.

use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::value::Value;

use super::action::Code;
use super::manifest::{self, ActionManifest, Manifest};
use crate::action::{ActionError, Call};
use crate::process::{Options, Process};
use crate::text::printable;

/// The characters of the names of a program that are shown.
const SHOWN: usize = 200;

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

    async fn probe(&self, actions: &[ActionManifest]) -> Option<String> {
        let hello = match self.hello().await {
            Ok(hello) => hello,
            Err(failure) => return Some(failure.message),
        };
        let names = actions.iter().map(|action| action.own_name.as_str());
        let missing: Vec<_> = names.filter(|name| !hello.actions.iter().any(|action| action == name)).collect();
        let has = printable(&hello.actions.join(", "), SHOWN);
        (!missing.is_empty()).then(|| format!("its program lacks {}, and has {has}", missing.join(", ")))
    }

    async fn stop(&self) {
        Process::stop(self).await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::plugin::{Host, Known, Plugin, folder, load};
    use crate::registry::tests::builtin;
    use crate::testing::call;

    const HEAD: &str = "name: probe\nversion: \"1\"\nsummary: Probes.\n";

    fn plugin(process: &str, actions: &[&str]) -> std::sync::Arc<Plugin> {
        let actions = actions.iter().map(|name| format!("  {name}: {{ summary: Acts., repeatable: yes }}\n"));
        let text = format!("{HEAD}process: {process}\nactions:\n{}", actions.collect::<String>());
        let mut folder = crate::plugin::tests::folder(&text, &[]);
        folder.path = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        let (plugins, found) = load(&[folder], Known { builtin: &builtin(), secrets: None }, &Host::idle());
        assert!(found.is_empty(), "{found}");
        plugins.into_iter().next().unwrap()
    }

    const HELLO: &str =
        r#"{ command: [sh, -c, 'echo "{\"type\":\"hello\",\"protocol\":1,\"actions\":[\"a\"]}"; cat > /dev/null'] }"#;

    #[tokio::test]
    async fn a_probe_finds_what_only_starting_a_program_shows() {
        assert!(plugin(HELLO, &["a"]).probe().await.is_none());
        let found = plugin(HELLO, &["a", "b", "c"]).probe().await.unwrap();
        assert_eq!(found.message, "`probe` does not run: its program lacks b, c, and has a");
        let found = plugin("{ command: [no-such-program] }", &["a"]).probe().await.unwrap();
        assert!(found.message.contains("is its program there, and in PATH?"), "{}", found.message);
    }

    #[tokio::test]
    async fn the_plugins_that_ship_are_right_and_run() {
        let folders = folder::read(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("packs")]).unwrap();
        let (plugins, found) = load(&folders, Known { builtin: &builtin(), secrets: None }, &Host::idle());
        assert!(found.is_empty() && plugins.len() >= 2, "{found}");
        for plugin in &plugins {
            assert_eq!(plugin.probe().await, None);
        }
        let disk = plugins.iter().find(|plugin| plugin.manifest.name == "disk_space").unwrap();
        let outputs = disk.actions()[0].call(call(r#"{"path":"/"}"#)).await.unwrap();
        assert!(outputs.as_map().unwrap().contains_key("bytes"));
        disk.stop().await;
        let error = disk.actions()[0].call(call(r#"{"path":"/"}"#)).await.unwrap_err();
        assert_eq!(error.code, "process_stopped");
    }
}
