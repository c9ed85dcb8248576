//! The rule language: from the tree of a file to typed rules. One file per part of the language.
//!
//! Everything that can be known before an event comes is checked here, and every problem of a file is reported at once.

mod action;
mod applications;
mod branch;
mod collect;
mod completion;
mod condition;
mod defaults;
mod expressions;
mod failure;
mod later;
mod limit;
mod parallel;
mod pause;
mod programs;
mod repetition;
mod retry;
mod rule;
mod secrets;
mod selected;
mod step;
mod subscription;
mod templates;
mod variables;
mod wait;

use std::collections::BTreeSet;

use crate::catalog::{ActionCatalog, RuleFiles};
use crate::decode::{Field, Findings};
use crate::diagnostic::Span;
use crate::ids::ContentHash;
use crate::node::Node;
use crate::pattern::Pattern;
use crate::rule::Rule;
use crate::rule_set::Defaults;

pub(crate) use defaults::Usable;
pub(crate) use selected::Configured;

/// What rules are checked against.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The actions that steps may use.
    pub(crate) actions: &'a dyn ActionCatalog,
    /// The files beside the rule file.
    pub(crate) files: &'a dyn RuleFiles,
    /// The configured applications; `None` when a stored rule is opened again, whose applications were resolved before.
    pub(crate) apps: Option<&'a Configured<'a>>,
    /// The names of the configured secrets; `None` when they are not known, as for a stored rule.
    pub(crate) secrets: Option<&'a BTreeSet<String>>,
    /// Names the `vars` that rules pin.
    pub(crate) vars: &'a ContentHash,
    /// What rules have that do not say otherwise; a stored rule has it already.
    pub(crate) defaults: Option<&'a Usable>,
}

/// A rule that was read.
pub(crate) struct Loaded {
    pub(crate) rule: Rule,
    /// What its match compiles to.
    pub(crate) pattern: Option<Pattern>,
    /// The text of its closure.
    pub(crate) closure: String,
    /// Where the rule is written.
    pub(crate) span: Span,
}

/// The name of a rule and where it is written, also of a rule that has errors.
pub(crate) struct NamedAt {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// The defaults of the configuration; `None` when they have errors, which go to `findings`.
pub(crate) fn read_defaults(
    defaults: &Defaults,
    surroundings: Surroundings<'_>,
    findings: &Findings<'_>,
) -> Option<Usable> {
    defaults::read(defaults, surroundings, findings)
}

/// The rules of a file. Every problem goes to `findings`; a rule with errors is left out.
pub(crate) fn read_file<'a>(
    node: &'a Node,
    surroundings: Surroundings<'_>,
    findings: &'a Findings<'a>,
) -> (Vec<Loaded>, Vec<NamedAt>) {
    let mut names = Vec::new();
    let file = Field::new(findings, "a rule file", node);
    let Some(mut fields) = file.fields("a rule file") else { return (Vec::new(), names) };
    let list = fields.required("rules", "write `rules:` and below it the list of rules");
    fields.finish();
    let written = list.and_then(|list| list.items("write each rule as an item: `- name: ...`")).unwrap_or_default();
    let rules = written.iter().filter_map(|rule| rule::read(rule, surroundings, &mut names)).collect();
    (rules, names)
}

/// One rule, such as that of a closure.
pub(crate) fn read_rule<'a>(
    node: &'a Node,
    surroundings: Surroundings<'_>,
    findings: &'a Findings<'a>,
) -> Option<Loaded> {
    rule::read(&Field::new(findings, "rule", node), surroundings, &mut Vec::new())
}

/// Whether a text holds a template.
fn is_template(text: &str) -> bool {
    text.contains("${{")
}
