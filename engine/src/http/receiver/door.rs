//! Who may send for which application.

use std::collections::HashMap;

use oncue_rules::ids::SubAppId;
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;

use crate::http::reply::Error;
use crate::secret::Secret;
use crate::sources::endpoint::{Endpoint, Path};
use crate::sources::vod::sign::{self, SignError};

/// Who may send, as one configuration says.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// The applications that notifications of the vendor are taken for, each with its door.
    pub apps: HashMap<SubAppId, Door>,
    /// The paths that take events of anyone else.
    pub endpoints: HashMap<Path, Endpoint>,
}

/// What the sender of an application's notifications must know. A door that asks for nothing lets nobody in, unless it
/// is declared insecure.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Any of these must stand in the path; several while one is being replaced.
    pub tokens: Vec<Secret>,
    /// When there are any, every notification must be signed with one of them.
    pub sign_keys: Vec<Secret>,
    /// Lets anybody in when there is neither token nor key.
    pub insecure: bool,
}

/// Whether the sender counts as authenticated, so that what it sends may be kept even when it cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// It does.
    Given,
    /// It will by its signature, or not at all.
    Owed,
}

const CHALLENGE: &str = "PathToken realm=\"vod callback\"";

impl Door {
    /// Checks the token.
    pub(super) fn admit(&self, token: Option<&str>) -> Result<Proof, Error> {
        if !self.tokens.is_empty() {
            let known = Secret::any_matches(&self.tokens, token.unwrap_or_default());
            return if known { Ok(Proof::Given) } else { Err(wrong_token()) };
        }
        if self.sign_keys.is_empty() && !self.insecure {
            return Err(wrong_token());
        }
        Ok(if self.sign_keys.is_empty() { Proof::Given } else { Proof::Owed })
    }

    /// Checks the signature, where one is asked for.
    pub(super) fn check_sign(&self, body: &Value, query: &str, now: Timestamp) -> Result<(), Error> {
        if self.sign_keys.is_empty() {
            return Ok(());
        }
        sign::verify(&self.sign_keys, body, query, now)
            .map_err(|error| Error::unauthorized(code(&error), error.to_string(), CHALLENGE))
    }
}

fn wrong_token() -> Error {
    let message = "the token in the path is wrong: the callback URL is /vod/SUBAPPID/TOKEN with the configured token";
    Error::unauthorized("wrong_token", message, CHALLENGE)
}

fn code(error: &SignError) -> &'static str {
    match error {
        SignError::Missing => "sign_missing",
        SignError::Expired { .. } | SignError::TooFar { .. } => "sign_out_of_time",
        _ => "sign_wrong",
    }
}
