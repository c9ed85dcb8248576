//! `oncue backup`: a complete copy of the store, also while the server runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::client::{Client, load};
use super::output::{Output, cell};
use super::progress::Progress;
use super::{Exit, Failure};
use crate::config::{Environment, StoreUrl};
use crate::store::sqlite::SqliteStore;
use crate::store::{Copied, Error};

const EXAMPLES: &str = "\
Examples:
  oncue backup /backups/oncue-2026-01-31.db
  oncue backup copy.db --json

While the server runs, it is the server that writes FILE: into a folder that it may write to. Everything that was
acknowledged before the command began is in the copy. A copy is a store like any other: `store: sqlite:FILE` serves it,
and `oncue verify` checks it.

Exit codes: 0 the copy is whole and on the disk, 2 FILE is there already, 4 there is no store, 5 it cannot be written";

/// Between two questions how far the server is.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(100);

/// Copy the store to a new file, also while the server runs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The copy; there must be no such file yet
    file: PathBuf,
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    let file = std::path::absolute(&args.file)
        .map_err(|error| Failure::caused(Exit::Usage, format!("{} is no path", args.file.display()), error))?;
    let StoreUrl::Sqlite(store) = load(config, &Environment::of_process().lenient())?.store;
    if !store.exists() {
        let message = format!("there is no store at {} (`oncue serve` makes it at its first start)", store.display());
        return Err(Failure::new(Exit::NotFound, message));
    }
    let mut progress = Progress::start("copying");
    let (bytes, by) = match closed(store, file.clone()).await {
        Ok(copied) => (copied.bytes, "this command"),
        Err(Error::InUse { .. }) => (ask(&Client::from_config(config)?, &file, &mut progress).await?, "the server"),
        Err(error) => return Err(refused(error)),
    };
    drop(progress);
    let answer = json!({ "file": file, "bytes": bytes, "by": by });
    output.answer(&answer, |answer| format!("{} holds {} bytes", cell(answer, "file"), cell(answer, "bytes")));
    Ok(())
}

async fn closed(store: PathBuf, file: PathBuf) -> Result<Copied, Error> {
    let copy = move || {
        let progress = std::cell::RefCell::new(Progress::start("copying"));
        SqliteStore::copy_closed(&store, &file, &|copied| {
            progress.borrow_mut().update(|| state(copied.bytes, copied.of));
        })
    };
    let ended = || Error::Unavailable { doing: "copying the database", unknown: false, source: None };
    tokio::task::spawn_blocking(copy).await.unwrap_or_else(|_| Err(ended()))
}

/// Has the server that has the store open copy it.
async fn ask(client: &Client, file: &Path, progress: &mut Progress) -> Result<u64, Failure> {
    let mut copy = client.post("/backup", &json!({ "file": file })).await?;
    loop {
        let number = |name: &str| copy[name].as_u64().unwrap_or(0);
        match copy["outcome"].as_str() {
            Some("copying") if copy["file"] == json!(file) => progress.update(|| state(number("bytes"), number("of"))),
            Some("done") if copy["file"] == json!(file) => return Ok(number("bytes")),
            Some("failed") => {
                return Err(Failure::new(Exit::Unavailable, format!("no copy was made: {}", cell(&copy, "message"))));
            }
            _ => return Err(Failure::new(Exit::Unavailable, "the server makes another copy by now: ask again")),
        }
        tokio::time::sleep(BETWEEN_QUESTIONS).await;
        copy = client.get("/backup", &[]).await.map_err(|failure| match failure.exit {
            Exit::NotFound => Failure::new(Exit::Unavailable, "the server was restarted before the copy was whole"),
            _ => failure,
        })?;
    }
}

fn state(bytes: u64, of: u64) -> String {
    format!("{} of {} MiB", bytes >> 20, of >> 20)
}

fn refused(error: Error) -> Failure {
    let exit = match error {
        Error::Occupied { .. } => Exit::Usage,
        Error::Corrupt { .. } => Exit::Broken,
        _ => Exit::Unavailable,
    };
    Failure::caused(exit, "no copy was made", error)
}
