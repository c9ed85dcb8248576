//! From the sample's `config.json` to a set-up that does the same.

use std::path::Path;

use oncue_rules::packs;

use super::seed::Seed;
use super::{NewFile, TOKEN};
use crate::cli::{Exit, Failure};
use crate::config::{self, admin_token};

const CONFIG: &str = include_str!("seed.yaml");
/// What an application is called that is addressed without a number.
const MADE_UP_NUMBER: u64 = 1;

const FROM_FILES: &str = "\
# The API key, each half in a file that its owner alone can read; ${env:NAME} would take an environment variable.
credentials:
  main:
    secret_id: \"${file:secrets/secret_id}\"
    secret_key: \"${file:secrets/secret_key}\"
";
const FROM_ENVIRONMENT: &str = "\
# The API key: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or what a cloud function with a role gets.
credentials:
  main: environment
";

/// Where the keys go: never into oncue.yaml, which is copied, shown and committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Keys {
    /// Into files under secrets/ that only their owner can read
    Files,
    /// Nowhere: the server takes them from its environment
    Environment,
}

/// What was imported.
pub(super) struct Imported {
    pub(super) files: Vec<NewFile>,
    /// What is to be done next.
    pub(super) next: String,
}

/// The files of the set-up.
pub(super) fn import(from: &Path, number: Option<u64>, keys: Keys) -> Result<Imported, Failure> {
    let file = config::read_source(from)
        .map_err(|error| Failure::caused(Exit::NotFound, format!("cannot read {}", from.display()), error))?;
    let seed = Seed::read(&file).map_err(|diagnostics| Failure::new(Exit::Invalid, diagnostics.to_string()))?;
    if let (Some(written), Some(_)) = (seed.subappid, number) {
        let message = format!("{} names the application {written}: leave --subappid out", from.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    let mut files = vec![
        NewFile::new("oncue.yaml", configuration(from, &seed, number, keys)),
        NewFile::new("rules/seed-transcode.yaml", packs::SEED_TRANSCODE),
    ];
    if keys == Keys::Files {
        files.push(NewFile::new("secrets/secret_id", format!("{}\n", seed.secret_id.expose())));
        files.push(NewFile::new("secrets/secret_key", format!("{}\n", seed.secret_key.expose())));
        files.push(NewFile::new("secrets/.gitignore", "# Keys stay on this machine.\n*\n"));
    }
    Ok(Imported { files, next: next(from, &seed, keys) })
}

fn configuration(from: &Path, seed: &Seed, number: Option<u64>, keys: Keys) -> String {
    let definitions: Vec<String> = seed.definitions.iter().map(u64::to_string).collect();
    let region = seed.region.as_ref().map_or_else(String::new, |region| {
        format!("vod:\n  region: \"{region}\"           # sent along; VOD does not look at it\n")
    });
    let (subappid, application) = application(seed, number);
    let parts = [
        ("@FROM@", file_name(from)),
        ("@CREDENTIALS@", if keys == Keys::Files { FROM_FILES } else { FROM_ENVIRONMENT }.to_owned()),
        ("@REGION@", region),
        ("@SUBAPPID@", subappid.to_string()),
        ("@APPLICATION@", application),
        ("@DEFINITIONS@", definitions.join(", ")),
        (TOKEN, admin_token::random()),
    ];
    parts.iter().fold(CONFIG.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The number of the application here, and its first lines.
fn application(seed: &Seed, number: Option<u64>) -> (u64, String) {
    if let Some(subappid) = seed.subappid {
        return (subappid, format!("  - subappid: {subappid}"));
    }
    let subappid = number.unwrap_or(MADE_UP_NUMBER);
    let lines = format!(
        "  - subappid: {subappid}                   # config.json names none: this is its number here, in the callback URL and in events\n\
         \x20   send_subappid: false          # requests carry none, as the sample's; accounts since 2023-12-25 must send one"
    );
    (subappid, lines)
}

/// For a comment: the name alone, on one line.
fn file_name(from: &Path) -> String {
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.chars().filter(|character| !character.is_control() && *character != '@').collect()
}

fn next(from: &Path, seed: &Seed, keys: Keys) -> String {
    let keys = match keys {
        Keys::Files => format!("the keys are in secrets/: {} is needed no more, and holds them still", from.display()),
        Keys::Environment => {
            "set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY where the server starts".to_owned()
        }
    };
    let number = match seed.subappid {
        Some(_) => "",
        None => "\nnote: no subappid, so requests carry none: accounts since 2023-12-25 must send one (see oncue.yaml)",
    };
    format!("{keys}{number}\nnext: `oncue check`, `oncue serve`, then `oncue vod callback set --url https://YOUR-HOST`")
}
