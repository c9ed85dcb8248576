#![doc = include_str!("../README.md")]

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
