//! `app.vars.NAME`: every application of a rule must have the variables that its steps use, where that can be seen.

use crate::decode::Field;
use crate::node::NodeKind;
use crate::rule_set::AppFacts;
use crate::value::Value;

use super::step::Workflow;

/// Whether every selected application has the variables that templates in this value use. Seen are those that are
/// exactly a path, as in `${{ app.vars.definitions }}`; what is calculated may provide for a missing one.
pub(super) fn check(field: &Field<'_>, workflow: &Workflow<'_>) -> bool {
    let Some(known) = workflow.surroundings.apps else { return true };
    let Some(selection) = workflow.apps else { return true };
    let apps: Vec<&AppFacts> = known.iter().filter(|app| selection.includes(Some(app.subappid))).collect();
    check_in(field, &apps)
}

fn check_in(field: &Field<'_>, apps: &[&AppFacts]) -> bool {
    match &field.node().kind {
        NodeKind::Scalar(Value::Text(text)) => variable(text).is_none_or(|path| check_path(field, path, apps)),
        NodeKind::Scalar(_) => true,
        // Every part is asked before the answers are put together: each is to report its own problem.
        NodeKind::List(_) => {
            let answers: Vec<bool> = field.one_or_many().iter().map(|item| check_in(item, apps)).collect();
            !answers.contains(&false)
        }
        NodeKind::Map(_) => {
            let entries = field.entries("").unwrap_or_default();
            let answers: Vec<bool> = entries.iter().map(|(_, value)| check_in(value, apps)).collect();
            !answers.contains(&false)
        }
    }
}

fn check_path(field: &Field<'_>, path: &str, apps: &[&AppFacts]) -> bool {
    let lacking: Vec<String> = apps
        .iter()
        .filter(|app| lacks(&app.vars, path))
        .map(|app| format!("`{}` ({})", app.name, app.subappid))
        .collect();
    if lacking.is_empty() {
        return true;
    }
    let (message, hint) = if let [app] = lacking.as_slice() {
        (format!("the application {app} has no `vars.{path}`"), format!("add `{path}` to its `vars`"))
    } else {
        (
            format!("the applications {} have no `vars.{path}`", lacking.join(", ")),
            format!("add `{path}` to the `vars` of each"),
        )
    };
    field.error(message, format!("{hint}, or select other applications for this rule"));
    false
}

/// The path behind `app.vars.` when the text is a template of that and nothing else.
fn variable(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?.trim();
    let path = inner.strip_prefix("app.vars.")?;
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    path.split('.').all(is_name).then_some(path)
}

/// Whether a map on the way has no such member. What is no map may have members of its own, such as `len`.
fn lacks(vars: &Value, path: &str) -> bool {
    let mut value = vars;
    for name in path.split('.') {
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
