//! What the server says of itself.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

const VARIABLE: &str = "ONCUE_LOG";
const DEFAULT: &str = "info";

/// Starts writing the log to standard error, as text for people or as JSON lines. `ONCUE_LOG` says how much
/// (`error`, `warn`, `info`, `debug`, `trace`, or per module). Does nothing when a log is already written.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // A second start finds the first one's writer, which is as good.
    let _started = if json { builder.json().try_init() } else { builder.try_init() };
}
