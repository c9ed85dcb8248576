//! Steps that do nothing themselves: they sleep, or wait for an event.

use std::sync::Arc;

use oncue_rules::event::{CorrelationKey, Event};
use oncue_rules::ids::EventId;
use oncue_rules::rule::{Awaited, Sleep, StepKind};
use oncue_rules::template::Template;
use oncue_rules::value::{Map, Value};

use super::Next;
use super::ending::Ending;
use super::place::Place;
use super::record::{StepOutcome, StepRow, TimerKind};
use super::state::Active;
use super::view::awaited_value;
use super::walk::{Walk, row};

/// What the row of a wait holds instead of the event that it ended with, which is stored once already.
pub(super) const REFERENCE: &str = "$event";
/// The same, of the ends of rounds before the last, a list.
pub(super) const EARLIER: &str = "$earlier";
/// The longest value of a correlation key, in bytes; a longer one is no key that an event has.
const KEY_LIMIT: usize = 512;

/// The outputs of a wait as its row keeps them.
fn reference(event: EventId) -> String {
    Value::map(Map::from([(REFERENCE.to_owned(), Value::text(event.to_string()))])).to_json()
}

/// The outputs of a step of whose rounds the last has no end, as its row keeps them.
pub(super) fn earlier_rounds(active: Option<&Active>) -> Option<String> {
    let (Active::Call { earlier, .. } | Active::Completion { earlier, .. }) = active? else { return None };
    let ids = earlier.as_ref()?.events.iter().map(|id| Value::text(id.to_string())).collect();
    Some(Value::map(Map::from([(EARLIER.to_owned(), Value::list(ids))])).to_json())
}

/// The events that the outputs of a row stand for, the last one last.
#[must_use]
pub fn referred(output: &str) -> Vec<EventId> {
    // Most outputs hold none, and are not parsed for it.
    if !output.contains("\"$event\":") && !output.contains("\"$earlier\":") {
        return Vec::new();
    }
    let row = Value::from_json(output.as_bytes()).unwrap_or_default();
    let earlier = row.get(EARLIER).as_list().unwrap_or_default();
    earlier.iter().chain([row.get(REFERENCE)]).filter_map(|id| id.as_text()?.parse().ok()).collect()
}

impl<'p> Walk<'p> {
    /// Begins a `sleep`; none when it is over at once.
    pub(super) fn sleep(&mut self, place: &Place<'p>, sleep: &Sleep) -> Option<Next> {
        let until = match sleep {
            Sleep::For(duration) => Some(self.now.after(*duration)),
            Sleep::Until(schedule) => schedule.after(self.now),
        };
        let Some(until) = until else {
            self.end_with(place, "no_such_time", "the clock of this time zone never shows this time again");
            return None;
        };
        self.begin(place, Active::Sleep { started_at: self.now, until });
        self.draft.timer(place.path(), TimerKind::Wake, until);
        Some(Next::Park)
    }

    /// Begins a `wait_for`; none when its keys cannot be had, and the step has ended.
    pub(super) fn wait_for(&mut self, place: &Place<'p>, awaited: &[Awaited]) -> Option<Next> {
        let mut waits = Vec::new();
        for one in awaited {
            match self.sought(one) {
                Ok(sought) => waits.extend(sought.waits(place, self.since(one))),
                Err((code, message)) => {
                    self.end_with(place, code, &message);
                    return None;
                }
            }
        }
        self.begin(place, Active::Wait { started_at: self.now });
        for wait in waits {
            self.draft.wait(wait);
        }
        Some(Next::Park)
    }

    fn begin(&mut self, place: &Place<'p>, active: Active) {
        self.set_timeout(place);
        self.cursor.state.active = Some(active);
        self.draft.step(StepRow { ..row(place, StepOutcome::Running, self.now) });
    }

    /// What an event must carry, from the same values each time.
    pub(super) fn keys(&self, keys: &[(String, Template)]) -> Result<Vec<CorrelationKey>, (&'static str, String)> {
        let render = |(name, template): &(String, Template)| {
            let value = self.render(template).map_err(|error| ("expression", error.to_string()))?;
            let value = match &value {
                Value::Text(text) if !text.is_empty() && text.len() <= KEY_LIMIT => text.to_string(),
                Value::Number(number) => number.to_string(),
                Value::Text(text) if text.is_empty() => {
                    return Err(("no_key", format!("the key `{name}` is empty: check what it is taken from")));
                }
                other => {
                    let message = format!("the key `{name}` is {}, and must be a text: check it", other.kind());
                    return Err(("no_key", message));
                }
            };
            Ok(CorrelationKey { name: name.clone(), value })
        };
        keys.iter().map(render).collect()
    }

    /// Goes on when the sleep at a path is over, or sleeps on when it is too early: clocks of nodes differ.
    pub(super) fn wake_due(&mut self, path: &str) -> Next {
        match self.place() {
            Some(place) if place.path == path => self.wake(&place),
            _ => self.rest(),
        }
    }

    pub(super) fn wake(&mut self, place: &Place<'p>) -> Next {
        let Some(Active::Sleep { until, .. }) = self.cursor.state.active else { return self.rest() };
        if self.now < until {
            self.draft.timer(place.path(), TimerKind::Wake, until);
            return Next::Park;
        }
        self.end(Ending::of(StepOutcome::Succeeded));
        self.go()
    }

    /// Goes on when the event is one that the step at a path waits for.
    pub(super) fn event_came(&mut self, path: &str, event: &Arc<Event>) -> Next {
        let Some(place) = self.place().filter(|place| place.path == path) else { return self.rest() };
        if !matches!(self.cursor.state.active, Some(Active::Wait { .. } | Active::Completion { .. })) {
            return self.rest();
        }
        if let Some(depth) = self.overdue() {
            return self.time_out(depth, "fatal");
        }
        let StepKind::WaitFor(awaited) = &place.step.kind else { return self.work_told(&place, event) };
        if !awaited.iter().any(|one| self.is_awaited(one, event)) {
            return self.rest();
        }
        self.end(Ending::of(StepOutcome::Succeeded).with_output(awaited_value(event), reference(event.id)));
        self.go()
    }
}
