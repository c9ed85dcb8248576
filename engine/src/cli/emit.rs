//! `oncue emit`: hands an event to a running server.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::Client;
use super::output::{Output, cell};
use super::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  oncue emit --app 1500000001 upload.json
  curl -s https://… | oncue emit --app 1500000001 -";

/// Hand an event body to the running server as if the vendor had sent it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The application that the event is for
    #[arg(long, value_name = "SUBAPPID")]
    app: u64,
    /// A file with the JSON body, or - for standard input
    file: PathBuf,
}

pub(super) async fn run(args: Args, config: &Path, output: Output<'_>) -> Result<(), Failure> {
    let text = read(&args.file)?;
    // The text goes through as it is: parsing it here would lose what it really says.
    let client = Client::from_config(config)?;
    let answer = client.post("/events", &json!({ "subappid": args.app, "body": text })).await?;
    output.answer(&answer, describe);
    Ok(())
}

fn describe(answer: &Value) -> String {
    if answer["outcome"] == "duplicate" {
        return format!("duplicate of {}", cell(answer, "event"));
    }
    format!("accepted as {}, {} runs started", cell(answer, "event"), cell(answer, "runs"))
}

/// The text of a file; of standard input for `-`.
pub(super) fn read(file: &Path) -> Result<String, Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        return match std::io::stdin().lock().read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(Failure::caused(Exit::Usage, "standard input is no text", error)),
        };
    }
    std::fs::read_to_string(file)
        .map_err(|error| Failure::caused(Exit::NotFound, format!("cannot read {}", file.display()), error))
}
