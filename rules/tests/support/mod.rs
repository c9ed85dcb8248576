//! What the tests of the rule language load rules against.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use oncue_rules::catalog::{ActionCatalog, CheckCode, CodeError, FileError, RuleFiles};
use oncue_rules::diagnostic::{Diagnostics, SourceFile};
use oncue_rules::ids::{ActionName, SubAppId};
use oncue_rules::rule_set::{AppFacts, Known, RuleSet};
use oncue_rules::value::Value;

/// The actions of `actions.json`.
pub(crate) struct Actions(BTreeMap<String, serde_json::Value>);

impl Actions {
    pub(crate) fn read() -> Self {
        let text = include_str!("../actions.json");
        Self(serde_json::from_str(text).expect("actions.json is a map of schemas"))
    }
}

impl ActionCatalog for Actions {
    fn names(&self) -> Vec<ActionName> {
        self.0.keys().map(|name| ActionName::from(name.as_str())).collect()
    }

    fn parameters(&self, action: &str) -> Option<&serde_json::Value> {
        self.0.get(action)
    }

    fn check_code(&self, action: &str) -> Option<CheckCode> {
        (action == "script").then_some(check_code)
    }

    fn completes(&self, action: &str) -> bool {
        action.starts_with("vod.")
    }

    fn needs_credentials(&self, action: &str) -> bool {
        action == "vod.edit_media"
    }
}

fn check_code(code: &str) -> Result<(), CodeError> {
    let Err(error) = rhai::Engine::new().compile(code) else { return Ok(()) };
    let line = error.position().line().unwrap_or(1);
    let start: usize = code.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let offset = (start + error.position().position().unwrap_or(1) - 1).min(code.trim_end().len());
    Err(CodeError { message: error.err_type().to_string().to_lowercase(), offset, length: 1 })
}

/// Two files of programs, one of them broken.
pub(crate) struct Files;

impl RuleFiles for Files {
    fn read(&self, _: &SourceFile, path: &str) -> Result<SourceFile, FileError> {
        match path {
            "scripts/good.rhai" => Ok(source("scripts/good.rhai", "#{ text: `${{ let x = 1; x }}` }\n")),
            "scripts/broken.rhai" => Ok(source("scripts/broken.rhai", "let x = 1;\n\nif x == { 2 }\n")),
            _ => Err(FileError { message: format!("there is no file `{path}`"), hint: "create it".to_owned() }),
        }
    }
}

/// Two applications: `short-video` with the variables `definitions` and `cms`, `replay` with `definitions` alone.
pub(crate) fn apps() -> Vec<AppFacts> {
    let app = |id, name: &str, labels: &[(&str, &str)], vars: &str| AppFacts {
        subappid: SubAppId(id),
        name: name.to_owned(),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        vars: Value::from_json(vars.as_bytes()).expect("the variables are JSON"),
        has_credentials: name != "replay",
    };
    vec![
        app(
            1_500_000_001,
            "short-video",
            &[("team", "feed"), ("env", "prod")],
            r#"{"definitions":[100010,100020],"cms":{"name":"main"}}"#,
        ),
        app(1_500_000_002, "replay", &[("env", "prod")], r#"{"definitions":[100030]}"#),
    ]
}

pub(crate) fn load(files: &[SourceFile]) -> (Option<RuleSet>, Diagnostics) {
    let secrets = ["cms", "oncall_token"].map(str::to_owned).into();
    RuleSet::load(
        files,
        &Known { actions: &Actions::read(), files: &Files, apps: &apps(), secrets: Some(&secrets), defaults: None },
    )
}

pub(crate) fn source(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.into(), text: text.into() }
}

/// Every file below a folder of these tests whose name ends in `.yaml`, sorted.
pub(crate) fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder), &mut found);
    found.sort();
    assert!(!found.is_empty(), "there are files below tests/{folder}");
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}
