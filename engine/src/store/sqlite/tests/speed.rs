//! How fast accepts are, for people: `cargo test -- --ignored how_many`.

use std::io::Write;
use std::time::Instant;

use super::*;
use crate::store::Store;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and asserts nothing"]
async fn how_many_accepts_a_second() {
    for callers in [1, 16, 256, 2_048] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("oncue.db"));
        let each = (callers * 8).clamp(500, 20_000) / callers;
        let begun = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for n in 0..each {
                        store.accept(accept(caller * each + n, 600)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let (stats, seconds) = (store.stats(), begun.elapsed().as_secs_f64());
        let commands = f64::from(u32::try_from(stats.commands).unwrap());
        let group = commands / f64::from(u32::try_from(stats.commits).unwrap());
        let line = format!("{callers:>5} callers: {:>7.0} accepts/s, {group:.1} a commit", commands / seconds);
        writeln!(std::io::stdout(), "{line}").unwrap();
    }
}
