//! Credentials and applications.

use std::collections::BTreeMap;

use oncue_plugins::vod::Credentials;
use oncue_rules::decode::{Field, Fields, Identifier, did_you_mean};
use oncue_rules::ids::SubAppId;
use oncue_rules::node::NodeKind;
use oncue_rules::value::{Map, Value};

use super::AppConfig;
use super::read::{NamedCredentials, Surroundings, resolved, secret};
use super::secrets::{secret_text, warn_of_references};
use crate::secret::Secret;

/// A callback token is part of a URL and must be hard to guess.
const LEAST_TOKEN: usize = 16;
/// Letters and digits, 32 at most (protocol section 4).
const MOST_SIGN_KEY: usize = 32;

pub(super) fn credentials(field: &Field<'_>, around: Surroundings<'_>) -> NamedCredentials {
    let entries = field.entries("write `main: { secret_id: …, secret_key: … }`").unwrap_or_default();
    entries.into_iter().map(|(key, field)| (key.text.clone(), one_credentials(&field, around))).collect()
}

fn one_credentials(field: &Field<'_>, around: Surroundings<'_>) -> Option<Credentials> {
    if let NodeKind::Scalar(Value::Text(word)) = &field.node().kind
        && &**word == "environment"
    {
        return Some(Credentials::environment(|name| std::env::var(name).ok()));
    }
    let hint = "write `secret_id` and `secret_key`, best as \"${env:NAME}\"; or `environment` alone";
    let mut fields = field.fields("credentials")?;
    let secret_id = fields.required("secret_id", hint).and_then(|field| resolved(&field, around));
    let secret_key = fields.required("secret_key", hint).and_then(|field| secret_text(&field, around));
    let token = fields.optional("token").map(|field| secret_text(&field, around));
    fields.finish();
    Some(Credentials::fixed(&secret_id?, &secret_key?, token.flatten().as_deref()))
}

pub(super) fn read(
    field: &Field<'_>,
    credentials: &NamedCredentials,
    around: Surroundings<'_>,
) -> Option<Vec<AppConfig>> {
    let apps = field.list_of("write one item for each application", |item| one(item, credentials, around))?;
    let items = field.items("")?;
    for (index, app) in apps.iter().enumerate() {
        let earlier = &apps[..index];
        if earlier.iter().any(|other| other.subappid == app.subappid) {
            items[index].error(format!("the application {} is there already", app.subappid), "keep one of the two");
        } else if earlier.iter().any(|other| other.name == app.name) {
            items[index]
                .error(format!("the name `{}` is taken by another application", app.name), "give it another name");
        }
    }
    Some(apps)
}

fn one(field: &Field<'_>, credentials: &NamedCredentials, around: Surroundings<'_>) -> Option<AppConfig> {
    let mut fields = field.fields("an application")?;
    let subappid = fields
        .required("subappid", "its SubAppId is in the VOD console, such as 1500000001")
        .and_then(|field| field.integer(1..=99_999_999_999));
    let send_subappid = fields.optional("send_subappid").map_or(Some(true), |field| field.boolean());
    let name = fields.optional("name").map(|field| field.identifier(Identifier::Name).map(str::to_owned));
    let labels = fields.optional("labels").map_or_else(|| Some(BTreeMap::new()), |field| labels(&field));
    let credentials = fields.optional("credentials").and_then(|field| named(&field, credentials));
    let insecure = fields.optional("insecure").map_or(Some(false), |field| field.boolean());
    let (tokens, sign_keys) = fields.optional("callback").map(|field| callback(&field, around)).unwrap_or_default();
    let vars = fields.optional("vars").map_or_else(|| Some(Value::map(Map::new())), |field| vars(&field));
    for later in ["receive", "reconcile"] {
        fields.refuse(later, &format!("`{later}` is not yet supported in this version"), "leave it out");
    }
    require_door(&fields, &tokens, &sign_keys, insecure == Some(true));
    fields.finish();
    let subappid = SubAppId(subappid?);
    let name = name.unwrap_or_else(|| Some(subappid.to_string()))?;
    Some(AppConfig {
        subappid,
        send_subappid: send_subappid?,
        name,
        labels: labels?,
        credentials,
        tokens,
        sign_keys,
        insecure: insecure?,
        vars: vars?,
    })
}

/// Without token and signature anyone can send events (protocol section 4).
fn require_door(fields: &Fields<'_>, tokens: &[Secret], sign_keys: &[Secret], insecure: bool) {
    let written = fields.key_span("callback");
    if insecure || !tokens.is_empty() || !sign_keys.is_empty() {
        return;
    }
    if written.is_none() {
        fields.findings().error(
            fields.place(),
            "anyone could send events to this application: it has neither a callback token nor a sign_key",
            "add `callback: { token: … }` (`oncue init` makes one), or say `insecure: true`",
        );
    }
}

fn callback(field: &Field<'_>, around: Surroundings<'_>) -> (Vec<Secret>, Vec<Secret>) {
    let Some(mut fields) = field.fields("`callback`") else {
        return Default::default();
    };
    let tokens = fields.optional("token").and_then(|field| field.one_or_list_of(|item| token(item, around)));
    let keys = fields.optional("sign_key").and_then(|field| field.one_or_list_of(|item| sign_key(item, around)));
    if fields.key_span("token").is_none() && fields.key_span("sign_key").is_none() {
        field.error("`callback` needs a `token`, a `sign_key`, or both", "write `callback: { token: … }`");
    }
    fields.finish();
    (tokens.unwrap_or_default(), keys.unwrap_or_default())
}

fn token(field: &Field<'_>, around: Surroundings<'_>) -> Option<Secret> {
    let token = secret(field, around)?;
    let text = token.expose();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if text == "absent" {
        return Some(token);
    }
    if !plain || text.len() < LEAST_TOKEN || text.len() > 256 {
        let message =
            format!("`{}` must have {LEAST_TOKEN} to 256 letters, digits, `-`, `.`, `_` or `~`", field.name());
        field.error(message, "it is a part of the callback URL and must be hard to guess; `oncue init` makes one");
        return None;
    }
    Some(token)
}

fn sign_key(field: &Field<'_>, around: Surroundings<'_>) -> Option<Secret> {
    let key = secret(field, around)?;
    let text = key.expose();
    if text.len() > MOST_SIGN_KEY || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message = format!("`{}` must have letters and digits, {MOST_SIGN_KEY} at most", field.name());
        field.error(message, "it is the SignKey of the application's callback settings");
        return None;
    }
    Some(key)
}

fn named(field: &Field<'_>, credentials: &NamedCredentials) -> Option<Credentials> {
    let name = field.some_text()?;
    if let Some((_, found)) = credentials.iter().find(|(known, _)| known == name) {
        return found.clone();
    }
    let hint = did_you_mean(name, "credentials", credentials.iter().map(|(known, _)| known.as_str()));
    field.error(format!("there are no credentials `{name}`"), hint);
    None
}

fn labels(field: &Field<'_>) -> Option<BTreeMap<String, String>> {
    let entries = field.entries("write `labels: { team: feed }`")?;
    entries.iter().map(|(key, field)| Some((key.text.clone(), field.text()?.to_owned()))).collect()
}

fn vars(field: &Field<'_>) -> Option<Value> {
    field.entries("write `vars: { definitions: [100010, 100020] }`")?;
    warn_of_references(field, field.node());
    Some(field.node().to_value())
}
