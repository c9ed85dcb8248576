//! `oncue init`: a first configuration.

mod import;
mod seed;

use std::borrow::Cow;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use oncue_rules::packs;
use serde_json::json;

use super::output::Output;
use super::{Exit, Failure};
use crate::config::admin_token;
use import::Keys;

const CONFIG: &str = include_str!("init/oncue.yaml");
const TOKEN: &str = "@TOKEN@";

const EXAMPLES: &str = "\
Examples:
  oncue init                      into this folder
  oncue init /etc/oncue           into another one
  oncue init --from config.json   a set-up that does what the vendor's sample program does with this config.json";

/// Write a commented oncue.yaml and first rules; asks nothing and replaces nothing
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where to
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The config.json of the vendor's sample program for event notifications
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// What to do with the keys of config.json
    #[arg(long, value_enum, default_value_t = Keys::Files, requires = "from")]
    keys: Keys,
    /// The number that an application is called by here when config.json names none, such as the APPID of the account
    #[arg(long, requires = "from", value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=99_999_999_999))]
    subappid: Option<u64>,
}

/// A file that is to be written, by its path below the folder.
struct NewFile {
    path: &'static str,
    text: Cow<'static, str>,
}

impl NewFile {
    fn new(path: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { path, text: text.into() }
    }
}

pub(super) fn run(args: &Args, output: Output<'_>) -> Result<(), Failure> {
    let (files, next) = match &args.from {
        Some(from) => {
            let imported = import::import(from, args.subappid, args.keys)?;
            (imported.files, imported.next)
        }
        None => first_files(),
    };
    let paths: Vec<PathBuf> = files.iter().map(|file| args.folder.join(file.path)).collect();
    if let Some(path) = paths.iter().find(|path| path.exists()) {
        let message =
            format!("{} is there already, and nothing was written (remove it, or name another folder)", path.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    for (path, file) in paths.iter().zip(&files) {
        write_new(path, &file.text)
            .map_err(|error| Failure::caused(Exit::Internal, format!("cannot write {}", path.display()), error))?;
    }
    let written: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    output.answer(&json!({ "written": written }), |_| {
        let list = written.iter().map(|path| format!("wrote {path}")).collect::<Vec<_>>().join("\n");
        format!("{list}\n{next}")
    });
    Ok(())
}

fn first_files() -> (Vec<NewFile>, String) {
    let config = CONFIG.replace(TOKEN, &admin_token::random());
    let files = vec![
        NewFile::new("oncue.yaml", config),
        NewFile::new("rules/transcode-new-uploads.yaml", packs::TRANSCODE_NEW_UPLOADS),
    ];
    (files, "next: put your SubAppId into oncue.yaml, then `oncue check` and `oncue serve`".to_owned())
}

/// Writes a file that is not there yet, readable by its owner alone, as are the folders that it makes: it may hold
/// secrets.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    if folder.ends_with("secrets") {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    }
    builder.create(folder)
}
