//! Secrets in the hands of a script: it can sign with them and send them, and never see them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use oncue_rules::value::Value;
use rhai::{Array, Dynamic, Engine, ImmutableString, Map};
use sha2::Digest as _;

use crate::script::convert::{from_value, to_value};
use crate::script::error::{Fault, fault, too_large};
use crate::script::{functions, limits};

/// A secret that cannot be seen.
#[derive(Clone)]
pub(super) struct Secret(Arc<str>);

impl Secret {
    pub(super) fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }
}

/// What a script sees of a secret, and digests of it.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Secret>("secret");
    for name in ["to_string", "to_debug"] {
        engine.register_fn(name, |_: &mut Secret| "(a secret)".to_owned());
    }
    engine.register_fn("sha256", |text: Dynamic| bytes(&text).map(|text| hex::encode(sha2::Sha256::digest(text))));
    engine.register_fn("md5", |text: Dynamic| bytes(&text).map(|text| hex::encode(md5::Md5::digest(text))));
    engine.register_fn("hmac_sha256", |key: Dynamic, text: Dynamic| hmac(&key, &text).map(hex::encode));
    engine.register_fn("hmac_sha256_base64", |key: Dynamic, text: Dynamic| {
        hmac(&key, &text).map(|digest| BASE64.encode(digest))
    });
}

fn hmac(key: &Dynamic, text: &Dynamic) -> Result<Vec<u8>, Fault> {
    Ok(functions::hmac(&joined(key, plain)?, &joined(text, plain)?))
}

fn bytes(text: &Dynamic) -> Result<Vec<u8>, Fault> {
    joined(text, plain).map(String::into_bytes)
}

/// A secret as it is.
pub(super) fn plain(secret: &str) -> String {
    secret.to_owned()
}

/// A text within a URL.
pub(super) fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A text, a secret, or a list of both that is read as one text; `within` says how a secret stands in a longer text.
pub(super) fn joined(held: &Dynamic, within: fn(&str) -> String) -> Result<String, Fault> {
    if let Some(secret) = held.read_lock::<Secret>() {
        return Ok(secret.0.to_string());
    }
    let Ok(parts) = held.as_array_ref() else { return text(held) };
    let mut whole = String::new();
    for part in parts.iter() {
        match part.read_lock::<Secret>() {
            Some(secret) => whole.push_str(&within(&secret.0)),
            None => whole.push_str(&text(part)?),
        }
        if whole.len() > limits::TEXT {
            return Err(too_large("length of text"));
        }
    }
    Ok(whole)
}

fn text(held: &Dynamic) -> Result<String, Fault> {
    if let Ok(text) = held.as_immutable_string_ref() {
        return Ok(text.to_string());
    }
    if held.is_int() || held.is_bool() || held.is_float() || held.is_char() {
        return Ok(held.to_string());
    }
    Err(fault("only texts, numbers, secrets and lists of them can stand here"))
}

/// A value for another side, with the secrets in it.
pub(super) fn revealed(held: &Dynamic) -> Result<Value, Fault> {
    Ok(to_value(&open(held, limits::DEPTH)?)?)
}

fn open(held: &Dynamic, depth: usize) -> Result<Dynamic, Fault> {
    if let Some(secret) = held.read_lock::<Secret>() {
        return Ok(ImmutableString::from(&*secret.0).into());
    }
    let deeper = || depth.checked_sub(1).ok_or_else(|| too_large("depth of a value"));
    if let Ok(items) = held.as_array_ref() {
        let depth = deeper()?;
        return Ok(items.iter().map(|item| open(item, depth)).collect::<Result<Array, _>>()?.into());
    }
    if let Ok(entries) = held.as_map_ref() {
        let depth = deeper()?;
        let entries = entries.iter().map(|(name, value)| Ok((name.clone(), open(value, depth)?)));
        return Ok(Dynamic::from_map(entries.collect::<Result<Map, Fault>>()?));
    }
    Ok(held.clone())
}

/// A parameter that is a secret: every text in it is sealed.
pub(super) fn sealed(value: &Value) -> Dynamic {
    match value {
        Value::Text(text) => Dynamic::from(Secret(Arc::clone(text))),
        Value::List(items) => items.iter().map(sealed).collect::<Array>().into(),
        Value::Map(entries) => {
            Dynamic::from_map(entries.iter().map(|(name, value)| (name.as_str().into(), sealed(value))).collect())
        }
        other => from_value(other),
    }
}
