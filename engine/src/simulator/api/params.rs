//! The parameters of a call, read with the vendor's codes for what is missing, unknown, or of the wrong type.

use serde_json::{Map, Value};

use crate::simulator::error::ApiError;

/// The parameters of a call, or an object among them. A null is as good as nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a> {
    members: &'a Map<String, Value>,
}

impl<'a> Params<'a> {
    pub(super) fn new(members: &'a Map<String, Value>) -> Self {
        Self { members }
    }

    pub(super) fn members(self) -> &'a Map<String, Value> {
        self.members
    }

    /// Refuses parameters that the action does not have. `SubAppId` and `ExtInfo` every action has.
    pub(super) fn only(self, known: &[&str]) -> Result<(), ApiError> {
        let known = |name: &str| matches!(name, "SubAppId" | "ExtInfo") || known.contains(&name);
        match self.members.keys().find(|name| !known(name)) {
            Some(name) => Err(ApiError::new("UnknownParameter", format!("the parameter {name:.100} is not known"))),
            None => Ok(()),
        }
    }

    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, ApiError> {
        self.typed(name, "a string", Value::as_str)
    }

    /// A text that must be there and not be empty.
    pub(super) fn required_text(self, name: &str) -> Result<&'a str, ApiError> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
    }

    pub(super) fn uint(self, name: &str) -> Result<Option<u64>, ApiError> {
        self.typed(name, "an unsigned integer", Value::as_u64)
    }

    pub(super) fn int(self, name: &str) -> Result<Option<i64>, ApiError> {
        self.typed(name, "an integer", Value::as_i64)
    }

    pub(super) fn list(self, name: &str) -> Result<Option<&'a Vec<Value>>, ApiError> {
        self.typed(name, "a list", Value::as_array)
    }

    pub(super) fn object(self, name: &str) -> Result<Option<Params<'a>>, ApiError> {
        Ok(self.typed(name, "an object", Value::as_object)?.map(Params::new))
    }

    /// A list of texts, of which there must be from one to `most`.
    pub(super) fn texts(self, name: &str, most: usize, code: &'static str) -> Result<Vec<&'a str>, ApiError> {
        let list = self.list(name)?.ok_or_else(|| missing(name))?;
        if list.is_empty() || list.len() > most {
            return Err(ApiError::new(code, format!("{name} must have from 1 to {most} items, not {}", list.len())));
        }
        let text = |item: &'a Value| item.as_str().filter(|text| !text.is_empty());
        let texts: Option<Vec<&str>> = list.iter().map(text).collect();
        texts.ok_or_else(|| ApiError::new("InvalidParameter", format!("{name} must be a list of strings")))
    }

    fn typed<T>(
        self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let wrong = || ApiError::new("InvalidParameter", format!("{name} must be {expected}"));
        self.get(name).map(|value| read(value).ok_or_else(wrong)).transpose()
    }
}

pub(super) fn missing(name: &str) -> ApiError {
    ApiError::new("MissingParameter", format!("the parameter {name} is missing"))
}
