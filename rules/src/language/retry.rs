//! `retry`: how failed attempts of an action are repeated.

use std::time::Duration;

use crate::decode::{Field, Fields};
use crate::rule::Retry;

const MOST_ATTEMPTS: u64 = 1_000;
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_hours(24);
const LONGEST_WITHIN: Duration = Duration::from_hours(90 * 24);

/// `None` when it has errors, `Some(None)` when it is not there.
#[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Option<Retry>> {
    let Some(field) = fields.optional("retry") else { return Some(None) };
    if fields.key_span("uses").is_none()
        && ["set", "group", "sleep", "end", "switch", "wait_for"].iter().any(|kind| fields.key_span(kind).is_some())
    {
        let span = fields.key_span("retry").unwrap_or(field.span());
        let hint = "write it on the steps within that use an action, or remove it";
        fields.findings().error(span, "only a step that `uses` an action can have `retry`", hint);
        return None;
    }
    one(&field).map(Some)
}

impl Retry {
    /// One that is written alone, with the defaults for what it does not say; `None` when it has errors, which are reported.
    #[must_use]
    pub fn read(field: &Field<'_>) -> Option<Self> {
        one(field)
    }
}

/// One that is written alone.
pub(super) fn one(field: &Field<'_>) -> Option<Retry> {
    let defaults = Retry::default();
    let mut fields = field.fields("a retry")?;
    let max_attempts = match fields.optional("max_attempts") {
        Some(field) => field.integer(1..=MOST_ATTEMPTS).and_then(|attempts| u32::try_from(attempts).ok()),
        None => Some(defaults.max_attempts),
    };
    let initial = wait(&mut fields, "initial");
    let max = wait(&mut fields, "max");
    let within = match fields.optional("within") {
        Some(field) => field.duration(SHORTEST_WAIT..=LONGEST_WITHIN).map(Some),
        None => Some(None),
    };
    let place = fields.key_span("initial").unwrap_or(fields.place());
    fields.finish();
    // What is not written follows what is: `initial: 10m` alone must not contradict a default that nobody sees.
    let (initial, max) = match (initial?, max?) {
        (Some(initial), Some(max)) if initial > max => {
            let message = "`initial` is longer than `max`, the longest wait there may be";
            field.findings().error(place, message, "make `max` at least as long as `initial`");
            return None;
        }
        (Some(initial), Some(max)) => (initial, max),
        (Some(initial), None) => (initial, defaults.max.max(initial)),
        (None, Some(max)) => (defaults.initial.min(max), max),
        (None, None) => (defaults.initial, defaults.max),
    };
    Some(Retry { max_attempts: max_attempts?, initial, max, within: within? })
}

#[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
fn wait(fields: &mut Fields<'_>, name: &'static str) -> Option<Option<Duration>> {
    match fields.optional(name) {
        Some(field) => field.duration(SHORTEST_WAIT..=LONGEST_WAIT).map(Some),
        None => Some(None),
    }
}
