//! Rule files that ship with Oncue: what `oncue init` writes.

/// Transcodes every uploaded video with its application's definitions, and logs the results.
pub const TRANSCODE_NEW_UPLOADS: &str = include_str!("../packs/transcode-new-uploads.yaml");
