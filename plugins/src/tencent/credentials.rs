//! Whose calls are made: a key of Tencent Cloud, fixed or found anew for each attempt.

use std::fmt;
use std::sync::Arc;

/// The names of the environment variables of a key that a person made (protocol section 7): id, secret.
const STATIC_NAMES: [&str; 2] = ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"];
/// The names that a cloud function gets, spelled without the second underscore: id, secret, token.
const FUNCTION_NAMES: [&str; 3] = ["TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"];

/// Where a key comes from. A clone is cheap; what is printed holds no secret.
#[derive(Clone)]
pub struct Credentials(Arc<Source>);

/// Gives the value of an environment variable.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

enum Source {
    Fixed(Key),
    Environment(Box<Lookup>),
}

/// A key: good for one attempt, since temporary ones end.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Names the key; not secret, yet not shown either.
    pub secret_id: String,
    /// Signs requests.
    pub secret_key: String,
    /// Goes with a temporary key.
    pub token: Option<String>,
}

/// No key was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// One half of a pair is there.
    #[error("{present} is set but {missing} is not: set both")]
    Half {
        /// The variable that is set.
        present: &'static str,
        /// The variable that is not.
        missing: &'static str,
    },
    /// Nothing is there.
    #[error(
        "no key in the environment: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or give the function a role"
    )]
    Missing,
}

impl Credentials {
    /// A key that stays. White space around the parts is dropped: files that hold secrets often end in a line break.
    #[must_use]
    pub fn fixed(secret_id: &str, secret_key: &str, token: Option<&str>) -> Self {
        let token = token.map(str::trim).filter(|token| !token.is_empty()).map(str::to_owned);
        let key = Key { secret_id: secret_id.trim().to_owned(), secret_key: secret_key.trim().to_owned(), token };
        Self(Arc::new(Source::Fixed(key)))
    }

    /// A key from environment variables, looked up anew for each attempt: `TENCENTCLOUD_SECRET_ID` and
    /// `TENCENTCLOUD_SECRET_KEY`, else `TENCENTCLOUD_SECRETID`, `TENCENTCLOUD_SECRETKEY` and `TENCENTCLOUD_SESSIONTOKEN`,
    /// which a cloud function with a role gets. An empty variable counts as not set.
    #[must_use]
    pub fn environment(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Source::Environment(Box::new(lookup))))
    }

    /// The key to use now.
    ///
    /// # Errors
    ///
    /// When the environment holds none.
    pub fn resolve(&self) -> Result<Key, CredentialsError> {
        match &*self.0 {
            Source::Fixed(key) => Ok(key.clone()),
            Source::Environment(lookup) => from_environment(lookup),
        }
    }
}

fn from_environment(lookup: &Lookup) -> Result<Key, CredentialsError> {
    let value = |name| lookup(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let [function_id, function_key, function_token] = FUNCTION_NAMES;
    for [id_name, key_name] in [STATIC_NAMES, [function_id, function_key]] {
        match (value(id_name), value(key_name)) {
            (Some(secret_id), Some(secret_key)) => {
                let token = if id_name == function_id { value(function_token) } else { None };
                return Ok(Key { secret_id, secret_key, token });
            }
            (Some(_), None) => return Err(CredentialsError::Half { present: id_name, missing: key_name }),
            (None, Some(_)) => return Err(CredentialsError::Half { present: key_name, missing: id_name }),
            (None, None) => {}
        }
    }
    Err(CredentialsError::Missing)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.0 {
            Source::Fixed(_) => "Credentials(fixed)",
            Source::Environment(_) => "Credentials(environment)",
        })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn environment(variables: &'static [(&str, &str)]) -> Credentials {
        Credentials::environment(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_printed_holds_a_secret() {
        let credentials = Credentials::fixed("the-id", "the-key", Some("the-token"));
        let printed = format!("{credentials:?} {:?}", credentials.resolve().unwrap());
        assert_eq!(printed, "Credentials(fixed) Key(..)");
        assert_eq!(format!("{:?}", environment(&[])), "Credentials(environment)");
    }

    #[test]
    fn a_fixed_key_loses_the_line_break_of_its_file() {
        let key = Credentials::fixed("id\n", " key\r\n", Some(" \n")).resolve().unwrap();
        assert_eq!(key, Key { secret_id: "id".to_owned(), secret_key: "key".to_owned(), token: None });
    }

    #[test]
    fn the_environment_gives_the_key_that_a_person_set() {
        let credentials = environment(&[
            ("TENCENTCLOUD_SECRET_ID", "id"),
            ("TENCENTCLOUD_SECRET_KEY", "key"),
            ("TENCENTCLOUD_SECRETID", "role-id"),
            ("TENCENTCLOUD_SECRETKEY", "role-key"),
            ("TENCENTCLOUD_SESSIONTOKEN", "role-token"),
        ]);
        let key = Key { secret_id: "id".to_owned(), secret_key: "key".to_owned(), token: None };
        assert_eq!(credentials.resolve(), Ok(key));
    }

    #[test]
    fn a_cloud_function_gives_a_key_with_a_token() {
        let credentials = environment(&[
            ("TENCENTCLOUD_SECRET_ID", ""),
            ("TENCENTCLOUD_SECRETID", "id"),
            ("TENCENTCLOUD_SECRETKEY", "key"),
            ("TENCENTCLOUD_SESSIONTOKEN", "token"),
        ]);
        let key = Key { secret_id: "id".to_owned(), secret_key: "key".to_owned(), token: Some("token".to_owned()) };
        assert_eq!(credentials.resolve(), Ok(key));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(environment(&[]).resolve(), Err(CredentialsError::Missing));
        let half = environment(&[("TENCENTCLOUD_SECRET_KEY", "key")]).resolve().unwrap_err();
        assert_eq!(half.to_string(), "TENCENTCLOUD_SECRET_KEY is set but TENCENTCLOUD_SECRET_ID is not: set both");
        let half = environment(&[("TENCENTCLOUD_SECRETID", "id")]).resolve().unwrap_err();
        assert_eq!(half.to_string(), "TENCENTCLOUD_SECRETID is set but TENCENTCLOUD_SECRETKEY is not: set both");
    }

    #[test]
    fn a_key_that_rotates_is_seen_by_the_next_attempt() {
        let token = Arc::new(Mutex::new("first"));
        let shared = Arc::clone(&token);
        let credentials = Credentials::environment(move |name| match name {
            "TENCENTCLOUD_SESSIONTOKEN" => Some((*shared.lock().unwrap()).to_owned()),
            "TENCENTCLOUD_SECRETID" | "TENCENTCLOUD_SECRETKEY" => Some("x".to_owned()),
            _ => None,
        });
        assert_eq!(credentials.resolve().unwrap().token.as_deref(), Some("first"));
        *token.lock().unwrap() = "second";
        assert_eq!(credentials.resolve().unwrap().token.as_deref(), Some("second"));
    }
}
