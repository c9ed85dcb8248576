//! `oncue bench match`: how fast one's own rules are found for one's own events.

mod measure;
mod report;
mod rounds;
mod samples;

use std::path::{Path, PathBuf};
use std::time::Duration;

use oncue_rules::ids::SubAppId;

use super::client::load;
use super::output::Output;
use super::{Exit, Failure};
use crate::app::trial::Trial;
use crate::config::{self, Config, Environment};
use samples::Sample;

const EXAMPLES: &str = "\
Examples:
  oncue bench match --events events.jsonl
  oncue bench match --rules rules/upload.yaml --events events.jsonl --seconds 30
  oncue bench match --rules ../other-project --events events.jsonl --json
  oncue events show EVENT --json | jq -c . >> events.jsonl

Rules are those of oncue.yaml, or of --rules: a rule file, a folder of them, or a project (a folder with an oncue.yaml, or
that file). Rule files have the applications of oncue.yaml, or none where there is no such file.

Events are lines of JSON, each
  the body of an event, as the vendor sends it (or, with --type, as a step emits it), or
  a stored event, as `oncue events show EVENT --json` prints it, on one line: it says its type and application itself.
Bodies are of the application --app, else of the only one that is configured.

One thread does for each event what the server does before it stores anything: the body is read, and the rules are found
that match, `if` included. Next to it, in turns, a JSON parser that builds nothing reads the same bytes: absolute figures
depend on the machine, the ratio hardly does. Each figure is the median of five turns. Nothing is stored or started.

Exit codes: 0 measured, 2 a line is no event, 3 invalid rules or configuration, 4 no such file";

/// Measure how fast your own rules are found for your own events; no server is needed
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A rule file, a folder of them, or a project, instead of what is configured; may be repeated
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// The events, one on each line; - is standard input
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// The application that bodies are of
    #[arg(long, visible_alias = "subappid", value_name = "SUBAPPID")]
    app: Option<u64>,
    /// The type of bodies that are none of the vendor
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// How long to measure, about; all events are read once in any case
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

pub(super) fn run(args: &Args, path: &Path, output: Output<'_>) -> Result<(), Failure> {
    let mut samples = samples::read(&args.events)?;
    let config = configuration(args, path)?;
    output.keep_out(config.known_secrets());
    let files = config::rule_files(&config)
        .map_err(|error| Failure::caused(Exit::NotFound, "the rule files cannot be read", error))?;
    let time = Duration::from_secs(args.seconds);
    let (trial, loading) = measure::loading(&config, &files, time / 4)?;
    complete(&mut samples, args, &trial)?;
    let found = measure::judged(&trial, &samples, &args.events.display().to_string())?;
    let rates = measure::rates(&trial, &samples, found.took, time);
    output.answer(&report::value(&trial, &files, &samples, &loading, &found, &rates), report::describe);
    Ok(())
}

/// The configuration with the rules that are asked for.
fn configuration(args: &Args, path: &Path) -> Result<Config, Failure> {
    // What is only looked at needs no secret.
    let load = |path: &Path| load(path, &Environment::of_process().lenient());
    if args.rules.is_empty() {
        return load(path);
    }
    if let [one] = args.rules.as_slice()
        && let Some(project) = project(one)
    {
        return load(&project);
    }
    let is_there = path.exists() || path != Path::new(PROJECT);
    let config = if is_there { load(path)? } else { Config::without_applications(Path::new(".")) };
    Ok(Config { rules: args.rules.clone(), ..config })
}

/// What the configuration of a project is called.
const PROJECT: &str = "oncue.yaml";

/// The configuration file, when a path is that of a project.
fn project(path: &Path) -> Option<PathBuf> {
    let inside = path.join(PROJECT);
    match path.file_name() {
        _ if inside.is_file() => Some(inside),
        Some(name) if name == PROJECT => Some(path.to_owned()),
        _ => None,
    }
}

/// Says of what type and application the bodies are that do not say it themselves.
fn complete(samples: &mut [Sample], args: &Args, trial: &Trial) -> Result<(), Failure> {
    let app = args.app.map(SubAppId).or_else(|| trial.only_app());
    let is_open = |sample: &Sample| sample.app.is_none() && sample.kind.is_none() && args.kind.is_none();
    if app.is_none() && trial.has_apps() && samples.iter().any(is_open) {
        let message =
            "bodies do not say which application they are of, and several are configured: name one with --app";
        return Err(Failure::new(Exit::Usage, message));
    }
    for sample in samples {
        sample.app = sample.app.or(app);
        sample.kind = sample.kind.take().or_else(|| args.kind.as_deref().map(Into::into));
    }
    Ok(())
}
