//! `limit`: how many runs a rule starts.

use std::time::Duration;

use crate::decode::{Field, Fields};
use crate::rule::Limit;

use super::collect;
use super::condition::Broken;
use super::selected::Selected;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(90 * 24);
const MOST_RUNS: u32 = 1_000_000;

pub(super) fn read(fields: &mut Fields<'_>, apps: Selected<'_>) -> Result<Option<Limit>, Broken> {
    match fields.optional("limit") {
        None => Ok(None),
        Some(field) => read_one(&field, apps).map(Some).ok_or(Broken),
    }
}

fn read_one(field: &Field<'_>, apps: Selected<'_>) -> Option<Limit> {
    let mut fields = field.fields("a `limit`")?;
    let runs = fields
        .required("runs", "say how many runs may start, such as `runs: 500`")
        .and_then(|runs| runs.integer(1..=u64::from(MOST_RUNS)))
        .and_then(|runs| u32::try_from(runs).ok());
    let per = fields
        .required("per", "say what is counted by itself, such as `per: \"${{ event.subappid }}\"`; `per: all` for all")
        .and_then(|per| collect::key(&per, apps));
    let every = fields
        .required("every", "say in how long, such as `every: 1d`")
        .and_then(|every| every.duration(SHORTEST..=LONGEST));
    fields.finish();
    Some(Limit { runs: runs?, per: per?, every: every? })
}
