//! Loops over many items: an item of a long loop costs what an item of a short one costs.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::figures::{figure, part, required};
use crate::make::files;
use crate::serving::load::{self, Body, Senders};
use crate::serving::{APP, Home, Server, built, median, path};

const RULES: &str = "rules:
  - name: one-after-another
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Video }
    steps:
      - { for_each: '${{ payload.Items }}', as: item, uses: log, with: { message: '${{ item }}' } }
  - name: ten-at-once
    on: NewFileUpload
    match: { payload.MediaBasicInfo.Category: Audio }
    steps:
      - { for_each: '${{ payload.Items }}', as: item, max_parallel: 10, uses: log, with: { message: '${{ item }}' } }
";
const SIZES: [u64; 3] = [100, 1_000, 10_000];
/// The size that the others are compared with.
const BASE: usize = 1;
/// How much more an item of a loop of ten times the items may cost.
const GROWTH: f64 = 1.5;
const PATIENCE: Duration = Duration::from_mins(10);
/// The most runs that one page of the API lists.
const PAGE: u64 = 1_000;

/// Measures loops of each size over so many items together, in turns.
///
/// # Errors
///
/// When a run does not succeed.
pub(crate) async fn measure(items: u64, rounds: usize) -> Result<()> {
    part(&format!("for_each with a log step, loops over {items} items together, {rounds} times"));
    let server = Server::start(Home::with_rules(RULES)?, built()).await?;
    let mut next = 0;
    for (how, category) in [("one after another", "Video"), ("max_parallel: 10", "Audio")] {
        let mut times = Vec::new();
        for _ in 0..rounds {
            let mut of_round = [0.0; SIZES.len()];
            for (time, size) in of_round.iter_mut().zip(SIZES) {
                let runs = (items / size).clamp(1, PAGE);
                *time = time_an_item(&server, category, size, next..next + runs).await?;
                next += runs;
            }
            times.push(of_round);
        }
        for (at, size) in SIZES.into_iter().enumerate() {
            let ratio = median(times.iter().map(|times| times[at] / times[BASE]));
            let time = median(times.iter().map(|times| times[at])) * 1e6;
            figure(&format!("{how}: an item of {size}, us"), format!("{time:.0}"));
            if at > BASE {
                required("  ratio to one of 1000", ratio, "at most 1.5", ratio <= GROWTH);
            } else if at < BASE {
                figure("  ratio to one of 1000", format!("{ratio:.2}"));
            }
        }
    }
    figure("memory of the server at most, MiB", server.process.peak_rss()? >> 20);
    server.kill().await?;
    Ok(())
}

/// Has a run for each file loop over so many items, one run at a time; seconds an item, from the beginning of each run to
/// its end.
async fn time_an_item(server: &Server, category: &str, size: u64, numbers: std::ops::Range<u64>) -> Result<f64> {
    let runs = numbers.end - numbers.start;
    for n in numbers {
        let before = server.succeeded().await?;
        let (to, path, ids) = (server.process.listen, path(APP), files(n..n + 1));
        Senders { to, path, connections: 1, body: upload(category, size)?, ids }.send(PATIENCE).await?;
        server.succeed(before + 1, PATIENCE).await?;
    }
    let newest = server.get(&format!("/runs?limit={runs}")).await?;
    let newest = newest["items"].as_array().context("no runs")?;
    ensure!(newest.len() as u64 == runs, "{runs} runs were to be listed");
    let took: f64 = newest.iter().map(took).sum::<Result<f64>>()?;
    Ok(took / (runs * size) as f64)
}

/// How long a run took, in seconds.
fn took(run: &Value) -> Result<f64> {
    let at = |name: &str| -> Result<Timestamp> { Ok(run[name].as_str().context("no time")?.parse()?) };
    Ok(at("updated_at")?.duration_since(at("created_at")?).as_secs_f64())
}

fn upload(category: &str, size: u64) -> Result<Body> {
    let Body { text, file } = load::upload();
    let mut body: Value = serde_json::from_str(&text)?;
    body["FileUploadEvent"]["MediaBasicInfo"]["Category"] = category.into();
    body["FileUploadEvent"]["Items"] = (0..size).map(|n| json!(n)).collect();
    Ok(Body { text: body.to_string(), file })
}
