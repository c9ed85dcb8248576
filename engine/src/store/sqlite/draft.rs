//! A file in the making: it has its name once it is whole and on the disk, and replaces none.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::store::Error;

/// Gone when dropped, unless it is kept. A process that is killed leaves a hidden file that ends in `.part`.
pub(super) struct Draft {
    draft: Arc<NamedTempFile>,
    file: PathBuf,
}

impl Draft {
    /// A new empty file beside the one that it becomes, which its owner alone may read.
    pub(super) fn new(file: &Path) -> Result<Self, Error> {
        let occupied = || Error::Occupied { path: file.display().to_string() };
        let Some(name) = file.file_name() else { return Err(occupied()) };
        if file.symlink_metadata().is_ok() {
            return Err(occupied());
        }
        let prefix = format!(".{}.", name.to_string_lossy());
        let draft = tempfile::Builder::new().prefix(&prefix).suffix(".part").tempfile_in(folder(file));
        let draft = draft.map_err(|error| refused("making the file of the copy", error))?;
        Ok(Self { draft: Arc::new(draft), file: file.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        self.draft.path()
    }

    /// Has what was written go to the disk.
    pub(super) async fn sync(&self) -> Result<(), Error> {
        let draft = Arc::clone(&self.draft);
        let synced = tokio::task::spawn_blocking(move || draft.as_file().sync_data()).await;
        let synced = synced.unwrap_or_else(|_| Err(io::Error::other("it was ended")));
        synced.map_err(|error| refused("writing the copy to the disk", error))
    }

    /// Gives it its name, durably.
    pub(super) fn keep(self) -> Result<(), Error> {
        let Self { draft, file } = self;
        let gone = || refused("keeping the copy", io::Error::other("it is still being written"));
        let draft = Arc::into_inner(draft).ok_or_else(gone)?;
        draft.as_file().sync_all().map_err(|error| refused("writing the copy to the disk", error))?;
        draft.persist_noclobber(&file).map_err(|refusal| match refusal.error.kind() {
            io::ErrorKind::AlreadyExists => Error::Occupied { path: file.display().to_string() },
            _ => refused("naming the copy", refusal.error),
        })?;
        sync_folder(folder(&file)).map_err(|error| refused("writing the name of the copy to the disk", error))
    }
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn refused(doing: &'static str, error: io::Error) -> Error {
    Error::Unavailable { doing, unknown: false, source: Some(error.into()) }
}
