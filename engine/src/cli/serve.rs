//! `oncue serve`: receives, matches, runs.

use std::path::Path;

use serde_json::json;

use super::output::Output;
use super::{Exit, Failure};
use crate::app::{self, App, Origin, Trouble};

const EXAMPLES: &str = "\
Examples:
  oncue serve
  oncue serve --config /etc/oncue/oncue.yaml --log-json
  ONCUE_LOG=debug oncue serve";

/// Run the server until it is told to stop (SIGTERM or Ctrl-C)
///
/// Changed rules and configuration are taken by themselves, and at once on SIGHUP.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Write the log as JSON lines
    #[arg(long)]
    log_json: bool,
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    crate::telemetry::start(args.log_json, output.secrets());
    let app = App::start_with(Origin::new(config), output.secrets().clone()).await.map_err(failure)?;
    let mut hang_ups = HangUps::listen();
    announce(&app, output);
    let mut stopped = std::pin::pin!(stop_signal());
    loop {
        tokio::select! {
            () = &mut stopped => break,
            () = hang_ups.next() => app.ask_reload(),
        }
    }
    tracing::info!("stopping: what is under way may finish");
    app.stop().await;
    Ok(())
}

/// Says where the server listens, as one line on standard output.
fn announce(app: &App, output: Output<'_>) {
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
        app::Error::Unreadable { source: trouble } => unreadable(trouble),
        app::Error::Invalid(diagnostics) => Failure::new(Exit::Invalid, diagnostics.to_string()),
        error @ (app::Error::Store { .. } | app::Error::Listen { .. }) => {
            Failure::caused(Exit::Unavailable, "the server cannot start", error)
        }
        error => Failure::internal("the server cannot start", error),
    }
}

fn unreadable(trouble: Trouble) -> Failure {
    let message = trouble.to_string();
    match trouble {
        Trouble::Configuration { source, .. } => Failure::caused(Exit::NotFound, message, source),
        Trouble::Rules { source } => Failure::caused(Exit::Invalid, message, source),
        Trouble::Plugins { source } => Failure::caused(Exit::Invalid, message, source),
        Trouble::Invalid(_) => Failure::new(Exit::Invalid, message),
        Trouble::Inside => Failure::new(Exit::Internal, message),
    }
}

/// SIGHUP, which asks for a reload. It would end the process if nobody listened.
struct HangUps {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

impl HangUps {
    fn listen() -> Self {
        Self {
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals
            && signals.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
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
