//! Tencent Cloud VOD: the signed client and the actions that use it.

pub mod client;
pub mod credentials;
pub mod error;
pub mod process_media;
pub mod tc3;

pub use client::{Client, Endpoint};
pub use credentials::Credentials;

#[cfg(test)]
mod tests;
