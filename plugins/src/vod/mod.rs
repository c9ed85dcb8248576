//! Tencent Cloud VOD: the actions that call it, over the client of [`crate::tencent`].

mod ask;
pub mod client;
mod completion;
pub mod delete_media;
pub mod edit_media;
mod errors;
pub(crate) mod limits;
pub mod process_media;
pub mod review_audio_video;
mod submission;

pub use crate::tencent::{Credentials, credentials, error, tc3};
pub use client::{Client, Endpoint};
pub use errors::ERRORS;

#[cfg(test)]
mod tests;
