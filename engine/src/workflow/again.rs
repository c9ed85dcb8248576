//! The way back of a dead run: it goes on from what failed, and repeats nothing that is done.
//!
//! The cursor of a dead run is gone, and its rows are there. What goes on is found from them: in each list the first step
//! that is not over, in each loop the items that are not, in each fork the branches that are not. A step is over when it
//! succeeded or was skipped, and when it failed and the rule takes that for a result.

use std::collections::BTreeMap;
use std::sync::Arc;

use oncue_plugins::action::Repeatable;
use oncue_rules::ids::StepPath;
use oncue_rules::rule::{ForEach, OnError, Rule, Step, StepKind};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;

use super::ending::fails;
use super::fork::{Fork, Strand, head, standing};
use super::place::{branch_path, case_path, inner_path, item_path, late_path, name};
use super::record::{StepOutcome, StepRow};
use super::restore::{Damaged, Reader};
use super::rounds::completed;
use super::state::{Active, Earlier, Frame, Phase, State, case_steps};
use super::wait::{REFERENCE, referred};
use super::walk::Walk;
use super::{Events, Next, Run};

/// Where a dead run goes on when it is retried.
#[derive(Debug, Clone)]
pub(super) struct Again {
    strand: Strand,
    /// Bytes of the outputs that it has.
    bytes: u64,
    /// The events that told of the ends of rounds that go on.
    told: Events,
    repeats: Vec<Repeat>,
}

/// A step that a retry does again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// The step.
    pub path: StepPath,
    /// Why it should not be done again without being asked for.
    pub doubt: Option<Doubt>,
}

/// Why a step should not be done again without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It was sent and no answer came, and it must not be done twice.
    Unknown,
    /// The work that it started has failed: asking with the same key finds that work again, and only a new key starts
    /// other work.
    Ended,
}

/// When a frame was entered that is not entered yet.
const LATER: Timestamp = Timestamp(0);

impl Again {
    pub(super) fn find(mut reader: Reader<'_>, rule: &Rule, generation: u32) -> Result<Option<Self>, Damaged> {
        let done = reader.rows.values().filter(|row| row.outcome == StepOutcome::Succeeded && !is_after_failure(row));
        let bytes = done.filter_map(|row| row.output.as_ref()).map(|output| output.len() as u64).sum();
        let mut way = Way { reader: &mut reader, doubts: BTreeMap::new(), told: Events::new() };
        let block = |at| Frame::Block { at, started_at: LATER };
        let Some(strand) = way.list(&rule.steps, block, name)? else { return Ok(None) };
        let Way { doubts, told, .. } = way;
        let mut state = State { generation, ..State::initial(LATER) };
        (state.frames, state.active) = (strand.frames.clone(), strand.active.clone());
        let repeat = |path: StepPath| Repeat { doubt: doubts.get(path.as_str()).copied(), path };
        let mut repeats: Vec<_> = standing(rule, &mut state).into_iter().map(repeat).collect();
        // What was begun comes before what only now has its turn; where nothing was, the latter is all there is.
        if repeats.iter().any(|step| reader.rows.contains_key(step.path.as_str())) {
            repeats.retain(|step| reader.rows.contains_key(step.path.as_str()));
        }
        Ok(Some(Self { strand, bytes, told, repeats }))
    }
}

fn is_after_failure(row: &StepRow) -> bool {
    row.path.as_str().starts_with(Phase::OnFailure.prefix())
}

/// Whether it failed before anything within it was begun.
fn failed_itself(row: &StepRow) -> bool {
    row.outcome == StepOutcome::Failed && row.error.as_ref().is_some_and(|error| error.step == row.path)
}

/// Whether it took too long itself, and has steps for that.
fn is_too_late(step: &Step, row: &StepRow) -> bool {
    row.outcome == StepOutcome::TimedOut
        && !step.late().is_empty()
        && row.error.as_ref().is_some_and(|error| error.step == row.path)
}

/// Finds the way from the rows, and has the view see what is before it.
struct Way<'w, 'r> {
    reader: &'w mut Reader<'r>,
    doubts: BTreeMap<String, Doubt>,
    told: Events,
}

impl Way<'_, '_> {
    /// Where a list goes on; none when all of it is over.
    fn list(
        &mut self,
        list: &[Step],
        frame: impl Fn(usize) -> Frame,
        path_of: impl Fn(&Step, usize) -> String,
    ) -> Result<Option<Strand>, Damaged> {
        let over = |(index, step): (usize, &Step)| self.is_over(step, &path_of(step, index), false);
        let at = list.iter().enumerate().take_while(|found| over(*found)).count();
        self.reader.ended_list(list.get(..at).unwrap_or_default(), &path_of)?;
        let Some(step) = list.get(at) else { return Ok(None) };
        let strand = self.step(step, &path_of(step, at))?;
        Ok(Some(strand.within(frame(at))))
    }

    fn row(&self, path: &str) -> Option<&StepRow> {
        self.reader.rows.get(path).copied()
    }

    /// Whether a step, or an item of it, has ended in a way that the run goes on from. One that was cut off by the time-out
    /// of what it lies in has not, whatever its own failure would mean.
    fn is_over(&self, step: &Step, path: &str, is_item: bool) -> bool {
        let Some(row) = self.row(path) else { return false };
        let by_itself = || !is_item && row.error.as_ref().is_some_and(|error| error.step == row.path);
        match row.outcome {
            StepOutcome::Running => false,
            StepOutcome::TimedOut if !by_itself() => false,
            StepOutcome::TimedOut if !step.late().is_empty() => self.late_is_over(step, path),
            outcome => !fails(step, outcome),
        }
    }

    /// Whether the steps that ran because a step took too long are over, or one of them has failed and that is taken for a
    /// result.
    fn late_is_over(&self, step: &Step, path: &str) -> bool {
        let steps = step.late().iter().enumerate().map(|(index, late)| (late, late_path(path, late, index)));
        let mut left = steps.skip_while(|(late, path)| self.is_over(late, path, false));
        let Some((_, path)) = left.next() else { return true };
        let failed_within =
            |row: &StepRow| row.error.as_ref().is_some_and(|error| error.step.as_str().starts_with(&path));
        step.on_error == OnError::Continue && self.row(&path).is_some_and(failed_within)
    }

    /// How a step that is not over is begun, or gone on with.
    fn step(&mut self, step: &Step, path: &str) -> Result<Strand, Damaged> {
        let Some(row) = self.row(path).cloned() else { return Ok(Strand::default()) };
        if is_too_late(step, &row) {
            return self.late(step, path);
        }
        match &step.for_each {
            Some(_) if failed_itself(&row) => Ok(Strand::default()),
            Some(for_each) => self.items(step, for_each, path),
            None => self.body(step, &row, path),
        }
    }

    /// How the steps are gone on with that run because a step took too long.
    fn late(&mut self, step: &Step, path: &str) -> Result<Strand, Damaged> {
        self.reader.ended_step(step, path)?;
        let frame = |at| Frame::Late { at, started_at: LATER };
        let strand = self.list(step.late(), frame, |late, index| late_path(path, late, index))?;
        Ok(strand.unwrap_or_else(|| Strand::default().within(frame(step.late().len()))))
    }

    fn items(&mut self, step: &Step, for_each: &ForEach, path: &str) -> Result<Strand, Damaged> {
        let items = for_each.items.render(self.reader.view.scope()).ok();
        let count = items.as_ref().and_then(|items| items.as_list()).map(<[_]>::len);
        let (Some(items), Some(count)) = (items, count) else { return Ok(Strand::default()) };
        self.reader.view.open_loop(&for_each.binding, items);
        if for_each.max_parallel > 1 {
            return self.items_at_once(step, for_each, count, path);
        }
        let over = |index: &usize| self.is_over(step, &item_path(path, *index), true);
        let index = (0..count).take_while(over).count();
        for ended in 0..index {
            self.reader.put_ended_item(step, path, ended)?;
        }
        self.reader.view.bind(index);
        let strand = self.item(step, &item_path(path, index))?;
        Ok(strand.within(Frame::Each { index, count, started_at: LATER }))
    }

    fn item(&mut self, step: &Step, path: &str) -> Result<Strand, Damaged> {
        match self.row(path).cloned() {
            Some(row) => self.body(step, &row, path),
            None => Ok(Strand::default()),
        }
    }

    fn items_at_once(&mut self, step: &Step, for_each: &ForEach, count: usize, path: &str) -> Result<Strand, Damaged> {
        let begun = (0..count).rev().find(|index| self.row(&item_path(path, *index)).is_some());
        let next = begun.map_or(0, |last| last + 1);
        let mut fork = Fork::of(LATER, count, next, for_each.max_parallel);
        for index in 0..next {
            let item = head(path, step, true, index);
            if self.is_over(step, &item, true) {
                self.reader.put_ended_item(step, path, index)?;
                continue;
            }
            let loops = self.reader.view.loops();
            self.reader.view.enter_strand(&item, Some(index));
            let strand = self.item(step, &item)?.within(Frame::Item { index, started_at: LATER });
            self.reader.view.leave_strand(item, loops, Some(step));
            fork.strands.insert(index, strand);
        }
        fork.fill(step, true);
        if fork.strands.is_empty() {
            drop(self.reader.view.close_loop());
        }
        Ok(Strand::of_fork(fork))
    }

    /// How what a step does is gone on with, or what it does for an item.
    fn body(&mut self, step: &Step, row: &StepRow, path: &str) -> Result<Strand, Damaged> {
        let strand = match &step.kind {
            StepKind::Uses { .. } => Some(self.call(step, row)),
            _ if failed_itself(row) => None,
            StepKind::Group(steps) => {
                let block = |at| Frame::Block { at, started_at: LATER };
                let strand = self.list(steps, block, |step, index| inner_path(path, step, index))?;
                Some(strand.unwrap_or_else(|| Strand::default().within(block(steps.len()))))
            }
            StepKind::Switch(switch) => self.case(step, switch.cases.len(), path)?,
            StepKind::Parallel(branches) => Some(self.branches(step, branches, path)?),
            StepKind::Set(_) | StepKind::Sleep(_) | StepKind::End(_) | StepKind::WaitFor(_) => None,
        };
        Ok(strand.unwrap_or_default())
    }

    fn case(&mut self, step: &Step, cases: usize, path: &str) -> Result<Option<Strand>, Damaged> {
        let is_begun = |case: &usize| {
            let mut steps = case_steps(step, *case).iter().enumerate();
            steps.any(|(index, step)| self.row(&case_path(path, *case, step, index)).is_some())
        };
        let Some(case) = (0..=cases).find(is_begun) else { return Ok(None) };
        let steps = case_steps(step, case);
        let frame = |at| Frame::Case { case, at, started_at: LATER };
        let strand = self.list(steps, frame, |step, index| case_path(path, case, step, index))?;
        Ok(Some(strand.unwrap_or_else(|| Strand::default().within(frame(steps.len())))))
    }

    fn branches(&mut self, step: &Step, branches: &[(String, Vec<Step>)], path: &str) -> Result<Strand, Damaged> {
        let count = branches.len();
        let mut fork = Fork::of(LATER, count, count, count);
        for (branch, (name, steps)) in branches.iter().enumerate() {
            let begins_at = head(path, step, false, branch);
            let loops = self.reader.view.loops();
            self.reader.view.enter_strand(&begins_at, None);
            let frame = |at| Frame::Branch { branch, at, started_at: LATER };
            let strand = self.list(steps, frame, |step, at| branch_path(path, name, steps.len(), step, at))?;
            self.reader.view.leave_strand(begins_at, loops, None);
            fork.strands.extend(strand.map(|strand| (branch, strand)));
        }
        Ok(Strand::of_fork(fork))
    }

    /// A call begins anew, with the key that it had; one that was never counted, with its condition.
    fn call(&mut self, step: &Step, row: &StepRow) -> Strand {
        if row.attempts == 0 {
            return Strand::default();
        }
        let params = self.params(step);
        if let Some(doubt) = self.doubt(step, row, params.as_ref()) {
            self.doubts.insert(row.path.to_string(), doubt);
        }
        let active = Active::Call {
            attempts: 0,
            lost: 0,
            generation: row.generation,
            started_at: LATER,
            retry_at: Some(LATER),
            held_since: None,
            earlier: params.and_then(|params| self.earlier(step, row, &params)),
            app: None,
        };
        Strand { frames: Vec::new(), active: Some(active) }
    }

    fn params(&self, step: &Step) -> Option<Value> {
        let StepKind::Uses { with, .. } = &step.kind else { return None };
        with.render(self.reader.view.scope()).ok()
    }

    fn doubt(&self, step: &Step, row: &StepRow, params: Option<&Value>) -> Option<Doubt> {
        let StepKind::Uses { action, .. } = &step.kind else { return None };
        if has_told(row) {
            return Some(Doubt::Ended);
        }
        let class = row.error.as_ref().map(|error| error.class.as_str());
        // What was cut off by another's time-out has the class of that.
        let is_unknown = class == Some("unknown") || row.outcome == StepOutcome::TimedOut;
        let repeatable = params.map_or(Repeatable::No, |params| self.reader.program.repeatable(action, params));
        (is_unknown && repeatable == Repeatable::No).then_some(Doubt::Unknown)
    }

    /// The rounds that work has had, when another one for what failed has something to submit.
    fn earlier(&mut self, step: &Step, row: &StepRow, params: &Value) -> Option<Earlier> {
        let StepKind::Uses { action, wait: Some(wait), .. } = &step.kind else { return None };
        let completion = self.reader.program.completion(action)?;
        let ids = referred(row.output.as_deref()?);
        let events = ids.iter().map(|id| Some((*id, Arc::clone(self.reader.events.get(id)?))));
        let events: Vec<_> = events.collect::<Option<_>>()?;
        let told: Vec<_> = events.iter().map(|(_, event)| &**event).collect();
        let completed = completed(&told, wait, completion).filter(|_| !told.is_empty())?;
        (completion.narrow)(params, &completed.failed_with(&wait.retry_failed.as_ref()?.on)?)?;
        self.told.extend(events);
        Some(Earlier { events: ids, attempts: 0, since: LATER })
    }
}

/// Whether work that a step waited for has ended, and how is known.
fn has_told(row: &StepRow) -> bool {
    let output = row.output.as_deref().filter(|output| output.contains(REFERENCE));
    output
        .and_then(|output| Value::from_json(output.as_bytes()).ok())
        .is_some_and(|row| *row.get(REFERENCE) != Value::Null)
}

impl Strand {
    /// The same, within what a frame is for.
    fn within(mut self, frame: Frame) -> Self {
        self.frames.insert(0, frame);
        self
    }

    /// A fork; what it was for begins anew when there is nothing in it.
    fn of_fork(fork: Fork) -> Self {
        if fork.strands.is_empty() {
            return Self::default();
        }
        Self { frames: Vec::new(), active: Some(Active::Fork(fork)) }
    }

    /// All that is in it begins at a moment; calls with a new key when there is one.
    fn begin_at(&mut self, now: Timestamp, new_key: Option<u32>) {
        self.frames.iter_mut().for_each(|frame| frame.begin_at(now));
        match &mut self.active {
            Some(Active::Call { generation, started_at, retry_at, earlier, .. }) => {
                // Rounds may have raised it beyond that.
                *generation = new_key.map_or(*generation, |new| new.max(*generation + 1));
                *started_at = now;
                *retry_at = Some(now);
                if let Some(earlier) = earlier {
                    earlier.since = now;
                }
            }
            Some(Active::Fork(fork)) => {
                fork.started_at = now;
                fork.strands.values_mut().for_each(|strand| strand.begin_at(now, new_key));
            }
            _ => {}
        }
    }
}

impl Run {
    /// What a retry of this run does again; none when nothing of it failed. Known of a dead run that was taken up from the
    /// store.
    #[must_use]
    pub fn repeats(&self) -> Option<&[Repeat]> {
        self.cursor.again.as_ref().map(|again| again.repeats.as_slice())
    }
}

impl Walk<'_> {
    /// Has a dead run go on.
    pub(super) fn retry(&mut self, again: Again, generation: u32, new_key: bool) -> Next {
        let Again { mut strand, bytes, told, .. } = again;
        self.cursor.told = told;
        strand.begin_at(self.now, new_key.then_some(generation));
        let state = &mut self.cursor.state;
        (state.phase, state.bytes, state.error) = (Phase::Steps, bytes, None);
        (state.frames, state.active) = (strand.frames, strand.active);
        state.failure_generation = generation;
        self.for_strands(
            |_| true,
            |walk| {
                let next = walk.begin_again();
                walk.keep_calls(next);
            },
        );
        self.go_all();
        self.outcome()
    }

    /// Goes on with the strand in focus: what it lies in is under way again, with all of its time.
    fn begin_again(&mut self) -> Next {
        let within = self.cursor.state.frames.len().saturating_sub(1);
        let frames = self.cursor.state.frames.iter().skip(1);
        let is_late: Vec<_> = frames.map(|frame| matches!(frame, Frame::Late { .. })).collect();
        for (place, is_late) in self.places().iter().zip(is_late).take(within) {
            // What took too long has ended.
            if !is_late {
                self.open(place);
            }
        }
        match (&self.cursor.state.active, self.place()) {
            (Some(Active::Call { .. }), Some(place)) => {
                self.set_timeout(&place);
                self.retry_due()
            }
            (None, _) => self.go(),
            _ => self.rest(),
        }
    }
}
