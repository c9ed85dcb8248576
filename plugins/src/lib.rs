#![doc = include_str!("../README.md")]

pub mod action;
pub mod log;
pub mod params;
pub mod registry;
pub mod vod;

pub use action::{Action, ActionError, App, Call, ErrorClass, Repeatable, Spec};
pub use registry::{Registry, RegistryError};

#[cfg(test)]
mod testing;
