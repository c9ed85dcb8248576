//! `wait`: a step that waits for the end of the work that its action starts.

use std::time::Duration;

use crate::decode::{Field, all};
use crate::ids::ActionName;
use crate::node::NodeKind;
use crate::rule::{Need, RetryFailed, WorkWait};
use crate::value::Value;

use super::step::{LONGEST_TIMEOUT, SHORTEST_TIMEOUT, Workflow};

/// How many times work may be submitted.
const MOST_ROUNDS: u64 = 10;
/// The codes of failures that are worth another round when a rule does not say: the vendor's own faults (protocol
/// section 1).
const WORTH_IT: &str = "InternalError";
/// How often the other side is asked when a rule does not say: a quarter of `timeout`, and at least each hour.
const ASK_EVERY: Duration = Duration::from_hours(1);
/// By what the other side knows a submission again; a round needs one of its own.
const SESSION_ID: &str = "SessionId";

/// How the end of the work is waited for, and how long at most.
pub(super) fn read(
    workflow: &Workflow<'_>,
    field: &Field<'_>,
    action: &ActionName,
    with: Option<&Field<'_>>,
) -> Option<(WorkWait, Duration)> {
    if !workflow.surroundings.actions.completes(action.as_str()) {
        let message = format!("the work of `{action}` is done when the step is: there is nothing to wait for");
        field.error(message, "remove `wait`");
        return None;
    }
    let mut fields = field.fields("a `wait`")?;
    let timeout = fields
        .required("timeout", "say how long to wait at most, such as `timeout: 12h`")
        .and_then(|field| field.duration(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT));
    let need = fields.optional("need").map_or(Some(Need::All), |field| need(&field));
    let retry_failed = match fields.optional("retry_failed") {
        Some(field) => retry_failed(&field, with).map(Some),
        None => Some(None),
    };
    let ask_every = match fields.optional("on_silence") {
        Some(field) => ask_every(&field, timeout),
        None => Some(timeout.map(|timeout| (timeout / 4).min(ASK_EVERY))),
    };
    fields.finish();
    Some((WorkWait { need: need?, retry_failed: retry_failed?, ask_every: ask_every? }, timeout?))
}

fn retry_failed(field: &Field<'_>, with: Option<&Field<'_>>) -> Option<RetryFailed> {
    let mut fields = field.fields("a `retry_failed`")?;
    let max_attempts = fields
        .required("max_attempts", "say how many times to submit at most, such as `max_attempts: 3`")
        .and_then(|field| field.integer(1..=MOST_ROUNDS))
        .and_then(|attempts| u32::try_from(attempts).ok());
    let on = match fields.optional("on") {
        Some(field) => codes(&field),
        None => Some(vec![WORTH_IT.to_owned()]),
    };
    fields.finish();
    if let Some(NodeKind::Map(entries)) = with.map(|with| &with.node().kind)
        && let Some((key, _)) = entries.iter().find(|(key, _)| key.text == SESSION_ID)
    {
        let message = "the vendor takes a `SessionId` once, and `retry_failed` submits more than once";
        field.findings().error(key.span, message, "leave `SessionId` out: each round then has one of its own");
        return None;
    }
    Some(RetryFailed { max_attempts: max_attempts?, on: on? })
}

fn codes(field: &Field<'_>) -> Option<Vec<String>> {
    let codes = field.one_or_list_of(|item| item.some_text().map(str::to_owned))?;
    if codes.is_empty() {
        field.error("`on` lists no code", format!("write the codes of the failures, such as `[{WORTH_IT}]`"));
        return None;
    }
    Some(codes)
}

/// How often to ask; `Some(None)` for never.
#[expect(
    clippy::option_option,
    reason = "broken, never and an interval are three answers, as for every optional field"
)]
fn ask_every(field: &Field<'_>, timeout: Option<Duration>) -> Option<Option<Duration>> {
    let written = field.node().to_value();
    if written.as_text() == Some("off") || written == Value::Bool(false) {
        return Some(None);
    }
    let every = field.duration(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT)?;
    if timeout.is_some_and(|timeout| every >= timeout) {
        let hint = "make `on_silence` shorter than `timeout`, or write `on_silence: off`";
        field.error("the step is over before anybody would be asked", hint);
        return None;
    }
    Some(Some(every))
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
