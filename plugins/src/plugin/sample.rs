//! The sample step of an action: as its author wrote it, or made from its parameters.

use oncue_rules::decode::{Field, Findings};
use oncue_rules::diagnostic::{Diagnostics, Severity, SourceFile};
use oncue_rules::node::{Node, NodeKind};
use oncue_rules::value::Value;
use oncue_rules::{schema, yaml};
use serde_json::Value as Json;

/// How deep a made sample goes into the parameters.
const DEPTH: usize = 3;

/// The sample that a field holds, when it is a step that uses the action and fits its parameters.
pub(super) fn read(field: &Field<'_>, action: &str, parameters: &Json) -> Option<String> {
    let text = field.some_text()?;
    let file = SourceFile { name: "sample".into(), text: text.into() };
    let mut found = Diagnostics::default();
    let problem = match yaml::read(&file, &mut found) {
        Some(node) if !found.has_errors() => problem(&node, action, parameters, &file),
        _ => found.iter().find(|one| one.severity == Severity::Error).map(|one| one.message.clone()),
    };
    if let Some(problem) = problem {
        let hint = format!("write a step as it stands in a rule: `- uses: {action}` and below it `with:`");
        field.error(format!("the sample is no step that uses this action: {problem}"), hint);
        return None;
    }
    Some(if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") })
}

fn problem(node: &Node, action: &str, parameters: &Json, file: &SourceFile) -> Option<String> {
    let NodeKind::List(steps) = &node.kind else { return Some("it is no list of steps".to_owned()) };
    let [Node { kind: NodeKind::Map(step), .. }] = steps.as_slice() else {
        return Some("it must be one step".to_owned());
    };
    let member = |name: &str| step.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
    if member("uses").is_none_or(|uses| uses.to_value().as_text() != Some(action)) {
        return Some(format!("it does not use `{action}`"));
    }
    let findings = Findings::new(file);
    let empty = Node::from_value(&Value::map([].into()));
    schema::check(&findings, action, parameters, member("with").unwrap_or(&empty));
    let found = findings.into_diagnostics();
    found.iter().find(|one| one.severity == Severity::Error).map(|one| one.message.clone())
}

/// A step that uses the action with the parameters that it needs.
pub(super) fn made(action: &str, parameters: &Json) -> String {
    let with = needed(parameters, parameters, DEPTH);
    let step = [("uses".to_owned(), Value::text(action))].into_iter();
    let with = Some(("with".to_owned(), with)).filter(|(_, with)| with.as_map().is_some_and(|with| !with.is_empty()));
    let text = yaml::value_to_text(&Value::list(vec![Value::map(step.chain(with).collect())]));
    if text.ends_with('\n') { text } else { format!("{text}\n") }
}

/// The members of a mapping that must be there, each with a value that fits.
fn needed(root: &Json, schema: &Json, depth: usize) -> Value {
    let names = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let member = |name: &str| {
        let property = schema.get("properties").and_then(|properties| properties.get(name)).unwrap_or(&Json::Null);
        (name.to_owned(), example(root, property, depth))
    };
    Value::map(names.map(member).collect())
}

fn example(root: &Json, schema: &Json, depth: usize) -> Value {
    let written = ["default", "const"].iter().find_map(|name| schema.get(name));
    let first = |name: &str| schema.get(name).and_then(Json::as_array).and_then(|list| list.first());
    if let Some(json) = written.or_else(|| first("examples")).or_else(|| first("enum")) {
        return Value::from_json(json.to_string().as_bytes()).unwrap_or_default();
    }
    let target = schema.get("$ref").and_then(Json::as_str).and_then(|path| root.pointer(path.strip_prefix('#')?));
    if let Some(inner) = target.or_else(|| first("anyOf")).or_else(|| first("oneOf")).or_else(|| first("allOf"))
        && depth > 0
    {
        return example(root, inner, depth - 1);
    }
    let kind = schema.get("type");
    let kind = kind.and_then(Json::as_str).or_else(|| kind.and_then(Json::as_array)?.first()?.as_str());
    match kind {
        Some("integer" | "number") => Value::Number(1_i64.into()),
        Some("boolean") => Value::Bool(true),
        Some("array") => Value::list(Vec::new()),
        Some("object") if depth > 0 => needed(root, schema, depth - 1),
        Some("object") => Value::map([].into()),
        _ => Value::text("..."),
    }
}
