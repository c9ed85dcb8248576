//! `match` and `if` of a rule: conditions on the event.

use crate::decode::{Field, Fields, nearest};
use crate::diagnostic::Severity;
use crate::expression::{Expression, Names};
use crate::pattern::{Match, Pattern};

use super::selected::Selected;
use super::{expressions, secrets, variables};

/// What a path in a `match` can start with.
const ROOTS: [&str; 3] = ["event", "payload", "body"];

/// An optional part has errors, which are reported.
pub(super) struct Broken;

pub(super) fn pattern(fields: &mut Fields<'_>) -> Result<Option<Pattern>, Broken> {
    fields.optional("match").map(|field| compile(&field)).transpose()
}

/// As [`pattern`], with the form in which a rule keeps it.
pub(super) fn rule_match(fields: &mut Fields<'_>) -> Result<Option<(Match, Pattern)>, Broken> {
    let read = |field: Field<'_>| Ok((Match::of(field.node()), compile(&field)?));
    fields.optional("match").map(read).transpose()
}

fn compile(field: &Field<'_>) -> Result<Pattern, Broken> {
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
    let has_no_secret = secrets::refuse_in(field, field.node());
    if roots_are_known && has_no_secret { Ok(pattern) } else { Err(Broken) }
}

pub(super) fn rule_condition(fields: &mut Fields<'_>, apps: Selected<'_>) -> Result<Option<Expression>, Broken> {
    match fields.optional("if") {
        None => Ok(None),
        Some(field) => {
            let variables_are_there = variables::check_expression(&field, apps);
            expressions::read(&field, &Names::rule()).filter(|_| variables_are_there).map(Some).ok_or(Broken)
        }
    }
}
