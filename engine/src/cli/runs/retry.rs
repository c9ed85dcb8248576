//! `oncue runs retry`: one dead run, or all that fit a filter.

use serde_json::{Value, json};

use super::super::client::Client;
use super::super::found::found;
use super::super::output::{Output, cell};
use super::super::progress::Progress;
use super::super::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  oncue runs retry run_0198c0de5a7c7b3e9f0d1c2b3a495867
  oncue runs retry --rule transcode-new-uploads --dry-run
  oncue runs retry --status dead --since 2026-01-31T08:00:00Z

A dead run goes on from the step that failed, on the rule that it began with, with the same idempotency keys. What
succeeded is not done again; of branches and items only those that failed are.

A step that was sent without an answer, and that must not be done twice, is refused without --again or --new-key.

Exit codes: 0 done, 4 no such run, 5 no server, 7 refused (with a filter: at least one run was)";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The run
    #[arg(conflicts_with_all = FILTERS, required_unless_present_any = FILTERS)]
    run: Option<String>,
    /// All in this status: only dead runs are retried
    #[arg(long, value_parser = ["dead"])]
    status: Option<String>,
    /// All dead ones of this rule
    #[arg(long)]
    rule: Option<String>,
    /// All dead ones of this application
    #[arg(long, value_name = "SUBAPPID")]
    app: Option<u64>,
    /// All dead ones that this event started
    #[arg(long)]
    event: Option<String>,
    /// All dead ones created at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// All dead ones created before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// What is repeated is a new request to the other side: it may take effect a second time
    #[arg(long)]
    new_key: bool,
    /// Also repeat, with the same key, a step whose effect is not known: it may take effect a second time
    #[arg(long, conflicts_with = "new_key")]
    again: bool,
    /// Only say which runs it would be, and what would be repeated
    #[arg(long)]
    dry_run: bool,
}

const FILTERS: [&str; 6] = ["status", "rule", "app", "event", "since", "until"];

pub(super) async fn run(args: Args, client: &Client, output: Output<'_>) -> Result<(), Failure> {
    if let Some(run) = &args.run {
        let answer = ask(client, run, &args).await?;
        output.answer(&answer, one);
        return Ok(());
    }
    let runs = found(client, "/runs", &args.query()).await?;
    let mut done: Vec<Value> = Vec::new();
    let mut refused: Vec<Value> = Vec::new();
    let mut progress = Progress::start("retrying");
    for run in runs.iter().map(|run| cell(run, "id")) {
        match ask(client, &run, &args).await {
            Ok(answer) => done.push(answer),
            Err(failure) if matches!(failure.exit, Exit::Refused | Exit::NotFound) => {
                refused.push(json!({ "run": run, "message": failure.to_string() }));
            }
            Err(failure) => return Err(failure),
        }
        progress.update(|| format!("{} of {} runs", done.len() + refused.len(), runs.len()));
    }
    drop(progress);
    let answer = json!({ "dry_run": args.dry_run, "asked": done, "refused": refused });
    output.answer(&answer, all);
    if refused.is_empty() { Ok(()) } else { Err(Failure::said(Exit::Refused)) }
}

async fn ask(client: &Client, run: &str, args: &Args) -> Result<Value, Failure> {
    let call = json!({ "new_key": args.new_key, "again": args.again, "dry_run": args.dry_run });
    client.post(&format!("/runs/{run}/retry"), &call).await
}

impl Args {
    fn query(&self) -> Vec<(&'static str, String)> {
        let app = self.app.map(|app| app.to_string());
        let given = [
            ("rule", &self.rule),
            ("subappid", &app),
            ("event", &self.event),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let dead = [("status", "dead".to_owned())];
        dead.into_iter().chain(given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)))).collect()
    }
}

fn one(answer: &Value) -> String {
    let steps = answer["repeats"].as_array().into_iter().flatten();
    let steps: Vec<_> = steps
        .map(|step| match step["doubt"].as_str() {
            Some("unknown") => format!("{} (it may have had its effect)", cell(step, "step")),
            Some("ended") => format!("{} (its work has failed: only a new key starts other work)", cell(step, "step")),
            _ => cell(step, "step"),
        })
        .collect();
    let verb = if answer["outcome"] == "dry_run" { "would go on" } else { "goes on" };
    format!("{} {verb} from {}", cell(answer, "run"), steps.join(", "))
}

fn all(answer: &Value) -> String {
    let list = |name: &str| answer[name].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<_> = list("asked").iter().filter(|_| answer["dry_run"] == true).map(one).collect();
    lines
        .extend(list("refused").iter().map(|run| format!("{} is refused: {}", cell(run, "run"), cell(run, "message"))));
    let (asked, refused) = (list("asked").len(), list("refused").len());
    let verb = if answer["dry_run"] == true { "would be asked" } else { "are asked" };
    lines.push(format!("{asked} runs {verb} to go on, {refused} are refused"));
    lines.join("\n")
}
