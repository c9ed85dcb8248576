//! Copies of the store, made while it is at work.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oncue_rules::value::Value;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::Api;
use super::query::Query;
use super::write::fields;
use crate::http::Response;
use crate::http::reply::{self, Error};
use crate::http::request::Request;
use crate::store::{self, Copied};

/// A copy of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupView {
    /// Where it is, or will be.
    pub file: PathBuf,
    /// `copying`, `done` or `failed`.
    pub outcome: String,
    /// Bytes that are copied.
    pub bytes: u64,
    /// Bytes that there are.
    pub of: u64,
    /// Why it failed.
    pub message: Option<String>,
}

/// The copy that is being made, or was made last.
#[derive(Debug, Clone, Default)]
pub struct Backups(Arc<Mutex<Option<BackupView>>>);

impl Backups {
    fn lock(&self) -> MutexGuard<'_, Option<BackupView>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a copy begins; says no, with the one under way, when there is one.
    fn begin(&self, file: &Path) -> Result<BackupView, BackupView> {
        let mut last = self.lock();
        if let Some(other) = last.as_ref().filter(|copy| copy.outcome == "copying") {
            return Err(other.clone());
        }
        let copy = BackupView { file: file.to_owned(), outcome: "copying".to_owned(), bytes: 0, of: 0, message: None };
        Ok(last.insert(copy).clone())
    }

    fn change(&self, change: impl FnOnce(&mut BackupView)) {
        if let Some(copy) = self.lock().as_mut() {
            change(copy);
        }
    }

    fn progress(&self, Copied { bytes, of }: Copied) {
        self.change(|copy| (copy.bytes, copy.of) = (bytes, of));
    }

    fn end(&self, result: Result<Copied, store::Error>) {
        match result {
            Ok(copied) => {
                self.progress(copied);
                self.change(|copy| "done".clone_into(&mut copy.outcome));
            }
            Err(error) => {
                reply::log_chain("the store was not copied", &error);
                let message = chain(&error);
                self.change(|copy| {
                    "failed".clone_into(&mut copy.outcome);
                    copy.message = Some(message);
                });
            }
        }
    }
}

/// The error with its causes: a person has to find out what is wrong with a folder or a disk.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl Api {
    /// Begins a copy, and does not wait for it.
    pub(super) async fn back_up(&self, request: &mut Request) -> Result<Response, Error> {
        Query::parse(&request.query, &[])?;
        let call = request.read_body(&self.body).await?;
        let file = match fields(&call, &["file"])?.get("file") {
            Value::Text(file) => PathBuf::from(&**file),
            _ => return Err(Error::invalid("invalid_body", "file is missing: give the path of the copy")),
        };
        if !file.is_absolute() {
            return Err(Error::invalid("invalid_body", "file is a relative path: give it from the root on"));
        }
        if file.symlink_metadata().is_ok() {
            let message = format!("{} is there already: name a file that is not", file.display());
            return Err(Error::invalid("exists", message));
        }
        let view = match self.backups.begin(&file) {
            Ok(begun) => {
                self.copy(file);
                begun
            }
            // The same request again: its answer was lost.
            Err(other) if other.file == file => other,
            Err(other) => return Err(busy(&other)),
        };
        Ok(reply::json(StatusCode::ACCEPTED, &view))
    }

    fn copy(&self, file: PathBuf) {
        let (admin, backups) = (Arc::clone(&self.admin), self.backups.clone());
        tokio::spawn(async move {
            let copied = admin.back_up(&file, &|copied| backups.progress(copied)).await;
            backups.end(copied);
        });
    }

    /// The copy that is being made, or was made last.
    pub(super) fn backup(&self, query: &str) -> Result<Response, Error> {
        Query::parse(query, &[])?;
        let last = self.backups.lock().clone();
        let none = || Error::new(reply::ErrorKind::NotFound, "not_found", "no copy was made since the server started");
        Ok(reply::json(StatusCode::OK, &last.ok_or_else(none)?))
    }
}

fn busy(other: &BackupView) -> Error {
    let message = format!("{} is being written: wait until it is done", other.file.display());
    Error::new(reply::ErrorKind::Conflict, "busy", message)
}
