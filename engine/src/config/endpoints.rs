//! The endpoints: paths that take events of anyone else.

mod verify;

use std::sync::Arc;
use std::time::Duration;

use oncue_rules::decode::{Field, Fields, Identifier, all, did_you_mean};
use oncue_rules::ids::{SourceName, SubAppId};
use oncue_rules::node::NodeKind;
use oncue_rules::template::Template;
use oncue_rules::value::Value;

use super::AppConfig;
use super::read::{Surroundings, resolved};
use super::secrets::NamedSecrets;
use super::targets::{ABSENT, Reading, optional};
use crate::secret::Secret;
use crate::sources::endpoint::{self, Application, Applications, Endpoint, Format, MOST_KEYS, Path, Schema, TypeError};

const SHORTEST_DEDUPE: Duration = Duration::from_secs(1);
const LONGEST_DEDUPE: Duration = Duration::from_hours(30 * 24);

/// The endpoints, and what in them is secret.
#[derive(Default)]
pub(super) struct Read {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) secrets: Vec<Secret>,
}

/// The configured applications; `None` when they are broken, which is an error of its own.
type Apps<'a> = Option<&'a [AppConfig]>;

pub(super) fn read(
    field: &Field<'_>,
    named: Option<&NamedSecrets>,
    apps: Apps<'_>,
    around: Surroundings<'_>,
) -> Option<Read> {
    let reading = Reading::new(named, around);
    let items = field.items("write each as an item: `- { path: /hooks/cms, source: cms, type: …, verify: … }`")?;
    let mut paths: Vec<Path> = Vec::new();
    let endpoints = all(items.iter().map(|item| one(item, &reading, apps, around, &mut paths)))?;
    Some(Read { endpoints, secrets: reading.into_seen() })
}

fn one(
    field: &Field<'_>,
    reading: &Reading<'_>,
    apps: Apps<'_>,
    around: Surroundings<'_>,
    paths: &mut Vec<Path>,
) -> Option<Endpoint> {
    let mut fields = field.fields("an endpoint")?;
    let path = fields.required("path", "write where events come in, such as `path: /hooks/cms`");
    let path = path.and_then(|field| path_of(&field, paths));
    let format = format_of(&mut fields);
    let keys = fields.optional("keys").map_or_else(|| Some(Vec::new()), |field| keys_of(&field));
    let schema = optional(&mut fields, "schema", |field| schema_of(field, around));
    let dedupe = optional(&mut fields, "dedupe", dedupe_of);
    let dedupe_for = optional(&mut fields, "dedupe_for", |field| field.duration(SHORTEST_DEDUPE..=LONGEST_DEDUPE));
    let app = fields.optional("app").map_or(Some(Application::None), |field| app_of(&field, apps));
    let verify = verify::read(&mut fields, reading);
    let replies = [("event", false), ("runs", true)];
    let follows = fields.optional("reply").map_or(Some(false), |field| field.one_of(&replies));
    fields.finish();
    Some(Endpoint {
        path: path?,
        format: format?,
        keys: keys?,
        schema: schema?,
        dedupe: dedupe?,
        dedupe_for: dedupe_for?,
        app: app?,
        verify: verify?,
        follows: follows?,
    })
}

/// `format`, and what must be said of each.
fn format_of(fields: &mut Fields<'_>) -> Option<Format> {
    let words = [("json", false), ("cloudevents", true)];
    let is_cloud = fields.optional("format").map_or(Some(false), |field| field.one_of(&words))?;
    if is_cloud {
        let source = optional(fields, "source", source_of);
        let kind = optional(fields, "type", kind_of);
        return Some(Format::CloudEvents { source: source?, kind: kind? });
    }
    let source = fields.required("source", "name who sends, such as `source: cms`; rules read it as `event.source`");
    let source = source.and_then(|field| source_of(&field));
    let kind = fields.required("type", "name the type of the events, or where it stands: `type: \"${{ body.kind }}\"`");
    let kind = kind.and_then(|field| kind_of(&field));
    Some(Format::Json { source: source?, kind: kind? })
}

fn path_of(field: &Field<'_>, paths: &mut Vec<Path>) -> Option<Path> {
    let text = field.some_text()?;
    let path = match Path::parse(text) {
        Ok(path) => path,
        Err(error) => {
            field.error(format!("`path` {error}"), "write a path such as /hooks/cms");
            return None;
        }
    };
    if paths.contains(&path) {
        field.error(format!("another endpoint has the path `{path}`"), "give each endpoint a path of its own");
        return None;
    }
    paths.push(path.clone());
    Some(path)
}

fn source_of(field: &Field<'_>) -> Option<SourceName> {
    let name = field.identifier(Identifier::Name)?;
    let source = endpoint::source(name);
    source.map_err(|error| field.error(format!("`source` cannot be `{name}`"), error.to_string())).ok()
}

fn kind_of(field: &Field<'_>) -> Option<Template> {
    let template = template(field)?;
    match constant(&template).map(|name| endpoint::kind(&name)) {
        None | Some(Ok(_)) => Some(template),
        Some(Err(error)) => {
            let hint = match error {
                TypeError::Reserved { .. } => "rules would take it for the vendor's: give it another name",
                _ => "write a name such as ReviewDecision, or where it stands: \"${{ body.kind }}\"",
            };
            field.error(format!("`type` {error}"), hint);
            None
        }
    }
}

fn keys_of(field: &Field<'_>) -> Option<Vec<(String, Template)>> {
    let entries = field.entries("write each key with its value, such as `ticket: \"${{ body.ticket }}\"`")?;
    if entries.len() > MOST_KEYS {
        field.error(format!("an endpoint has at most {MOST_KEYS} keys"), "keep those that a `wait_for` needs");
        return None;
    }
    all(entries.iter().map(|(key, value)| {
        let fits = Identifier::Variable.fits(&key.text);
        if !fits {
            let hint = format!("use {}", Identifier::Variable.rule());
            field.findings().error(key.span, format!("`{}` cannot be the name of a key", key.text), hint);
        }
        let template = template(value);
        Some((key.text.clone(), template.filter(|_| fits)?))
    }))
}

/// A schema that is written out, or the text of one in a file.
fn schema_of(field: &Field<'_>, around: Surroundings<'_>) -> Option<Schema> {
    const HINT: &str = "write the schema itself, or name its file: \"${file:schemas/order.json}\"";
    let text = match &field.node().kind {
        NodeKind::Map(_) => field.node().to_value().to_json(),
        _ => resolved(field, around).filter(|text| !text.is_empty())?,
    };
    // What is not on the machine where the configuration is only checked.
    let text = if text == ABSENT { "true" } else { &text };
    let json = serde_json::from_str(text);
    let json = json.map_err(|error| field.error(format!("`schema` is no JSON: {error}"), HINT)).ok()?;
    let schema = Schema::compile(json);
    schema.map_err(|problem| field.error(format!("`schema` is no JSON Schema: {problem}"), HINT)).ok()
}

fn dedupe_of(field: &Field<'_>) -> Option<Template> {
    let template = template(field)?;
    if constant(&template).is_some() {
        let hint = "write what names the happening, such as \"${{ body.id }}\" or \"${{ headers['x-request-id'] }}\"";
        field.error("`dedupe` is the same for every event, so all but the first would be duplicates", hint);
        return None;
    }
    Some(template)
}

fn app_of(field: &Field<'_>, apps: Apps<'_>) -> Option<Application> {
    let template = match &field.node().kind {
        NodeKind::Scalar(Value::Number(number)) => Template::Value(Value::text(number.to_string())),
        _ => template(field)?,
    };
    let apps = apps?;
    let names = apps.iter().map(|app| (app.subappid, app.name.as_str()));
    let known = Applications::new(names.clone());
    let Some(name) = constant(&template) else { return Some(Application::Named(template, Arc::new(known))) };
    let found: Option<SubAppId> = known.find(&name);
    if found.is_none() {
        let hint = did_you_mean(&name, "applications", names.map(|(_, name)| name));
        field.error(format!("there is no application `{name}`"), hint);
    }
    found.map(Application::One)
}

/// The template that a text is.
fn template(field: &Field<'_>) -> Option<Template> {
    field.some_text()?;
    Template::read(field, &endpoint::names())
}

/// What a template is for every request, as text.
fn constant(template: &Template) -> Option<String> {
    let value = template.constant()?;
    Some(value.as_text().map_or_else(|| value.to_json(), str::to_owned))
}
