//! `oncue check`: finds what is wrong with configuration and rules.

use std::path::{Path, PathBuf};

use oncue_plugins::plugin::{self, Host};
use oncue_rules::diagnostic::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

use super::output::Output;
use super::progress::Progress;
use super::{Exit, Failure};
use crate::app;
use crate::config::{self, Config, Environment};
use crate::live;

const EXAMPLES: &str = "\
Examples:
  oncue check                     oncue.yaml and the rules that it names
  oncue check --json              one JSON object with every finding
  oncue check rules/new.yaml      these rule files instead of the configured ones";

/// Find everything that is wrong with the configuration and the rules; nothing is started
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Rule files or folders to check instead of the configured ones
    rules: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, path: &Path, output: Output<'_>) -> Result<(), Failure> {
    let file = config::read_source(path).map_err(|error| {
        let message = format!("cannot read {} (write one with `oncue init`, or name it with --config)", path.display());
        Failure::caused(Exit::NotFound, message, error)
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let (config, mut diagnostics) = Config::load(&file, folder, &Environment::of_process().lenient());
    let rules = config.map(|config| check_rules(args, config, &mut diagnostics)).transpose();
    let count = *rules.as_ref().ok().and_then(Option::as_ref).unwrap_or(&0);
    let reported = report(&diagnostics.sorted(), (count, "rule"), output);
    rules?;
    reported
}

/// How many rules were loaded, none of them when any has errors. They are not looked at before the plugins are right, whose
/// actions would seem to be missing.
fn check_rules(args: &Args, mut config: Config, diagnostics: &mut Diagnostics) -> Result<usize, Failure> {
    if !args.rules.is_empty() {
        config.rules.clone_from(&args.rules);
    }
    let mut progress = Progress::start("checking");
    let files = config::rule_files(&config)
        .map_err(|error| Failure::caused(Exit::NotFound, "the rule files cannot be read", error))?;
    progress.update(|| format!("{} rule files read", files.len()));
    let actions = app::actions(&config).map_err(super::serve::failure)?;
    let folders = plugin::folder::read(&config.plugins)
        .map_err(|error| Failure::caused(Exit::NotFound, "the plugins cannot be read", error))?;
    let (plugins, found) = live::plugins(&config, &actions, &folders, &Host::idle());
    let is_wrong = found.has_errors();
    diagnostics.extend(found);
    if is_wrong {
        return Ok(0);
    }
    let (live, found) = live::build(&config, &actions.with(&plugins), &files);
    diagnostics.extend(found);
    Ok(live.map_or(0, |live| live.rules.rules().len()))
}

/// Prints what was found, with how many of something are right.
pub(super) fn report(
    diagnostics: &Diagnostics,
    (count, what): (usize, &str),
    output: Output<'_>,
) -> Result<(), Failure> {
    let (errors, warnings): (Vec<_>, Vec<_>) = diagnostics.iter().partition(|d| d.severity == Severity::Error);
    let mut counts = vec![counted(errors.len(), "error"), counted(warnings.len(), "warning")];
    if errors.is_empty() {
        counts.insert(0, counted(count, what));
    }
    if output.is_json() {
        let findings: Vec<_> = diagnostics.iter().map(finding).collect();
        output.value(
            &json!({ format!("{what}s"): count, "errors": errors.len(), "warnings": warnings.len(), "findings": findings }),
        );
    } else {
        if !diagnostics.is_empty() {
            output.line(&diagnostics.to_string());
        }
        output.line(&counts.join(", "));
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::said(Exit::Invalid)) }
}

fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn finding(diagnostic: &Diagnostic) -> Value {
    let (line, column) = diagnostic.position();
    json!({
        "severity": if diagnostic.severity == Severity::Error { "error" } else { "warning" },
        "file": &*diagnostic.file.name,
        "line": line,
        "column": column,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    })
}
