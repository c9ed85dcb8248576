//! `switch`: one of several lists of steps.

use crate::decode::{Field, all};
use crate::node::NodeKind;
use crate::rule::{StepKind, Switch};

use super::step::Workflow;
use super::{parallel, templates, variables};

/// Reads `switch`, `cases` and `default`.
pub(super) fn read(
    workflow: &mut Workflow<'_>,
    value: &Field<'_>,
    cases: Option<&Field<'_>>,
    default: Option<&Field<'_>>,
) -> Option<StepKind> {
    let compared = if let NodeKind::Scalar(_) = value.node().kind {
        let variables_are_there = variables::check(value, workflow.selected());
        templates::read(value, workflow.names()).filter(|_| variables_are_there)
    } else {
        value.mismatch("a value", "write what is compared, such as `switch: ${{ steps.edit.outcome }}`");
        None
    };
    let Some(cases) = cases else {
        value.error("a `switch` needs `cases`", "write `cases:` and below it each value with its steps");
        return None;
    };
    let entries = cases.entries("write each value with its steps, such as `succeeded: [{ uses: log, with: … }]`")?;
    if entries.is_empty() {
        cases.error("`cases` has no case", "write each value with its steps");
        return None;
    }
    let read = all(entries.iter().map(|(key, steps)| Some((key.text.clone(), workflow.read_one_or_many(steps)?))));
    let default = default.map_or_else(|| Some(Vec::new()), |steps| workflow.read_one_or_many(steps));
    Some(StepKind::Switch(Box::new(Switch { value: compared?, cases: parallel::by_name(read?), default: default? })))
}
