//! The command line. Each subcommand is a file of its own; all of them answer with one of the [`Exit`] codes.

mod backup;
mod bench;
mod callback;
mod check;
mod client;
mod demo;
mod emit;
mod events;
mod exit;
mod explain;
mod found;
mod init;
mod lines;
mod matching;
mod output;
mod plugins;
mod progress;
mod replay;
mod rules;
mod runs;
mod serve;
mod simulate;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::secrets::Secrets;
pub use exit::{Exit, Failure};
use output::Output;

const EXAMPLES: &str = "\
Examples:
  oncue demo                      the whole flow on this machine, in seconds
  oncue init                      write a commented oncue.yaml and rules into this folder
  oncue check                     find what is wrong with them
  oncue serve                     receive, match, run
  oncue events --type NewFileUpload
  oncue runs --status dead
  oncue explain EVENT             why rules match it, or do not

Exit codes:
  0  done            1  internal error       2  wrong usage
  3  invalid rules or configuration          4  not found
  5  the server or the store is not available
  6  the store breaks a promise (`oncue verify`)
  7  refused: it cannot be done as things stand
  8  no match (`oncue match`)";

/// A rule-driven workflow engine between Tencent Cloud VOD and your business.
#[derive(Debug, Parser)]
#[command(name = "oncue", version, about, after_help = EXAMPLES)]
struct Cli {
    /// Print JSON instead of text for people
    #[arg(long, global = true)]
    json: bool,
    /// The configuration
    #[arg(short, long, global = true, default_value = "oncue.yaml", env = "ONCUE_CONFIG", value_name = "FILE")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Check(check::Args),
    Emit(emit::Args),
    Match(matching::Args),
    Explain(explain::Args),
    Events(events::Args),
    Runs(runs::Args),
    Replay(replay::Args),
    Rules(rules::Args),
    Plugins(plugins::Args),
    Verify(verify::Args),
    Backup(backup::Args),
    /// Measure your own rules with your own events
    Bench {
        #[command(subcommand)]
        command: BenchCommand,
    },
    Init(init::Args),
    Demo(demo::Args),
    /// Work with Tencent Cloud VOD
    Vod {
        #[command(subcommand)]
        command: VodCommand,
    },
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    Match(bench::Args),
}

#[derive(Debug, Subcommand)]
enum VodCommand {
    Simulate(simulate::Args),
    Callback(callback::Args),
}

/// Runs the program with these arguments; the first one is its own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // Nothing can be said when standard output is gone.
            let _printed = error.print();
            return code.into();
        }
    };
    let secrets = Secrets::default();
    let output = Output::new(cli.json, &secrets);
    crate::tls::prepare();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failure(&Failure::internal("the runtime does not start", error)),
    };
    match runtime.block_on(dispatch(cli, output)) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => output.failure(&failure),
    }
}

async fn dispatch(cli: Cli, output: Output<'_>) -> Result<(), Failure> {
    let config = cli.config;
    match cli.command {
        Command::Serve(args) => serve::run(args, &config, output).await,
        Command::Check(args) => check::run(&args, &config, output),
        Command::Match(args) => matching::run(&args, output),
        Command::Explain(args) => explain::run(args, &config, output).await,
        Command::Emit(args) => emit::run(args, &config, output).await,
        Command::Events(args) => events::run(args, &config, output).await,
        Command::Runs(args) => runs::run(args, &config, output).await,
        Command::Replay(args) => replay::run(args, &config, output).await,
        Command::Rules(args) => rules::run(args, &config, output).await,
        Command::Plugins(args) => plugins::run(args, &config, output),
        Command::Verify(args) => verify::run(args, &config, output).await,
        Command::Backup(args) => backup::run(args, &config, output).await,
        Command::Bench { command: BenchCommand::Match(args) } => bench::run(&args, &config, output),
        Command::Init(args) => init::run(&args, output),
        Command::Demo(args) => demo::run(args, output).await,
        Command::Vod { command: VodCommand::Simulate(args) } => simulate::run(args, output).await,
        Command::Vod { command: VodCommand::Callback(args) } => callback::run(args, &config, output).await,
    }
}
