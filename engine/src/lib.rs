#![doc = include_str!("../README.md")]

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
mod explain;
pub mod failpoint;
pub mod http;
mod ingest;
pub mod live;
pub mod program;
pub mod reload;
mod rerun;
pub mod runner;
mod schedule;
pub mod secret;
pub mod secrets;
pub mod simulator;
pub mod sources;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod workflow;
