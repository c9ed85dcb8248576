//! `oncue verify`: proves that what is stored keeps every promise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::load;
use super::output::{Output, cell};
use super::progress::Progress;
use super::{Exit, Failure};
use crate::clock;
use crate::config::{Config, Environment, StoreUrl};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{self, Admin, Place, Violation};
use ledger::Ledger;
use oncue_rules::time::Timestamp;

mod ledger;

const EXAMPLES: &str = "\
Examples:
  oncue verify                          every promise, over the whole store; the server must be stopped
  oncue verify --ledger sent.jsonl      and every event that its sender was told is stored
  oncue verify --json

A ledger has a line for each answer that a sender got, and only those with the status 200 count:
  {\"subappid\": 1500000001, \"dedupe_key\": \"NewFileUpload:5000000000000000001\", \"status\": 200}
  {\"event\": \"evt_0198c0de5a7c7b3e9f0d1c2b3a495867\", \"status\": 200}

Exit codes: 0 all promises are kept, 2 the ledger cannot be read, 4 there is no store, 5 a server has it open,
6 a promise is broken";

/// Rows of a page: read within one snapshot, which must not last.
const PAGE: u32 = 200;
/// Violations that are kept and told; more are counted.
const MOST_TOLD: usize = 1_000;

/// Check every promise of the store: nothing is lost, nothing is stuck, nothing is there twice
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Answers that senders got, as lines of JSON
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

pub(super) async fn run(args: Args, path: &Path, output: Output<'_>) -> Result<(), Failure> {
    let ledger = args.ledger.as_deref().map(Ledger::read).transpose()?;
    let config = load(path, &Environment::of_process().lenient())?;
    let store = open(&config)?;
    let keep = i64::try_from(config.keep.as_millis()).unwrap_or(i64::MAX);
    let kept_since = Timestamp(clock::now().0.saturating_sub(keep));
    let report = examine(&*store, kept_since, ledger).await.map_err(unreadable)?;
    let broken = report.found > 0;
    output.answer(&report.value(), describe);
    if broken { Err(Failure::said(Exit::Broken)) } else { Ok(()) }
}

fn open(config: &Config) -> Result<std::sync::Arc<SqliteStore>, Failure> {
    let StoreUrl::Sqlite(path) = &config.store;
    if !path.exists() {
        let message = format!("there is no store at {} (`oncue serve` makes it at its first start)", path.display());
        return Err(Failure::new(Exit::NotFound, message));
    }
    SqliteStore::open(path, &Options::default()).map_err(unreadable)
}

fn unreadable(error: store::Error) -> Failure {
    let (exit, message) = match error {
        store::Error::InUse { .. } => (Exit::Unavailable, "the store cannot be verified while a server has it open"),
        store::Error::Corrupt { .. } => (Exit::Broken, "the store cannot be read"),
        _ => (Exit::Unavailable, "the store cannot be verified"),
    };
    Failure::caused(exit, message, error)
}

#[derive(Default)]
struct Report {
    rows: BTreeMap<&'static str, u64>,
    acknowledged: Option<usize>,
    found: usize,
    told: Vec<Violation>,
}

impl Report {
    fn add(&mut self, violations: impl IntoIterator<Item = Violation>) {
        for violation in violations {
            self.found += 1;
            if self.told.len() < MOST_TOLD {
                self.told.push(violation);
            }
        }
    }

    fn value(&self) -> Value {
        let told = self.told.iter().map(|violation| {
            let Violation { code, of, message } = violation;
            json!({ "code": code, "of": of, "message": message })
        });
        let told: Vec<_> = told.collect();
        json!({ "checked": self.rows, "acknowledged": self.acknowledged, "violations": self.found, "items": told })
    }
}

async fn examine(store: &dyn Admin, kept_since: Timestamp, mut ledger: Option<Ledger>) -> Result<Report, store::Error> {
    let mut progress = Progress::start("verifying");
    let mut report = Report { acknowledged: ledger.as_ref().map(Ledger::len), ..Report::default() };
    let mut counted: BTreeMap<String, i64> = BTreeMap::new();
    let mut place = Some(Place::START);
    while let Some(at) = place {
        let part = at.part.as_str();
        let examined = store.examine(at, kept_since, PAGE).await?;
        let rows = report.rows.entry(part).or_default();
        *rows += examined.rows;
        progress.update(|| format!("{rows} {part}"));
        for (what, by) in examined.counted {
            *counted.entry(what).or_default() += by;
        }
        if let Some(ledger) = &mut ledger {
            ledger.meet(&examined.events);
        }
        report.add(examined.violations);
        place = examined.next;
    }
    let sums = store.sums().await?;
    report.add(differing(counted, sums));
    report.add(ledger.into_iter().flat_map(Ledger::violations));
    Ok(report)
}

/// What the store says it has of each thing, where that is not what was counted.
fn differing(mut counted: BTreeMap<String, i64>, sums: Vec<(String, i64)>) -> Vec<Violation> {
    let differs = |what: String, sum: i64, counted: i64| Violation {
        code: "sum",
        message: format!("the store says {sum}, and there are {counted}"),
        of: what,
    };
    let mut found: Vec<_> = sums
        .into_iter()
        .filter_map(|(what, sum)| {
            let counted = counted.remove(&what).unwrap_or(0);
            (sum != counted).then(|| differs(what, sum, counted))
        })
        .collect();
    found.extend(counted.into_iter().filter(|(_, n)| *n != 0).map(|(what, n)| differs(what, 0, n)));
    found
}

fn describe(report: &Value) -> String {
    let items = report["items"].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines: Vec<_> = items
        .iter()
        .map(|item| format!("{}  {}  {}", cell(item, "code"), cell(item, "of"), cell(item, "message")))
        .collect();
    let checked = report["checked"].as_object().into_iter().flatten();
    let checked: Vec<_> = checked.map(|(part, rows)| format!("{rows} {part}")).collect();
    lines.push(format!("checked {}", checked.join(", ")));
    if !report["acknowledged"].is_null() {
        lines.push(format!("{} acknowledged events looked for", cell(report, "acknowledged")));
    }
    lines.push(match report["violations"].as_u64() {
        Some(0) => "every promise is kept".to_owned(),
        found => format!("{} violations", found.unwrap_or_default()),
    });
    lines.join("\n")
}
