//! `collect`: events that are gathered before one run starts for all of them.

use std::time::Duration;

use crate::decode::{Field, Fields};
use crate::expression::Names;
use crate::node::NodeKind;
use crate::rule::Collect;
use crate::rule_set::key_text;
use crate::template::Template;
use crate::value::Value;

use super::condition::Broken;
use super::selected::Selected;
use super::{templates, variables};

/// Short ones are for tests.
const SHORTEST: Duration = Duration::from_millis(10);
/// Events are kept for longer than that.
const LONGEST: Duration = Duration::from_hours(90 * 24);
/// How long a collection stays open that does not say.
const MAX: Duration = Duration::from_hours(24);
/// How many events one collection may have.
const MOST_EVENTS: u32 = 1_000;

pub(super) fn read(fields: &mut Fields<'_>, apps: Selected<'_>) -> Result<Option<Collect>, Broken> {
    match fields.optional("collect") {
        None => Ok(None),
        Some(field) => read_one(&field, apps).map(Some).ok_or(Broken),
    }
}

fn read_one(field: &Field<'_>, apps: Selected<'_>) -> Option<Collect> {
    let mut fields = field.fields("a `collect`")?;
    let key = fields
        .required(
            "key",
            "say which events belong together, such as `key: \"${{ event.file_id }}\"`; `key: all` for all",
        )
        .and_then(|key| self::key(&key, apps));
    let quiet = fields
        .required("quiet", "say for how long nothing more may come before the run starts, such as `quiet: 40m`")
        .and_then(|quiet| Some((quiet.duration(SHORTEST..=LONGEST)?, quiet)));
    let max = fields.optional("max");
    let written = match &max {
        Some(max) => max.duration(SHORTEST..=LONGEST),
        None => Some(quiet.as_ref().map_or(MAX, |(quiet, _)| MAX.max(*quiet))),
    };
    let max_events = match fields.optional("max_events") {
        Some(most) => most.integer(1..=u64::from(MOST_EVENTS)).and_then(|most| u32::try_from(most).ok()),
        None => Some(MOST_EVENTS),
    };
    fields.finish();
    let (key, (quiet, quiet_field), max, max_events) = (key?, quiet?, written?, max_events?);
    if quiet > max {
        quiet_field.error("`quiet` is longer than `max`, so that it never counts", "make `max` at least as long");
        return None;
    }
    Some(Collect { key, quiet, max, max_events })
}

/// A text, with or without templates, by which things are counted as one.
pub(super) fn key(field: &Field<'_>, apps: Selected<'_>) -> Option<Template> {
    if !matches!(field.node().kind, NodeKind::Scalar(Value::Text(_) | Value::Number(_))) {
        let hint = format!("write a text, such as `{}: \"${{{{ event.file_id }}}}\"`", field.name());
        field.mismatch("a text", hint);
        return None;
    }
    let variables_are_there = variables::check(field, apps);
    let template = templates::read(field, &Names::rule())?;
    if let Some(Err(problem)) = template.constant().map(key_text) {
        field.error(format!("`{}` {problem}", field.name()), "write which things count as one, or a word for all");
        return None;
    }
    variables_are_there.then_some(template)
}
