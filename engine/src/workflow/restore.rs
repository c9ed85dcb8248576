//! Takes a stored run up again: the view is built from the step rows, as far as the cursor has come.

use std::collections::HashMap;
use std::sync::Arc;

use oncue_rules::event::Event;
use oncue_rules::ids::EventId;
use oncue_rules::rule::{ForEach, Step, StepKind};
use oncue_rules::value::Value;

use super::again::Again;
use super::fork::{Fork, Strand, head};
use super::place::{branch_path, case_path, inner_path, item_path, late_path, name};
use super::record::{StepOutcome, StepRow};
use super::state::{Active, Frame, Phase, State, case_steps, inner};
use super::view::{Mark, View, awaited_value, item_value, loop_value, step_value};
use super::wait::{REFERENCE, referred};
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
    /// The events that a state and step rows stand for, which [`Run::restore`] needs.
    #[must_use]
    pub fn awaited(state: &str, rows: &[StepRow]) -> Vec<EventId> {
        let mut events: Vec<EventId> = rows.iter().filter_map(|row| row.output.as_deref()).flat_map(referred).collect();
        // Few states hold any, and only those are parsed for it.
        if state.contains("\"earlier\":")
            && let Ok(State { active: Some(active), .. }) = serde_json::from_str(state)
        {
            active.earlier_events(&mut events);
        }
        events
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
        let facts = Facts { started_at: state.began_at.unwrap_or(facts.started_at), ..facts };
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
        let strand = (state.frames.as_slice(), state.active.as_ref());
        reader.open_list(state.phase.prefix(), state.phase.steps(rule), strand, None)?;
        let told = told(&state, events)?;
        let is_dead = state.phase == Phase::Dead;
        let again = if is_dead { Again::find(reader, rule, state.generation)?.map(Box::new) } else { None };
        Ok(Self { program, cursor: Cursor { facts, state, view, told, again } })
    }
}

/// The events that told of the ends of earlier rounds.
fn told(state: &State, events: &Events) -> Result<Events, Damaged> {
    let mut ids = Vec::new();
    if let Some(active) = &state.active {
        active.earlier_events(&mut ids);
    }
    let path = || "under way".to_owned();
    let event = |id: EventId| Ok((id, Arc::clone(events.get(&id).ok_or(Damaged::Event { path: path(), event: id })?)));
    ids.into_iter().map(event).collect()
}

/// Events by their ids.
pub type Events = HashMap<EventId, Arc<Event>>;

/// The frames of a cursor from one on, and what is active at their end.
type Part<'s> = (&'s [Frame], Option<&'s Active>);

pub(super) struct Reader<'r> {
    pub(super) rows: HashMap<&'r str, &'r StepRow>,
    pub(super) view: &'r mut View,
    pub(super) events: &'r Events,
    pub(super) program: &'r Program,
}

impl Reader<'_> {
    /// A list that a cursor stands in: what lies before it has ended, and the rest was not begun.
    fn open_list(
        &mut self,
        prefix: &str,
        list: &[Step],
        (frames, active): Part<'_>,
        outer: Option<&str>,
    ) -> Result<(), Damaged> {
        let Some((Frame::Block { at, .. } | Frame::Case { at, .. }, deeper)) = frames.split_first() else {
            return if frames.is_empty() { Ok(()) } else { Err(misfit(outer)) };
        };
        let path_of = |step: &Step, index| match outer {
            Some(outer) => inner_path(outer, step, index),
            None => format!("{prefix}{}", name(step, index)),
        };
        self.open_steps(list, *at, (deeper, active), outer, &path_of)
    }

    /// The same, of steps of which `at` have ended.
    fn open_steps(
        &mut self,
        list: &[Step],
        at: usize,
        deeper: Part<'_>,
        outer: Option<&str>,
        path_of: &dyn Fn(&Step, usize) -> String,
    ) -> Result<(), Damaged> {
        let before = list.get(..at).ok_or_else(|| misfit(outer))?;
        self.ended_list(before, path_of)?;
        if deeper.0.is_empty() && !matches!(deeper.1, Some(Active::Fork(_))) {
            return Ok(());
        }
        let step = list.get(at).ok_or_else(|| misfit(outer))?;
        let path = path_of(step, at);
        let (frames, active) = deeper;
        let Some((Frame::Late { at, .. }, frames)) = frames.split_first() else {
            return self.open_step(step, deeper, &path);
        };
        self.ended_step(step, &path)?;
        self.open_steps(step.late(), *at, (frames, active), Some(&path), &|step: &Step, index| {
            late_path(&path, step, index)
        })
    }

    fn open_step(&mut self, step: &Step, (frames, active): Part<'_>, path: &str) -> Result<(), Damaged> {
        let Some(for_each) = &step.for_each else { return self.open_body(step, (frames, active), path) };
        match (frames.split_first(), active) {
            (Some((Frame::Each { index, count, .. }, deeper)), _) => {
                self.open_loop(for_each, *count, path)?;
                for ended in 0..*index {
                    self.put_ended_item(step, path, ended)?;
                }
                self.view.bind(*index);
                self.open_body(step, (deeper, active), &item_path(path, *index))
            }
            (None, Some(Active::Fork(fork))) => {
                self.open_loop(for_each, fork.count, path)?;
                for index in 0..fork.next.min(fork.count) {
                    match fork.strands.get(&index) {
                        Some(strand) => self.open_item(step, index, strand, path)?,
                        None => self.put_ended_item(step, path, index)?,
                    }
                }
                Ok(())
            }
            _ => Err(misfit(Some(path))),
        }
    }

    fn open_loop(&mut self, for_each: &ForEach, count: usize, path: &str) -> Result<(), Damaged> {
        let changed = |now| Damaged::Items { path: path.to_owned(), then: count, now };
        let items = for_each.items.render(self.view.scope()).map_err(|error| changed(error.to_string()))?;
        match items.as_list() {
            Some(list) if list.len() == count => {}
            Some(list) => return Err(changed(format!("it gives {} items now", list.len()))),
            None => return Err(changed(format!("it gives {} now", items.kind()))),
        }
        self.view.open_loop(&for_each.binding, items);
        Ok(())
    }

    fn open_item(&mut self, step: &Step, index: usize, strand: &Strand, path: &str) -> Result<(), Damaged> {
        let Some((Frame::Item { .. }, deeper)) = strand.frames.split_first() else { return Err(misfit(Some(path))) };
        let begins_at = head(path, step, true, index);
        let loops = self.view.loops();
        self.view.enter_strand(&begins_at, Some(index));
        self.open_body(step, (deeper, strand.active.as_ref()), &begins_at)?;
        self.view.leave_strand(begins_at, loops, Some(step));
        Ok(())
    }

    pub(super) fn put_ended_item(&mut self, step: &Step, path: &str, index: usize) -> Result<(), Damaged> {
        if let Some(result) = self.ended_item(step, &item_path(path, index))? {
            self.view.bind(index);
            self.view.put_result(result);
        }
        Ok(())
    }

    /// What lies within a step, or within an item of it.
    fn open_body(&mut self, step: &Step, (frames, active): Part<'_>, path: &str) -> Result<(), Damaged> {
        match (&step.kind, frames.first(), active) {
            (StepKind::Parallel(branches), None, Some(Active::Fork(fork))) => {
                let mut branches = branches.iter().enumerate();
                branches.try_for_each(|(index, branch)| self.open_branch(index, branch, fork, path))
            }
            (_, None, Some(Active::Fork(_))) => Err(misfit(Some(path))),
            (_, None, _) => Ok(()),
            (StepKind::Group(steps), ..) => self.open_list("", steps, (frames, active), Some(path)),
            (StepKind::Switch(_), Some(Frame::Case { case, .. }), _) => {
                self.open_list("", case_steps(step, *case), (frames, active), Some(&format!("{path}/{case}")))
            }
            _ => Err(misfit(Some(path))),
        }
    }

    fn open_branch(
        &mut self,
        index: usize,
        (name, steps): &(String, Vec<Step>),
        fork: &Fork,
        path: &str,
    ) -> Result<(), Damaged> {
        let path_of = |step: &Step, at: usize| branch_path(path, name, steps.len(), step, at);
        let Some(strand) = fork.strands.get(&index) else { return self.ended_list(steps, path_of) };
        let Some((Frame::Branch { branch, at, .. }, deeper)) = strand.frames.split_first() else {
            return Err(misfit(Some(path)));
        };
        if *branch != index {
            return Err(misfit(Some(path)));
        }
        let begins_at = format!("{path}/{name}");
        let loops = self.view.loops();
        self.view.enter_strand(&begins_at, None);
        self.open_steps(steps, *at, (deeper, strand.active.as_ref()), Some(path), &path_of)?;
        self.view.leave_strand(begins_at, loops, None);
        Ok(())
    }

    pub(super) fn ended_list(
        &mut self,
        list: &[Step],
        path_of: impl Fn(&Step, usize) -> String,
    ) -> Result<(), Damaged> {
        list.iter().enumerate().try_for_each(|(index, step)| self.ended_step(step, &path_of(step, index)))
    }

    pub(super) fn ended_step(&mut self, step: &Step, path: &str) -> Result<(), Damaged> {
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
        let ended_at = row.ended_at.unwrap_or(row.started_at);
        let mark = || Mark { path: path.to_owned(), generation: row.generation, ended_at };
        self.view.record(step.id.as_ref(), value, mark);
        let late = if row.outcome == StepOutcome::TimedOut { step.late() } else { &[] };
        self.ended_list(late, |step, index| late_path(path, step, index))
    }

    fn ended_item(&mut self, step: &Step, path: &str) -> Result<Option<Value>, Damaged> {
        let Some(row) = self.rows.get(path).copied() else { return Ok(None) };
        let (outputs, word) = match &step.kind {
            StepKind::Group(_) | StepKind::Switch(_) | StepKind::Parallel(_) if row.outcome != StepOutcome::Skipped => {
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
        if let StepKind::Parallel(branches) = &step.kind {
            return branches.iter().try_for_each(|(name, steps)| {
                self.ended_list(steps, |step, index| branch_path(path, name, steps.len(), step, index))
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
        let event = |id: EventId| self.events.get(&id).ok_or_else(|| gone(id)).map(Arc::as_ref);
        let told = referred(text).into_iter().map(event).collect::<Result<Vec<_>, _>>()?;
        let has_ended = *parsed.get(REFERENCE) != Value::Null;
        match (&step.kind, told.last().filter(|_| has_ended)) {
            // What is there of rounds is for a retry, not for expressions.
            (StepKind::Uses { wait: Some(_), .. }, None) if !told.is_empty() => Ok((None, None)),
            (StepKind::WaitFor(_), Some(last)) => Ok((Some(awaited_value(last)), None)),
            (StepKind::Uses { action, wait: Some(wait), .. }, Some(_)) => match self.program.completion(action) {
                Some(completion) => {
                    let (value, word) = completion::restored(&parsed, &told, wait, completion);
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
