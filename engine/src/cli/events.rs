//! `oncue events`: what was received.

use std::path::Path;

use clap::Subcommand;
use serde_json::Value;

use super::Failure;
use super::client::Client;
use super::output::{Output, cell, table};

const EXAMPLES: &str = "\
Examples:
  oncue events --type NewFileUpload --limit 5
  oncue events --file-id 5000000000000000001
  oncue events show evt_0198c0de5a7c7b3e9f0d1c2b3a495867
  oncue events quarantine";

/// List received events, newest first
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
    /// Of this type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Of this application
    #[arg(long, value_name = "SUBAPPID")]
    app: Option<u64>,
    /// About this media file
    #[arg(long, value_name = "ID")]
    file_id: Option<String>,
    /// About this vendor task
    #[arg(long, value_name = "ID")]
    task_id: Option<String>,
    /// Received at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Received before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "EVENT")]
    before: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show one event: its body, what the rules said to it, its runs
    Show {
        /// The event
        event: String,
    },
    /// List bodies that authenticated senders sent and that could not be taken
    Quarantine,
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    let client = Client::from_config(config)?;
    match args.command {
        Some(Command::Show { event }) => {
            let answer = client.get(&format!("/events/{event}"), &[]).await?;
            output.answer(&answer, show);
        }
        Some(Command::Quarantine) => {
            let answer = client.get("/quarantine", &[]).await?;
            output.answer(&answer, quarantine);
        }
        None => {
            let answer = client.get("/events", &args.filter.query()).await?;
            output.answer(&answer, list);
        }
    }
    Ok(())
}

impl Filter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", self.limit.to_string())];
        let given = [
            ("type", self.kind.clone()),
            ("subappid", self.app.map(|app| app.to_string())),
            ("file_id", self.file_id.clone()),
            ("task_id", self.task_id.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("before", self.before.clone()),
        ];
        query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        query
    }
}

fn items<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map_or(&[], Vec::as_slice)
}

fn list(answer: &Value) -> String {
    let rows: Vec<_> = items(answer, "items")
        .iter()
        .map(|event| {
            let matched = items(&event["verdicts"], "matched");
            let matched = matched.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            let matched = if matched.is_empty() { "no rule".to_owned() } else { matched };
            [cell(event, "received_at"), cell(event, "id"), cell(event, "subappid"), cell(event, "type"), matched]
        })
        .collect();
    if rows.is_empty() {
        return "no events".to_owned();
    }
    table(["RECEIVED", "EVENT", "APP", "TYPE", "MATCHED"], &rows)
}

fn show(answer: &Value) -> String {
    let event = &answer["event"];
    let mut lines: Vec<String> = ["id", "type", "source", "subappid", "received_at", "dedupe_key", "duplicates"]
        .iter()
        .map(|name| format!("{name:<12} {}", cell(event, name)))
        .collect();
    for key in items(answer, "keys") {
        lines.push(format!("{:<12} {}", cell(key, "name"), cell(key, "value")));
    }
    let verdicts = &event["verdicts"];
    lines
        .extend(items(verdicts, "matched").iter().map(|rule| format!("matched      {}", rule.as_str().unwrap_or("?"))));
    for error in items(verdicts, "errors") {
        lines.push(format!("error        {}: {}", cell(error, "rule"), cell(error, "message")));
    }
    for verdict in ["collected", "throttled"] {
        let rules = items(verdicts, verdict).iter();
        lines.extend(rules.map(|rule| format!("{verdict:<12} {}", rule.as_str().unwrap_or("?"))));
    }
    for refused in items(verdicts, "refused") {
        lines.push(format!("refused      {}: {}", cell(refused, "rule"), cell(refused, "message")));
    }
    lines.push(format!("unmatched    {} rules that listen to this type", cell(verdicts, "unmatched")));
    for run in items(answer, "runs") {
        lines.push(format!("run          {} {} {}", cell(run, "id"), cell(run, "status"), cell(run, "rule")));
    }
    let body = answer["body"].as_str().unwrap_or_default();
    let pretty = serde_json::from_str::<Value>(body).map_or_else(|_| body.to_owned(), |body| format!("{body:#}"));
    lines.push(format!("body\n{pretty}"));
    lines.join("\n")
}

fn quarantine(answer: &Value) -> String {
    let rows: Vec<_> = items(answer, "items")
        .iter()
        .map(|row| [cell(row, "received_at"), cell(row, "number"), cell(row, "subappid"), cell(row, "reason")])
        .collect();
    if rows.is_empty() {
        return "nothing in quarantine".to_owned();
    }
    table(["RECEIVED", "NUMBER", "APP", "REASON"], &rows)
}
