//! Runs that a killed server left: half of them in their first attempt, half not begun. All go on, and end well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::figures::{figure, part, required};
use crate::make::{self, Maker};
use crate::serving::load::{self, Senders};
use crate::serving::{APP, Home, Server, built, number, path};

const RULES: &str = "rules:
  - name: log-uploads
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Video }
    steps: [{ uses: log, with: { message: '${{ event.file_id }} was uploaded' } }]
";
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_mins(15);

/// Measures with so many unfinished runs.
///
/// # Errors
///
/// When one of them does not succeed.
pub(crate) async fn measure(runs: u64, time: Duration) -> Result<()> {
    part(&format!("{runs} unfinished runs of one log step that a killed server left"));
    let fresh = fresh(time).await?;
    let (maker, home) = Maker::after_one(RULES, load::upload(), "succeeded").await?;
    let maker = Arc::new(maker);
    let leave = |n| {
        let maker = Arc::clone(&maker);
        async move { if n % 2 == 0 { maker.leave_at_call(n).await } else { maker.leave_pending(n).await } }
    };
    make::many(1..runs + 1, leave).await?;
    drop(maker);
    let started = Instant::now();
    let server = Server::start(home, built()).await?;
    let listens = started.elapsed();
    server.succeed(runs + 1, PATIENCE).await?;
    let took = started.elapsed();
    let counts = server.counts().await?;
    for status in ["pending", "running", "waiting", "paused", "failed", "dead", "cancelled"] {
        ensure!(number(&counts["runs"][status])? == 0, "every run is to succeed: {counts}");
    }
    let peak = server.process.peak_rss()?;
    server.kill().await?;
    let rate = runs as f64 / took.as_secs_f64();
    figure("from the start until it listens, ms", listens.as_millis());
    figure("from the start until all have ended, s", format!("{:.1}", took.as_secs_f64()));
    figure("runs ended, per s", format!("{rate:.0}"));
    figure("  as new events start them", format!("{fresh:.0}"));
    required("  ratio", rate / fresh, "at least 0.5", rate >= fresh / 2.0);
    figure("memory of the server at most, MiB", peak >> 20);
    Ok(())
}

/// Runs of the same rule that end in a second when events start them.
async fn fresh(time: Duration) -> Result<f64> {
    let server = Server::start(Home::with_rules(RULES)?, built()).await?;
    let (body, ids) = (load::upload(), load::in_order());
    let senders = Senders { to: server.process.listen, path: path(APP), connections: CONNECTIONS, body, ids };
    let started = Instant::now();
    let seen = senders.send(time).await?;
    let ended = server.succeeded().await?;
    let took = started.elapsed();
    server.succeed(seen.accepted, PATIENCE).await?;
    server.kill().await?;
    Ok(ended as f64 / took.as_secs_f64())
}
