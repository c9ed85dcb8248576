//! What long-lived runs cost, as ratios of one run of this bench: a million runs that wait, a hundred thousand that a
//! killed server left unfinished, and loops over many items.
//!
//! `--part parked|unfinished|items` measures one of them; `--parked`, `--unfinished` and `--items` say how much of each,
//! `--seconds` how long a case takes and `--rounds` how often it is repeated.
//!
//! Absolute figures depend on the machine; the ratios are what counts. It fails when an answer is not 200, or when a run
//! does not end as it should, and says where a figure is not what is required.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::cast_precision_loss, reason = "counts are far from 2^52")]

mod figures;
mod items;
mod make;
mod parked;
#[path = "../serving/mod.rs"]
mod serving;
mod unfinished;

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// How much to measure.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// Runs that wait.
    parked: u64,
    /// Runs that a killed server left.
    unfinished: u64,
    /// Items of the loops of one size and round.
    items: u64,
    /// How long events of one kind are sent.
    time: Duration,
    /// How often each case is repeated.
    rounds: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let sizes = Sizes {
        parked: number(&arguments, "--parked", 1_000_000)?,
        unfinished: number(&arguments, "--unfinished", 100_000)?,
        items: number(&arguments, "--items", 10_000)?,
        time: Duration::from_secs(number(&arguments, "--seconds", 20)?),
        rounds: number(&arguments, "--rounds", 5)?,
    };
    ensure!(
        sizes.parked > 0 && sizes.unfinished > 0 && sizes.items > 0 && sizes.rounds > 0,
        "every size is 1 at least"
    );
    oncue::tls::prepare();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(value(&arguments, "--part"), sizes))
}

async fn run(part: Option<&str>, sizes: Sizes) -> Result<()> {
    let wanted = |name| part.is_none_or(|part| part == name);
    ensure!(["parked", "unfinished", "items"].into_iter().any(wanted), "--part is parked, unfinished or items");
    if wanted("parked") {
        parked::measure(sizes.parked, sizes.rounds, sizes.time).await?;
    }
    if wanted("unfinished") {
        unfinished::measure(sizes.unfinished, sizes.time).await?;
    }
    if wanted("items") {
        items::measure(sizes.items, sizes.rounds).await?;
    }
    Ok(())
}

fn value<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}

fn number<T: FromStr>(arguments: &[String], name: &str, default: T) -> Result<T> {
    let Some(text) = value(arguments, name) else { return Ok(default) };
    text.parse().ok().with_context(|| format!("{name} takes a whole number"))
}
