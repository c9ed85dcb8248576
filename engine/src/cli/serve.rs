//! `oncue serve`: receives, matches, runs.

use std::path::Path;

use serde_json::json;

use super::output::Output;
use super::{Exit, Failure};
use crate::app::{self, App};
use crate::config;

const EXAMPLES: &str = "\
Examples:
  oncue serve
  oncue serve --config /etc/oncue/oncue.yaml --log-json
  ONCUE_LOG=debug oncue serve";

/// Run the server until it is told to stop (SIGTERM or Ctrl-C)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Write the log as JSON lines
    #[arg(long)]
    log_json: bool,
}

pub(super) async fn run(args: Args, config: &Path, output: Output) -> Result<(), Failure> {
    crate::telemetry::start(args.log_json);
    let config = super::client::load_config(config)?;
    let files = config::rule_files(&config)
        .map_err(|error| Failure::caused(Exit::Invalid, "the rule files cannot be read", error))?;
    let app = App::start(config, &files).await.map_err(failure)?;
    announce(&app, output);
    stop_signal().await;
    tracing::info!("stopping: what is under way may finish");
    app.stop().await;
    Ok(())
}

/// Says where the server listens, as one line on standard output.
fn announce(app: &App, output: Output) {
    let (listen, admin) = (app.listen(), app.admin());
    if output.is_json() {
        output.line(&json!({ "listen": listen, "admin": admin, "pid": std::process::id() }).to_string());
    } else {
        output.line(&format!("callbacks at http://{listen}/vod/…, admin at http://{admin}"));
    }
}

/// The failure that an application error means for the program.
pub(super) fn failure(error: app::Error) -> Failure {
    match error {
        app::Error::Invalid(diagnostics) => Failure::new(Exit::Invalid, diagnostics.to_string()),
        error @ (app::Error::Store { .. } | app::Error::Listen { .. }) => {
            Failure::caused(Exit::Unavailable, "the server cannot start", error)
        }
        error => Failure::internal("the server cannot start", error),
    }
}

/// Waits until the process is asked to end.
pub(super) async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => {
                let _interrupted = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _interrupted = interrupt.await;
    }
}
