//! `app.vars.NAME`: every application of a rule must have the variables that its expressions need, where that can be
//! seen.

use crate::decode::Field;
use crate::expression::{Variable, needed_variables};
use crate::node::NodeKind;
use crate::rule_set::AppFacts;
use crate::template::written_expressions;
use crate::value::Value;
use crate::yaml::place_in_scalar;

use super::selected::Selected;

/// Whether every application has the variables that templates in this value need.
pub(super) fn check(field: &Field<'_>, apps: Selected<'_>) -> bool {
    match &field.node().kind {
        NodeKind::Scalar(Value::Text(text)) => {
            let answers: Vec<bool> = written_expressions(text)
                .into_iter()
                .map(|(start, expression)| check_within(field, text, start, expression, apps))
                .collect();
            !answers.contains(&false)
        }
        NodeKind::Scalar(_) => true,
        // Every part is asked before the answers are put together: each is to report its own problem.
        NodeKind::List(_) => {
            let answers: Vec<bool> = field.one_or_many().iter().map(|item| check(item, apps)).collect();
            !answers.contains(&false)
        }
        NodeKind::Map(_) => {
            let entries = field.entries("").unwrap_or_default();
            let answers: Vec<bool> = entries.iter().map(|(_, value)| check(value, apps)).collect();
            !answers.contains(&false)
        }
    }
}

/// As [`check`], for a value that is an expression as it stands, such as `if`.
pub(super) fn check_expression(field: &Field<'_>, apps: Selected<'_>) -> bool {
    match &field.node().kind {
        NodeKind::Scalar(Value::Text(text)) => check_within(field, text, 0, text, apps),
        _ => true,
    }
}

/// Checks the expression that begins at `start` within the text of a field.
fn check_within(field: &Field<'_>, text: &str, start: usize, expression: &str, apps: Selected<'_>) -> bool {
    let missing: Vec<(Variable, Vec<&AppFacts>)> = needed_variables(expression)
        .into_iter()
        .map(|variable| {
            let lacking = apps.iter().filter(|app| lacks(&app.vars, &variable.path)).collect();
            (variable, lacking)
        })
        .filter(|(_, lacking): &(Variable, Vec<&AppFacts>)| !lacking.is_empty())
        .collect();
    for (variable, lacking) in &missing {
        let findings = field.findings();
        let offset = start + variable.offset;
        let span = place_in_scalar(findings.file(), field.span(), text, offset, variable.length);
        let (message, hint) = problem(&variable.path.join("."), lacking);
        findings.error(span, message, hint);
    }
    missing.is_empty()
}

fn problem(path: &str, lacking: &[&AppFacts]) -> (String, String) {
    let last =
        format!("select other applications for this rule, or write `app.vars.{path} ?? …` for what may be missing");
    let named: Vec<String> = lacking.iter().map(|app| format!("`{}` ({})", app.name, app.subappid)).collect();
    if let [app] = named.as_slice() {
        (format!("the application {app} has no `vars.{path}`"), format!("add `{path}` to its `vars`, {last}"))
    } else {
        (
            format!("the applications {} have no `vars.{path}`", named.join(", ")),
            format!("add `{path}` to the `vars` of each, {last}"),
        )
    }
}

/// Whether a map on the way has no such member. What is no map has no members either, which the expression itself says.
fn lacks(vars: &Value, path: &[String]) -> bool {
    let mut value = vars;
    for name in path {
        match value {
            Value::Map(entries) => match entries.get(name) {
                Some(inner) => value = inner,
                None => return true,
            },
            Value::Null => return true,
            _ => return false,
        }
    }
    false
}
