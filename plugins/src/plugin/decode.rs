//! From the text of `plugin.yaml` to a [`Manifest`], with everything that is wrong reported at once.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use oncue_rules::decode::{Field, Fields, Findings, Identifier, all};
use oncue_rules::diagnostic::{Diagnostics, SourceFile};
use oncue_rules::ids::ActionName;
use oncue_rules::rule::Retry;
use oncue_rules::{schema, yaml};

use super::manifest::{ActionManifest, Host, Kind, Manifest, Permissions, Process, Rhai};
use super::sample;
use crate::action::Repeatable;

/// The most characters of a plugin's name, and of a version.
const SHORT: usize = 40;
/// The most characters of an action's whole name.
const NAME_LIMIT: usize = 64;
const MOST_ACTIONS: usize = 100;
const MOST_WORDS: usize = 32;
const SHORTEST_CALL: Duration = Duration::from_millis(10);
const LONGEST_CALL: Duration = Duration::from_mins(10);

/// The manifest that a file holds; none when it has errors.
pub(super) fn read(file: &SourceFile, folder: &Path) -> (Option<Manifest>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let Some(node) = yaml::read(file, &mut diagnostics) else { return (None, diagnostics) };
    let findings = Findings::new(file);
    let manifest = Field::new(&findings, "the file", &node).fields("a plugin").and_then(|mut fields| {
        let manifest = plugin(&mut fields, file, folder);
        fields.finish();
        manifest
    });
    diagnostics.extend(findings.into_diagnostics());
    let is_wrong = diagnostics.has_errors();
    (manifest.filter(|_| !is_wrong), diagnostics)
}

fn plugin(fields: &mut Fields<'_>, file: &SourceFile, folder: &Path) -> Option<Manifest> {
    let name = fields.required("name", "write `name: chat_notify`: what its actions begin with");
    let name_span = name.as_ref().map_or_else(|| fields.place(), Field::span);
    let name = name.and_then(|field| short_name(&field));
    let version = fields.required("version", "write `version: \"1.0.0\"`").and_then(|field| version(&field));
    let summary = fields.required("summary", "write what it is for, in one line").and_then(|field| line(&field));
    let (kind, kind_span) = kind(fields)?;
    let permissions =
        fields.optional("permissions").map_or_else(|| Some(Permissions::default()), |field| permissions(&field));
    let actions = fields
        .required("actions", "write `actions:` and below it each action by its name")
        .and_then(|field| actions(&field, name.as_deref().unwrap_or("plugin")));
    Some(Manifest {
        file: file.clone(),
        folder: folder.to_owned(),
        name: name?,
        name_span,
        version: version?,
        summary: summary?,
        kind: kind?,
        kind_span,
        permissions: permissions?,
        actions: actions?,
    })
}

fn short_name(field: &Field<'_>) -> Option<String> {
    let name = field.identifier(Identifier::Variable)?;
    if name.len() > SHORT {
        field.error(format!("the name of a plugin has at most {SHORT} characters"), "write a shorter one");
        return None;
    }
    Some(name.to_owned())
}

fn version(field: &Field<'_>) -> Option<String> {
    let text = field.some_text()?;
    if text.len() > SHORT || text.contains(char::is_whitespace) {
        let hint = "write one such as `1.2.0`";
        field.error(format!("a version has at most {SHORT} characters and no spaces"), hint);
        return None;
    }
    Some(text.to_owned())
}

/// One line of text.
fn line(field: &Field<'_>) -> Option<String> {
    let text = field.some_text()?.trim();
    if text.contains('\n') {
        field.error(format!("`{}` is more than one line", field.name()), "say it in one line");
        return None;
    }
    Some(text.to_owned())
}

/// The kind, `None` when it has errors; nothing at all when it is not clear which one it is.
fn kind(fields: &mut Fields<'_>) -> Option<(Option<Kind>, oncue_rules::diagnostic::Span)> {
    let written = (fields.optional("rhai"), fields.optional("process"));
    let is_wasm = fields.key_span("wasm").is_some();
    fields.refuse("wasm", "plugins of kind `wasm` are not yet supported in this version", "use `rhai` or `process`");
    match written {
        (Some(field), None) => {
            let span = fields.key_span("rhai")?;
            Some((rhai(&field).map(Kind::Rhai), span))
        }
        (None, Some(field)) => {
            let span = fields.key_span("process")?;
            Some((process(&field).map(Kind::Process), span))
        }
        (Some(_), Some(_)) => {
            let span = fields.key_span("process")?;
            let hint = "keep one, and make a second plugin of the other";
            fields.findings().error(span, "a plugin is either `rhai` or `process`", hint);
            Some((None, span))
        }
        (None, None) if is_wasm => Some((None, fields.place())),
        (None, None) => {
            let place = fields.place();
            let hint = "write `rhai: { file: main.rhai }` or `process: { command: [python3, main.py] }`";
            fields.findings().error(place, "the plugin does not say what runs its actions", hint);
            Some((None, place))
        }
    }
}

fn rhai(field: &Field<'_>) -> Option<Rhai> {
    let mut fields = field.fields("`rhai`")?;
    let file = fields.required("file", "write `file: main.rhai`");
    let file_span = file.as_ref().map_or_else(|| fields.span(), Field::span);
    let file = file.and_then(|field| {
        let text = field.some_text()?;
        let has_extension = Path::new(text).extension().is_some_and(|extension| extension == "rhai");
        if text.starts_with('/') || text.split('/').any(|part| part == "..") || !has_extension {
            let hint = "write the name of a file that ends in `.rhai`, in the folder of the plugin";
            field.error(format!("`{text}` is no script of the plugin"), hint);
            return None;
        }
        Some(text.to_owned())
    });
    fields.finish();
    Some(Rhai { file: file?, file_span })
}

fn process(field: &Field<'_>) -> Option<Process> {
    let mut fields = field.fields("`process`")?;
    let command = fields
        .required("command", "write the program and its arguments: `command: [python3, main.py]`")
        .and_then(|field| command(&field));
    let calls = fields.optional("calls").map_or(Some(u64::from(Process::CALLS)), |field| field.integer(1..=64));
    let memory = fields
        .optional("memory")
        .map_or(Some(Process::MEMORY), |field| size(&field, 16 * 1024 * 1024..=64 * 1024 * 1024 * 1024));
    let line = fields.optional("line").map_or(Some(Process::LINE), |field| size(&field, 1024..=16 * 1024 * 1024));
    let start = fields
        .optional("start")
        .map_or(Some(Process::START), |field| field.duration(Duration::from_millis(100)..=Duration::from_mins(5)));
    let stop = fields
        .optional("stop")
        .map_or(Some(Process::STOP), |field| field.duration(Duration::ZERO..=Duration::from_mins(1)));
    let environment = fields.optional("environment").map_or_else(|| Some(BTreeMap::new()), |field| environment(&field));
    fields.finish();
    Some(Process {
        command: command?,
        calls: u32::try_from(calls?).ok()?,
        memory: memory?,
        line: line?,
        start: start?,
        stop: stop?,
        environment: environment?,
    })
}

fn command(field: &Field<'_>) -> Option<Vec<String>> {
    let words = field.list_of("write the program and its arguments as a list", |word| {
        let text = word.text()?;
        if text.contains('\0') {
            word.error("an argument cannot hold the character NUL", "remove it");
            return None;
        }
        Some(text.to_owned())
    })?;
    if words.first().is_none_or(String::is_empty) || words.len() > MOST_WORDS {
        let hint = "write the program first, such as `[python3, main.py]`";
        field.error(format!("`command` has 1 to {MOST_WORDS} words, of which the first is the program"), hint);
        return None;
    }
    Some(words)
}

fn environment(field: &Field<'_>) -> Option<BTreeMap<String, String>> {
    let entries = field.entries("write `environment: { LANG: C.UTF-8 }`")?;
    let variables = all(entries.iter().map(|(key, field)| {
        let name = key.text.as_str();
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        if !is_name {
            field.findings().error(key.span, format!("`{name}` cannot be the name of a variable"), "use another name");
        }
        let value = field.text().filter(|_| is_name)?;
        Some((name.to_owned(), value.to_owned()))
    }));
    Some(variables?.into_iter().collect())
}

/// A number of bytes: a whole number and `KiB`, `MiB` or `GiB`.
fn size(field: &Field<'_>, range: RangeInclusive<u64>) -> Option<u64> {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let text = field.some_text()?;
    let bytes = UNITS.iter().find_map(|(unit, factor)| {
        let number = text.strip_suffix(unit)?;
        number.parse::<u64>().ok()?.checked_mul(*factor)
    });
    let write = |bytes: u64| {
        let (unit, factor) = UNITS.iter().find(|(_, factor)| bytes.is_multiple_of(*factor)).unwrap_or(&UNITS[2]);
        format!("{}{unit}", bytes / factor)
    };
    if bytes.is_none_or(|bytes| !range.contains(&bytes)) {
        let (least, most) = (write(*range.start()), write(*range.end()));
        let message = format!("`{}` must be a size from {least} to {most}, and this is `{text}`", field.name());
        field.error(message, format!("write a whole number and a unit, such as `{least}`"));
        return None;
    }
    bytes
}

fn permissions(field: &Field<'_>) -> Option<Permissions> {
    let mut fields = field.fields("`permissions`")?;
    let http = fields.optional("http").map_or(Some(Vec::new()), |field| field.one_or_list_of(host));
    let secrets = fields.optional("secrets").map_or(Some(Vec::new()), |field| {
        field.one_or_list_of(|item| Some((item.identifier(Identifier::Variable)?.to_owned(), item.span())))
    });
    let store = fields.optional("store").map_or(Some(false), |field| field.boolean());
    let call = fields.optional("call").map_or(Some(Vec::new()), |field| {
        field.one_or_list_of(|item| Some((ActionName::from(item.some_text()?), item.span())))
    });
    fields.finish();
    Some(Permissions { http: http?, secrets: secrets?, store: store?, call: call? })
}

/// `api.example.com`, `*.example.com`, or `{ host: 10.2.3.4, allow_private: true }`.
fn host(field: &Field<'_>) -> Option<Host> {
    if !matches!(field.node().kind, oncue_rules::node::NodeKind::Map(_)) {
        return Some(Host { pattern: pattern(field)?, allow_private: false });
    }
    let mut fields = field.fields("a host")?;
    let pattern = fields.required("host", "write `host: api.example.com`").and_then(|field| pattern(&field));
    let allow_private = fields.optional("allow_private").map_or(Some(false), |field| field.boolean());
    fields.finish();
    Some(Host { pattern: pattern?, allow_private: allow_private? })
}

fn pattern(field: &Field<'_>) -> Option<String> {
    let text = field.some_text()?;
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_prefix("*.").unwrap_or(&lower);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let is_address = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok() && !lower.starts_with("*."));
    let is_name = name.split('.').all(is_label) && (!lower.starts_with("*.") || name.contains('.'));
    if is_name || is_address {
        return Some(lower);
    }
    let hint = "write a host without scheme, port and path: `api.example.com`, or `*.example.com` for all below it";
    field.error(format!("`{text}` is no host"), hint);
    None
}

fn actions(field: &Field<'_>, plugin: &str) -> Option<Vec<ActionManifest>> {
    let entries = field.entries("write each action as `send: { summary: ..., parameters: ... }`")?;
    if entries.is_empty() || entries.len() > MOST_ACTIONS {
        field.error(format!("a plugin has 1 to {MOST_ACTIONS} actions"), "write `send: { summary: ... }`");
        return None;
    }
    let actions = all(entries.iter().map(|(key, field)| action(key, field, plugin)));
    let mut actions = actions?;
    actions.sort_by(|a, b| a.own_name.cmp(&b.own_name));
    Some(actions)
}

fn action(key: &oncue_rules::node::Key, field: &Field<'_>, plugin: &str) -> Option<ActionManifest> {
    let name = format!("{plugin}.{}", key.text);
    let fits = Identifier::Variable.fits(&key.text) && name.len() <= NAME_LIMIT;
    if !fits {
        let hint = format!("use {}; `{plugin}.` counts too", Identifier::Variable.rule());
        field.findings().error(key.span, format!("`{}` cannot be the name of an action", key.text), hint);
    }
    let mut fields = field.fields("an action")?;
    let summary = fields.required("summary", "write what it does, in one line").and_then(|field| line(&field));
    let parameters = schema_of(&mut fields, "parameters", true);
    let outputs = schema_of(&mut fields, "outputs", false);
    let repeatable = fields
        .required("repeatable", "write `repeatable: no`, unless a second call does no harm: then `yes` or `keyed`")
        .and_then(|field| repeatable(&field));
    let timeout = fields
        .optional("timeout")
        .map_or(Some(ActionManifest::TIMEOUT), |field| field.duration(SHORTEST_CALL..=LONGEST_CALL));
    let retry = fields.optional("retry").map_or(Some(None), |field| Retry::read(&field).map(Some));
    let hint = "let the workflow wait for the event with a step `wait_for`";
    fields.refuse("completion", "only actions that ship with Oncue have a `completion`", hint);
    let written = fields.optional("sample");
    fields.finish();
    let sample = match (written, &parameters) {
        (Some(field), Some(parameters)) => sample::read(&field, &name, parameters),
        (None, Some(parameters)) => Some(sample::made(&name, parameters)),
        (_, None) => None,
    };
    Some(ActionManifest {
        own_name: key.text.clone(),
        name: ActionName::new(name),
        span: key.span,
        summary: summary.filter(|_| fits)?,
        parameters: parameters?,
        outputs: outputs?,
        repeatable: repeatable?,
        timeout: timeout?,
        retry: retry?,
        sample: sample?,
    })
}

/// A schema, or that of an empty mapping when it is not written. What parameters do not describe is refused.
fn schema_of(fields: &mut Fields<'_>, name: &'static str, is_closed: bool) -> Option<serde_json::Value> {
    let mut schema = match fields.optional(name) {
        Some(field) => schema::read(&field)?,
        None => serde_json::json!({ "type": "object", "properties": {} }),
    };
    if is_closed && let Some(members) = schema.as_object_mut() {
        members.entry("additionalProperties").or_insert_with(|| false.into());
    }
    Some(schema)
}

/// `yes`, `keyed`, `no`: `true` and `false` are what other readers of YAML make of the first and the last.
fn repeatable(field: &Field<'_>) -> Option<Repeatable> {
    field.one_of(&[("yes", Repeatable::Yes), ("keyed", Repeatable::Keyed), ("no", Repeatable::No)])
}
