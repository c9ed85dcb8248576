//! What the server says of itself.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::secrets::Secrets;

const VARIABLE: &str = "ONCUE_LOG";
const DEFAULT: &str = "info";

/// Starts writing the log to standard error, as text for people or as JSON lines, without the secrets that are live.
/// `ONCUE_LOG` says how much (`error`, `warn`, `info`, `debug`, `trace`, or per module). Does nothing when a log is already
/// written. Panics are written to the log too.
pub fn start(json: bool, secrets: &Secrets) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(Scrubbed { secrets: secrets.clone(), into: io::stderr })
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()));
    // A second start finds the first one's writer, which is as good.
    let started = if json { builder.json().try_init() } else { builder.try_init() };
    if started.is_ok() {
        log_panics();
    }
}

/// Writes panics as lines of the log, since the text of one may hold what an action was given.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or("without a text");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(place, thread = thread.name(), "panicked: {said}");
    }));
}

/// Makes writers that leave secrets out. One `write` is one line: the subscriber formats a whole line and writes it at
/// once, so no secret is cut in two.
struct Scrubbed<M> {
    secrets: Secrets,
    into: M,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Scrubbed<M> {
    type Writer = ScrubbedLine<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        ScrubbedLine { secrets: self.secrets.clone(), into: self.into.make_writer() }
    }
}

struct ScrubbedLine<W> {
    secrets: Secrets,
    into: W,
}

impl<W: Write> Write for ScrubbedLine<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.into.write_all(&self.secrets.scrubber().bytes(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::secret::Secret;
    use crate::secrets::KnownSecrets;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_line_holds_a_secret_as_text_or_as_json() {
        let known = KnownSecrets { others: vec![Secret::new("marker \"1\"")], ..KnownSecrets::default() };
        let secrets = Secrets::new(known);
        for json in [false, true] {
            let kept = Kept::default();
            let into = {
                let kept = kept.clone();
                move || kept.clone()
            };
            let builder =
                tracing_subscriber::fmt().with_ansi(false).with_writer(Scrubbed { secrets: secrets.clone(), into });
            let log = |field: &str| tracing::info!(field, shown = %field, debug = ?Some(field), "said {field}");
            if json {
                tracing::subscriber::with_default(builder.json().finish(), || log("<marker \"1\">"));
            } else {
                tracing::subscriber::with_default(builder.finish(), || log("<marker \"1\">"));
            }
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert!(!text.contains("marker") && text.matches("<***>").count() == 4, "{text}");
        }
    }
}
