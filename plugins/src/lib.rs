#![doc = include_str!("../README.md")]

pub mod action;
pub mod completion;
pub mod emit;
pub mod fail;
pub mod guard;
pub mod http;
pub mod log;
pub mod outbound;
pub mod params;
pub mod plugin;
pub mod process;
pub mod registry;
pub mod script;
pub mod target;
pub mod tencent;
mod text;
pub mod valve;
pub mod vod;
pub mod webhook;

pub use action::{Action, ActionError, App, Call, ErrorClass, Repeatable, Spec};
pub use registry::{Registry, RegistryError};

#[cfg(test)]
mod testing;
