use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;

use super::*;
use crate::action::{ActionError, ErrorClass};
use crate::registry::tests::builtin;
use crate::testing::call;

mod limits;
mod outside;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// How many plugins a case gives, and what is wrong with it.
fn report(case: &Path) -> (usize, String) {
    let folders = folder::read(&[case.to_owned()]).unwrap();
    let secrets = BTreeSet::from(["bot".to_owned()]);
    let known = Known { builtin: &builtin(), secrets: Some(&secrets) };
    let (plugins, found) = load(&folders, known, &Host::idle());
    (plugins.len(), found.to_string().replace(&format!("{}/", cases().display()), ""))
}

/// `ONCUE_GENERATE=1 cargo test -p oncue-plugins --lib broken_plugin` writes the reports anew.
#[test]
fn every_broken_plugin_gets_exactly_its_report() {
    let mut wrong = String::new();
    let mut count = 0;
    for entry in std::fs::read_dir(cases()).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        count += 1;
        let (plugins, actual) = report(&case);
        let several = usize::from(case.ends_with("taken-names"));
        assert!(plugins <= several && !actual.is_empty(), "{} has nothing wrong with it", case.display());
        let expected = case.with_extension("txt");
        if std::env::var_os("ONCUE_GENERATE").is_some() {
            std::fs::write(&expected, &actual).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != actual {
            writeln!(wrong, "== {}\n{actual}", case.display()).unwrap();
        }
        for word in ["invalid type", "i64", "String", "Option", "serde", "Vec<", "panicked", "Dynamic", "AST"] {
            assert!(!actual.contains(word), "{} says {word}: {actual}", case.display());
        }
    }
    assert!(wrong.is_empty() && count > 20, "{wrong}");
}

pub(super) const HEAD: &str = "name: chat\nversion: \"1.0.0\"\nsummary: Talks.\nrhai: { file: main.rhai }\n";
/// An action without a description of its parameters and outputs that takes and gives anything.
pub(super) const OPEN: &str = "actions:\n  send:\n    summary: Sends.\n    repeatable: yes\n    \
                               parameters: { additionalProperties: true }\n";

/// A plugin as it would be read from a folder.
pub(super) fn folder(manifest: &str, scripts: &[(&str, &str)]) -> Folder {
    let file = |name: &str, text: &str| SourceFile { name: format!("chat/{name}").into(), text: text.into() };
    Folder {
        path: PathBuf::from("chat"),
        manifest: file(manifest::FILE, manifest),
        scripts: scripts.iter().map(|(name, text)| ((*name).to_owned(), file(name, text))).collect(),
        others: BTreeMap::new(),
    }
}

pub(super) fn plugin(manifest: &str, scripts: &[(&str, &str)]) -> Arc<Plugin> {
    let (plugins, found) =
        load(&[folder(manifest, scripts)], Known { builtin: &builtin(), secrets: None }, &Host::idle());
    assert!(found.is_empty(), "{found}");
    plugins.into_iter().next().unwrap()
}

pub(super) async fn send(plugin: &Plugin, params: &str) -> Result<Value, ActionError> {
    plugin.actions()[0].call(call(params)).await
}

#[tokio::test]
async fn a_function_is_given_the_parameters_and_gives_the_outputs() {
    let main = r#"
        import "lib/words" as words;
        const GREETING = "hello";
        fn send(params, context) {
            let text = words::join(global::GREETING, params.name ?? "you");
            #{ text: text, key: context.key, app: context.app.name, step: context.step }
        }
    "#;
    let lib = "import \"lib/mark\" as mark;\nfn join(a, b) { `${a} ${b}${mark::MARK}` }\n";
    let mark = "export const MARK = \"!\";\n";
    let plugin =
        plugin(&format!("{HEAD}{OPEN}"), &[("main.rhai", main), ("lib/words.rhai", lib), ("lib/mark.rhai", mark)]);
    let outputs = send(&plugin, r#"{"name":"Ada"}"#).await.unwrap();
    let expected =
        format!(r#"{{"app":"short-video","key":"{}","step":"first","text":"hello Ada!"}}"#, crate::testing::KEY);
    assert_eq!(outputs.to_json(), expected);
    assert_eq!(send(&plugin, "{}").await.unwrap().get("text"), &Value::text("hello you!"));
}

#[tokio::test]
async fn parameters_and_outputs_are_what_the_manifest_says() {
    let actions = "actions:\n  send:\n    summary: Sends.\n    repeatable: no\n    \
                   parameters: { properties: { n: { type: integer, maximum: 9 }, give: { type: [object, string] }, z: { type: [string, \"null\"] } }, required: [n] }\n    \
                   outputs: { properties: { id: { type: string } }, required: [id] }\n";
    let plugin = plugin(
        &format!("{HEAD}{actions}"),
        &[("main.rhai", "fn send(params) { params.give ?? #{ id: params.keys().join(\"-\") } }")],
    );
    assert_eq!(send(&plugin, r#"{"n":1,"give":null,"z":null}"#).await.unwrap().to_json(), r#"{"id":"n-z"}"#);
    for (params, code, said) in [
        (r#"{"n":10}"#, "InvalidParams", "at most 9"),
        (r#"{"n":"${{ x }}"}"#, "InvalidParams", "whole number"),
        (r#"{"n":1,"m":2}"#, "InvalidParams", "no parameter `m`"),
        ("{}", "InvalidParams", "needs `n`"),
        (r#"{"n":null}"#, "InvalidParams", "needs `n`"),
        (r#"{"n":1,"give":{"id":7}}"#, "plugin_outputs", "`id` of `chat.send` must be a text"),
        (r#"{"n":1,"give":{}}"#, "plugin_outputs", "needs `id`"),
        (r#"{"n":1,"give":"id"}"#, "plugin_outputs", "a text and no map"),
    ] {
        let error = send(&plugin, params).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, code), "{params}: {error}");
        assert!(error.message.contains(said), "{params}: {error}");
    }
}

#[test]
fn what_a_plugin_brings_is_in_the_registry_like_what_ships() {
    let actions = "actions:\n  send:\n    summary: Sends.\n    repeatable: keyed\n    timeout: 5s\n    retry: { max_attempts: 3 }\n    \
                   parameters: { properties: { text: { type: string }, to: { type: array } }, required: [text, to] }\n  \
                   recall: { summary: Takes back., repeatable: yes }\n";
    let scripts = [("main.rhai", "fn send(params) { }\nfn recall(params) { }\n")];
    let plugin = plugin(&format!("{HEAD}{actions}"), &scripts);
    let registry = builtin().with([&plugin]);
    let send = registry.get(&ActionName::from("chat.send")).unwrap();
    assert_eq!(send.retry().map(|retry| retry.max_attempts), Some(3));
    assert_eq!(send.spec().parameters["additionalProperties"], false);
    assert_eq!(&*send.spec().sample, "- uses: chat.send\n  with:\n    text: \"...\"\n    to: []\n");
    assert_eq!(&*registry.get(&ActionName::from("chat.recall")).unwrap().spec().sample, "- uses: chat.recall\n");
    assert!(registry.has_own_retry("chat.send") && !registry.has_own_retry("chat.recall"));
    assert_eq!(registry.names().len(), builtin().names().len() + 2);
}

#[test]
fn a_plugin_is_named_by_all_that_it_is() {
    let scripts = [("main.rhai", "fn send(params) { }")];
    let manifest = format!("{HEAD}{OPEN}");
    let first = folder(&manifest, &scripts).content().hash;
    assert_eq!(folder(&manifest, &scripts).content().hash, first);
    assert_ne!(folder(&manifest, &[("main.rhai", "fn send(params) { 1 }")]).content().hash, first);
    assert_ne!(folder(&format!("{manifest} "), &scripts).content().hash, first);
    let mut other = folder(&manifest, &scripts);
    other.others.insert("data.json".to_owned(), "00".to_owned());
    assert_ne!(other.content().hash, first);
}
