//! The suite on the driver for SQLite.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use oncue::store::sqlite::{Options, SqliteStore};
use tempfile::TempDir;

use super::{Driver, Factory, Place, run_all};

struct Folders;

struct Folder {
    _folder: TempDir,
    path: PathBuf,
}

#[async_trait]
impl Factory for Folders {
    async fn place(&self) -> Arc<dyn Place> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oncue.db");
        Arc::new(Folder { _folder: folder, path })
    }
}

#[async_trait]
impl Place for Folder {
    async fn open(&self) -> Arc<dyn Driver> {
        SqliteStore::open(&self.path, &Options::default()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_does_what_a_store_owes() {
    run_all(&Folders).await;
}
