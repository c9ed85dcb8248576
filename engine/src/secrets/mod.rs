//! The secrets of the live configuration: looked up for each attempt, and kept out of all that is written.
//!
//! A rule names a secret with `${{ secrets.NAME }}`; what is stored of a run keeps that reference. Whatever comes back from
//! an action, and every line of the log, goes through the [`Scrubber`] besides.

mod forms;
mod scrub;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use oncue_plugins::action::ActionError;
use oncue_rules::ids::SecretName;
use oncue_rules::value::Value;

use crate::secret::Secret;

pub use scrub::{LEAST_LENGTH, Scrubber};

/// The code of the error of an attempt whose secret is not configured.
const UNKNOWN: &str = "unknown_secret";

/// Every secret text that a configuration holds.
#[derive(Debug, Clone, Default)]
pub struct KnownSecrets {
    /// Those that rules and targets may name.
    pub named: BTreeMap<SecretName, Secret>,
    /// Those that nobody names: tokens, signing keys, credentials.
    pub others: Vec<Secret>,
}

impl KnownSecrets {
    fn all(&self) -> impl Iterator<Item = &Secret> {
        self.named.values().chain(&self.others)
    }

    /// These and one more that nobody names.
    #[must_use]
    pub fn and(mut self, other: &Secret) -> Self {
        self.others.push(other.clone());
        self
    }
}

/// The secrets that are live; clones are the same ones, and a reload replaces them for all.
#[derive(Clone, Default)]
pub struct Secrets(Arc<ArcSwap<Held>>);

#[derive(Default)]
struct Held {
    known: KnownSecrets,
    /// Those of before, the latest first: attempts that began with them may yet bring them back.
    retired: Vec<Secret>,
    scrubber: Arc<Scrubber>,
}

/// How many secrets of before are still looked for.
const RETIRED: usize = 64;

impl Secrets {
    /// These secrets.
    #[must_use]
    pub fn new(known: KnownSecrets) -> Self {
        let secrets = Self::default();
        secrets.replace(known);
        secrets
    }

    /// Makes these the live ones. The last 64 of before are not found by name any more, and still kept out of what is
    /// written.
    pub fn replace(&self, known: KnownSecrets) {
        let before = self.0.load();
        let mut retired: Vec<Secret> = Vec::new();
        for secret in before.known.all().chain(&before.retired) {
            let is_listed = known.all().chain(&retired).any(|other| other.expose() == secret.expose());
            if !is_listed && retired.len() < RETIRED {
                retired.push(secret.clone());
            }
        }
        let scrubber = Arc::new(Scrubber::new(known.all().chain(&retired)));
        self.0.store(Arc::new(Held { known, retired, scrubber }));
    }

    /// The named secret, as it is now.
    #[must_use]
    pub fn get(&self, name: &SecretName) -> Option<String> {
        self.0.load().known.named.get(name).map(|secret| secret.expose().to_owned())
    }

    /// What removes the live secrets from texts.
    #[must_use]
    pub fn scrubber(&self) -> Arc<Scrubber> {
        Arc::clone(&self.0.load().scrubber)
    }

    /// The parameters of an attempt with every reference to a secret replaced by what it is now.
    ///
    /// # Errors
    ///
    /// When a secret is not configured: another attempt may find it, since secrets are live.
    pub fn resolve(&self, params: &Value) -> Result<Value, ActionError> {
        let held = self.0.load();
        params.with_secrets(&mut |name: &SecretName| match held.known.named.get(name) {
            Some(secret) => Ok(Value::text(secret.expose())),
            None => Err(ActionError::retry(
                UNKNOWN,
                format!("there is no secret {name}: add it to `secrets` in oncue.yaml, and the next attempt finds it"),
            )),
        })
    }

    /// What an action gave, without secrets.
    ///
    /// # Errors
    ///
    /// The error that it gave, scrubbed.
    pub fn scrub_result(&self, result: Result<Value, ActionError>) -> Result<Value, ActionError> {
        match result {
            Ok(outputs) => Ok(self.scrubber().value(outputs)),
            Err(error) => Err(self.scrub_error(error)),
        }
    }

    /// An error without any secret in it.
    #[must_use]
    pub fn scrub_error(&self, error: ActionError) -> ActionError {
        let scrubber = self.scrubber();
        let ActionError { class, code, message } = error;
        ActionError { class, code: scrubber.text(&code).into(), message: scrubber.text(&message).into() }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.load().known.named.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use oncue_plugins::action::ErrorClass;

    use super::*;

    fn secrets(value: &str) -> KnownSecrets {
        KnownSecrets { named: [(SecretName::from("cms"), Secret::new(value))].into(), others: Vec::new() }
    }

    fn params() -> Value {
        Value::map([("token".to_owned(), Value::list(vec![Value::Secret(SecretName::from("cms"))]))].into())
    }

    #[test]
    fn a_reference_becomes_what_is_live_at_that_moment() {
        let live = Secrets::new(secrets("first-value"));
        let copy = live.clone();
        assert_eq!(copy.resolve(&params()).unwrap().to_json(), r#"{"token":["first-value"]}"#);
        live.replace(secrets("second-value"));
        assert_eq!(copy.resolve(&params()).unwrap().to_json(), r#"{"token":["second-value"]}"#);
    }

    #[test]
    fn the_last_secrets_of_before_are_still_kept_out() {
        let live = Secrets::default();
        for number in 0..100 {
            live.replace(secrets(&format!("marker-{number:03}")));
        }
        let scrubbed = |number: usize| live.scrubber().text(&format!("marker-{number:03}")) == "***";
        assert!((35..100).all(scrubbed));
        assert!(!(0..35).any(scrubbed));
    }

    #[test]
    fn a_text_that_looks_like_a_reference_is_left_alone() {
        let text = Value::from_json(br#"{"a":"${{ secrets.cms }}"}"#).unwrap();
        assert_eq!(Secrets::new(secrets("first-value")).resolve(&text).unwrap(), text);
    }

    #[test]
    fn an_unknown_secret_may_be_there_at_the_next_attempt() {
        let error = Secrets::default().resolve(&params()).unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Retry { after: None }, "unknown_secret"));
    }

    #[test]
    fn results_are_scrubbed_whatever_they_are() {
        let live = Secrets::new(secrets("marker-1"));
        let outputs = Value::from_json(br#"{"marker-1":["<marker-1>",1]}"#).unwrap();
        assert_eq!(live.scrub_result(Ok(outputs)).unwrap().to_json(), r#"{"***":["<***>",1]}"#);
        let error = live.scrub_result(Err(ActionError::fatal("E.marker-1", "no marker-1"))).unwrap_err();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("E.***", "no ***"));
    }

    #[test]
    fn debug_shows_names_alone() {
        let known = secrets("marker-1");
        assert!(!format!("{known:?}{:?}", Secrets::new(known.clone())).contains("marker-1"));
    }
}
