//! Black-box tests, and the conformance suite of stores.

#![cfg(test)]
#![expect(unreachable_pub, reason = "what is shared among tests is public to them")]

mod actions;
mod applications;
mod backup;
mod bench;
mod broken_config;
mod callback;
mod causation;
mod chaos;
mod cli;
mod collect;
mod deaths;
mod defaults;
mod disk;
mod docs;
mod endpoints;
mod examples;
mod explain;
mod in_doubt;
mod layering;
mod left_alone;
mod limit;
mod matching;
mod packaging;
mod parallel;
mod plugins;
mod receiver;
mod reload;
mod rerun;
mod resume;
mod rounds;
mod routing;
mod runs;
mod schedule;
mod sdk;
mod secrets;
mod seed;
mod simulator;
mod store_suite;
mod support;
mod verify;
mod waits;
mod webhook;
mod workflows;
