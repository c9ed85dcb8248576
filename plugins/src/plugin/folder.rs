//! The folders of plugins, read whole at one moment: what is loaded, compared and pinned is what was read here.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oncue_rules::closure::Content;
use oncue_rules::diagnostic::SourceFile;
use sha2::{Digest, Sha256};

use super::manifest::FILE;

/// The most files of a plugin.
const MOST_FILES: usize = 1000;
/// How deep folders of a plugin may lie in each other.
const DEPTH: usize = 8;
/// The longest `plugin.yaml`, in bytes.
const MANIFEST_LIMIT: u64 = 256 * 1024;
/// The longest script, in bytes, that is read; the engine takes less.
const SCRIPT_LIMIT: u64 = 1024 * 1024;
/// Of a larger file, only size and time of its last change are looked at.
const HASHED_LIMIT: u64 = 1024 * 1024;

/// One plugin as it lies on the disk.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Its folder.
    pub path: PathBuf,
    /// Its `plugin.yaml`.
    pub manifest: SourceFile,
    /// Its scripts (`*.rhai`), by their path within the folder, with `/` between names.
    pub scripts: BTreeMap<String, SourceFile>,
    /// What names the content of every other file, by its path within the folder. Hidden files are left out, and so is what
    /// Python writes beside its sources.
    pub others: BTreeMap<String, String>,
}

/// Plugins cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub struct ReadError {
    /// What cannot be read.
    pub path: PathBuf,
    /// The cause.
    #[source]
    pub source: io::Error,
}

/// Reads the plugins that lie at some places: each is the folder of a plugin, or a folder of such folders. Sorted by path;
/// a folder without `plugin.yaml` is no plugin.
///
/// # Errors
///
/// When a place is not there, or a file cannot be read.
pub fn read(places: &[PathBuf]) -> Result<Vec<Folder>, ReadError> {
    let mut folders = Vec::new();
    for place in places {
        if place.join(FILE).is_file() {
            folders.push(place.clone());
            continue;
        }
        for path in entries(place)? {
            if path.is_dir() && path.join(FILE).is_file() {
                folders.push(path);
            }
        }
    }
    folders.sort();
    folders.dedup();
    folders.iter().map(|folder| Folder::read(folder)).collect()
}

impl Folder {
    /// Reads one plugin.
    ///
    /// # Errors
    ///
    /// When its manifest or another file of it cannot be read.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let manifest = source(&path.join(FILE), MANIFEST_LIMIT)?;
        let mut folder = Self { path: path.to_owned(), manifest, scripts: BTreeMap::new(), others: BTreeMap::new() };
        let root = path.canonicalize().map_err(|source| ReadError { path: path.to_owned(), source })?;
        folder.collect(&root, path, "", 0)?;
        Ok(folder)
    }

    fn collect(&mut self, root: &Path, folder: &Path, prefix: &str, depth: usize) -> Result<(), ReadError> {
        for path in entries(folder)? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            // Links are followed first: what counts is where the file is.
            let is_inside = path.canonicalize().is_ok_and(|real| real.starts_with(root));
            if !is_inside || name == "__pycache__" || (prefix.is_empty() && name == FILE) {
                continue;
            }
            let name = format!("{prefix}{name}");
            if path.is_dir() {
                if depth < DEPTH {
                    self.collect(root, &path, &format!("{name}/"), depth + 1)?;
                }
                continue;
            }
            if self.scripts.len() + self.others.len() >= MOST_FILES {
                let source = io::Error::other(format!("a plugin has at most {MOST_FILES} files"));
                return Err(ReadError { path: folder.to_owned(), source });
            }
            if path.extension().is_some_and(|extension| extension == "rhai") {
                self.scripts.insert(name, source(&path, SCRIPT_LIMIT)?);
            } else {
                self.others.insert(name, named(&path)?);
            }
        }
        Ok(())
    }

    /// Everything that makes the plugin what it is, as one text that is named by its hash.
    #[must_use]
    pub fn content(&self) -> Content {
        let scripts: BTreeMap<&str, &str> = self.scripts.iter().map(|(name, file)| (&**name, &*file.text)).collect();
        let parts = serde_json::json!({ "manifest": &*self.manifest.text, "scripts": scripts, "others": self.others });
        Content::new(parts.to_string())
    }
}

/// What is in a folder, sorted, without what is hidden.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let failed = |source| ReadError { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn source(path: &Path, limit: u64) -> Result<SourceFile, ReadError> {
    let failed = |source| ReadError { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > limit {
        return Err(failed(io::Error::other(format!("it has {size} bytes, and {limit} are the limit"))));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(SourceFile { name: path.display().to_string().into(), text: Arc::from(text) })
}

/// What names the content of a file.
fn named(path: &Path) -> Result<String, ReadError> {
    let failed = |source| ReadError { path: path.to_owned(), source };
    let found = std::fs::metadata(path).map_err(failed)?;
    if !found.is_file() {
        return Ok("no file".to_owned());
    }
    if found.len() > HASHED_LIMIT {
        let changed = found.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        return Ok(format!("{} bytes of {:?}", found.len(), changed.unwrap_or_default()));
    }
    Ok(hex::encode(Sha256::digest(std::fs::read(path).map_err(failed)?)))
}
