#![doc = include_str!("../README.md")]

// What tests of this crate share with fuzz targets names it as others do.
#[cfg(test)]
extern crate self as oncue_rules;

pub mod catalog;
pub mod closure;
pub mod decode;
pub mod diagnostic;
pub mod event;
pub mod expression;
pub mod ids;
mod language;
pub mod matcher;
pub mod node;
pub mod packs;
pub mod path;
pub mod pattern;
pub mod rule;
pub mod rule_set;
pub mod schedule;
pub mod schema;
pub mod template;
pub mod time;
pub mod value;
pub mod yaml;
