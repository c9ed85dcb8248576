//! How many events are accepted and how many runs finished in a second, as ratios to two baselines of the same run:
//! a loop that writes the same rows with nothing but SQLite, and a warp handler that reads the body and does nothing.
//!
//! Absolute figures depend on the machine; the ratios are what counts.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "counts are far from 2^52")]

mod baseline;
mod load;
mod nothing;
mod process;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use oncue::config::{Config, Environment, admin_token, read_source};
use serde_json::Value;

use baseline::Rows;
use process::Process;

const APP: u64 = 1_500_000_001;
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const CONNECTIONS: [usize; 2] = [64, 512];
const NOTHING: &str = "--serve-nothing";
const NO_RULE_MATCHES: &str = "rules:
  - name: never
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Audio }
    steps: [{ uses: log, with: { message: never } }]
";
const ONE_LOG_STEP: &str = "rules:
  - name: log-uploads
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Video }
    steps: [{ uses: log, with: { message: '${{ event.file_id }} was uploaded' } }]
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if arguments.iter().any(|argument| argument == NOTHING) {
        return runtime.block_on(nothing::serve());
    }
    let seconds = arguments.iter().position(|argument| argument == "--seconds").and_then(|at| arguments.get(at + 1));
    let seconds = seconds.map_or(Ok(60), |text| text.parse()).context("--seconds takes a whole number")?;
    runtime.block_on(run(Duration::from_secs(seconds)))
}

async fn run(time: Duration) -> Result<()> {
    println!("{} s a case; body: a real upload of 2.3 kB with its own FileId each time", time.as_secs());
    println!(
        "{:<34} {:>9} {:>9} {:>7} {:>9} {:>7} {:>8} {:>8}",
        "case", "per s", "sqlite", "ratio", "nothing", "ratio", "p99 ms", "rss MiB"
    );
    for connections in CONNECTIONS {
        let nothing = measure_nothing(connections, time).await?;
        for (name, rules, rows) in [
            ("events, no rule matches", NO_RULE_MATCHES, Rows::Event),
            ("finished runs of one log step", ONE_LOG_STEP, Rows::EventAndRun),
        ] {
            let case = measure_case(rules, connections, time).await?;
            let folder = tempfile::tempdir()?;
            let group = case.group;
            let path = folder.path().to_owned();
            let sqlite = tokio::task::spawn_blocking(move || baseline::measure(&path, rows, group, time)).await??;
            let rate = if rows == Rows::Event { case.accepted_rate } else { case.finished_rate };
            println!(
                "{:<34} {rate:>9.0} {sqlite:>9.0} {:>7.2} {nothing:>9.0} {:>7.2} {:>8.1} {:>8}",
                format!("{name}, {connections} senders"),
                rate / sqlite,
                rate / nothing,
                case.p99.as_secs_f64() * 1000.0,
                case.peak_rss >> 20,
            );
            println!("    group commits of {group} commands on average; accepted {:.0} per s", case.accepted_rate);
        }
    }
    Ok(())
}

async fn measure_nothing(connections: usize, time: Duration) -> Result<f64> {
    let process = Process::start(&std::env::current_exe()?, &[NOTHING]).await?;
    let seen = load::send(process.listen, "/vod/1500000001/x", connections, time).await?;
    process.end().await?;
    Ok(seen.rate())
}

struct Case {
    accepted_rate: f64,
    finished_rate: f64,
    group: usize,
    p99: Duration,
    peak_rss: u64,
}

async fn measure_case(rules: &str, connections: usize, time: Duration) -> Result<Case> {
    let folder = tempfile::tempdir()?;
    write_server(folder.path(), rules)?;
    let config = folder.path().join("oncue.yaml");
    let arguments = ["--json", "--config", config.to_str().context("a path that is no text")?, "serve"];
    let process = Process::start(Path::new(env!("CARGO_BIN_EXE_oncue")), &arguments).await?;
    let admin = Admin::of(&config, &process)?;
    let started = Instant::now();
    let seen = load::send(process.listen, &format!("/vod/{APP}/{TOKEN}"), connections, time).await?;
    let counts = admin.counts().await?;
    let took = started.elapsed();
    let finished = counts["runs"]["succeeded"].as_u64().unwrap_or_default();
    let number = |name: &str| counts["store"][name].as_u64().unwrap_or(1).max(1);
    let group = usize::try_from(number("commands") / number("commits"))?.max(1);
    let peak_rss = process.peak_rss()?;
    process.end().await?;
    Ok(Case {
        accepted_rate: seen.rate(),
        finished_rate: finished as f64 / took.as_secs_f64(),
        group,
        p99: seen.p99,
        peak_rss,
    })
}

fn write_server(folder: &Path, rules: &str) -> Result<()> {
    std::fs::create_dir(folder.join("rules"))?;
    std::fs::write(folder.join("rules/rules.yaml"), rules)?;
    let app = format!("{{ subappid: {APP}, callback: {{ token: {TOKEN} }} }}");
    let config = format!("listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\napps:\n  - {app}\n");
    std::fs::write(folder.join("oncue.yaml"), config)?;
    Ok(())
}

struct Admin {
    url: String,
    token: String,
}

impl Admin {
    fn of(config: &Path, process: &Process) -> Result<Self> {
        let folder = config.parent().context("no folder")?;
        let config =
            Config::load(&read_source(config)?, folder, &Environment::of_process()).0.context("no configuration")?;
        let admin = process.admin.context("no admin address")?;
        Ok(Self {
            url: format!("http://{admin}/api/v1/counts"),
            token: admin_token::read(&config)?.expose().to_owned(),
        })
    }

    async fn counts(&self) -> Result<Value> {
        let answer = reqwest::Client::new().get(&self.url).bearer_auth(&self.token).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}
