//! `uses` and `with`: an action and its parameters.

use std::time::Duration;

use crate::decode::{Field, all, did_you_mean};
use crate::ids::ActionName;
use crate::node::NodeKind;
use crate::rule::StepKind;
use crate::rule_set::AppFacts;
use crate::schema;
use crate::template::Template;
use crate::value::Value;

use super::programs::CODE;
use super::secrets::Allowed;
use super::step::Workflow;
use super::{applications, completion, templates, variables};

pub(super) fn read(
    workflow: &Workflow<'_>,
    uses: &Field<'_>,
    with: Option<&Field<'_>>,
    wait: Option<&Field<'_>>,
    app: Option<&Field<'_>>,
) -> Option<(StepKind, Option<Duration>)> {
    let action = action(workflow, uses);
    let takes_code =
        uses.node().to_value().as_text().is_some_and(|name| workflow.surroundings.actions.check_code(name).is_some());
    let parameters = match with {
        None => Some(Template::Map(Vec::new())),
        Some(with) => parameters(workflow, with, takes_code),
    };
    let app = match app {
        Some(field) => applications::of_step(workflow, field).map(Some),
        None => Some(None),
    };
    let action = action?;
    let wait = match wait {
        Some(field) => {
            completion::read(workflow, field, &action, with).map(|(wait, timeout)| (Some(wait), Some(timeout)))
        }
        None => Some((None, None)),
    };
    let may_be_called = app.as_ref().is_none_or(|app| credentials_are_there(workflow, uses, &action, app.as_ref()));
    let schema = workflow.surroundings.actions.parameters(action.as_str())?;
    let findings = uses.findings();
    let fits = match with {
        None => schema::check_absent(findings, action.as_str(), schema, uses.span()),
        Some(with) => {
            !is_map(with)
                || (schema::check(findings, action.as_str(), schema, with.node())
                    && has_no_problem(workflow, action.as_str(), with))
        }
    };
    let action = (fits && may_be_called).then_some(action)?;
    let (wait, timeout) = wait?;
    Some((StepKind::Uses { action, with: parameters?, wait: wait.map(Box::new), app: app? }, timeout))
}

fn action(workflow: &Workflow<'_>, uses: &Field<'_>) -> Option<ActionName> {
    let name = uses.some_text()?;
    let actions = workflow.surroundings.actions;
    if actions.parameters(name).is_some() {
        return Some(ActionName::from(name));
    }
    let known = actions.names();
    let hint = did_you_mean(name, "actions", known.iter().map(ActionName::as_str));
    uses.error(format!("there is no action `{name}`"), hint);
    None
}

/// Asks the action itself. Not for a stored rule: what it was checked against then may be gone, and its attempts will say so.
fn has_no_problem(workflow: &Workflow<'_>, action: &str, with: &Field<'_>) -> bool {
    if workflow.surroundings.apps.is_none() {
        return true;
    }
    let problems = workflow.surroundings.actions.problems(action, &with.node().to_value());
    for problem in &problems {
        let NodeKind::Map(entries) = &with.node().kind else { continue };
        let written = entries.iter().find(|(key, _)| key.text == problem.parameter);
        let place = written
            .or(entries.first())
            .map_or(with.span(), |(key, node)| if written.is_some() { node.span } else { key.span });
        with.findings().error(place, problem.message.clone(), problem.hint.clone());
    }
    problems.is_empty()
}

/// Whether the applications that the step may act for have the credentials that the action needs: all of the rule, or the
/// one that it names. Which one a template names is not known.
fn credentials_are_there(
    workflow: &Workflow<'_>,
    uses: &Field<'_>,
    action: &ActionName,
    app: Option<&Template>,
) -> bool {
    if !workflow.surroundings.actions.needs_credentials(action.as_str()) {
        return true;
    }
    let acting: Vec<&AppFacts> = match app {
        None => workflow.selected().iter().collect(),
        Some(app) => applications::named(app, workflow.surroundings.apps).into_iter().collect(),
    };
    let lacking = acting.iter().filter(|app| !app.has_credentials);
    let lacking: Vec<String> = lacking.map(|app| format!("`{}` ({})", app.name, app.subappid)).collect();
    let (message, whose) = match lacking.as_slice() {
        [] => return true,
        [app] => (format!("the application {app} has no credentials, which `{action}` needs"), "it"),
        apps => (format!("the applications {} have no credentials, which `{action}` needs", apps.join(", ")), "each"),
    };
    uses.error(message, format!("give {whose} `credentials: NAME` in oncue.yaml, or select other applications"));
    false
}

fn is_map(field: &Field<'_>) -> bool {
    matches!(field.node().kind, NodeKind::Map(_))
}

fn parameters(workflow: &Workflow<'_>, with: &Field<'_>, takes_code: bool) -> Option<Template> {
    if !is_map(with) {
        with.mismatch("a mapping, the parameters of the action", "write each parameter as `name: value`");
        return None;
    }
    let variables_are_there = variables::check(with, workflow.selected());
    let template = if takes_code { with_code(workflow, with) } else { value(workflow, with) };
    template.filter(|_| variables_are_there)
}

/// What may hold secrets, each as a whole value.
fn value(workflow: &Workflow<'_>, field: &Field<'_>) -> Option<Template> {
    templates::read_with(field, workflow.names(), Allowed::Whole(workflow.surroundings.secrets))
}

/// Parameters with a program among them, which is never a template: what a file holds may well have `${{` in it.
fn with_code(workflow: &Workflow<'_>, with: &Field<'_>) -> Option<Template> {
    let entries = with.entries("write each parameter as `name: value`")?;
    let decoded = all(entries.iter().map(|(key, field)| {
        let template = match &field.node().kind {
            NodeKind::Scalar(Value::Text(_)) if key.text == CODE => Template::Value(field.node().to_value()),
            _ => value(workflow, field)?,
        };
        Some((key.text.clone(), template))
    }));
    decoded.map(Template::map)
}
