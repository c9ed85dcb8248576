//! `wait_for`: a step that waits for an event.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::decode::{Field, Fields, Identifier, all};
use crate::expression::Names;
use crate::ids::StepId;
use crate::node::NodeKind;
use crate::rule::{Awaited, By, StepKind};
use crate::template::Template;
use crate::value::Value;

use super::step::{LONGEST_TIMEOUT, SHORTEST_TIMEOUT, Workflow};
use super::{condition, subscription, templates, variables};

/// Names that could mean the awaited event as well as the run's own.
const AMBIGUOUS: [&str; 3] = ["event", "payload", "body"];
/// The most alternatives of one `any`.
const ALTERNATIVES: usize = 16;

/// What is waited for, and how long at most.
pub(super) fn read(workflow: &Workflow<'_>, field: &Field<'_>) -> Option<(StepKind, Duration)> {
    let mut fields = field.fields("a `wait_for`")?;
    let timeout = fields
        .required("timeout", "say how long to wait at most, such as `timeout: 12h`")
        .and_then(|field| field.duration(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT));
    let awaited = match fields.optional("any") {
        Some(any) => {
            let since = since(workflow, &mut fields);
            alternatives(workflow, &any).zip(since).map(|(awaited, since)| since_for_all(awaited, since.as_ref()))
        }
        None => one(workflow, &mut fields).map(|awaited| vec![awaited]),
    };
    fields.finish();
    Some((StepKind::WaitFor(awaited?), timeout?))
}

fn alternatives(workflow: &Workflow<'_>, field: &Field<'_>) -> Option<Vec<Awaited>> {
    let items = field.items("write each alternative as an item: `- { on: …, keys: … }`")?;
    if items.is_empty() || items.len() > ALTERNATIVES {
        let message = format!("`any` must have from 1 to {ALTERNATIVES} alternatives, and this has {}", items.len());
        field.error(message, "write each as an item: `- { on: …, keys: … }`");
        return None;
    }
    all(items.iter().map(|item| {
        let mut fields = item.fields("an alternative")?;
        let awaited = one(workflow, &mut fields);
        fields.finish();
        awaited
    }))
}

fn one(workflow: &Workflow<'_>, fields: &mut Fields<'_>) -> Option<Awaited> {
    let step = fields.optional("step");
    let on = match &step {
        // What the work tells of its end with is known without being written.
        Some(_) if fields.key_span("on").is_none() => Some(BTreeSet::new()),
        _ => subscription::types(fields, "name the event types, such as `on: ProcedureStateChanged`"),
    };
    let pattern = condition::pattern(fields);
    let by = match step {
        Some(step) => submitted(workflow, fields, &step).map(By::Work),
        None => fields
            .required("keys", "name a key that the event must have: `keys: { file_id: \"${{ trigger.file_id }}\" }`")
            .and_then(|keys| read_keys(workflow, &keys))
            .map(By::Keys),
    };
    let since = since(workflow, fields);
    Some(Awaited { on: on?, by: by?, pattern: pattern.ok()?, since: since? })
}

/// `step`: a step whose work is waited for.
fn submitted(workflow: &Workflow<'_>, fields: &mut Fields<'_>, step: &Field<'_>) -> Option<StepId> {
    if let Some(keys) = fields.optional("keys") {
        let message = "`step` and `keys` both say how the event is found";
        fields.findings().error(fields.key_span("keys").unwrap_or(keys.span()), message, "keep one of the two");
        return None;
    }
    let (id, submits) = workflow.earlier_step(step)?;
    if !submits {
        let hint = "name a step that submits once, such as with `vod.process_media`, or write `keys`";
        step.error(format!("the step `{id}` submits no work whose end could be waited for"), hint);
        return None;
    }
    Some(id)
}

/// `Some(None)` when it is not written.
#[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
fn since(workflow: &Workflow<'_>, fields: &mut Fields<'_>) -> Option<Option<StepId>> {
    match fields.optional("since") {
        Some(step) => workflow.earlier_step(&step).map(|(id, _)| Some(id)),
        None => Some(None),
    }
}

/// What stands beside `any` is for every alternative that does not say otherwise.
fn since_for_all(mut awaited: Vec<Awaited>, since: Option<&StepId>) -> Vec<Awaited> {
    for one in &mut awaited {
        one.since = one.since.take().or_else(|| since.cloned());
    }
    awaited
}

fn read_keys(workflow: &Workflow<'_>, field: &Field<'_>) -> Option<Vec<(String, Template)>> {
    let entries = field.entries("write each key with its value, such as `file_id: \"${{ trigger.file_id }}\"`")?;
    if entries.is_empty() {
        field.error("`keys` has no key", "an event is found by a key, such as `file_id: \"${{ trigger.file_id }}\"`");
        return None;
    }
    let names = AMBIGUOUS.iter().fold(workflow.names().clone(), |names, name| Names::without_root(names, name));
    let mut seen = BTreeSet::new();
    all(entries.iter().map(|(key, value)| {
        let fits = Identifier::Variable.fits(&key.text) && seen.insert(key.text.as_str());
        if !fits {
            let hint = "write `file_id`, `task_id`, `session_id`, or a key that an endpoint declares, each once";
            field.findings().error(key.span, format!("`{}` cannot be a key here", key.text), hint);
        }
        let variables_are_there = variables::check(value, workflow.selected());
        let is_scalar = matches!(&value.node().kind, NodeKind::Scalar(Value::Text(_) | Value::Number(_)));
        if !is_scalar {
            value.mismatch("a text", "write the value, such as `\"${{ trigger.file_id }}\"`");
        }
        let template = if is_scalar { templates::read(value, &names) } else { None };
        Some((key.text.clone(), template.filter(|_| fits && variables_are_there)?))
    }))
}
