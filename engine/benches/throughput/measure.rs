//! What a server does with the events of many senders.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::baseline::Work;
use crate::rows;
use crate::serving::load::{self, Senders};
use crate::serving::process::Process;
use crate::serving::{APP, Home, NEIGHBOUR, Server, built, number, path};

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
    let home = Home::with_rules(rules)?;
    let database = home.database();
    let server = Server::start(home, built()).await?;
    let senders = senders(&server, connections);
    let sample = async {
        tokio::time::sleep(time / 2).await;
        let sample = move || rows::accepted(&rows::open(&database)?, starts_runs);
        tokio::task::spawn_blocking(sample).await?
    };
    let started = Instant::now();
    let (seen, accepted) = tokio::join!(senders.send(time), sample);
    let (seen, accepted) = (seen?, accepted?);
    let counts = server.counts().await?;
    let took = started.elapsed();
    let finished = number(&counts["runs"]["succeeded"])?;
    check(&server, seen.accepted, starts_runs).await?;
    let cpu_per_event = cpu(&server.process)?.div_f64(seen.accepted as f64);
    let (commands, commits) = (number(&counts["store"]["commands"])?, number(&counts["store"]["commits"])?);
    let group = usize::try_from(commands.div_ceil(commits.max(1)))?.max(1);
    let peak_rss = server.process.peak_rss()?;
    let home = server.kill().await?;
    let connection = rows::open(&home.database())?;
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
    let server = Server::start(Home::with_rules(rules)?, built()).await?;
    let started = Instant::now();
    let mine = senders(&server, connections);
    let neighbour = Senders { path: path(NEIGHBOUR), ..senders(&server, 1) };
    let (seen, neighbour) = tokio::join!(mine.send(time), trickle(&neighbour, pause, time));
    let (seen, neighbour) = (seen?, neighbour?);
    let counts = server.counts().await?;
    let took = started.elapsed();
    let events = seen.accepted + neighbour;
    ensure!(number(&counts["events"])? == events, "{events} answers of 200, and stored are {counts}");
    let finished = number(&counts["runs"]["succeeded"])?;
    server.succeed(seen.accepted, PATIENCE).await?;
    let peak_rss = server.process.peak_rss()?;
    server.kill().await?;
    Ok(Beside { finished: finished as f64 / took.as_secs_f64(), p99: seen.p99, peak_rss })
}

/// Serves the rules with this program, has events sent for a time, and checks that nothing was lost; events in a second,
/// or ended runs when each event starts one.
///
/// # Errors
///
/// When an answer is not 200, or what is stored is not what was answered.
pub(crate) async fn rate(
    program: &Path,
    rules: &str,
    starts_runs: bool,
    connections: usize,
    time: Duration,
) -> Result<f64> {
    let server = Server::start(Home::with_rules(rules)?, program).await?;
    let started = Instant::now();
    let seen = senders(&server, connections).send(time).await?;
    let ended = server.succeeded().await?;
    let took = started.elapsed();
    check(&server, seen.accepted, starts_runs).await?;
    server.kill().await?;
    Ok(if starts_runs { ended as f64 / took.as_secs_f64() } else { seen.rate() })
}

/// Sends one event after each pause, for a time; how many.
async fn trickle(senders: &Senders, pause: Duration, time: Duration) -> Result<u64> {
    Ok(senders.one_connection(Some(pause), Instant::now() + time).await?.len() as u64)
}

fn senders(server: &Server, connections: usize) -> Senders {
    Senders { to: server.process.listen, path: path(APP), connections, body: load::upload(), ids: load::in_order() }
}

/// Waits until every run has ended, and compares what is stored with what was answered.
async fn check(server: &Server, events: u64, starts_runs: bool) -> Result<()> {
    let counts = server.counts().await?;
    ensure!(number(&counts["events"])? == events, "{events} answers of 200, and stored are {counts}");
    ensure!(number(&counts["duplicates"])? == 0, "duplicates: {counts}");
    server.succeed(if starts_runs { events } else { 0 }, PATIENCE).await
}

/// How long processors worked for a process so far.
fn cpu(process: &Process) -> Result<Duration> {
    /// Linux counts for programs in hundredths of a second, whatever its own clock.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id()?))?;
    // The second field is a name in parentheses; utime and stime are the 14th and the 15th.
    let (_, fields) = stat.rsplit_once(')').context("no name")?;
    let ticks: Vec<u32> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(TICK * ticks.iter().sum::<u32>())
}
