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
use crate::diagnostic::{Diagnostics, SourceFile, Span};
use crate::expression::Names;
use crate::ids::ContentHash;
use crate::node::Node;
use crate::pattern::Pattern;
use crate::rule::Rule;
use crate::rule_set::Defaults;
use crate::template::Template;
use crate::yaml;

pub(crate) use defaults::Usable;
pub(crate) use selected::Configured;

/// What holds the rules of a file.
const RULES: &str = "rules";

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

/// The rules of a file. Every problem goes to `findings`; a rule with errors is left out. `None` when the file is no YAML, which
/// goes to `diagnostics`: what was found up to there says nothing then.
pub(crate) fn read_file(
    file: &SourceFile,
    surroundings: Surroundings<'_>,
    findings: &Findings<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(Vec<Loaded>, Vec<NamedAt>)> {
    let (mut rules, mut names, mut count) = (Vec::new(), Vec::new(), 0);
    let mut each = |node: Node| {
        let rule = Field::new(findings, format!("{RULES}[{count}]"), &node);
        count += 1;
        rules.extend(rule::read(&rule, surroundings, &mut names));
    };
    let node = yaml::read_items(file, RULES, &mut each, diagnostics)?;
    if let Some(mut fields) = Field::new(findings, "a rule file", &node).fields("a rule file") {
        let list = fields.required(RULES, "write `rules:` and below it the list of rules");
        fields.finish();
        // That it is a list; its items were read.
        let _items = list.and_then(|list| list.items("write each rule as an item: `- name: ...`"));
    }
    Some((rules, names))
}

/// One rule, such as that of a closure.
pub(crate) fn read_rule<'a>(
    node: &'a Node,
    surroundings: Surroundings<'_>,
    findings: &'a Findings<'a>,
) -> Option<Loaded> {
    rule::read(&Field::new(findings, "rule", node), surroundings, &mut Vec::new())
}

/// A value with templates that is no part of a rule, such as one of the configuration.
pub(crate) fn read_template(field: &Field<'_>, names: &Names) -> Option<Template> {
    templates::read(field, names)
}

/// Whether a text holds a template.
fn is_template(text: &str) -> bool {
    text.contains("${{")
}
