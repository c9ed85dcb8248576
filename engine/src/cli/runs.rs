//! `oncue runs`: what was done about events.

mod cancel;
mod retry;

use std::path::Path;

use clap::Subcommand;
use serde_json::Value;

use super::Failure;
use super::client::Client;
use super::output::{Output, cell, table};

const EXAMPLES: &str = "\
Examples:
  oncue runs --status dead
  oncue runs --rule transcode-new-uploads --json
  oncue runs show run_0198c0de5a7c7b3e9f0d1c2b3a495867
  oncue runs cancel run_0198c0de5a7c7b3e9f0d1c2b3a495867 --reason 'wrong definitions'
  oncue runs cancel --rule transcode-new-uploads --dry-run
  oncue runs retry --rule transcode-new-uploads";

/// List runs, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, clap::Args)]
struct Filter {
    /// In this status: pending, running, waiting, paused, succeeded, failed, dead or cancelled
    #[arg(long)]
    status: Option<String>,
    /// Of this rule
    #[arg(long)]
    rule: Option<String>,
    /// Of this application
    #[arg(long, value_name = "SUBAPPID")]
    app: Option<u64>,
    /// Started by this event
    #[arg(long)]
    event: Option<String>,
    /// Created at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Created before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "RUN")]
    before: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show one run: its steps with their outputs, its failed attempts
    Show {
        /// The run
        run: String,
    },
    /// End a run, or all that fit a filter; what they already asked of others is not undone
    Cancel(cancel::Args),
    /// Have a dead run, or all that fit a filter, go on from what failed
    Retry(retry::Args),
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    let client = Client::from_config(config)?;
    match args.command {
        Some(Command::Show { run }) => {
            let answer = client.get(&format!("/runs/{run}"), &[]).await?;
            output.answer(&answer, show);
        }
        Some(Command::Cancel(args)) => cancel::run(args, &client, output).await?,
        Some(Command::Retry(args)) => retry::run(args, &client, output).await?,
        None => {
            let answer = client.get("/runs", &args.filter.query()).await?;
            output.answer(&answer, list);
        }
    }
    Ok(())
}

impl Filter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", self.limit.to_string())];
        let given = [
            ("status", self.status.clone()),
            ("rule", self.rule.clone()),
            ("subappid", self.app.map(|app| app.to_string())),
            ("event", self.event.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("before", self.before.clone()),
        ];
        query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        query
    }
}

fn list(answer: &Value) -> String {
    let runs = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            [
                cell(run, "created_at"),
                cell(run, "id"),
                cell(run, "subappid"),
                standing(run),
                cell(run, "rule"),
                cell(&run["error"], "message"),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "no runs".to_owned();
    }
    table(["CREATED", "RUN", "APP", "STATUS", "RULE", "ERROR"], &rows)
}

/// How a run stands, with the word that it ended with.
fn standing(run: &Value) -> String {
    let status = cell(run, "status");
    match run["end"].as_str() {
        Some(word) => format!("{status} ({word})"),
        None => status,
    }
}

fn show(answer: &Value) -> String {
    let run = &answer["run"];
    let mut lines: Vec<String> = ["id", "rule", "status", "event", "subappid", "closure", "created_at", "updated_at"]
        .iter()
        .map(|name| format!("{name:<12} {}", cell(run, name)))
        .collect();
    if let Some(of) = answer["replay_of"].as_str() {
        lines.push(format!("{:<12} {of}", "replay of"));
    }
    if let Some(word) = run["end"].as_str() {
        lines.push(format!("end          {word}"));
    }
    if !run["error"].is_null() {
        let error = &run["error"];
        lines.push(format!(
            "error        step {}: {}: {}",
            cell(error, "step"),
            cell(error, "code"),
            cell(error, "message")
        ));
    }
    for step in answer["steps"].as_array().into_iter().flatten() {
        let attempts = cell(step, "attempts");
        lines.push(format!("step         {} {} after {attempts} attempts", cell(step, "path"), cell(step, "outcome")));
        if !step["output"].is_null() {
            lines.push(format!("               {}", step["output"]));
        }
        if !step["error"].is_null() {
            lines.push(format!("               {}: {}", cell(&step["error"], "code"), cell(&step["error"], "message")));
        }
    }
    for attempt in answer["failed_attempts"].as_array().into_iter().flatten() {
        let error = &attempt["error"];
        lines.push(format!(
            "failed       {} attempt {} at {}: {}: {}",
            cell(attempt, "path"),
            cell(attempt, "number"),
            cell(attempt, "at"),
            cell(error, "code"),
            cell(error, "message")
        ));
    }
    for timer in answer["timers"].as_array().into_iter().flatten() {
        let path =
            timer["path"].as_str().filter(|path| !path.is_empty()).map(|path| format!("{path} ")).unwrap_or_default();
        lines.push(format!("timer        {path}{} at {}", cell(timer, "kind"), cell(timer, "due_at")));
    }
    if let Some(collected) = answer["collected"].as_array().filter(|collected| !collected.is_empty()) {
        lines.push(format!("collected    {} events", collected.len()));
        lines.extend(collected.iter().map(|event| format!("               {}", event.as_str().unwrap_or("?"))));
    }
    lines.join("\n")
}
