//! `anyOf` and `oneOf`: a value that may be of several forms.

use serde_json::Value as Json;

use super::{Checker, Problem, error, literal};
use crate::diagnostic::Severity;
use crate::node::{Node, NodeKind};

impl<'c> Checker<'c> {
    /// What is wrong with a value that must have one of the forms: nothing when any fits, else what is wrong with the form
    /// that was probably meant.
    pub(super) fn choice(&self, forms: &'c [Json], node: &Node, name: &str, depth: usize) -> Vec<Problem> {
        let mut tried = Vec::new();
        for form in forms {
            let problems = self.value(form, node, name, depth + 1);
            if problems.iter().all(|problem| problem.severity != Severity::Error) {
                return problems;
            }
            tried.push((self.follow(form, depth), problems));
        }
        tried.retain(|(form, _)| literal::kinds(form) != ["null"]);
        if let NodeKind::Scalar(value) = &node.kind {
            let allowed: Vec<&Json> = tried.iter().flat_map(|(form, _)| literal::allowed(form)).collect();
            if !allowed.is_empty() && tried.iter().all(|(form, _)| !literal::allowed(form).is_empty()) {
                return vec![self.not_allowed(&allowed, value, node.span, name)];
            }
        }
        if tried.len() > 1 {
            let kinds: Vec<&str> = tried.iter().flat_map(|(form, _)| literal::kinds(form)).collect();
            tried.retain(|(form, _)| literal::kinds(form).iter().any(|kind| literal::is_of_kind(kind, node)));
            if tried.is_empty() && !kinds.is_empty() {
                return vec![self.wrong_kind(&distinct(kinds), node, name)];
            }
        }
        let closest = tried.into_iter().min_by_key(|(_, problems)| problems.len());
        match closest {
            Some((_, problems)) => problems,
            None if forms.is_empty() => Vec::new(),
            None => {
                vec![error(node.span, format!("{} has none of its forms", self.subject(name)), "see its documentation")]
            }
        }
    }

    /// The schema that a reference leads to.
    fn follow(&self, form: &'c Json, depth: usize) -> &'c Json {
        let target = form.get("$ref").and_then(Json::as_str).and_then(|path| self.resolve(path));
        match target {
            Some(target) if depth < super::DEPTH_LIMIT => self.follow(target, depth + 1),
            _ => form,
        }
    }
}

fn distinct(mut kinds: Vec<&str>) -> Vec<&str> {
    let mut seen = std::collections::HashSet::new();
    kinds.retain(|kind| *kind != "null" && seen.insert(*kind));
    kinds
}
