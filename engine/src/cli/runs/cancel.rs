//! `oncue runs cancel`: one run, or all that fit a filter.

use serde_json::{Value, json};

use super::super::client::Client;
use super::super::found::found;
use super::super::output::{Output, cell};
use super::super::progress::Progress;
use super::super::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  oncue runs cancel run_0198c0de5a7c7b3e9f0d1c2b3a495867 --reason 'wrong definitions'
  oncue runs cancel --rule transcode-new-uploads --status waiting --dry-run
  oncue runs cancel --app 1500000001

With a filter, runs that have ended are left out.";

/// Statuses in which there is nothing to cancel.
const ENDED: [&str; 3] = ["succeeded", "dead", "cancelled"];

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The run
    #[arg(conflicts_with_all = ["status", "rule", "app", "event", "dry_run"], required_unless_present_any = ["status", "rule", "app", "event"])]
    run: Option<String>,
    /// Why
    #[arg(long, default_value = "cancelled by a person")]
    reason: String,
    /// All in this status: pending, running, waiting, paused or failed
    #[arg(long, value_parser = ["pending", "running", "waiting", "paused", "failed"])]
    status: Option<String>,
    /// All of this rule
    #[arg(long)]
    rule: Option<String>,
    /// All of this application
    #[arg(long, value_name = "SUBAPPID")]
    app: Option<u64>,
    /// All that this event started
    #[arg(long)]
    event: Option<String>,
    /// Only say which runs it would be
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: Args, client: &Client, output: Output<'_>) -> Result<(), Failure> {
    if let Some(run) = &args.run {
        let answer = ask(client, run, &args.reason).await?;
        output.answer(&answer, |_| format!("{run} is asked to end"));
        return Ok(());
    }
    let found = find(client, &args).await?;
    let mut asked: Vec<String> = Vec::new();
    let mut ended: Vec<String> = Vec::new();
    if !args.dry_run {
        let mut progress = Progress::start("cancelling");
        for run in &found {
            let list = if cancel(client, run, &args.reason).await? { &mut asked } else { &mut ended };
            list.push(run.clone());
            progress.update(|| format!("{} of {} runs", asked.len() + ended.len(), found.len()));
        }
    }
    let answer = json!({ "dry_run": args.dry_run, "found": found, "asked": asked, "ended": ended });
    output.answer(&answer, describe);
    Ok(())
}

async fn ask(client: &Client, run: &str, reason: &str) -> Result<Value, Failure> {
    client.post(&format!("/runs/{run}/cancel"), &json!({ "reason": reason })).await
}

/// Says no when the run has ended meanwhile, or is not stored any more.
async fn cancel(client: &Client, run: &str, reason: &str) -> Result<bool, Failure> {
    let Err(refused) = ask(client, run, reason).await else { return Ok(true) };
    if refused.exit == Exit::NotFound {
        return Ok(false);
    }
    let now = client.get(&format!("/runs/{run}"), &[]).await?;
    if is_live(&now["run"]) { Err(refused) } else { Ok(false) }
}

fn is_live(run: &Value) -> bool {
    !ENDED.contains(&cell(run, "status").as_str())
}

/// The runs that the filter names and that have not ended.
async fn find(client: &Client, args: &Args) -> Result<Vec<String>, Failure> {
    let app = args.app.map(|app| app.to_string());
    let given = [("status", &args.status), ("rule", &args.rule), ("subappid", &app), ("event", &args.event)];
    let query: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
    let found = found(client, "/runs", &query).await?;
    Ok(found.iter().filter(|run| is_live(run)).map(|run| cell(run, "id")).collect())
}

fn describe(answer: &Value) -> String {
    let count = |name: &str| answer[name].as_array().map_or(0, Vec::len);
    if answer["dry_run"] == true {
        let runs = answer["found"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let lines = runs.map(str::to_owned).chain([format!("{} runs would be asked to end", count("found"))]);
        return lines.collect::<Vec<_>>().join("\n");
    }
    format!("{} runs are asked to end, {} have ended meanwhile", count("asked"), count("ended"))
}
