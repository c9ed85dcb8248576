//! Query parameters: known ones only, each once.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use oncue_rules::time::Timestamp;

use crate::http::reply::Error;
use crate::store::Page;

/// How many rows a page has unless asked otherwise.
const PAGE: u32 = 50;
/// How many it may have.
const PAGE_LIMIT: u32 = 1_000;

/// The parameters of one request.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(super) fn parse(raw: &'a str, known: &[&str]) -> Result<Self, Error> {
        let pairs: Vec<_> = form_urlencoded::parse(raw.as_bytes()).collect();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&&**name) {
                let choice = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("there is no parameter {name:?} here: known are {choice}");
                return Err(Error::invalid("unknown_parameter", message));
            }
            if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(Error::invalid("repeated_parameter", format!("the parameter {name:?} stands there twice")));
            }
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Error> {
        self.get(name).map(|text| text.parse().map_err(|error| invalid(name, text, &error))).transpose()
    }

    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        let moment = |text: &str| {
            let parsed: Result<jiff::Timestamp, _> = text.parse();
            let hint = "write it as 2026-01-31T08:00:00Z";
            parsed.map(|moment| Timestamp(moment.as_millisecond())).map_err(|_| invalid(name, text, &hint))
        };
        self.get(name).map(moment).transpose()
    }

    /// How many rows `limit` asks for.
    pub(super) fn limit(&self) -> Result<u32, Error> {
        let limit = self.parsed("limit")?.unwrap_or(PAGE);
        if !(1..=PAGE_LIMIT).contains(&limit) {
            return Err(invalid("limit", &limit.to_string(), &format!("it is a number from 1 to {PAGE_LIMIT}")));
        }
        Ok(limit)
    }

    /// The page that `limit` and `before` ask for; `bytes` makes a position of the text of `before`.
    pub(super) fn page<T: FromStr<Err: Display>>(&self, bytes: impl Fn(T) -> [u8; 16]) -> Result<Page, Error> {
        Ok(Page { limit: self.limit()?, before: self.parsed("before")?.map(bytes) })
    }
}

pub(super) fn invalid(name: &str, text: &str, why: &dyn Display) -> Error {
    Error::invalid("invalid_parameter", format!("{name}: {text:?} is not usable: {why}"))
}
