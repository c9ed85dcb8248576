//! The values that events hold and that expressions, templates and actions pass on.
//!
//! A clone is cheap: lists and maps are shared.

pub(crate) mod cursor;
mod json;
pub(crate) mod literal;
mod number;
mod outline;
pub(crate) mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::SecretName;

pub use json::{DEPTH_LIMIT, JsonError};
pub(crate) use json::{write_list, write_map, write_string};
pub use number::Number;
pub use outline::Outline;

/// A map from names to values, in the order of the names.
pub type Map = BTreeMap<String, Value>;

/// A JSON value whose numbers are exact, or a reference to a secret, which no JSON gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Value {
    /// JSON `null`. The vendor sends it for "absent" (protocol section 1).
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, exact at any length.
    Number(Number),
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A map; of a repeated key the last value counts.
    Map(Arc<Map>),
    /// A reference to a secret. Only the rule language makes one, from `${{ secrets.NAME }}` in a rule; written as JSON it
    /// is that text, and read back it is a text and no reference. Expressions see null in its place.
    Secret(SecretName),
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A list value.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// A map value.
    #[must_use]
    pub fn map(entries: Map) -> Self {
        Self::Map(Arc::new(entries))
    }

    /// The member of this name; `Null` when there is none or when this is not a map.
    #[must_use]
    pub fn get(&self, name: &str) -> &Self {
        const NULL: &Value = &Value::Null;
        match self {
            Self::Map(entries) => entries.get(name).unwrap_or(NULL),
            _ => NULL,
        }
    }

    /// The text, when this is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items, when this is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, when this is a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// What a person calls this kind of value: `null`, `a boolean`, `a number`, `a text`, `a list`, `a map`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Secret(_) => "a secret",
        }
    }

    /// The value with every reference to a secret replaced.
    ///
    /// # Errors
    ///
    /// The first error of `lookup`.
    pub fn with_secrets<E>(&self, lookup: &mut impl FnMut(&SecretName) -> Result<Self, E>) -> Result<Self, E> {
        match self {
            Self::Secret(name) => lookup(name),
            Self::List(items) if items.iter().any(Self::has_secret) => {
                items.iter().map(|item| item.with_secrets(lookup)).collect::<Result<_, _>>().map(Self::list)
            }
            Self::Map(entries) if entries.values().any(Self::has_secret) => {
                let entries = entries.iter().map(|(name, value)| Ok((name.clone(), value.with_secrets(lookup)?)));
                entries.collect::<Result<_, _>>().map(Self::map)
            }
            other => Ok(other.clone()),
        }
    }

    /// Whether a reference to a secret is in it.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::List(items) => items.iter().any(Self::has_secret),
            Self::Map(entries) => entries.values().any(Self::has_secret),
            _ => false,
        }
    }
}

/// How a reference to a secret is written: `${{ secrets.NAME }}`.
pub(crate) fn secret_reference(name: &SecretName) -> String {
    format!("${{{{ secrets.{name} }}}}")
}
