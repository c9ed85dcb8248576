//! `on_failure`: what is done when a step failed for good.

use crate::decode::Field;
use crate::node::NodeKind;
use crate::rule::Step;

use super::step::Workflow;

/// The steps of `on_failure`. They see `error` and every step of the rule, which may not have run. An empty list is none,
/// also where the configuration has a default.
pub(super) fn read(workflow: &mut Workflow<'_>, field: &Field<'_>) -> Option<Vec<Step>> {
    if matches!(&field.node().kind, NodeKind::List(items) if items.is_empty()) {
        return Some(Vec::new());
    }
    workflow.add_root("error");
    workflow.read_steps(field)
}
