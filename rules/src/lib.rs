//! Events, values, the rule language.
pub mod catalog;
pub mod diagnostic;
pub mod event;
pub mod expression;
pub mod ids;
pub mod node;
pub mod path;
pub mod pattern;
pub mod template;
pub mod time;
pub mod value;
