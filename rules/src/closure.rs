//! Rule closures: what a run pins, so that it finishes on what it began with.
//!
//! A closure is a text that is stored once and named by its content. It holds the rule as written, with its applications
//! resolved, and names the `vars` of all applications, which are a content of their own: rules share them. Comments, the
//! order of keys, quotes and line breaks do not change a closure; anything that has a meaning does.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::catalog::{ActionCatalog, NoFiles};
use crate::decode::Findings;
use crate::diagnostic::{Diagnostics, SourceFile, Span};
use crate::ids::{ContentHash, SubAppId};
use crate::language::{self, Surroundings};
use crate::node::{Node, NodeKind};
use crate::rule::{AppSelection, Rule};
use crate::rule_set::AppFacts;
use crate::value::{Map, Value, write_list, write_map, write_string};

/// A text that a store keeps under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The hexadecimal SHA-256 of the text.
    pub hash: ContentHash,
    /// The text.
    pub text: Arc<str>,
}

impl Content {
    /// The content with this text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        Self { hash: hash(&text), text }
    }
}

/// A rule that was opened from its closure.
#[derive(Debug, Clone)]
pub struct PinnedRule {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The variables of every application: a map from the application's id, as text, to its `vars`.
    pub vars: Value,
}

/// Opens closures.
#[derive(Debug, Clone, Copy)]
pub struct Closure;

impl Closure {
    /// The name of the `vars` that a closure pins.
    ///
    /// # Errors
    ///
    /// When the text is no closure.
    pub fn vars(text: &str) -> Result<ContentHash, Diagnostics> {
        parse(text).map(|(_, vars)| vars)
    }

    /// The rule and variables of a closure. Neither the rule's file nor its applications are needed any more; the actions
    /// that it uses are.
    ///
    /// # Errors
    ///
    /// When the texts are not what was stored, or when an action is gone or takes other parameters now.
    pub fn open(text: &str, vars_text: &str, actions: &dyn ActionCatalog) -> Result<PinnedRule, Diagnostics> {
        let (rule, vars_hash) = parse(text)?;
        let file = file(text);
        if hash(vars_text) != vars_hash {
            return Err(broken(&file, "the variables are not those that the closure names".to_owned()));
        }
        let vars = Value::from_json(vars_text.as_bytes())
            .map_err(|error| broken(&file, format!("the variables are not JSON: {error}")))?;
        let node = Node::from_value(&rule);
        let findings = Findings::new(&file);
        let surroundings =
            Surroundings { actions, files: &NoFiles, apps: None, secrets: None, vars: &vars_hash, defaults: None };
        let loaded = language::read_rule(&node, surroundings, &findings);
        match loaded {
            Some(loaded) => Ok(PinnedRule { rule: Arc::new(loaded.rule), vars }),
            None => Err(findings.into_diagnostics().sorted()),
        }
    }
}

/// The text of a closure: JSON, keys in the order of the alphabet.
pub(crate) fn seal(rule: &Node, apps: &AppSelection, vars: &ContentHash) -> String {
    let span = Span::default();
    let NodeKind::Map(entries) = &rule.kind else { return String::new() };
    let selected = match apps {
        AppSelection::All => None,
        AppSelection::Only(ids) => {
            let scalar = |id: &SubAppId| Node { span, kind: NodeKind::Scalar(Value::Number(id.0.into())) };
            Some(Node { span, kind: NodeKind::List(ids.iter().map(scalar).collect()) })
        }
    };
    let others = entries.iter().filter(|(key, _)| !matches!(key.text.as_str(), "apps" | "subappid"));
    let entries = others.map(|(key, node)| (key.text.as_str(), node));
    // The name of the variables has 64 letters.
    let mut text = String::with_capacity(rule.span.end.saturating_sub(rule.span.start) + 128);
    text.push_str("{\"rule\":");
    write_entries(entries.chain(selected.as_ref().map(|ids| ("subappid", ids))).collect(), &mut text);
    text.push_str(",\"vars\":");
    write_string(vars.as_str(), &mut text);
    text.push('}');
    text
}

/// Writes what [`Node::to_value`] and [`Value::to_json`] would give, without the tree of values between.
fn write(node: &Node, out: &mut String) {
    match &node.kind {
        NodeKind::Scalar(value) => value.write_json(out),
        NodeKind::List(items) => write_list(items.iter(), out, write),
        NodeKind::Map(entries) => {
            write_entries(entries.iter().map(|(key, node)| (key.text.as_str(), node)).collect(), out);
        }
    }
}

/// Of a repeated key the last value counts.
fn write_entries(mut entries: Vec<(&str, &Node)>, out: &mut String) {
    entries.sort_by_key(|(key, _)| *key);
    let last = entries.chunk_by(|(a, _), (b, _)| a == b).filter_map(<[_]>::last);
    write_map(last.copied(), out, write);
}

/// The name of a content.
pub(crate) fn hash(text: &str) -> ContentHash {
    ContentHash::new(hex::encode(Sha256::digest(text.as_bytes())))
}

/// The variables of all applications by id.
pub(crate) fn vars_of(apps: &[AppFacts]) -> Value {
    let by_id: BTreeMap<SubAppId, &Value> = apps.iter().map(|app| (app.subappid, &app.vars)).collect();
    Value::map(by_id.into_iter().map(|(id, vars)| (id.to_string(), vars.clone())).collect::<Map>())
}

fn parse(text: &str) -> Result<(Value, ContentHash), Diagnostics> {
    let value = Value::from_json(text.as_bytes())
        .map_err(|error| broken(&file(text), format!("the closure is not JSON: {error}")))?;
    match (value.get("rule"), value.get("vars")) {
        (rule @ Value::Map(_), Value::Text(vars)) => Ok((rule.clone(), ContentHash::new(vars.clone()))),
        _ => Err(broken(&file(text), "this is no closure: `rule` or `vars` is missing".to_owned())),
    }
}

fn file(text: &str) -> SourceFile {
    SourceFile { name: "stored rule".into(), text: text.into() }
}

fn broken(file: &SourceFile, message: String) -> Diagnostics {
    let findings = Findings::new(file);
    findings.error(Span::default(), message, "restore the store from a backup");
    findings.into_diagnostics()
}
