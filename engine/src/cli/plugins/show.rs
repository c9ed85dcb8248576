//! `oncue plugins show`: one plugin, or one action.

use oncue_plugins::action::Spec;
use oncue_plugins::plugin::Plugin;
use oncue_plugins::plugin::manifest::Host;
use oncue_rules::catalog::ActionCatalog as _;
use oncue_rules::decode::did_you_mean;
use oncue_rules::ids::ActionName;
use serde_json::{Value, json};

use super::{Loaded, list};
use crate::cli::output::cell;
use crate::cli::{Exit, Failure};

/// Digits of a hash that people see.
const SHOWN: usize = 12;

pub(super) fn show(loaded: &Loaded, name: &str) -> Result<Value, Failure> {
    if let Some(plugin) = loaded.plugins.iter().find(|plugin| plugin.manifest.name == name) {
        return Ok(of_plugin(loaded, plugin));
    }
    if let Some(action) = loaded.registry.get(&ActionName::from(name)) {
        return Ok(of_action(loaded, action.spec()));
    }
    let names = loaded.registry.names();
    let plugins = loaded.plugins.iter().map(|plugin| plugin.manifest.name.as_str());
    let known: Vec<&str> = plugins.chain(names.iter().map(ActionName::as_str)).collect();
    let hint = did_you_mean(name, "there are", known);
    Err(Failure::new(Exit::NotFound, format!("there is no plugin and no action `{name}`: {hint}")))
}

fn of_plugin(loaded: &Loaded, plugin: &Plugin) -> Value {
    let manifest = &plugin.manifest;
    let permissions = &manifest.permissions;
    json!({
        "plugin": {
            "name": manifest.name,
            "version": manifest.version,
            "kind": plugin.kind(),
            "summary": manifest.summary,
            "folder": manifest.folder.display().to_string(),
            "hash": plugin.content.hash.as_str(),
            "permissions": {
                "http": permissions.http.iter().map(host).collect::<Vec<_>>(),
                "secrets": permissions.secrets.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
                "store": permissions.store,
                "call": permissions.call.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            },
        },
        "items": plugin.actions().iter().map(|action| loaded.row(action.spec())).collect::<Vec<_>>(),
    })
}

fn host(host: &Host) -> String {
    if host.allow_private { format!("{} (also private addresses)", host.pattern) } else { host.pattern.clone() }
}

fn of_action(loaded: &Loaded, spec: &Spec) -> Value {
    let Value::Object(mut action) = loaded.row(spec) else { return Value::Null };
    action.insert("parameters".to_owned(), spec.parameters.clone());
    action.insert("outputs".to_owned(), spec.outputs.clone());
    action.insert("sample".to_owned(), json!(&*spec.sample));
    json!({ "action": action })
}

pub(super) fn text(answer: &Value) -> String {
    if answer["plugin"].is_null() { action_text(&answer["action"]) } else { plugin_text(answer) }
}

fn plugin_text(answer: &Value) -> String {
    let plugin = &answer["plugin"];
    let permissions = &plugin["permissions"];
    let hash: String = cell(plugin, "hash").chars().take(SHOWN).collect();
    let mut lines = vec![
        format!(
            "{} {} ({}, {hash}) in {}",
            cell(plugin, "name"),
            cell(plugin, "version"),
            cell(plugin, "kind"),
            cell(plugin, "folder")
        ),
        cell(plugin, "summary"),
        String::new(),
        "It may".to_owned(),
    ];
    let asked = [("http", "send requests to"), ("secrets", "use the secrets"), ("call", "call the actions")];
    let listed = asked.iter().filter_map(|(name, what)| {
        let names: Vec<_> = permissions[*name].as_array()?.iter().filter_map(Value::as_str).collect();
        (!names.is_empty()).then(|| format!("  {what} {}", names.join(", ")))
    });
    let before = lines.len();
    lines.extend(listed);
    if permissions["store"] == true {
        lines.push("  keep values in the store".to_owned());
    }
    if lines.len() == before {
        lines.push("  do nothing but compute".to_owned());
    }
    lines.extend([String::new(), list(answer)]);
    lines.join("\n")
}

fn action_text(action: &Value) -> String {
    let from = match action["plugin"].as_str() {
        Some(plugin) => format!("from the plugin {plugin} {}", cell(action, "version")),
        None => "ships with Oncue".to_owned(),
    };
    let mut lines = vec![
        format!("{}: {}", cell(action, "name"), cell(action, "summary")),
        format!("repeatable: {}; {from}", cell(action, "repeatable")),
        String::new(),
        cell(action, "sample"),
    ];
    for (title, schema) in [("parameters", &action["parameters"]), ("outputs", &action["outputs"])] {
        lines.push(format!("{title}:"));
        let before = lines.len();
        lines.extend(
            schema["properties"].as_object().into_iter().flatten().map(|(name, field)| member(schema, name, field)),
        );
        if lines.len() == before {
            lines.push("  none".to_owned());
        }
    }
    lines.join("\n")
}

fn member(schema: &Value, name: &str, field: &Value) -> String {
    let is_needed = schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name));
    let needed = if is_needed { ", needed" } else { "" };
    let kind = match &field["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    };
    let meaning = field["description"].as_str().unwrap_or_default().replace('\n', " ");
    format!("  {name} ({kind}{needed}): {meaning}").trim_end_matches([':', ' ']).to_owned()
}
