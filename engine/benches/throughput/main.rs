//! How many events are accepted and how many runs finished in a second, as ratios to two baselines of the same run:
//! a loop that writes the same rows with nothing but SQLite, and a warp handler that reads the body and does nothing.
//! Server and senders share the machine; the loop has it for itself.
//!
//! Then how many runs of one application finish beside another one whose runs are hostile, as a ratio to a neighbour that
//! does nothing.
//!
//! With `--against PATH` it compares two servers instead: that program and the one of this build, in turns.
//!
//! Absolute figures depend on the machine; the ratios are what counts. It fails when an answer is not 200, or when what
//! is stored is not what was answered.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::cast_precision_loss, reason = "counts are far from 2^52")]

mod against;
mod baseline;
mod checkpoints;
mod hostile;
mod measure;
mod nothing;
mod rows;
#[path = "../serving/mod.rs"]
mod serving;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use serving::load::{self, Senders};
use serving::process::Process;

const CONNECTIONS: [usize; 2] = [64, 512];
const NOTHING: &str = "--serve-nothing";
const CASES: [Case; 2] = [
    Case {
        name: "events, no rule matches",
        rules: "rules:
  - name: never
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Audio }
    steps: [{ uses: log, with: { message: never } }]
",
        starts_runs: false,
    },
    Case {
        name: "finished runs of one log step",
        rules: "rules:
  - name: log-uploads
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Video }
    steps: [{ uses: log, with: { message: '${{ event.file_id }} was uploaded' } }]
",
        starts_runs: true,
    },
];

struct Case {
    name: &'static str,
    rules: &'static str,
    starts_runs: bool,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if arguments.iter().any(|argument| argument == NOTHING) {
        return runtime.block_on(nothing::serve());
    }
    let value =
        |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let seconds = value("--seconds").map_or(Ok(60), |text| text.parse()).context("--seconds takes a whole number")?;
    let time = Duration::from_secs(seconds);
    let rounds = value("--rounds").map_or(Ok(5), |text| text.parse()).context("--rounds takes a whole number")?;
    match value("--against") {
        Some(before) => runtime.block_on(against::compare(Path::new(before), rounds, time)),
        None => runtime.block_on(run(time)),
    }
}

async fn run(time: Duration) -> Result<()> {
    println!("{} s a case; body: a real upload of 2.3 kB with its own FileId each time", time.as_secs());
    println!(
        "{:<43} {:>7} {:>8} {:>6} {:>8} {:>6} {:>6} {:>7} {:>7} {:>7}",
        "case", "per s", "sqlite", "ratio", "nothing", "ratio", "group", "p99 ms", "rss MiB", "cpu us"
    );
    for connections in CONNECTIONS {
        let nothing = measure_nothing(connections, time).await?;
        for case in &CASES {
            measure(case, connections, nothing, time).await?;
        }
    }
    hostile::measure(time).await
}

async fn measure(case: &Case, connections: usize, nothing: f64, time: Duration) -> Result<()> {
    let measured = measure::measure(case.rules, case.starts_runs, connections, time).await?;
    let (work, folder) = (measured.work, tempfile::tempdir()?);
    let group = work.group;
    let loop_of_rows = move || baseline::measure(folder.path(), &work, time);
    let sqlite = tokio::task::spawn_blocking(loop_of_rows).await??;
    let rate = if case.starts_runs { measured.finished } else { measured.accepted };
    println!(
        "{:<43} {rate:>7.0} {sqlite:>8.0} {:>6.2} {nothing:>8.0} {:>6.2} {group:>6} {:>7.1} {:>7} {:>7.0}",
        format!("{}, {connections} senders", case.name),
        rate / sqlite,
        rate / nothing,
        measured.p99.as_secs_f64() * 1e3,
        measured.peak_rss >> 20,
        measured.cpu_per_event.as_secs_f64() * 1e6,
    );
    if case.starts_runs {
        println!("    {:.0} events accepted in a second", measured.accepted);
    }
    Ok(())
}

async fn measure_nothing(connections: usize, time: Duration) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let process = Process::start(&std::env::current_exe()?, &[NOTHING], &folder.path().join("log")).await?;
    let path = "/vod/1500000001/x".to_owned();
    let (body, ids) = (load::upload(), load::in_order());
    let seen = Senders { to: process.listen, path, connections, body, ids }.send(time).await?;
    process.end().await?;
    Ok(seen.rate())
}
