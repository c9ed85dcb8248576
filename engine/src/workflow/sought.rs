//! Which events a step waits for: how they are found, and since when they count.

use oncue_plugins::completion::Completion;
use oncue_rules::event::{CorrelationKey, Event};
use oncue_rules::ids::{EventType, StepId, SubAppId};
use oncue_rules::rule::{Awaited, By, Rule, Step, StepKind};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;

use super::place::Place;
use super::record::Wait;
use super::view::Mark;
use super::walk::Walk;

/// An event that is looked for.
pub(super) struct Sought {
    app: Option<SubAppId>,
    kinds: Vec<EventType>,
    keys: Vec<CorrelationKey>,
    /// The work whose end it tells, where one of the keys is enough; else it has all of them.
    work: Option<Completion>,
    /// Whether any event of these kinds will do, and not only one that tells of the end.
    named: bool,
}

impl Sought {
    /// What a store is to look for. It finds by one key; others that an event must have are compared when it is there.
    pub(super) fn waits(self, place: &Place<'_>, since: Timestamp) -> Vec<Wait> {
        let Self { app, kinds, keys, work, .. } = self;
        let enough = if work.is_some() { keys.len() } else { 1 };
        let wait = |kind: &EventType, key: &CorrelationKey| Wait {
            path: place.path(),
            subappid: app,
            kind: kind.clone(),
            key: key.clone(),
            since,
        };
        keys.iter().take(enough).flat_map(|key| kinds.iter().map(move |kind| wait(kind, key))).collect()
    }

    fn is(&self, event: &Event) -> bool {
        let has = |key: &CorrelationKey| event.keys.contains(key);
        let found = match self.work {
            Some(work) => self.keys.iter().any(has) && (self.named || (work.judge)(event.body.payload()).is_some()),
            None => self.keys.iter().all(has),
        };
        found && self.kinds.contains(&event.kind)
    }
}

impl Walk<'_> {
    /// What a step looks for, from the same values each time.
    pub(super) fn sought(&self, awaited: &Awaited) -> Result<Sought, (&'static str, String)> {
        let kinds = awaited.on.iter().cloned().collect::<Vec<_>>();
        match &awaited.by {
            By::Keys(keys) => {
                let app = self.cursor.facts.event.subappid;
                Ok(Sought { app, kinds, keys: self.keys(keys)?, work: None, named: true })
            }
            By::Work(id) => self.work_of(id, kinds),
        }
    }

    /// Since when events count.
    pub(super) fn since(&self, awaited: &Awaited) -> Timestamp {
        let ended = awaited.since.as_ref().and_then(|id| self.cursor.view.ended(id));
        ended.map_or(self.cursor.facts.started_at, |(_, mark)| mark.ended_at)
    }

    pub(super) fn is_awaited(&self, awaited: &Awaited, event: &Event) -> bool {
        event.received_at >= self.since(awaited)
            && self.sought(awaited).is_ok_and(|sought| sought.is(event))
            && awaited.pattern.as_ref().is_none_or(|pattern| pattern.matches(&event.document()))
    }

    /// The end of what an earlier step has submitted.
    fn work_of(&self, id: &StepId, kinds: Vec<EventType>) -> Result<Sought, (&'static str, String)> {
        let nothing =
            || ("not_submitted", format!("the step `{id}` has submitted nothing: there is no end to wait for"));
        let (value, mark) =
            self.cursor.view.ended(id).filter(|(value, _)| may_be_under_way(value)).ok_or_else(nothing)?;
        let step = step_of(&self.program.rule, id).ok_or_else(nothing)?;
        let StepKind::Uses { action, .. } = &step.kind else { return Err(nothing()) };
        let completion = self.program.completion(action).ok_or_else(nothing)?;
        let Mark { path, generation, .. } = mark;
        let place = Place { step, path: path.clone(), is_item: false, started_at: None };
        let app = self.named_app(&place)?.or(self.cursor.facts.event.subappid);
        let named = !kinds.is_empty();
        let kinds = if named { kinds } else { completion.events.iter().copied().map(EventType::from).collect() };
        let keys = self.work_keys(&place, *generation, value);
        Ok(Sought { app, kinds, keys, work: Some(completion), named })
    }
}

/// Whether a step that ended so may have reached the other side.
fn may_be_under_way(value: &Value) -> bool {
    let has_task = value.get("TaskId").as_text().is_some_and(|task| !task.is_empty());
    match value.get("outcome").as_text() {
        Some("skipped") => false,
        Some("failed") => has_task || value.get("error").get("class").as_text() != Some("fatal"),
        _ => true,
    }
}

fn step_of<'p>(rule: &'p Rule, id: &StepId) -> Option<&'p Step> {
    fn within<'p>(steps: &'p [Step], id: &StepId) -> Option<&'p Step> {
        steps.iter().find_map(|step| {
            if step.id.as_ref() == Some(id) {
                return Some(step);
            }
            step.lists().find_map(|steps| within(steps, id))
        })
    }
    within(&rule.steps, id).or_else(|| within(&rule.on_failure, id))
}
