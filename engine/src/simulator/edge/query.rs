//! The query of a request to the control plane.

use std::collections::BTreeMap;
use std::str::FromStr;

use reqwest::Url;

use crate::simulator::error::ControlError;

/// The parameters of a query, all of them known.
#[derive(Debug)]
pub(super) struct Query {
    parameters: BTreeMap<String, String>,
}

impl Query {
    /// Reads a query, the part of a URL after its question mark.
    ///
    /// # Errors
    ///
    /// When a parameter is not known, or is there twice.
    pub(super) fn read(text: &str, known: &[&str]) -> Result<Self, ControlError> {
        let mut url = Url::parse("http://query/").map_err(|error| invalid(error.to_string()))?;
        url.set_query(Some(text).filter(|text| !text.is_empty()));
        let mut parameters = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            if !known.contains(&&*name) {
                return Err(invalid(format!("the query parameter {name:.50} is not known: use {}", known.join(", "))));
            }
            if parameters.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(invalid(format!("the query parameter {name} is there twice")));
            }
        }
        Ok(Self { parameters })
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// # Errors
    ///
    /// When it is there and no number.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ControlError> {
        let wrong = |text: &str| invalid(format!("the query parameter {name} is {text:.50}: it must be a number"));
        self.text(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }
}

fn invalid(what: String) -> ControlError {
    ControlError::Invalid { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_unknown_ones_refused() {
        let query = Query::read("a=1&b=x%20y", &["a", "b", "c"]).unwrap();
        assert_eq!(query.number::<u64>("a"), Ok(Some(1)));
        assert_eq!(query.number::<u64>("c"), Ok(None));
        assert_eq!(query.text("b"), Some("x y"));
        assert!(query.number::<u64>("b").is_err());
        assert!(Query::read("", &[]).is_ok());
        assert!(Query::read("d=1", &["a"]).is_err());
        assert!(Query::read("a=1&a=2", &["a"]).is_err());
    }
}
