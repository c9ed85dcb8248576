//! `oncue rules`: which rules are live, how they are written, reading them again.

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Client;
use super::output::{Output, cell, table};
use super::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  oncue rules                           the live rules, and whether their files are newer
  oncue rules --json
  oncue rules show transcode-new-uploads
  oncue rules reload                    read configuration and rules again, at once";

/// Digits of a hash that people see.
const SHOWN: usize = 12;

/// List the live rules; show one; have them read again
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the live rules, and what came of reading their files again
    List,
    /// Show one rule as it is written, with its hash, file and line
    Show {
        /// The rule
        name: String,
    },
    /// Read configuration and rules again, at once; exit code 3 when they are refused
    Reload,
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    let client = Client::from_config(config)?;
    match args.command {
        None | Some(Command::List) => {
            let answer = client.get("/rules", &[]).await?;
            output.answer(&answer, list);
            Ok(())
        }
        Some(Command::Show { name }) => {
            let answer = client.get(&format!("/rules/{name}"), &[]).await?;
            output.answer(&answer, show);
            Ok(())
        }
        Some(Command::Reload) => {
            let answer = client.post("/rules/reload", &json!({})).await?;
            output.answer(&answer, reloaded);
            outcome(&answer)
        }
    }
}

fn list(answer: &Value) -> String {
    let rows: Vec<_> = items(&answer["items"])
        .map(|rule| [cell(rule, "name"), cell(rule, "mode"), words(&rule["on"]), words(&rule["apps"]), hash(rule)])
        .collect();
    let rules =
        if rows.is_empty() { "no rules".to_owned() } else { table(["NAME", "MODE", "ON", "APPS", "HASH"], &rows) };
    let (status, last) = (&answer["status"], &answer["status"]["last_attempt"]);
    let files = items(&status["files"]).count();
    let mut lines = vec![rules, String::new()];
    let loaded_at = cell(status, "loaded_at");
    lines.push(format!("loaded at {loaded_at} from {files} files, {}", hash(status)));
    let outcome = cell(last, "outcome");
    if !["loaded", "unchanged"].contains(&outcome.as_str()) {
        lines.push(format!("what was read at {} was {outcome}, so these stay live:", cell(last, "at")));
    }
    lines.extend(details(last));
    lines.join("\n")
}

fn show(answer: &Value) -> String {
    let (file, line) = (cell(answer, "file"), cell(answer, "line"));
    format!("# {file}:{line}\n# {}\n{}", cell(&answer["rule"], "hash"), cell(answer, "yaml"))
}

fn reloaded(answer: &Value) -> String {
    let head = match cell(answer, "outcome").as_str() {
        "unchanged" => "unchanged: the files are those of what is live".to_owned(),
        "loaded" => "loaded".to_owned(),
        outcome => format!("{outcome}: what was live stays live"),
    };
    std::iter::once(head).chain(details(answer)).collect::<Vec<_>>().join("\n")
}

fn outcome(answer: &Value) -> Result<(), Failure> {
    match cell(answer, "outcome").as_str() {
        "loaded" | "unchanged" => Ok(()),
        "refused" => Err(Failure::new(Exit::Invalid, "the files have errors, and nothing was taken of them")),
        _ => Err(Failure::new(Exit::Unavailable, "the files could not be taken; it is tried again")),
    }
}

/// What came of reading files, beside its outcome.
fn details(attempt: &Value) -> Vec<String> {
    let names = ["added", "changed", "removed"].into_iter().filter_map(|what| {
        let names = words(&attempt[what]);
        (names != "-").then(|| format!("  {what}: {names}"))
    });
    let findings = items(&attempt["findings"]).map(|finding| {
        let place = match &finding["file"] {
            Value::Null => String::new(),
            _ => format!(" ({}:{}:{})", cell(finding, "file"), cell(finding, "line"), cell(finding, "column")),
        };
        let hint = if finding["hint"].is_null() { String::new() } else { format!("; {}", cell(finding, "hint")) };
        format!("  {}: {}{place}{hint}", cell(finding, "severity"), cell(finding, "message"))
    });
    let later = items(&attempt["at_next_start"]).filter_map(Value::as_str).map(|text| format!("  {text}"));
    names.chain(findings).chain(later).collect()
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The items of a list; `all` where the list is null, `-` where there is none.
fn words(list: &Value) -> String {
    if list.is_null() {
        return "all".to_owned();
    }
    let words: Vec<_> = items(list).map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn hash(of: &Value) -> String {
    cell(of, "hash").chars().take(SHOWN).collect()
}
