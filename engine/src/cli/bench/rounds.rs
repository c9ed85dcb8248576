//! How fast things are that are done over and over. The bench of the rules includes this file: both measure alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How often each thing is measured, in turns with what it is compared with: what disturbs the machine for a moment spoils
/// one turn, and the median forgets it.
pub(super) const ROUNDS: usize = 5;

/// How many items are done in a second. All of them are done in their order, again and again until the time is over.
#[expect(clippy::cast_precision_loss, reason = "counts are far from 2^52")]
pub(super) fn rate<T, R>(items: &[T], time: Duration, mut each: impl FnMut(&T) -> R) -> f64 {
    let (started, mut done) = (Instant::now(), 0_usize);
    loop {
        for item in items {
            black_box(each(black_box(item)));
        }
        done += items.len();
        let took = started.elapsed();
        if took >= time {
            return done as f64 / took.as_secs_f64();
        }
    }
}

/// The middle one of figures; not a number when there is none.
pub(super) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
