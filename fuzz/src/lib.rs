//! What the targets check: the same as the ordinary tests of the rules.

#[path = "../../rules/tests/fuzzing/agreement.rs"]
pub mod agreement;
#[path = "../../rules/tests/fuzzing/targets.rs"]
pub mod targets;
