//! `oncue vod callback`: where the vendor sends an application's events.

mod address;
mod change;
mod probe;
mod setting;

use std::path::Path;

use clap::Subcommand;

use super::client::load_config;
use super::output::Output;
use super::{Exit, Failure};
use crate::config::{AppConfig, Config};

const EXAMPLES: &str = "\
Examples:
  oncue vod callback show --app short-video
  oncue vod callback set --app short-video --url https://oncue.example.com
  oncue vod callback test --app short-video
  oncue vod callback clear --app 1500000001

One application has one callback URL: pointing it elsewhere takes the events away from whoever gets them now.

Exit codes: 2 something is set already (repeat with --replace), 3 the configuration does not fit, 4 nothing is set,
5 the vendor or the URL does not answer";

/// Show, set, clear or test where the vendor sends an application's events
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what is set
    Show(Which),
    /// Set the URL, and turn on the events that are off by default
    Set(change::Set),
    /// Take the URL away: events go nowhere then
    Clear(change::Clear),
    /// Send a signed probe to the URL, and say what comes back
    Test(probe::Test),
}

/// Which application.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// The application, by name or number; may be left out when only one is configured
    #[arg(long, value_name = "NAME|ID")]
    app: Option<String>,
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    let config = load_config(config, output)?;
    match args.command {
        Command::Show(which) => setting::show(&config, which.of(&config)?, output).await,
        Command::Set(args) => change::set(&config, &args, output).await,
        Command::Clear(args) => change::clear(&config, &args, output).await,
        Command::Test(args) => probe::test(&config, &args, output).await,
    }
}

impl Which {
    fn of<'c>(&self, config: &'c Config) -> Result<&'c AppConfig, Failure> {
        let names = || config.apps.iter().map(|app| format!("{} ({})", app.name, app.subappid));
        let list = || names().collect::<Vec<_>>().join(", ");
        match (&self.app, config.apps.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Failure::new(Exit::Usage, format!("say which application with --app: {}", list()))),
            (Some(wanted), apps) => apps
                .iter()
                .find(|app| app.name == *wanted || app.subappid.to_string() == *wanted)
                .ok_or_else(|| Failure::new(Exit::NotFound, format!("no application is {wanted:?}: {}", list()))),
        }
    }
}

/// An application as messages and answers call it.
fn called(app: &AppConfig) -> String {
    format!("{} ({})", app.name, app.subappid)
}
