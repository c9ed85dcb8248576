//! `oncue init`: a first configuration.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use oncue_rules::packs;
use serde_json::json;

use super::output::Output;
use super::{Exit, Failure};
use crate::config::admin_token;

const CONFIG: &str = include_str!("init/oncue.yaml");
const TOKEN: &str = "@TOKEN@";

const EXAMPLES: &str = "\
Examples:
  oncue init                      into this folder
  oncue init /etc/oncue           into another one";

/// Write a commented oncue.yaml and first rules; asks nothing and replaces nothing
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where to
    #[arg(default_value = ".")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let config = CONFIG.replace(TOKEN, &admin_token::random());
    let files = [
        (args.folder.join("oncue.yaml"), config.as_str()),
        (args.folder.join("rules/transcode-new-uploads.yaml"), packs::TRANSCODE_NEW_UPLOADS),
    ];
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        let message =
            format!("{} is there already, and nothing was written (remove it, or name another folder)", path.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    for (path, text) in &files {
        write_new(path, text)
            .map_err(|error| Failure::caused(Exit::Internal, format!("cannot write {}", path.display()), error))?;
    }
    let written: Vec<_> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    output.answer(&json!({ "written": written }), |_| {
        let list = written.iter().map(|path| format!("wrote {path}")).collect::<Vec<_>>().join("\n");
        format!("{list}\nnext: put your SubAppId into oncue.yaml, then `oncue check` and `oncue serve`")
    });
    Ok(())
}

/// Writes a file that is not there yet, readable by its owner alone: it may hold secrets.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
