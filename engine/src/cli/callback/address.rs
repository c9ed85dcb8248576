//! Callback URLs: made, recognised, and shown without the token.

use reqwest::Url;

use crate::cli::{Exit, Failure};
use crate::config::AppConfig;

/// A callback URL, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address(String);

impl Address {
    /// The URL that a person means: a whole one as it is, and to a server alone the application's path is added.
    pub(super) fn of(app: &AppConfig, written: &str) -> Result<Self, Failure> {
        let refuse = |reason: &str| {
            let message = format!("--url {reason}: write https://YOUR-HOST, or the whole callback URL");
            Err(Failure::new(Exit::Usage, message))
        };
        let Ok(mut url) = Url::parse(written) else { return refuse("is no URL") };
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
            return refuse("must begin with https:// or http://");
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return refuse("must not hold a user, a password or a fragment");
        }
        if url.query().is_some() {
            return refuse("must not hold a query, which the vendor may drop");
        }
        if url.path() != "/" {
            return Ok(Self(written.to_owned()));
        }
        url.set_path(&path(app));
        Ok(Self(url.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The path of an application's door; the first token is the one that is not on its way out.
fn path(app: &AppConfig) -> String {
    match app.tokens.first() {
        Some(token) => format!("/vod/{}/{}", app.subappid, token.expose()),
        None => format!("/vod/{}", app.subappid),
    }
}

/// Whether a URL ends at the application's door.
pub(super) fn is_ours(app: &AppConfig, url: &str) -> bool {
    if app.tokens.is_empty() {
        return url.ends_with(&path(app));
    }
    app.tokens.iter().any(|token| url.ends_with(&format!("/vod/{}/{}", app.subappid, token.expose())))
}

/// A URL as it may be shown: without the application's tokens.
pub(super) fn shown(app: &AppConfig, url: &str) -> String {
    app.tokens.iter().fold(url.to_owned(), |url, token| url.replace(token.expose(), "***"))
}
