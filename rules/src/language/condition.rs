//! `match` and `if` of a rule: conditions on the event.

use crate::decode::{Fields, nearest};
use crate::diagnostic::Severity;
use crate::expression::{Expression, Names};
use crate::pattern::Pattern;
use crate::rule_set::AppFacts;

use super::{expressions, secrets, variables};

/// What a path in a `match` can start with.
const ROOTS: [&str; 3] = ["event", "payload", "body"];

/// An optional part has errors, which are reported.
pub(super) struct Broken;

pub(super) fn pattern(fields: &mut Fields<'_>) -> Result<Option<Pattern>, Broken> {
    let Some(field) = fields.optional("match") else { return Ok(None) };
    let findings = field.findings();
    let pattern = Pattern::compile(field.node()).map_err(|errors| {
        for error in errors {
            findings.push(Severity::Error, error.span, error.message, error.hint);
        }
        Broken
    })?;
    let mut roots_are_known = true;
    for (path, span) in pattern.paths() {
        let root = path.segments().next().unwrap_or_default();
        if ROOTS.contains(&root) {
            continue;
        }
        roots_are_known = false;
        let message = format!("`{path}` starts with `{root}`, which an event does not have");
        let hint = match nearest(root, ROOTS) {
            Some(near) => format!("did you mean `{near}`? a path starts with `event`, `payload` or `body`"),
            None => format!("a path starts with `event`, `payload` or `body`, as in `payload.{path}`"),
        };
        findings.push(Severity::Error, span, message, Some(hint));
    }
    let has_no_secret = secrets::refuse_in(&field, field.node());
    if roots_are_known && has_no_secret { Ok(Some(pattern)) } else { Err(Broken) }
}

pub(super) fn rule_condition(fields: &mut Fields<'_>, apps: &[&AppFacts]) -> Result<Option<Expression>, Broken> {
    match fields.optional("if") {
        None => Ok(None),
        Some(field) => {
            let variables_are_there = variables::check_expression(&field, apps);
            expressions::read(&field, &Names::rule()).filter(|_| variables_are_there).map(Some).ok_or(Broken)
        }
    }
}
