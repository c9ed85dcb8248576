//! Keeps the part of the front page that lists the actions equal to what the actions say of themselves.

use std::fmt::Write as _;

use serde_json::Value;

use super::tests::builtin;
use crate::action::{Repeatable, Spec};

const README: &str = include_str!("../../README.md");
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";

#[test]
fn the_readme_lists_the_actions_as_they_are() {
    let (before, rest) = README.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let generated = generated();
    if std::env::var_os("ONCUE_GENERATE").is_some() {
        std::fs::write(PATH, format!("{before}{BEGIN}{generated}{END}{after}")).unwrap();
    } else {
        assert_eq!(written, generated, "run ONCUE_GENERATE=1 cargo test -p oncue-plugins readme");
    }
}

#[test]
fn every_action_describes_itself_its_parameters_and_its_outputs() {
    for action in builtin().iter() {
        let spec = action.spec();
        assert!(spec.summary.ends_with('.') && !spec.summary.contains('\n'), "{}", spec.name);
        assert!(spec.sample.contains(&format!("uses: {}", spec.name)) && spec.sample.ends_with('\n'), "{}", spec.name);
        for (name, field) in [&spec.parameters, &spec.outputs].into_iter().flat_map(fields) {
            assert!(field["description"].is_string(), "{}: {name}", spec.name);
        }
        assert_eq!(spec.parameters["additionalProperties"], false, "{}", spec.name);
    }
}

fn generated() -> String {
    let registry = builtin();
    let mut page = String::from("| action | what it does | repeatable |\n|---|---|---|\n");
    for action in registry.iter() {
        let Spec { name, summary, repeatable, .. } = action.spec();
        let repeatable = match repeatable {
            Repeatable::Yes => "yes",
            Repeatable::Keyed => "keyed",
            Repeatable::No => "no",
        };
        writeln!(page, "| `{name}` | {summary} | {repeatable} |").unwrap();
    }
    for action in registry.iter() {
        let spec = action.spec();
        writeln!(page, "\n### `{}`\n\n```yaml\n{}```\n", spec.name, spec.sample).unwrap();
        page.push_str("| parameter | type | meaning |\n|---|---|---|\n");
        page.extend(fields(&spec.parameters).map(|(name, field)| row(&spec.parameters, name, field)));
        if fields(&spec.outputs).next().is_none() {
            page.push_str("\nIt has no outputs.\n");
            continue;
        }
        page.push_str("\n| output | type | meaning |\n|---|---|---|\n");
        page.extend(fields(&spec.outputs).map(|(name, field)| row(&spec.outputs, name, field)));
    }
    page
}

fn fields(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn row(schema: &Value, name: &str, field: &Value) -> String {
    let needed = schema["required"].as_array().is_some_and(|required| required.iter().any(|known| known == name));
    let mark = if needed && schema["additionalProperties"] == false { ", needed" } else { "" };
    let meaning = field["description"].as_str().unwrap().replace('\n', " ").replace('|', "\\|");
    format!("| `{name}` | {}{mark} | {meaning} |\n", kind(field))
}

fn kind(field: &Value) -> String {
    let alternatives = field["anyOf"].as_array().or(field["oneOf"].as_array());
    if let Some(alternatives) = alternatives {
        let constants: Vec<_> = alternatives.iter().filter_map(|one| one["const"].as_str()).collect();
        if constants.is_empty() {
            return kind(alternatives.iter().find(|one| one["type"] != "null").unwrap());
        }
        return constants.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(constants) = field["enum"].as_array() {
        return constants.iter().filter_map(Value::as_str).map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    }
    let name = match &field["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match name {
        Some("array") => format!("list of {}s", kind(&field["items"])),
        Some("object") => "map".to_owned(),
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some(other) => other.to_owned(),
        None => "anything".to_owned(),
    }
}
