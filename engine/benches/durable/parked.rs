//! Runs that wait, a million of them: what they cost a start, memory, events that are not for them, and what it costs to
//! go on with one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::figures::{figure, part, required};
use crate::make::{self, Maker, file, files};
use crate::serving::load::{self, Body, FileIds, Senders};
use crate::serving::process::Process;
use crate::serving::{APP, Home, Server, built, median, number, path};

const RULES: &str = "rules:
  - name: waits
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Audio }
    steps:
      - id: done
        wait_for: { on: ProcedureStateChanged, keys: { file_id: '${{ trigger.file_id }}' }, timeout: 7d }
      - { uses: log, with: { message: '${{ event.file_id }} was processed' } }
  - name: log-uploads
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Video }
    steps: [{ uses: log, with: { message: '${{ event.file_id }} was uploaded' } }]
";
const FINISHED: &str = include_str!("../../../tests/fixtures/protocol/events/07_procedure_finish_errcode_nonzero.json");
const CONNECTIONS: usize = 64;
const RSS_LIMIT: u64 = 300 << 20;
/// A tenth: what events may lose to runs that they are not for.
const LOSS: f64 = 0.9;
/// Files of other uploads than those that started the runs that wait.
const OTHERS: u64 = 1 << 40;
const PATIENCE: Duration = Duration::from_mins(5);

/// Measures with so many runs that wait, beside a server that has none.
///
/// # Errors
///
/// When an answer is not 200, or a run does not end as it should.
pub(crate) async fn measure(runs: u64, rounds: usize, time: Duration) -> Result<()> {
    part(&format!("{runs} runs that wait for an event about their file"));
    let none = home(runs, |maker, n| async move { maker.store(n).await }).await?;
    let full = home(runs, |maker, n| async move { maker.park(n).await }).await?;
    figure("database, MiB", std::fs::metadata(full.database())?.len() >> 20);
    let (none, full) = starts(none, full, rounds).await?;
    let pair = [Server::start(none, built()).await?, Server::start(full, built()).await?];
    let (waiting, started) = (&pair[1], rss(&pair[1].process)?);
    let others = Arc::new(AtomicU64::new(OTHERS));
    let mut ended = 0.0;
    for (name, category, starts_runs) in
        [("events, no rule matches", "Image", false), ("finished runs of one log step", "Video", true)]
    {
        let body = upload(category);
        let rates = rates(&pair, &body, &others, starts_runs, rounds, time).await?;
        let rate = |at: usize| median(rates.iter().map(|rates| rates[at]));
        ended = rate(1);
        let ratio = median(rates.iter().map(|[none, full]| full / none));
        figure(&format!("{name}, per s, none waits"), format!("{:.0}", rate(0)));
        figure(&format!("{name}, per s, {runs} wait"), format!("{ended:.0}"));
        required("  ratio", ratio, "at least 0.9", ratio >= LOSS);
    }
    resumes(waiting, runs, ended, time).await?;
    let peak = waiting.process.peak_rss()?;
    for (when, bytes) in [("after the start", started), ("after the load", rss(&waiting.process)?), ("at most", peak)] {
        let mib = bytes as f64 / f64::from(1 << 20);
        required(&format!("memory of the server {when}, MiB"), mib, "below 300", bytes < RSS_LIMIT);
    }
    let [none, full] = pair;
    none.kill().await?;
    full.kill().await?;
    Ok(())
}

/// An upload of this category, whose tasks are its own.
fn upload(category: &str) -> Body {
    let Body { text, file } = load::upload();
    let text = text.replace("\"Category\": \"Video\"", &format!("\"Category\": \"{category}\""));
    let text = ["1a1b2c3d4e5f60718293a4b5c6d7e8f2", "2a1b2c3d4e5f60718293a4b5c6d7e8f2"]
        .iter()
        .fold(text, |text, task| text.replace(task, file));
    Body { text, file }
}

/// The end of a procedure, with a task and a session of its own.
fn finished() -> Body {
    let file = "5000000000000000006";
    let text = FINISHED.replace("0a1b2c3d4e5f60718293a4b5c6d7e8f6", file).replace("evt-0003", file);
    Body { text, file }
}

/// A database with so many events, of which the first one's run waits, and the others were made.
async fn home<F>(events: u64, make: impl Fn(Arc<Maker>, u64) -> F) -> Result<Home>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (maker, home) = Maker::after_one(RULES, upload("Audio"), "waiting").await?;
    let maker = Arc::new(maker);
    make::many(1..events, |n| make(Arc::clone(&maker), n)).await?;
    Ok(home)
}

/// Starts both servers in turns, each as a kill left it.
async fn starts(mut none: Home, mut full: Home, rounds: usize) -> Result<(Home, Home)> {
    let mut times = Vec::new();
    for _ in 0..=rounds {
        let (quick, server) = until_ready(none).await?;
        none = server.kill().await?;
        let (slow, server) = until_ready(full).await?;
        full = server.kill().await?;
        times.push((quick.as_secs_f64(), slow.as_secs_f64()));
    }
    // The first ones read files that no process has read lately.
    times.remove(0);
    figure("from the start to ready, ms, none waits", format!("{:.0}", 1e3 * median(times.iter().map(|(a, _)| *a))));
    figure("from the start to ready, ms, all wait", format!("{:.0}", 1e3 * median(times.iter().map(|(_, b)| *b))));
    let ratio = median(times.iter().map(|(none, full)| full / none));
    required("  ratio", ratio, "at most 1.5: the start reads none of them", ratio <= 1.5);
    Ok((none, full))
}

async fn until_ready(home: Home) -> Result<(Duration, Server)> {
    let started = Instant::now();
    let server = Server::start(home, built()).await?;
    let ready = format!("http://{}/readyz", server.process.admin.context("no admin address")?);
    while !reqwest::get(&ready).await?.status().is_success() {
        ensure!(started.elapsed() < PATIENCE, "the server does not become ready");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok((started.elapsed(), server))
}

/// Sends to both in turns; events in a second that each took, or runs that it ended.
async fn rates(
    pair: &[Server; 2],
    body: &Body,
    others: &Arc<AtomicU64>,
    starts_runs: bool,
    rounds: usize,
    time: Duration,
) -> Result<Vec<[f64; 2]>> {
    let mut rates = Vec::new();
    for round in 0..rounds {
        let mut pair_of_rates = [0.0; 2];
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for at in order {
            pair_of_rates[at] = rate(&pair[at], body, others, starts_runs, time).await?;
        }
        rates.push(pair_of_rates);
    }
    Ok(rates)
}

async fn rate(server: &Server, body: &Body, others: &Arc<AtomicU64>, starts_runs: bool, time: Duration) -> Result<f64> {
    let others = Arc::clone(others);
    let ids: FileIds = Arc::new(move || Some(file(others.fetch_add(1, Ordering::Relaxed))));
    let before = server.counts().await?;
    let started = Instant::now();
    let seen = senders(server, body.clone(), ids).send(time).await?;
    let ended = server.succeeded().await? - succeeded(&before)?;
    let took = started.elapsed();
    let after = server.counts().await?;
    let stored = number(&after["events"])? - number(&before["events"])?;
    ensure!(stored == seen.accepted, "{} answers of 200, and {stored} events stored", seen.accepted);
    if !starts_runs {
        return Ok(seen.rate());
    }
    server.succeed(succeeded(&before)? + seen.accepted, PATIENCE).await?;
    Ok(ended as f64 / took.as_secs_f64())
}

/// Events that each go on with one run that waits.
async fn resumes(server: &Server, runs: u64, others: f64, time: Duration) -> Result<()> {
    let before = server.counts().await?;
    let started = Instant::now();
    let seen = senders(server, finished(), files(0..runs)).send(time).await?;
    server.succeed(succeeded(&before)? + seen.accepted, PATIENCE).await?;
    let took = started.elapsed();
    let after = server.counts().await?;
    let waiting = |counts: &Value| number(&counts["runs"]["waiting"]);
    ensure!(waiting(&before)? - waiting(&after)? == seen.accepted, "each event is to go on with one run: {after}");
    let written = |name: &str| Ok::<_, anyhow::Error>(number(&after["store"][name])? - number(&before["store"][name])?);
    let rate = seen.accepted as f64 / took.as_secs_f64();
    figure("runs that an event went on with, per s", format!("{rate:.0}"));
    figure("  ratio to finished runs of one log step", format!("{:.2}", rate / others));
    figure("  99 of 100 answers took, ms", format!("{:.1}", seen.p99.as_secs_f64() * 1e3));
    let commands = written("commands")? as f64 / seen.accepted as f64;
    figure("  commands of the store for each, its event included", format!("{commands:.2}"));
    figure("  commands in one commit", format!("{:.0}", written("commands")? as f64 / written("commits")? as f64));
    Ok(())
}

fn senders(server: &Server, body: Body, ids: FileIds) -> Senders {
    Senders { to: server.process.listen, path: path(APP), connections: CONNECTIONS, body, ids }
}

fn succeeded(counts: &Value) -> Result<u64> {
    number(&counts["runs"]["succeeded"])
}

/// The memory that a process holds, in bytes.
fn rss(process: &Process) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()?))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib * 1024)
}
