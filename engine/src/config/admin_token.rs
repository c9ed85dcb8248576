//! The token of the admin API: configured, or made at the first start and kept beside the store.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;

use uuid::Uuid;

use super::Config;
use crate::secret::Secret;

/// The token that is configured or was made.
///
/// # Errors
///
/// When none is configured and none was made, or its file cannot be read.
pub fn read(config: &Config) -> io::Result<Secret> {
    if let Some(token) = &config.admin_token {
        return Ok(token.clone());
    }
    let path = file(config);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    Ok(Secret::new(text.trim().to_owned()))
}

/// As [`read`], and makes a token when there is none. Its file is readable by its owner alone.
///
/// # Errors
///
/// When the file can be neither read nor written.
pub fn read_or_make(config: &Config) -> io::Result<Secret> {
    match read(config) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        answer => return answer,
    }
    let path = file(config);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let token = random();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path)?;
    file.write_all(format!("{token}\n").as_bytes())?;
    file.sync_all()?;
    Ok(Secret::new(token))
}

/// A token that nobody can guess: 122 random bits as 32 hexadecimal digits.
#[must_use]
pub fn random() -> String {
    Uuid::new_v4().simple().to_string()
}

fn file(config: &Config) -> PathBuf {
    config.store.folder().join("admin-token")
}
