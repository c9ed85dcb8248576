//! Rule files that ship with Oncue: what `oncue init` writes.

/// Transcodes every uploaded video with its application's definitions, and logs the results.
pub const TRANSCODE_NEW_UPLOADS: &str = include_str!("../packs/transcode-new-uploads.yaml");

/// Does what the vendor's sample program for event notifications does: what `oncue init --from config.json` writes.
pub const SEED_TRANSCODE: &str = include_str!("../packs/seed-transcode.yaml");
