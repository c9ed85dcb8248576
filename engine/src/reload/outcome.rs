//! What came of reading configuration and rules: for the API, and for the log.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use oncue_rules::diagnostic::{Diagnostic, Diagnostics, Severity};
use oncue_rules::ids::ContentHash;
use oncue_rules::rule_set::RuleSet;

use super::look::Trouble;
use crate::clock;
use crate::http::admin::{FindingView, ReloadView};
use crate::store;

/// Why files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The server starts.
    Start,
    /// A file has changed.
    Change,
    /// SIGHUP came.
    Signal,
    /// The API was asked to.
    Request,
}

/// What can come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Loaded,
    Unchanged,
    Refused,
    Failed,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Change => "change",
            Self::Signal => "signal",
            Self::Request => "request",
        }
    }
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// A report without details.
pub(super) fn report(cause: Cause, outcome: Outcome, findings: Vec<FindingView>) -> ReloadView {
    ReloadView {
        at: clock::now().to_string(),
        cause: cause.as_str().to_owned(),
        outcome: outcome.as_str().to_owned(),
        findings,
        at_next_start: Vec::new(),
        added: Vec::new(),
        changed: Vec::new(),
        removed: Vec::new(),
    }
}

/// Adds how the rules differ from those before.
pub(super) fn compare(report: &mut ReloadView, before: &RuleSet, after: &RuleSet) {
    let (before, after) = (hashes(before), hashes(after));
    for (name, hash) in &after {
        match before.get(name) {
            None => report.added.push((*name).to_owned()),
            Some(earlier) if earlier != hash => report.changed.push((*name).to_owned()),
            Some(_) => {}
        }
    }
    report.removed = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (*name).to_owned()).collect();
}

fn hashes(rules: &RuleSet) -> BTreeMap<&str, &ContentHash> {
    rules.rules().iter().map(|rule| (rule.name.as_str(), &rule.closure)).collect()
}

/// Findings in files.
pub(super) fn findings(diagnostics: &Diagnostics) -> Vec<FindingView> {
    diagnostics.iter().map(finding).collect()
}

fn finding(diagnostic: &Diagnostic) -> FindingView {
    let (line, column) = diagnostic.position();
    FindingView {
        severity: if diagnostic.severity == Severity::Error { "error" } else { "warning" }.to_owned(),
        file: Some(diagnostic.file.name.to_string()),
        line: u32::try_from(line).ok(),
        column: u32::try_from(column).ok(),
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
    }
}

/// Files that cannot be read.
pub(super) fn trouble(trouble: &Trouble) -> Vec<FindingView> {
    match trouble {
        Trouble::Invalid(diagnostics) => findings(diagnostics),
        other => vec![error(other.chain(), "bring it back; until then what was loaded before stays live")],
    }
}

/// The store did not take the new rules.
pub(super) fn not_stored(error_of_store: &store::Error) -> Vec<FindingView> {
    vec![error(format!("the rules could not be stored: {error_of_store}"), "they are tried again by themselves")]
}

/// An error that is about no place in a file.
pub(super) fn error(message: String, hint: &str) -> FindingView {
    FindingView {
        severity: "error".to_owned(),
        file: None,
        line: None,
        column: None,
        message,
        hint: Some(hint.to_owned()),
    }
}

/// One line for each finding. The line of the file is not shown: in a configuration it may hold a secret.
fn lines(findings: &[FindingView]) -> String {
    let mut lines = String::new();
    for FindingView { severity, file, line, column, message, hint } in findings {
        // Writing to a text cannot fail.
        let _written = write!(lines, "\n  {severity}: {message}");
        if let (Some(file), Some(line), Some(column)) = (file, line, column) {
            let _written = write!(lines, " ({file}:{line}:{column})");
        }
        if let Some(hint) = hint {
            let _written = write!(lines, "; {hint}");
        }
    }
    lines
}

/// Logs a report, once: what the server repeats by itself is not logged again.
pub(super) fn log(report: &ReloadView, before: &ReloadView, loaded_at: &str) {
    let cause = report.cause.as_str();
    let found = lines(&report.findings);
    let is_repeated =
        cause == Cause::Change.as_str() && (&report.outcome, &report.findings) == (&before.outcome, &before.findings);
    if report.outcome == Outcome::Loaded.as_str() {
        let ReloadView { added, changed, removed, .. } = report;
        let (added, changed, removed) = (added.len(), changed.len(), removed.len());
        tracing::info!(cause, added, changed, removed, "configuration and rules are loaded");
        if !found.is_empty() {
            tracing::warn!(cause, "odd, and taken all the same:{found}");
        }
        for difference in &report.at_next_start {
            tracing::warn!(cause, "{difference}");
        }
    } else if report.outcome == Outcome::Unchanged.as_str() {
        tracing::info!(cause, "configuration and rules are those that are live");
    } else if is_repeated {
        tracing::debug!(cause, outcome = report.outcome, "still as before:{found}");
    } else {
        tracing::error!(cause, outcome = report.outcome, "what was loaded at {loaded_at} stays live:{found}");
    }
}
