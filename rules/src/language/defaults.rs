//! `defaults` of the configuration: what rules have that do not say otherwise.
//!
//! They become part of each rule before it is read, so that a run pins them as it pins the rule.

use crate::decode::{Field, Findings};
use crate::diagnostic::Span;
use crate::node::{Key, Node, NodeKind};
use crate::rule_set::Defaults;
use crate::value::Value;

use super::selected::Selected;
use super::step::Workflow;
use super::{Surroundings, failure, programs, retry};

const ON_FAILURE: &str = "on_failure";
const RETRY: &str = "retry";
/// What is data and not steps, whatever it looks like.
const DATA: [&str; 3] = ["with", "match", "set"];

/// Reports everything that is wrong with them where they are written; what is left can be given to rules.
pub(super) fn read(defaults: &Defaults, surroundings: Surroundings<'_>, findings: &Findings<'_>) -> Option<Usable> {
    let field = Field::new(findings, "`defaults`", &defaults.node);
    let mut fields = field.fields("`defaults`")?;
    let on_failure = fields.optional(ON_FAILURE);
    let retries = fields.optional(RETRY);
    fields.finish();
    let retries_are_right = retries.as_ref().is_none_or(|field| retry::one(field).is_some());
    let on_failure = match on_failure {
        None => Some(None),
        Some(field) => steps(&field, surroundings).map(Some),
    };
    let retry = retries.map(|field| field.node().clone());
    Some(Usable { on_failure: on_failure.filter(|_| retries_are_right)?, retry })
}

/// The steps with their programs in them.
fn steps(field: &Field<'_>, surroundings: Surroundings<'_>) -> Option<Node> {
    let whole = programs::embed(field, surroundings).unwrap_or_else(|| field.node().clone());
    let checked = Field::new(field.findings(), ON_FAILURE, &whole);
    failure::read(&mut Workflow::new(surroundings, Selected::default()), &checked)?;
    Some(whole)
}

/// Defaults that have no errors of their own.
#[derive(Debug, Clone)]
pub(crate) struct Usable {
    on_failure: Option<Node>,
    retry: Option<Node>,
}

impl Usable {
    /// The rule with what it does not say itself; `None` when it says everything. What is added stands, for reports, at
    /// the beginning of the rule.
    pub(super) fn add_to(&self, rule: &Field<'_>, surroundings: Surroundings<'_>) -> Option<Node> {
        let mut node = rule.node().clone();
        let mut is_changed = false;
        if let (NodeKind::Map(entries), Some(steps)) = (&mut node.kind, &self.on_failure)
            && entries.iter().all(|(key, _)| key.text != ON_FAILURE)
        {
            let span = entries.first().map_or(rule.span(), |(key, _)| key.span);
            entries.push((Key { span, text: ON_FAILURE.to_owned() }, at(span, steps)));
            is_changed = true;
        }
        if let Some(retry) = &self.retry {
            let own = |action: &str| surroundings.actions.has_own_retry(action);
            is_changed |= add_retry(&mut node, retry, &own);
        }
        is_changed.then_some(node)
    }
}

/// Goes through all steps below a node, wherever they are; whether something was added.
fn add_retry(node: &mut Node, retry: &Node, has_own: &dyn Fn(&str) -> bool) -> bool {
    match &mut node.kind {
        NodeKind::Scalar(_) => false,
        NodeKind::List(items) => items.iter_mut().fold(false, |added, item| add_retry(item, retry, has_own) | added),
        NodeKind::Map(entries) => {
            let uses = entries.iter().find(|(key, _)| key.text == "uses");
            let uses = uses.and_then(|(key, action)| match &action.kind {
                NodeKind::Scalar(Value::Text(action)) if !has_own(action) => Some(key.span),
                _ => None,
            });
            let says = entries.iter().any(|(key, _)| key.text == RETRY);
            let span = uses.filter(|_| !says);
            if let Some(span) = span {
                entries.push((Key { span, text: RETRY.to_owned() }, at(span, retry)));
            }
            let inner = entries.iter_mut().filter(|(key, _)| !DATA.contains(&key.text.as_str()) && key.text != RETRY);
            inner.fold(span.is_some(), |added, (_, value)| add_retry(value, retry, has_own) | added)
        }
    }
}

/// The same, standing elsewhere.
fn at(span: Span, node: &Node) -> Node {
    let kind = match &node.kind {
        NodeKind::Scalar(value) => NodeKind::Scalar(value.clone()),
        NodeKind::List(items) => NodeKind::List(items.iter().map(|item| at(span, item)).collect()),
        NodeKind::Map(entries) => NodeKind::Map(
            entries.iter().map(|(key, value)| (Key { span, text: key.text.clone() }, at(span, value))).collect(),
        ),
    };
    Node { span, kind }
}
