//! Steps that wait for the end of the work that their action has started.

use std::collections::BTreeSet;
use std::sync::Arc;

use oncue_plugins::action::{Completed, Completion, Outcome};
use oncue_rules::event::{CorrelationKey, Event, key};
use oncue_rules::ids::EventType;
use oncue_rules::rule::{Need, StepKind};
use oncue_rules::value::{Map, Value};

use super::Next;
use super::ending::Ending;
use super::place::Place;
use super::record::{StepOutcome, Wait};
use super::state::Active;
use super::view::awaited_value;
use super::wait::REFERENCE;
use super::walk::{Walk, error};

impl<'p> Walk<'p> {
    /// What follows a call that went well: the end of the step, or a wait for the end of the work that it started.
    pub(super) fn called(&mut self, place: &Place<'p>, outputs: Value) -> Option<Next> {
        let Some((_, completion)) = self.awaits(place) else {
            self.succeed(place, outputs);
            return None;
        };
        let (outputs, text) = match self.keep(outputs) {
            Ok(kept) => kept,
            Err((code, message)) => {
                self.end_with(place, code, &message);
                return None;
            }
        };
        let Some(Active::Call { attempts, generation, started_at, .. }) = self.cursor.state.active else {
            return None;
        };
        let keys = self.work_keys(place, generation, &outputs);
        for kind in completion.events {
            for key in &keys {
                self.draft.wait(Wait {
                    path: place.path(),
                    subappid: self.cursor.facts.event.subappid,
                    kind: EventType::from(*kind),
                    key: key.clone(),
                    since: self.cursor.facts.started_at,
                });
            }
        }
        self.cursor.state.active = Some(Active::Completion { attempts, generation, started_at, outputs: text });
        Some(Next::Park)
    }

    /// What a step waits for, if it does.
    fn awaits(&self, place: &Place<'p>) -> Option<(&'p Need, Completion)> {
        match &place.step.kind {
            StepKind::Uses { action, wait: Some(need), .. } => Some((need, self.program.completion(action)?)),
            _ => None,
        }
    }

    /// By what events tell of the work of a step: the `SessionId` that went out, and the task.
    fn work_keys(&self, place: &Place<'p>, generation: u32, outputs: &Value) -> Vec<CorrelationKey> {
        let written = match &place.step.kind {
            StepKind::Uses { with, .. } => self.render(with).ok().map(|params| params.get("SessionId").clone()),
            _ => None,
        };
        let session = match written {
            Some(Value::Text(session)) => session.to_string(),
            _ => self.key(place, generation),
        };
        let task = outputs.get("TaskId").as_text().unwrap_or_default().to_owned();
        let keys = [(key::SESSION_ID, session), (key::TASK_ID, task)];
        let there = keys.into_iter().filter(|(_, value)| !value.is_empty());
        there.map(|(name, value)| CorrelationKey { name: name.to_owned(), value }).collect()
    }

    /// Goes on when the event tells that the work of the step has ended.
    pub(super) fn work_told(&mut self, place: &Place<'p>, event: &Arc<Event>) -> Next {
        let Some(Active::Completion { generation, outputs, .. }) = self.cursor.state.active.clone() else {
            return self.rest();
        };
        let Some((need, completion)) = self.awaits(place) else { return self.rest() };
        let kept = Value::from_json(outputs.as_bytes()).unwrap_or_default();
        let keys = self.work_keys(place, generation, &kept);
        let is_ours =
            completion.events.contains(&event.kind.as_str()) && keys.iter().any(|key| event.keys.contains(key));
        let completed = (completion.judge)(&event.payload).filter(|_| is_ours);
        let Some(completed) = completed else { return self.rest() };
        let ending = if is_met(need, &completed) {
            Ending::of(StepOutcome::Succeeded)
        } else {
            let reason =
                if completed.reason.is_empty() { "a part that is needed is not there" } else { &completed.reason };
            let code = completed.outcome.as_str();
            Ending::failed(StepOutcome::Failed, error(&place.path, code, reason, "fatal"))
        };
        let word = completed.outcome.as_str();
        let mut row = kept.as_map().cloned().unwrap_or_default();
        row.insert(REFERENCE.to_owned(), Value::text(event.id.to_string()));
        let value = completed_value(&kept, event, completed);
        self.end(ending.called(word).with_output(value, Value::map(row).to_json()));
        self.go()
    }
}

/// What `steps.ID` holds of work that has ended: what the action gave, what came of it, and the event that told of it.
fn completed_value(outputs: &Value, event: &Event, completed: Completed) -> Value {
    let mut fields = outputs.as_map().cloned().unwrap_or_default();
    fields.extend(awaited_value(event).as_map().cloned().unwrap_or_default());
    fields.insert("results".to_owned(), Value::list(completed.results));
    fields.insert("failed".to_owned(), Value::list(completed.failed));
    Value::map(fields)
}

/// As at the end of the work, from what the row of the step keeps; with the word for `steps.ID.outcome`.
pub(super) fn restored(row: &Value, event: &Event, completion: Completion) -> (Value, Option<&'static str>) {
    let mut outputs: Map = row.as_map().cloned().unwrap_or_default();
    outputs.remove(REFERENCE);
    let outputs = Value::map(outputs);
    match (completion.judge)(&event.payload) {
        Some(completed) => {
            let word = completed.outcome.as_str();
            (completed_value(&outputs, event, completed), Some(word))
        }
        None => (outputs, None),
    }
}

fn is_met(need: &Need, completed: &Completed) -> bool {
    let Completed { outcome, results, failed, .. } = completed;
    match need {
        Need::All => *outcome == Outcome::Succeeded,
        Need::Any => *outcome != Outcome::Failed,
        Need::Types(types) => {
            let of = |parts: &[Value]| -> BTreeSet<String> {
                parts.iter().filter_map(|part| part.get("Type").as_text().map(str::to_owned)).collect()
            };
            types.is_subset(&of(results)) && types.is_disjoint(&of(failed))
        }
    }
}
