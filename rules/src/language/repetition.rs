//! `for_each`, `as`, `where`: a step that runs once for each item.

use crate::decode::{Field, Fields, Identifier};
use crate::node::NodeKind;
use crate::rule::ForEach;
use crate::template::Template;
use crate::value::Value;

use super::step::Workflow;
use super::{is_template, parallel, templates, variables};

/// What an item is called when `as` is not given.
const DEFAULT_BINDING: &str = "item";
/// The most items that a step may run for (DESIGN section 6).
const ITEM_LIMIT: usize = 10_000;
/// Names that mean something else in expressions.
const TAKEN: [&str; 21] = [
    "event", "payload", "body", "app", "apps", "run", "steps", "error", "events", "trigger", "args", "secrets",
    "inputs", "time", "null", "true", "false", "and", "or", "not", "this",
];
/// Words of the expression language.
const KEYWORDS: [&str; 16] = [
    "if", "else", "for", "in", "while", "loop", "let", "const", "fn", "return", "break", "continue", "switch",
    "import", "is", "do",
];

/// The repetition of a step, whose item can be named until the loop is left. `None` when it has errors, `Some(None)`
/// when the step runs once.
#[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
pub(super) fn read(fields: &mut Fields<'_>, workflow: &mut Workflow<'_>) -> Option<Option<ForEach>> {
    let (for_each, binding, filter) = (fields.optional("for_each"), fields.optional("as"), fields.optional("where"));
    let at_once = fields.optional("max_parallel");
    let Some(for_each) = for_each else {
        return refuse_without_items(fields, &[binding, filter, at_once]).then_some(None);
    };
    let max_parallel = at_once.map_or(Some(1), |field| parallel::width(workflow, &field));
    let items = items(&for_each, workflow);
    let name = binding.as_ref().map_or(Some(DEFAULT_BINDING), |field| field.identifier(Identifier::Variable));
    let name_fits = name.is_some_and(|name| binding_fits(binding.as_ref().unwrap_or(&for_each), name, workflow));
    workflow.enter_loop(name.unwrap_or(DEFAULT_BINDING));
    let filter = match filter {
        Some(field) => workflow.read_condition(&field).map(Some),
        None => Some(None),
    };
    let binding = name.filter(|_| name_fits)?.to_owned();
    Some(Some(ForEach { items: items?, binding, filter: filter?, max_parallel: max_parallel? }))
}

/// Whether neither `as` nor `where` is there.
fn refuse_without_items(fields: &Fields<'_>, given: &[Option<Field<'_>>]) -> bool {
    let mut fits = true;
    for field in given.iter().flatten() {
        fits = false;
        let span = fields.key_span(field.name()).unwrap_or(field.span());
        let message = format!("`{}` belongs to `for_each`, which is not there", field.name());
        let hint = if field.name() == "where" { "write `if` to ask once, or add `for_each`" } else { "add `for_each`" };
        fields.findings().error(span, message, hint);
    }
    fits
}

fn items(field: &Field<'_>, workflow: &Workflow<'_>) -> Option<Template> {
    let hint = "write a list, or a template that gives one, such as `${{ steps.transcode.results }}`";
    match &field.node().kind {
        NodeKind::List(items) if items.len() > ITEM_LIMIT => {
            let message = format!("`for_each` has {} items, and the limit is {ITEM_LIMIT}", items.len());
            field.error(message, "split the list over several steps");
            return None;
        }
        NodeKind::List(_) => {}
        NodeKind::Scalar(Value::Text(text)) if is_template(text) => {}
        NodeKind::Scalar(Value::Text(text)) => {
            field.error(
                "`for_each` must be a list, and this is a text",
                format!("write `${{{{ {text} }}}}` to mean its value"),
            );
            return None;
        }
        _ => {
            field.mismatch("a list", hint);
            return None;
        }
    }
    let template = templates::read(field, workflow.names())?;
    if let Template::Text(_) = template {
        field.error(
            "`for_each` must be a list, and this template gives a text",
            "leave out what stands around `${{ }}`",
        );
        return None;
    }
    if let Some(value) = template.constant().filter(|value| value.as_list().is_none()) {
        field.error(format!("`for_each` must be a list, and this gives {}", value.kind()), hint);
        return None;
    }
    variables::check(field, workflow.selected()).then_some(template)
}

fn binding_fits(field: &Field<'_>, name: &str, workflow: &Workflow<'_>) -> bool {
    if workflow.bindings().iter().any(|outer| outer == name) {
        let message = format!("the `for_each` around this one calls its item `{name}` too");
        field.error(message, "give this one a name of its own with `as`");
        return false;
    }
    if TAKEN.contains(&name) || KEYWORDS.contains(&name) {
        field.error(format!("`{name}` means something else in expressions"), "use another name, such as `as: result`");
        return false;
    }
    true
}
