//! The rules: which are live, how they are written, and reading them again.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::query::Query;
use super::{Api, RuleView};
use crate::http::Response;
use crate::http::reply::{self, Error};

/// The rules that are live, and what becomes of their files.
#[async_trait]
pub trait LiveRules: Send + Sync + 'static {
    /// Each of them, in the order of files and places.
    fn list(&self) -> Vec<RuleView>;

    /// One of them as it is written.
    fn show(&self, name: &str) -> Option<RuleDetailView>;

    /// Since when they are live, and what came of reading their files again.
    fn status(&self) -> RulesStatusView;

    /// Reads configuration and rules again, now.
    async fn reload(&self) -> ReloadView;
}

/// All rules, with their status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesView {
    /// The rules.
    pub items: Vec<RuleView>,
    /// Always null: the list is whole.
    pub next: Option<String>,
    /// Since when they are live, and what came of reading their files again.
    pub status: RulesStatusView,
}

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDetailView {
    /// The rule.
    pub rule: RuleView,
    /// Its file.
    pub file: String,
    /// The line that it begins in, from 1.
    pub line: u32,
    /// Its YAML, comments and all.
    pub yaml: String,
}

/// Since when the live rules are live, and what came of reading their files again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesStatusView {
    /// When what is live was loaded.
    pub loaded_at: String,
    /// Names the rules together: equal where all rules, their applications and `vars` are equal.
    pub hash: String,
    /// The files that they were read from.
    pub files: Vec<String>,
    /// The last time that files were read because they had changed, or because somebody asked for it.
    pub last_attempt: ReloadView,
}

/// What came of reading configuration and rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadView {
    /// When.
    pub at: String,
    /// Why: `start`, `change` (of a file), `signal`, `request`.
    pub cause: String,
    /// `loaded`; `unchanged`: the files are those of what is live; `refused`: something is wrong with them; `failed`:
    /// they could not be taken for another reason, and are tried again. Only after `loaded` is anything else live.
    pub outcome: String,
    /// What was found: why it was refused, or warnings.
    pub findings: Vec<FindingView>,
    /// What is written and takes effect at the next start only.
    pub at_next_start: Vec<String>,
    /// Names of rules that were not there before.
    pub added: Vec<String>,
    /// Names of rules that are not as before.
    pub changed: Vec<String>,
    /// Names of rules that are no more.
    pub removed: Vec<String>,
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingView {
    /// `error` or `warning`.
    pub severity: String,
    /// The file; null when it is about no single one.
    pub file: Option<String>,
    /// The line, from 1; null when it is about the file as a whole.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ReloadView {
    /// Whether what is live is what the files say.
    #[must_use]
    pub fn is_current(&self) -> bool {
        ["loaded", "unchanged"].contains(&self.outcome.as_str())
    }
}

impl Api {
    pub(super) fn rules(&self, query: &str) -> Result<Response, Error> {
        Query::parse(query, &[])?;
        let view = RulesView { items: self.rules.list(), next: None, status: self.rules.status() };
        Ok(reply::json(StatusCode::OK, &view))
    }

    pub(super) fn rule(&self, name: &str, query: &str) -> Result<Response, Error> {
        Query::parse(query, &[])?;
        let view = self
            .rules
            .show(name)
            .ok_or_else(|| Error::new(reply::ErrorKind::NotFound, "not_found", format!("there is no rule {name:?}")))?;
        Ok(reply::json(StatusCode::OK, &view))
    }

    /// The answer is 200 also when the files are refused: they were read, and this is what came of it.
    pub(super) async fn reload(&self, query: &str) -> Result<Response, Error> {
        Query::parse(query, &[])?;
        Ok(reply::json(StatusCode::OK, &self.rules.reload().await))
    }
}
