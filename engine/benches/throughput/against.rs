//! Two servers of different builds, measured in turns, so that what the machine does meanwhile meets both alike.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::measure::rate;
use crate::serving::{built, median};
use crate::{CASES, CONNECTIONS, Case};

/// What counts as no slower.
const REQUIRED: f64 = 0.9;

/// Measures every case with the other program and the one of this build: A B, then B A, and so on. Prints the median of
/// the ratios of each pair.
///
/// # Errors
///
/// When an answer is not 200, or what is stored is not what was answered.
pub(crate) async fn compare(before: &Path, rounds: usize, time: Duration) -> Result<()> {
    println!("{} rounds of {} s a case and program; before: {}", rounds, time.as_secs(), before.display());
    println!("{:<43} {:>7} {:>7} {:>7} {:>13}", "case", "before", "now", "ratio", "of the rounds");
    let mut slower = 0;
    for connections in CONNECTIONS {
        for case in &CASES {
            let pairs = pairs(case, connections, before, rounds, time).await?;
            let ratios: Vec<_> = pairs.iter().map(|(before, now)| now / before).collect();
            let ratio = median(ratios.iter().copied());
            slower += usize::from(ratio < REQUIRED);
            println!(
                "{:<43} {:>7.0} {:>7.0} {ratio:>7.2} {:>6.2}-{:.2}",
                format!("{}, {connections} senders", case.name),
                median(pairs.iter().map(|(before, _)| *before)),
                median(pairs.iter().map(|(_, now)| *now)),
                ratios.iter().copied().fold(f64::INFINITY, f64::min),
                ratios.iter().copied().fold(0.0, f64::max),
            );
        }
    }
    println!("{slower} of {} cases below {REQUIRED}", CASES.len() * CONNECTIONS.len());
    Ok(())
}

async fn pairs(
    case: &Case,
    connections: usize,
    before: &Path,
    rounds: usize,
    time: Duration,
) -> Result<Vec<(f64, f64)>> {
    let one = |program| rate(program, case.rules, case.starts_runs, connections, time);
    let mut pairs = Vec::new();
    for round in 0..rounds {
        pairs.push(if round % 2 == 0 {
            let earlier = one(before).await?;
            (earlier, one(built()).await?)
        } else {
            let now = one(built()).await?;
            (one(before).await?, now)
        });
    }
    Ok(pairs)
}
