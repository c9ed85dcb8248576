//! Limits: how many runs a rule starts for a key in a window of time.

use oncue_rules::time::Timestamp;

use super::ask::Ask;
use super::fault::Fault;
use super::rows::Columns;
use super::tx::Tx;
use crate::store::NewRun;

/// Counts a run that is to be created; says no when its rule has started as many as it may.
pub(super) fn allows(tx: &Tx<'_>, run: &NewRun, at: Timestamp) -> Result<bool, Fault> {
    let Some(limit) = &run.limit else { return Ok(true) };
    let found = tx.sql.first(
        "SELECT until, runs FROM limits WHERE rule = ?1 AND key = ?2",
        (run.rule.as_str(), &limit.key),
        |row| {
            let columns = &mut Columns::of(row);
            Ok((columns.time()?, columns.take::<u32>()?))
        },
    )?;
    let (until, runs) = match found {
        Some((until, runs)) if at < until => (until, runs),
        _ => (at.after(limit.every), 0),
    };
    if runs >= limit.runs {
        return Ok(false);
    }
    tx.sql.change(
        "INSERT OR REPLACE INTO limits (rule, key, until, runs) VALUES (?1, ?2, ?3, ?4)",
        (run.rule.as_str(), &limit.key, until.0, runs.saturating_add(1)),
    )?;
    Ok(true)
}
