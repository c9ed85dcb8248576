//! Reading configuration and rule files.

use std::io;
use std::path::{Path, PathBuf};

use oncue_rules::diagnostic::SourceFile;

use super::Config;

/// The longest file that is read; a longer one is surely not written by a person.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// Reads one file.
///
/// # Errors
///
/// When it cannot be read, is larger than 64 MiB, or is not UTF-8.
pub fn read_source(path: &Path) -> io::Result<SourceFile> {
    let size = std::fs::metadata(path)?.len();
    if size > FILE_LIMIT {
        return Err(io::Error::other(format!("{} has {size} bytes, more than {FILE_LIMIT}", path.display())));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    Ok(SourceFile { name: path.display().to_string().into(), text: text.into() })
}

/// Reads all rule files that the configuration names: files as they are, of folders every `.yaml` and `.yml` below,
/// sorted by path. Names that start with a dot are left out.
///
/// # Errors
///
/// When a file or folder cannot be read.
pub fn rule_files(config: &Config) -> io::Result<Vec<SourceFile>> {
    let mut paths = Vec::new();
    for path in &config.rules {
        let metadata = std::fs::metadata(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        if metadata.is_dir() { collect(path, &mut paths)? } else { paths.push(path.clone()) }
    }
    paths.sort();
    paths.dedup();
    paths.iter().map(|path| read_source(path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            paths.push(path);
        }
    }
    Ok(())
}
