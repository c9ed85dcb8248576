//! The server under measurement: the release binary in a folder of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oncue::config::{Config, Environment, admin_token, read_source};
use serde_json::Value;
use tempfile::TempDir;

use crate::baseline::Work;
use crate::process::Process;
use crate::{load, rows};

const APP: u64 = 1_500_000_001;
const NEIGHBOUR: u64 = 1_500_000_002;
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// How long runs may take to end once the senders have stopped.
const PATIENCE: Duration = Duration::from_mins(1);

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Answers of 200 in a second.
    pub accepted: f64,
    /// Runs that ended in a second, of those that had when the last answer came.
    pub finished: f64,
    /// 99 of 100 answers took no longer.
    pub p99: Duration,
    /// Bytes.
    pub peak_rss: u64,
    /// Time of processors that the server took for each event, its run included.
    pub cpu_per_event: Duration,
    /// What was written, for the loop that writes the same.
    pub work: Work,
}

/// Serves the rules, has events sent for a time, and checks that nothing was lost.
///
/// # Errors
///
/// When an answer is not 200, or what is stored is not what was answered.
pub(crate) async fn measure(rules: &str, starts_runs: bool, connections: usize, time: Duration) -> Result<Measured> {
    let server = Server::start(rules).await?;
    let (path, database) = (path(APP), server.database());
    let sample = async {
        tokio::time::sleep(time / 2).await;
        let sample = move || rows::accepted(&rows::open(&database)?, starts_runs);
        tokio::task::spawn_blocking(sample).await?
    };
    let started = Instant::now();
    let (seen, accepted) = tokio::join!(load::send(server.process.listen, &path, connections, time), sample);
    let (seen, accepted) = (seen?, accepted?);
    let counts = server.counts().await?;
    let took = started.elapsed();
    let finished = number(&counts["runs"]["succeeded"])?;
    server.check(seen.accepted, if starts_runs { seen.accepted } else { 0 }).await?;
    let cpu_per_event = server.process.cpu()?.div_f64(seen.accepted as f64);
    let (commands, commits) = (number(&counts["store"]["commands"])?, number(&counts["store"]["commits"])?);
    let group = usize::try_from(commands.div_ceil(commits.max(1)))?.max(1);
    let peak_rss = server.process.peak_rss()?;
    let database = server.end().await?;
    let connection = rows::open(&database.path().join("data/oncue.db"))?;
    let ended = rows::now(&connection, &accepted.ids)?;
    ensure!(ended.rows.len() == accepted.rows.len(), "rows came or went after the commit that accepts an event");
    let work = Work { schema: rows::schema(&connection)?, accepted, ended, group };
    let finished = finished as f64 / took.as_secs_f64();
    Ok(Measured { accepted: seen.rate(), finished, p99: seen.p99, peak_rss, cpu_per_event, work })
}

/// What was measured of one application beside another.
#[derive(Debug)]
pub(crate) struct Beside {
    /// Its runs that ended in a second, of those that had when the last answer came.
    pub finished: f64,
    /// 99 of 100 answers took no longer.
    pub p99: Duration,
    /// Bytes.
    pub peak_rss: u64,
}

/// Serves the rules, has events of one application sent for a time and, after each pause, one of a neighbour. Every run of
/// the first must succeed, and none of the neighbour.
///
/// # Errors
///
/// When an answer is not 200, or what is stored is not what was answered.
pub(crate) async fn measure_beside(rules: &str, connections: usize, pause: Duration, time: Duration) -> Result<Beside> {
    let server = Server::start(rules).await?;
    let to = server.process.listen;
    let started = Instant::now();
    let (mine, others) = (path(APP), path(NEIGHBOUR));
    let (seen, neighbour) =
        tokio::join!(load::send(to, &mine, connections, time), load::trickle(to, &others, pause, time));
    let (seen, neighbour) = (seen?, neighbour?);
    let counts = server.counts().await?;
    let took = started.elapsed();
    let events = seen.accepted + neighbour;
    ensure!(number(&counts["events"])? == events, "{events} answers of 200, and stored are {counts}");
    let finished = number(&counts["runs"]["succeeded"])?;
    server.succeed(seen.accepted).await?;
    let peak_rss = server.process.peak_rss()?;
    server.end().await?;
    Ok(Beside { finished: finished as f64 / took.as_secs_f64(), p99: seen.p99, peak_rss })
}

fn path(app: u64) -> String {
    format!("/vod/{app}/{TOKEN}")
}

struct Server {
    folder: TempDir,
    process: Process,
    http: reqwest::Client,
    counts: String,
    token: String,
}

impl Server {
    async fn start(rules: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = write_files(folder.path(), rules)?;
        let arguments = ["--json", "--config", config.to_str().context("a path that is no text")?, "serve"];
        let program = Path::new(env!("CARGO_BIN_EXE_oncue"));
        let process = Process::start(program, &arguments, &folder.path().join("log")).await?;
        let admin = process.admin.context("no admin address")?;
        let read = Config::load(&read_source(&config)?, folder.path(), &Environment::of_process());
        let token = admin_token::read(&read.0.context("no configuration")?)?.expose().to_owned();
        // Other code of this process may have installed one, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { folder, process, http, counts: format!("http://{admin}/api/v1/counts"), token })
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("data/oncue.db")
    }

    async fn counts(&self) -> Result<Value> {
        let answer = self.http.get(&self.counts).bearer_auth(&self.token).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Waits until every run has ended, and compares what is stored with what was answered.
    async fn check(&self, events: u64, runs: u64) -> Result<()> {
        let counts = self.counts().await?;
        ensure!(number(&counts["events"])? == events, "{events} answers of 200, and stored are {counts}");
        ensure!(number(&counts["duplicates"])? == 0, "duplicates: {counts}");
        self.succeed(runs).await
    }

    /// Waits until so many runs have succeeded.
    async fn succeed(&self, runs: u64) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let counts = self.counts().await?;
            if number(&counts["runs"]["succeeded"])? == runs {
                return Ok(());
            }
            ensure!(Instant::now() < end, "{runs} runs were to succeed: {counts}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn end(self) -> Result<TempDir> {
        self.process.end().await?;
        Ok(self.folder)
    }
}

fn number(value: &Value) -> Result<u64> {
    value.as_u64().with_context(|| format!("{value} is no count"))
}

fn write_files(folder: &Path, rules: &str) -> Result<PathBuf> {
    std::fs::create_dir(folder.join("rules"))?;
    std::fs::write(folder.join("rules/rules.yaml"), rules)?;
    let app = |id| format!("  - {{ subappid: {id}, callback: {{ token: {TOKEN} }} }}\n");
    let apps = app(APP) + app(NEIGHBOUR).as_str();
    let config = folder.join("oncue.yaml");
    std::fs::write(&config, format!("listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\napps:\n{apps}"))?;
    Ok(config)
}
