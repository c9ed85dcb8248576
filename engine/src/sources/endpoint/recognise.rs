//! From a request to the event that it is.

use std::time::Duration;

use oncue_plugins::webhook::ID;
use oncue_rules::event::{Body, CorrelationKey};
use oncue_rules::expression::Scope;
use oncue_rules::ids::{EventType, SourceName, SubAppId};
use oncue_rules::template::Template;
use oncue_rules::value::{Map, Value};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, PROXY_AUTHORIZATION};
use sha2::{Digest, Sha256};

use super::cloud_event::{self, CloudEvent};
use super::{Application, Endpoint, Format, Refusal, Verify, kind, source};

/// The most values of correlation keys of one event.
const MOST_VALUES: usize = 100;
/// The longest value of a correlation key, in bytes.
const VALUE_LIMIT: usize = 512;
/// Ids longer than this many bytes enter a dedupe key as their hash.
const ID_LIMIT: usize = 160;
/// How much of what a sender wrote is repeated to him, in characters.
const QUOTED: usize = 100;

/// Where an id names the happening.
const NAMED: Duration = Duration::from_hours(7 * 24);
/// Where only the content does: the same content later is likely to be a new happening.
const CONTENT: Duration = Duration::from_mins(10);

/// A request whose sender is known.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// What stands behind `?`; empty when nothing does.
    pub query: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

/// The event that a request is.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Its source.
    pub source: SourceName,
    /// Its type.
    pub kind: EventType,
    /// Its application, which is configured.
    pub app: Option<SubAppId>,
    /// Correlation keys, sorted, each once.
    pub keys: Vec<CorrelationKey>,
    /// Equal for two deliveries of one happening, within source and application.
    pub dedupe_key: String,
    /// How long a second request with the same key is a duplicate.
    pub dedupe_for: Duration,
    /// The body: what was sent, or a `CloudEvent` in structured mode.
    pub body: Body,
    /// Whether its sender may ask what became of it.
    pub follows: bool,
}

impl Endpoint {
    /// The event that a request of a known sender is.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn recognise(&self, sent: Sent<'_>) -> Result<Received, Refusal> {
        let event = match &self.format {
            Format::Json { .. } => None,
            Format::CloudEvents { .. } => Some(cloud_event::read(&sent)?),
        };
        let body = event.as_ref().map_or_else(|| read(&sent), |event| Ok(event.body.clone()))?;
        if let Some(schema) = &self.schema {
            schema.check(body.payload())?;
        }
        let scope = scope(body.value(), &sent);
        let (source, kind) = self.origin(event.as_ref(), &scope)?;
        let app = self.application(&scope)?;
        let keys = self.correlation_keys(&scope)?;
        let (identity, lifetime) = match self.id(&sent, event.as_ref(), &scope)? {
            Some(id) => (short(id), NAMED),
            None => (format!("sha256-{}", content(&sent, &keys)), self.content_for()),
        };
        Ok(Received {
            source,
            dedupe_key: format!("{kind}:{identity}"),
            dedupe_for: self.dedupe_for.unwrap_or(lifetime),
            kind,
            app,
            keys,
            follows: self.follows,
            body,
        })
    }

    /// Who sent it, and its type.
    fn origin(&self, event: Option<&CloudEvent>, scope: &Scope) -> Result<(SourceName, EventType), Refusal> {
        let (written, template) = match &self.format {
            Format::Json { source, kind } => (Some(source), Some(kind)),
            Format::CloudEvents { source, kind } => (source.as_ref(), kind.as_ref()),
        };
        let own = |name: fn(&CloudEvent) -> &str| event.map(name).unwrap_or_default();
        let source = match written {
            Some(source) => source.clone(),
            None => source(own(|event| &event.source)).map_err(|source| Refusal::Source { source })?,
        };
        let name = match template {
            Some(template) => text(template, "type", scope)?.unwrap_or_default(),
            None => own(|event| &event.kind).to_owned(),
        };
        Ok((source, kind(&name).map_err(|source| Refusal::Type { source })?))
    }

    /// What names the happening beside its content.
    fn id(&self, sent: &Sent<'_>, event: Option<&CloudEvent>, scope: &Scope) -> Result<Option<String>, Refusal> {
        if let Some(template) = &self.dedupe {
            let id = text(template, "dedupe", scope)?;
            return id.map(Some).ok_or(Refusal::Kind { what: "dedupe".to_owned(), found: "nothing" });
        }
        if let Some(CloudEvent { source, id, .. }) = event {
            // Both together are unique, and neither alone (`CloudEvents`, section 3.1).
            return Ok(Some(format!("{}:{source}:{id}", source.len())));
        }
        let is_signed = matches!(self.verify, Verify::Standard { .. });
        let id = sent.headers.get(&ID).filter(|_| is_signed);
        Ok(id.and_then(|id| id.to_str().ok()).map(str::to_owned))
    }

    /// How long equal content is a duplicate: at least as long as a captured request could be sent again.
    fn content_for(&self) -> Duration {
        self.verify.window().map_or(CONTENT, |window| window.max(CONTENT))
    }

    fn application(&self, scope: &Scope) -> Result<Option<SubAppId>, Refusal> {
        match &self.app {
            Application::None => Ok(None),
            Application::One(app) => Ok(Some(*app)),
            Application::Named(template, known) => {
                let named = text(template, "app", scope)?;
                let named = named.ok_or(Refusal::Kind { what: "app".to_owned(), found: "nothing" })?;
                let found = known.find(&named);
                found.map(Some).ok_or_else(|| Refusal::Application { named: named.chars().take(QUOTED).collect() })
            }
        }
    }

    /// Each key as often as its value has items; what is empty is left out.
    fn correlation_keys(&self, scope: &Scope) -> Result<Vec<CorrelationKey>, Refusal> {
        let mut keys = Vec::new();
        for (name, template) in &self.keys {
            let what = || format!("keys.{name}");
            let value = render(template, what, scope)?;
            let values = value.as_list().unwrap_or(std::slice::from_ref(&value));
            for value in values {
                let Some(value) = scalar(value).map_err(|found| Refusal::Kind { what: what(), found })? else {
                    continue;
                };
                if value.len() > VALUE_LIMIT {
                    return Err(Refusal::LongKey { name: name.clone(), most: VALUE_LIMIT });
                }
                if keys.len() == MOST_VALUES {
                    return Err(Refusal::Keys { most: MOST_VALUES });
                }
                keys.push(CorrelationKey { name: name.clone(), value });
            }
        }
        keys.sort();
        keys.dedup();
        Ok(keys)
    }
}

/// A body that is JSON.
pub(super) fn read(sent: &Sent<'_>) -> Result<Body, Refusal> {
    Body::read(sent.body).map_err(|mut source| {
        // It may quote the body, and goes into an answer, a log and the quarantine.
        source.message = source.message.chars().take(2 * QUOTED).collect();
        Refusal::Malformed { source, hint: hint(sent.headers) }
    })
}

/// The text that a template gives; none when it gives none, or an empty one.
fn text(template: &Template, what: &str, scope: &Scope) -> Result<Option<String>, Refusal> {
    let value = render(template, || what.to_owned(), scope)?;
    scalar(&value).map_err(|found| Refusal::Kind { what: what.to_owned(), found })
}

fn render(template: &Template, what: impl Fn() -> String, scope: &Scope) -> Result<Value, Refusal> {
    // The expression is not shown: it is the configuration's, not the sender's.
    template.render(scope).map_err(|error| Refusal::Expression { what: what(), message: error.message })
}

/// A text, or a number as text; none for null and an empty text, and what it is for anything else.
fn scalar(value: &Value) -> Result<Option<String>, &'static str> {
    match value {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text.to_string()).filter(|text| !text.is_empty())),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(other.kind()),
    }
}

fn scope(body: &Value, sent: &Sent<'_>) -> Scope {
    let mut scope = Scope::default();
    scope.set("body", body.clone());
    scope.set("headers", headers(sent.headers));
    scope.set("query", query(sent.query));
    scope
}

/// Headers by their names in small letters; one that is there several times with commas between (RFC 9110 section 5.3).
/// Those are left out by which senders prove themselves: what an expression takes from a header is stored.
fn headers(headers: &HeaderMap) -> Value {
    let hidden = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];
    let mut map = Map::new();
    for name in headers.keys().filter(|name| !hidden.contains(name)) {
        let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        map.insert(name.as_str().to_owned(), Value::text(values.join(", ")));
    }
    Value::map(map)
}

/// Of a repeated parameter the first counts.
fn query(query: &str) -> Value {
    let mut map = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        map.entry(name.into_owned()).or_insert_with(|| Value::text(&*value));
    }
    Value::map(map)
}

fn hint(headers: &HeaderMap) -> &'static str {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") || kind.starts_with("multipart/") {
        "; this is a form: set the sender to send JSON (application/json)"
    } else {
        ""
    }
}

/// What keys were made of may stand in headers or the query, so it counts too.
fn content(sent: &Sent<'_>, keys: &[CorrelationKey]) -> String {
    let mut hash = Sha256::new();
    let keys = keys.iter().flat_map(|key| [key.name.as_bytes(), key.value.as_bytes()]);
    for part in [sent.body, sent.query.as_bytes()].into_iter().chain(keys) {
        // Each with its length, so that parts do not run into each other.
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

fn short(id: String) -> String {
    if id.len() > ID_LIMIT { format!("sha256-{}", hex::encode(Sha256::digest(id.as_bytes()))) } else { id }
}
