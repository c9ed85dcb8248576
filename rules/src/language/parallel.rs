//! `parallel` and `max_parallel`: steps that run at the same time.

use crate::decode::{Field, Identifier, all};
use crate::rule::{Step, StepKind};

use super::step::Workflow;

/// How many steps of a run may be under way at the same time.
const WIDTH_LIMIT: usize = 100;

/// The branches of a `parallel`. None of them can name a step of another: which is done first is not known.
pub(super) fn read(workflow: &mut Workflow<'_>, field: &Field<'_>) -> Option<StepKind> {
    let entries = field.entries("write each branch by its name, such as `cms: { uses: webhook, with: … }`")?;
    if entries.is_empty() {
        field.error("`parallel` has no branch", "write each by its name, such as `cms: { uses: webhook, with: … }`");
        return None;
    }
    if !widen(workflow, field, entries.len()) {
        return None;
    }
    let (names, ids) = workflow.mark();
    let branches = all(entries.iter().map(|(key, steps)| {
        let fits = Identifier::Variable.fits(&key.text);
        if !fits {
            let hint = format!("use {}", Identifier::Variable.rule());
            field.findings().error(key.span, format!("`{}` cannot be the name of a branch", key.text), hint);
        }
        workflow.back_to(names.clone());
        let steps = workflow.read_one_or_many(steps);
        Some((key.text.clone(), steps.filter(|_| fits)?))
    }));
    workflow.back_to(names);
    workflow.add_since(ids);
    branches.map(|branches| StepKind::Parallel(by_name(branches)))
}

/// Lists of steps in the order of their names. A run knows them by their places, and the closure that it goes on with after
/// a restart keeps no other order.
pub(super) fn by_name(mut lists: Vec<(String, Vec<Step>)>) -> Vec<(String, Vec<Step>)> {
    lists.sort_by(|(one, _), (other, _)| one.cmp(other));
    lists
}

/// How many items run at the same time.
pub(super) fn width(workflow: &mut Workflow<'_>, field: &Field<'_>) -> Option<usize> {
    let width = field.integer(1..=WIDTH_LIMIT as u64).and_then(|width| usize::try_from(width).ok())?;
    widen(workflow, field, width).then_some(width)
}

fn widen(workflow: &mut Workflow<'_>, field: &Field<'_>, width: usize) -> bool {
    let whole = workflow.widen(width);
    if whole > WIDTH_LIMIT {
        let message =
            format!("with what is around it, {whole} steps could run at the same time, and {WIDTH_LIMIT} may");
        field.error(message, "use fewer branches, or a lower `max_parallel`");
    }
    whole <= WIDTH_LIMIT
}
