//! `wait`: a step that waits for the end of the work that its action starts.

use std::time::Duration;

use crate::decode::{Field, all};
use crate::ids::ActionName;
use crate::node::NodeKind;
use crate::rule::Need;
use crate::value::Value;

use super::step::{LONGEST_TIMEOUT, SHORTEST_TIMEOUT, Workflow};

/// What a wait takes that no version has yet.
const LATER: [(&str, &str); 2] = [
    ("retry_failed", "leave it out, and submit again in a step of its own what `steps.ID.failed` names"),
    ("on_silence", "leave it out: after `timeout` the step is over"),
];

/// What must have come of the work, and how long to wait at most.
pub(super) fn read(workflow: &Workflow<'_>, field: &Field<'_>, action: &ActionName) -> Option<(Need, Duration)> {
    if !workflow.surroundings.actions.completes(action.as_str()) {
        let message = format!("the work of `{action}` is done when the step is: there is nothing to wait for");
        field.error(message, "remove `wait`");
        return None;
    }
    let mut fields = field.fields("a `wait`")?;
    for (name, hint) in LATER {
        fields.refuse(name, &format!("`{name}` is not yet supported in this version"), hint);
    }
    let timeout = fields
        .required("timeout", "say how long to wait at most, such as `timeout: 12h`")
        .and_then(|field| field.duration(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT));
    let need = fields.optional("need").map_or(Some(Need::All), |field| need(&field));
    fields.finish();
    Some((need?, timeout?))
}

fn need(field: &Field<'_>) -> Option<Need> {
    if let NodeKind::Scalar(Value::Text(_)) = field.node().kind {
        let is_all = field.one_of(&[("all", true), ("any", false)])?;
        return Some(if is_all { Need::All } else { Need::Any });
    }
    let types = field.items("write `all`, `any`, or a list of types such as `[Transcode]`")?;
    if types.is_empty() {
        field.error("`need` lists no type", "write `all`, `any`, or a list of types such as `[Transcode]`");
        return None;
    }
    let types = all(types.iter().map(|item| item.some_text().map(str::to_owned)))?;
    Some(Need::Types(types.into_iter().collect()))
}
