//! What a run is created with whose rule gathers events, or starts only so many runs.

use oncue_rules::event::Event;
use oncue_rules::rule::Rule;
use oncue_rules::rule_set::Judgement;
use oncue_rules::time::Timestamp;

use crate::store::{Gather, LimitBy, NewRun};
use crate::workflow::RUN_LIMIT;

/// How the run of a rule that matched gathers; none when each event starts a run of its own.
pub(super) fn gather(judgement: &Judgement, rule: &Rule) -> Option<Gather> {
    let collect = rule.collect.as_ref()?;
    Some(Gather {
        // A rule that collects has a key where it matches.
        key: judgement.keys.get(&rule.name)?.collect.clone()?,
        quiet: collect.quiet,
        max: collect.max,
        max_events: collect.max_events,
        max_bytes: RUN_LIMIT,
    })
}

/// How many runs of a rule that matched there may be; none when it does not say.
pub(super) fn limit(judgement: &Judgement, rule: &Rule) -> Option<LimitBy> {
    let limit = rule.limit.as_ref()?;
    let key = judgement.keys.get(&rule.name)?.limit.clone()?;
    Some(LimitBy { key, runs: limit.runs, every: limit.every })
}

/// When the first collection is over that was opened by this event or got it, unless more comes.
pub(super) fn nearest<'r>(runs: impl Iterator<Item = &'r NewRun>, event: &Event) -> Option<Timestamp> {
    runs.filter_map(|run| Some(event.received_at.after(run.gather.as_ref()?.quiet))).min()
}
