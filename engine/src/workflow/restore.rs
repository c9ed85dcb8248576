//! Takes a stored run up again: the view is built from the step rows, as far as the cursor has come.

use std::collections::HashMap;
use std::sync::Arc;

use oncue_rules::event::Event;
use oncue_rules::ids::EventId;
use oncue_rules::rule::{Step, StepKind};
use oncue_rules::value::Value;

use super::place::{case_path, inner_path, item_path, name};
use super::record::{StepOutcome, StepRow};
use super::state::{Frame, Phase, State, case_steps, inner};
use super::view::{View, awaited_value, item_value, loop_value, step_value};
use super::wait::referred;
use super::{Cursor, Facts, Program, Run, completion};

/// A stored run cannot be taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damaged {
    /// The cursor is no cursor.
    #[error("the state of the run cannot be read")]
    State {
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The cursor was written by a newer Oncue.
    #[error("the state of the run has version {found}, and this Oncue knows up to {known}: use the newer Oncue", known = State::VERSION)]
    TooNew {
        /// The version found.
        found: u32,
    },
    /// The outputs of a step are no JSON.
    #[error("the outputs of step {path} cannot be read")]
    Output {
        /// The step.
        path: String,
        /// What is wrong.
        #[source]
        source: oncue_rules::value::JsonError,
    },
    /// The event that a wait ended with is gone.
    #[error("step {path} ended with {event}, which is not stored any more")]
    Event {
        /// The step.
        path: String,
        /// The event.
        event: EventId,
    },
    /// The cursor stands where the rule has no step.
    #[error("the state of the run does not fit its rule: at {path} there is no such step")]
    Misfit {
        /// The last place that fits.
        path: String,
    },
    /// A list is another one than when the loop began.
    #[error("for_each of step {path} had {then} items when it began and cannot be had again: {now}")]
    Items {
        /// The step.
        path: String,
        /// How many items there were.
        then: usize,
        /// What it gives now.
        now: String,
    },
}

impl Run {
    /// The events that step rows stand for, which [`Run::restore`] needs.
    pub fn awaited(rows: &[StepRow]) -> impl Iterator<Item = EventId> {
        rows.iter().filter_map(|row| referred(row.output.as_deref()?))
    }

    /// The run whose committed state and step rows these are, with the events that the rows stand for
    /// ([`Run::awaited`]). Its first input is to be [`super::Input::Resume`].
    ///
    /// # Errors
    ///
    /// When what is stored cannot be read, or does not fit the program.
    pub fn restore(
        program: Arc<Program>,
        facts: Facts,
        state: &str,
        rows: &[StepRow],
        events: &Events,
    ) -> Result<Self, Damaged> {
        let state: State = serde_json::from_str(state).map_err(|source| Damaged::State { source })?;
        if state.v > State::VERSION {
            return Err(Damaged::TooNew { found: state.v });
        }
        let rows = rows.iter().map(|row| (row.path.as_str(), row)).collect();
        let mut view = View::new(&program, &facts);
        let mut reader = Reader { rows, view: &mut view, events, program: &program };
        let rule = &program.rule;
        if state.phase == Phase::OnFailure {
            reader.ended_list(&rule.steps, name)?;
            if let Some(error) = &state.error {
                reader.view.set_error(error);
            }
        }
        reader.open_list(&state, state.phase.steps(rule), &state.frames, None)?;
        Ok(Self { program, cursor: Cursor { facts, state, view } })
    }
}

/// Events by their ids.
pub type Events = HashMap<EventId, Arc<Event>>;

struct Reader<'r> {
    rows: HashMap<&'r str, &'r StepRow>,
    view: &'r mut View,
    events: &'r Events,
    program: &'r Program,
}

impl Reader<'_> {
    /// A list that a cursor stands in: what lies before it has ended, and the rest was not begun.
    fn open_list(
        &mut self,
        state: &State,
        list: &[Step],
        frames: &[Frame],
        outer: Option<&str>,
    ) -> Result<(), Damaged> {
        let Some((Frame::Block { at, .. } | Frame::Case { at, .. }, deeper)) = frames.split_first() else {
            return if frames.is_empty() { Ok(()) } else { Err(misfit(outer)) };
        };
        let path_of = |step: &Step, index| match outer {
            Some(outer) => inner_path(outer, step, index),
            None => format!("{}{}", state.phase.prefix(), name(step, index)),
        };
        let before = list.get(..*at).ok_or_else(|| misfit(outer))?;
        self.ended_list(before, path_of)?;
        if deeper.is_empty() {
            return Ok(());
        }
        let step = list.get(*at).ok_or_else(|| misfit(outer))?;
        self.open_step(state, step, deeper, &path_of(step, *at))
    }

    fn open_step(&mut self, state: &State, step: &Step, frames: &[Frame], path: &str) -> Result<(), Damaged> {
        let (Some(Frame::Each { index, count, .. }), Some(for_each)) = (frames.first(), &step.for_each) else {
            return self.open_inner(state, step, frames, path);
        };
        let changed = |now| Damaged::Items { path: path.to_owned(), then: *count, now };
        let items = for_each.items.render(self.view.scope()).map_err(|error| changed(error.to_string()))?;
        match items.as_list() {
            Some(list) if list.len() == *count => {}
            Some(list) => return Err(changed(format!("it gives {} items now", list.len()))),
            None => return Err(changed(format!("it gives {} now", items.kind()))),
        }
        self.view.open_loop(&for_each.binding, items);
        for ended in 0..*index {
            if let Some(result) = self.ended_item(step, &item_path(path, ended))? {
                self.view.push_result(result);
            }
        }
        self.view.bind(*index);
        match frames.get(1..).unwrap_or_default() {
            [] => Ok(()),
            deeper => self.open_inner(state, step, deeper, &item_path(path, *index)),
        }
    }

    /// A list within a step, or within an item of it.
    fn open_inner(&mut self, state: &State, step: &Step, frames: &[Frame], path: &str) -> Result<(), Damaged> {
        match (&step.kind, frames.first()) {
            (StepKind::Group(steps), _) => self.open_list(state, steps, frames, Some(path)),
            (StepKind::Switch(_), Some(Frame::Case { case, .. })) => {
                self.open_list(state, case_steps(step, *case), frames, Some(&format!("{path}/{case}")))
            }
            _ => Err(misfit(Some(path))),
        }
    }

    fn ended_list(&mut self, list: &[Step], path_of: impl Fn(&Step, usize) -> String) -> Result<(), Damaged> {
        list.iter().enumerate().try_for_each(|(index, step)| self.ended_step(step, &path_of(step, index)))
    }

    fn ended_step(&mut self, step: &Step, path: &str) -> Result<(), Damaged> {
        let Some(row) = self.rows.get(path).copied().filter(|row| row.outcome != StepOutcome::Running) else {
            return Ok(());
        };
        let value = if step.for_each.is_some() && row.outcome != StepOutcome::Skipped {
            let mut results = Vec::new();
            while let Some(result) = self.ended_item(step, &item_path(path, results.len()))? {
                results.push(result);
            }
            loop_value(row.outcome.as_str(), row.error.as_ref(), results)
        } else {
            self.ended_inner(step, path)?;
            let (output, word) = self.output(step, row)?;
            step_value(word.unwrap_or(row.outcome.as_str()), row.error.as_ref(), output.as_ref())
        };
        self.view.record(step.id.as_ref(), value);
        Ok(())
    }

    fn ended_item(&mut self, step: &Step, path: &str) -> Result<Option<Value>, Damaged> {
        let Some(row) = self.rows.get(path).copied() else { return Ok(None) };
        let (outputs, word) = match &step.kind {
            StepKind::Group(_) | StepKind::Switch(_) if row.outcome != StepOutcome::Skipped => {
                self.ended_inner(step, path)?;
                (self.view.take_inner(step), None)
            }
            _ => {
                let (output, word) = self.output(step, row)?;
                (output.unwrap_or_default(), word)
            }
        };
        Ok(Some(item_value(word.unwrap_or(row.outcome.as_str()), row.error.as_ref(), outputs)))
    }

    /// What lies within a step that has ended. Of a `switch` only the steps of the case that ran have rows.
    fn ended_inner(&mut self, step: &Step, path: &str) -> Result<(), Damaged> {
        if let StepKind::Switch(switch) = &step.kind {
            return (0..=switch.cases.len()).try_for_each(|case| {
                self.ended_list(case_steps(step, case), |step, index| case_path(path, case, step, index))
            });
        }
        self.ended_list(inner(step), |step, index| inner_path(path, step, index))
    }

    /// The outputs of a step, and the word for `steps.ID.outcome` where that is not its outcome.
    fn output(&self, step: &Step, row: &StepRow) -> Result<(Option<Value>, Option<&'static str>), Damaged> {
        let Some(text) = &row.output else { return Ok((None, None)) };
        let parsed = Value::from_json(text.as_bytes());
        let parsed = parsed.map_err(|source| Damaged::Output { path: row.path.to_string(), source })?;
        let gone = |event| Damaged::Event { path: row.path.to_string(), event };
        let event = |id: EventId| self.events.get(&id).ok_or_else(|| gone(id));
        match (&step.kind, referred(text)) {
            (StepKind::WaitFor(_), Some(id)) => Ok((Some(awaited_value(event(id)?)), None)),
            (StepKind::Uses { action, wait: Some(_), .. }, Some(id)) => match self.program.completion(action) {
                Some(completion) => {
                    let (value, word) = completion::restored(&parsed, event(id)?, completion);
                    Ok((Some(value), word))
                }
                None => Ok((Some(parsed), None)),
            },
            _ => Ok((Some(parsed), None)),
        }
    }
}

fn misfit(path: Option<&str>) -> Damaged {
    Damaged::Misfit { path: path.unwrap_or("the beginning").to_owned() }
}
