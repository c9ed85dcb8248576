//! `oncue replay`: new runs that repeat others, or all that events start.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Client;
use super::found::found;
use super::output::{Output, cell};
use super::progress::Progress;
use super::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  oncue replay run_0198c0de5a7c7b3e9f0d1c2b3a495867 --dry-run
  oncue replay run_0198c0de5a7c7b3e9f0d1c2b3a495867 --from tell_cms --rules original
  oncue replay evt_0198c0de5a7c7b3e9f0d1c2b3a495867 --only transcode-new-uploads
  oncue replay --status dead --rule transcode-new-uploads --since 2026-01-31T08:00:00Z
  oncue replay --type NewFileUpload --since 2026-01-31T08:00:00Z --until 2026-01-31T09:00:00Z

A replay starts new runs: of a RUN one that repeats it, of an EVENT those that the live rules would start now. With a
filter: --status names runs (of several for one event and rule the last), otherwise it names events.

New runs have new idempotency keys, so what is done again takes effect again. --from takes over what was done before a
step. A step that was sent without an answer is refused without --new-key. To go on from what failed with the same keys,
see `oncue runs retry`.

Exit codes: 0 done, 4 no such run or event, 5 no server, 7 refused (with a filter: at least one was)";

/// Start new runs that repeat a run, or all that an event starts
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The event (evt_…) or the run (run_…)
    #[arg(value_name = "EVENT|RUN", conflicts_with_all = FILTERS, required_unless_present_any = NAMING)]
    of: Option<String>,
    /// Of a run: begin with this step of the rule, and take over what was done before it
    #[arg(long, value_name = "STEP")]
    from: Option<String>,
    /// Of a run: the rule that it began with, or the one that is live; current when left out
    #[arg(long, value_parser = ["original", "current"])]
    rules: Option<String>,
    /// Of an event: only the run of this rule
    #[arg(long, value_name = "RULE", conflicts_with = "rule")]
    only: Option<String>,
    /// Also do anew what was sent without an answer: it may take effect a second time
    #[arg(long)]
    new_key: bool,
    /// Only say what would be started, and which steps would be done again
    #[arg(long)]
    dry_run: bool,
    /// All runs in this status: succeeded, dead or cancelled
    #[arg(long, value_parser = ["succeeded", "dead", "cancelled"], conflicts_with = "type")]
    status: Option<String>,
    /// With --status only those of this rule; else only the runs of this rule are started
    #[arg(long)]
    rule: Option<String>,
    /// All of this application
    #[arg(long, value_name = "SUBAPPID")]
    app: Option<u64>,
    /// All events of this type
    #[arg(long = "type", id = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// All received, or created, at or after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// All received, or created, before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

const FILTERS: [&str; 6] = ["status", "rule", "app", "type", "since", "until"];
/// Those that say which runs or events.
const NAMING: [&str; 5] = ["status", "app", "type", "since", "until"];

/// What is repeated.
enum What {
    Event(String),
    Run(String),
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    let one = args.of.as_deref().map(|of| args.one(of)).transpose()?;
    args.fits_filter()?;
    let client = Client::from_config(config)?;
    let what = match one {
        Some(one) => vec![one],
        None => args.find(&client).await?,
    };
    let (is_one, request) = (args.of.is_some(), Uuid::now_v7());
    let mut runs: Vec<Value> = Vec::new();
    let mut progress = Progress::start("replaying");
    for (done, one) in what.iter().enumerate() {
        match args.ask(&client, one, request).await {
            Ok(mut answer) => {
                let event = answer["event"].clone();
                let started = answer["runs"].as_array_mut().into_iter().flatten().map(Value::take);
                runs.extend(started.map(|run| with_event(run, &event)));
            }
            Err(failure) if !is_one && matches!(failure.exit, Exit::Refused | Exit::NotFound) => {
                let (What::Event(id) | What::Run(id)) = one;
                runs.push(json!({ "of": id, "outcome": "refused", "message": failure.to_string() }));
            }
            Err(failure) => return Err(failure),
        }
        progress.update(|| format!("{} of {}", done + 1, what.len()));
    }
    drop(progress);
    let is_refused = runs.iter().any(|run| run["outcome"] == "refused");
    output.answer(&json!({ "dry_run": args.dry_run, "request": request.to_string(), "runs": runs }), describe);
    if is_refused { Err(Failure::said(Exit::Refused)) } else { Ok(()) }
}

fn with_event(mut run: Value, event: &Value) -> Value {
    run["event"] = event.clone();
    run
}

impl Args {
    fn one(&self, of: &str) -> Result<What, Failure> {
        let wrong = |message: &str| Err(Failure::new(Exit::Usage, message));
        let for_runs = self.from.is_some() || self.rules.is_some();
        match of.split_once('_') {
            Some(("run", _)) if self.only.is_some() => wrong("--only is for events: a run has one rule"),
            Some(("run", _)) => Ok(What::Run(of.to_owned())),
            Some(("evt", _)) if for_runs => wrong("--from and --rules are for runs: name one of the event's"),
            Some(("evt", _)) => Ok(What::Event(of.to_owned())),
            _ => wrong("name an event (evt_…) or a run (run_…)"),
        }
    }

    fn fits_filter(&self) -> Result<(), Failure> {
        let for_runs = self.from.is_some() || self.rules.is_some();
        if self.of.is_none() && self.status.is_none() && for_runs {
            return Err(Failure::new(Exit::Usage, "--from and --rules are for runs: say which with --status"));
        }
        if self.status.is_some() && self.only.is_some() {
            return Err(Failure::new(Exit::Usage, "--only is for events: use --rule with --status"));
        }
        Ok(())
    }

    /// What the filter names, the oldest first.
    async fn find(&self, client: &Client) -> Result<Vec<What>, Failure> {
        let app = self.app.map(|app| app.to_string());
        let times = [("subappid", &app), ("since", &self.since), ("until", &self.until)];
        let special = match self.status {
            Some(_) => [("status", &self.status), ("rule", &self.rule)],
            None => [("type", &self.kind), ("type", &None)],
        };
        let given = times.into_iter().chain(special);
        let query: Vec<_> = given.filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        let mut what: Vec<What> = if self.status.is_some() {
            let runs = found(client, "/runs", &query).await?;
            let mut seen = HashSet::new();
            let last = runs.iter().filter(|run| seen.insert((cell(run, "event"), cell(run, "rule"))));
            last.map(|run| What::Run(cell(run, "id"))).collect()
        } else {
            found(client, "/events", &query).await?.iter().map(|event| What::Event(cell(event, "id"))).collect()
        };
        what.reverse();
        Ok(what)
    }

    async fn ask(&self, client: &Client, what: &What, request: Uuid) -> Result<Value, Failure> {
        let mut call = json!({ "request": request.to_string(), "new_key": self.new_key, "dry_run": self.dry_run });
        let path = match what {
            What::Run(run) => {
                (call["from"], call["rules"]) = (json!(self.from), json!(self.rules));
                format!("/runs/{run}/replay")
            }
            What::Event(event) => {
                call["only"] = json!(self.only.as_ref().or(self.rule.as_ref()));
                format!("/events/{event}/replay")
            }
        };
        client.insist(&path, &call).await
    }
}

fn describe(answer: &Value) -> String {
    let is_dry = answer["dry_run"] == true;
    let runs = answer["runs"].as_array().map_or(&[][..], Vec::as_slice);
    let count =
        |outcomes: &[&str]| runs.iter().filter(|run| outcomes.iter().any(|word| run["outcome"] == *word)).count();
    let shown = runs.iter().filter(|run| is_dry || runs.len() <= 20 || run["outcome"] == "refused");
    let mut lines: Vec<String> = shown.map(line).collect();
    let started = if is_dry { count(&["dry_run"]) } else { count(&["started", "already"]) };
    let verb = if is_dry { "would be started" } else { "are started" };
    lines.push(format!("{started} runs {verb}, {} are refused", count(&["refused"])));
    lines.join("\n")
}

fn line(run: &Value) -> String {
    let of = [&run["replay_of"], &run["event"], &run["of"]].into_iter().find_map(Value::as_str).unwrap_or("-");
    let what = match run["rule"].as_str() {
        Some(rule) => format!("{rule} for {of}"),
        None => of.to_owned(),
    };
    match run["outcome"].as_str() {
        Some("refused") => format!("{what} is refused: {}", cell(run, "message")),
        Some("dry_run") => {
            let steps = run["repeats"].as_array().into_iter().flatten();
            let step = |step: &Value| match step["doubt"].as_str() {
                Some(_) => format!("{} (it may have had its effect)", cell(step, "step")),
                None => format!("{} ({})", cell(step, "step"), cell(step, "outcome")),
            };
            let steps: Vec<_> = steps.map(step).collect();
            let again = if steps.is_empty() { "nothing".to_owned() } else { steps.join(", ") };
            format!("{what} would be started; done again: {again}")
        }
        _ => format!("{what} is {}", cell(run, "run")),
    }
}
