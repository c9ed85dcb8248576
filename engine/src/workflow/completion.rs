//! Steps that wait for the end of the work that their action has started.

use std::collections::BTreeSet;
use std::sync::Arc;

use oncue_plugins::completion::{Completed, Completion, Outcome};
use oncue_rules::event::{CorrelationKey, Event, key};
use oncue_rules::ids::EventType;
use oncue_rules::rule::{Need, StepKind, WorkWait};
use oncue_rules::value::{Map, Value};

use super::ending::Ending;
use super::place::Place;
use super::record::{StepOutcome, TimerKind, Wait};
use super::rounds::completed;
use super::state::{Active, Earlier};
use super::view::awaited_value;
use super::wait::{EARLIER, REFERENCE};
use super::walk::{Walk, error};
use super::{Ask, Call, Next};

impl<'p> Walk<'p> {
    /// What follows a call that went well: the end of the step, or a wait for the end of the work that it started.
    pub(super) fn called(&mut self, place: &Place<'p>, outputs: Value) -> Option<Next> {
        let Some((wait, completion)) = self.awaits(place) else {
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
        let Some(Active::Call { attempts, generation, started_at, earlier, app, .. }) = self.cursor.state.active.take()
        else {
            return None;
        };
        for kind in completion.events {
            for key in self.work_keys(place, generation, &outputs) {
                self.draft.wait(Wait {
                    path: place.path(),
                    subappid: app.or(self.cursor.facts.event.subappid),
                    kind: EventType::from(*kind),
                    key,
                    since: self.cursor.facts.started_at,
                });
            }
        }
        self.listen(place, wait);
        self.cursor.state.active =
            Some(Active::Completion { attempts, generation, started_at, outputs: text, earlier, app });
        Some(Next::Park)
    }

    /// What a step waits for, if it does.
    pub(super) fn awaits(&self, place: &Place<'p>) -> Option<(&'p WorkWait, Completion)> {
        match &place.step.kind {
            StepKind::Uses { action, wait: Some(wait), .. } => Some((wait, self.program.completion(action)?)),
            _ => None,
        }
    }

    /// By what events tell of the work of a step: the `SessionId` that went out, and the task.
    pub(super) fn work_keys(&self, place: &Place<'p>, generation: u32, outputs: &Value) -> Vec<CorrelationKey> {
        let written = place.with().and_then(|with| self.render(with).ok());
        let session = match written.map(|params| params.get("SessionId").clone()) {
            Some(Value::Text(session)) => session.to_string(),
            _ => self.key(place, generation),
        };
        let keys = [(key::SESSION_ID, session), (key::TASK_ID, task_of(outputs).to_owned())];
        let there = keys.into_iter().filter(|(_, value)| !value.is_empty());
        there.map(|(name, value)| CorrelationKey { name: name.to_owned(), value }).collect()
    }

    /// Sees to it that silence does not last: what is never told may be asked for.
    fn listen(&mut self, place: &Place<'p>, wait: &WorkWait) {
        if let Some(every) = wait.ask_every {
            self.draft.timer(place.path(), TimerKind::Silence, self.now.after(every));
        }
    }

    /// Nothing was heard of the work of the step at a path for a while.
    pub(super) fn silence(&mut self, path: &str) -> Next {
        if let Some(place) = self.place().filter(|place| place.path == path)
            && let Some((wait, _)) = self.awaits(&place)
            && let Some(ask) = self.question(&place)
        {
            self.listen(&place, wait);
            self.draft.ask(ask);
        }
        self.rest()
    }

    fn question(&self, place: &Place<'p>) -> Option<Ask> {
        let Some(Active::Completion { outputs, app, attempts, generation, .. }) = &self.cursor.state.active else {
            return None;
        };
        let StepKind::Uses { action, with, .. } = &place.step.kind else { return None };
        let params = self.params(place, with).ok()?;
        let call = Call {
            path: place.path(),
            action: action.clone(),
            app: app.or(self.cursor.facts.event.subappid),
            repeatable: self.program.repeatable(action, &params),
            params,
            attempt: *attempts,
            key: self.key(place, *generation),
            deadline: None,
        };
        let outputs = Value::from_json(outputs.as_bytes()).unwrap_or_default();
        Some(Ask { call, task: Some(task_of(&outputs).to_owned()).filter(|task| !task.is_empty()) })
    }

    /// Goes on when the event tells that the work of the step has ended.
    pub(super) fn work_told(&mut self, place: &Place<'p>, event: &Arc<Event>) -> Next {
        let Some(Active::Completion { generation, outputs, earlier, .. }) = self.cursor.state.active.clone() else {
            return self.rest();
        };
        let Some((wait, completion)) = self.awaits(place) else { return self.rest() };
        let kept = Value::from_json(outputs.as_bytes()).unwrap_or_default();
        let keys = self.work_keys(place, generation, &kept);
        let is_ours =
            completion.events.contains(&event.kind.as_str()) && keys.iter().any(|key| event.keys.contains(key));
        let mut told = earlier.as_ref().map(|earlier| self.told(earlier)).unwrap_or_default();
        told.push(event);
        let completed = if is_ours { completed(&told, wait, completion) } else { None };
        let Some(completed) = completed else { return self.rest() };
        if let Some(next) = self.begin_round(place, event, &completed) {
            return next;
        }
        let word = completed.outcome().as_str();
        let ending = if is_met(&wait.need, &completed) {
            Ending::of(StepOutcome::Succeeded)
        } else {
            let reason = match completed.reason() {
                reason if reason.is_empty() => "a part that is needed is not there".to_owned(),
                reason => reason,
            };
            Ending::failed(StepOutcome::Failed, error(&place.path, word, &reason, "fatal"))
        };
        let text = row(&kept, event, earlier.as_ref());
        self.end(ending.called(word).with_output(completed_value(&kept, event, &completed), text));
        self.go()
    }
}

fn task_of(outputs: &Value) -> &str {
    outputs.get("TaskId").as_text().unwrap_or_default()
}

/// What the row of a step keeps: what the action gave, and the events instead of what they told.
fn row(outputs: &Value, event: &Event, earlier: Option<&Earlier>) -> String {
    let mut row = outputs.as_map().cloned().unwrap_or_default();
    row.insert(REFERENCE.to_owned(), Value::text(event.id.to_string()));
    if let Some(earlier) = earlier {
        let ids = earlier.events.iter().map(|id| Value::text(id.to_string())).collect();
        row.insert(EARLIER.to_owned(), Value::list(ids));
    }
    Value::map(row).to_json()
}

/// What `steps.ID` holds of work that has ended: what the action gave, what came of it, and the event that told of it.
fn completed_value(outputs: &Value, event: &Event, completed: &Completed) -> Value {
    let mut fields = outputs.as_map().cloned().unwrap_or_default();
    fields.extend(awaited_value(event).as_map().cloned().unwrap_or_default());
    fields.insert("results".to_owned(), Value::list(completed.results()));
    fields.insert("failed".to_owned(), Value::list(completed.failed()));
    Value::map(fields)
}

/// As at the end of the work, from what the row of the step keeps and the events that told; with the word for
/// `steps.ID.outcome`.
pub(super) fn restored(
    row: &Value,
    told: &[&Event],
    wait: &WorkWait,
    completion: Completion,
) -> (Value, Option<&'static str>) {
    let mut outputs: Map = row.as_map().cloned().unwrap_or_default();
    outputs.remove(REFERENCE);
    outputs.remove(EARLIER);
    let outputs = Value::map(outputs);
    match (completed(told, wait, completion), told.last()) {
        (Some(completed), Some(last)) => {
            (completed_value(&outputs, last, &completed), Some(completed.outcome().as_str()))
        }
        _ => (outputs, None),
    }
}

fn is_met(need: &Need, completed: &Completed) -> bool {
    match need {
        Need::All => completed.outcome() == Outcome::Succeeded,
        Need::Any => completed.outcome() != Outcome::Failed,
        Need::Types(types) => {
            let of = |parts: &[Value]| -> BTreeSet<String> {
                parts.iter().filter_map(|part| part.get("Type").as_text().map(str::to_owned)).collect()
            };
            types.is_subset(&of(&completed.results())) && types.is_disjoint(&of(&completed.failed()))
        }
    }
}
