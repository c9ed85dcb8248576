//! The keys under which a rule counts its events together.

use crate::expression::Scope;
use crate::rule::Rule;
use crate::template::Template;
use crate::value::Value;

/// The longest key, in bytes.
const LENGTH_LIMIT: usize = 512;

/// The keys of an event for a rule that matches it. They are scoped to the rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// That of its `collect`.
    pub collect: Option<String>,
    /// That of its `limit`.
    pub limit: Option<String>,
}

impl Keys {
    /// The keys that a rule asks for; what is wrong with one that cannot be had.
    pub(super) fn of(rule: &Rule, scope: &Scope) -> Result<Self, String> {
        let render = |what: &str, template: &Template| {
            let value = template.render(scope).map_err(|error| format!("{what}: {error}"))?;
            key_text(&value).map_err(|problem| format!("{what} {problem}: check what it is taken from"))
        };
        let collect = rule.collect.as_ref().map(|collect| render("collect.key", &collect.key)).transpose()?;
        let limit = rule.limit.as_ref().map(|limit| render("limit.per", &limit.per)).transpose()?;
        Ok(Self { collect, limit })
    }
}

/// The key that a value is; what is wrong with one that is none, to be put after its name.
pub(crate) fn key_text(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        other => return Err(format!("is {}, and must be a text", other.kind())),
    };
    match text.len() {
        0 => Err("is empty".to_owned()),
        1..=LENGTH_LIMIT => Ok(text),
        length => Err(format!("has {length} bytes, and {LENGTH_LIMIT} are the limit")),
    }
}
