//! Moves a cursor over the steps of a rule until there is something to wait for.

use oncue_plugins::action::Repeatable;
use oncue_rules::expression::{EvaluationError, Expression};
use oncue_rules::ids::StepPath;
use oncue_rules::rule::{ForEach, StepKind, Switch};
use oncue_rules::template::Template;
use oncue_rules::time::Timestamp;
use oncue_rules::value::{Map, Value};

use super::decision::Draft;
use super::ending::Ending;
use super::fork::Outer;
use super::limits::{self, ITEM_LIMIT, OUTPUT_LIMIT, RUN_LIMIT, STEPS_PER_COMMIT};
use super::place::{Place, places};
use super::record::{ErrorRecord, StepOutcome, StepRow, TimerKind};
use super::state::{Active, Frame, Phase};
use super::{Call, Cursor, Next, Program, idempotency_key};

/// One transition under way.
pub(super) struct Walk<'p> {
    pub(super) program: &'p Program,
    pub(super) cursor: &'p mut Cursor,
    pub(super) draft: Draft,
    pub(super) now: Timestamp,
    /// The forks around the strand in focus, from the outermost inwards.
    pub(super) outer: Vec<Outer>,
    calls: Vec<Call>,
    budget: u32,
}

impl<'p> Walk<'p> {
    pub(super) fn new(program: &'p Program, cursor: &'p mut Cursor, now: Timestamp) -> Self {
        Self {
            program,
            cursor,
            draft: Draft::default(),
            now,
            outer: Vec::new(),
            calls: Vec::new(),
            budget: STEPS_PER_COMMIT,
        }
    }

    pub(super) fn places(&self) -> Vec<Place<'p>> {
        places(&self.program.rule, &self.cursor.state)
    }

    /// The place of the innermost frame.
    pub(super) fn place(&self) -> Option<Place<'p>> {
        let mut places = self.places();
        if places.len() == self.cursor.state.frames.len() { places.pop() } else { None }
    }

    /// How many more steps the commit may take.
    pub(super) fn room(&self) -> u32 {
        self.budget
    }

    /// Keeps the calls that a strand is to make until all strands have gone on.
    pub(super) fn keep_calls(&mut self, next: Next) {
        if let Next::Call(calls) = next {
            self.calls.extend(calls);
        }
    }

    /// What there is to do when every strand has gone on as far as it can.
    pub(super) fn outcome(&mut self) -> Next {
        let calls = std::mem::take(&mut self.calls);
        let calls = super::decision::still_wanted(calls, self.draft.steps());
        if calls.is_empty() || self.cursor.state.phase.is_final() { self.rest() } else { Next::Call(calls) }
    }

    /// Goes on from a strand with nothing under way.
    pub(super) fn go(&mut self) -> Next {
        while !self.is_over() {
            if self.budget == 0 {
                return Next::Continue;
            }
            self.budget -= 1;
            if let Some(next) = self.step_once() {
                return next;
            }
        }
        Next::End
    }

    fn step_once(&mut self) -> Option<Next> {
        match (self.cursor.state.frames.last().copied(), self.place()) {
            (Some(Frame::Each { index, count, .. }), Some(place)) if index < count => self.enter_item(&place, index),
            (Some(Frame::Item { index, .. }), Some(place)) => self.enter_item(&place, index),
            (
                Some(Frame::Block { .. } | Frame::Case { .. } | Frame::Branch { .. } | Frame::Late { .. }),
                Some(place),
            ) => self.enter_step(&place),
            _ => {
                let ending = self.leave(StepOutcome::Succeeded, None);
                if self.cursor.state.frames.is_empty() {
                    self.end_phase();
                } else if !self.is_over() {
                    self.end(ending);
                }
                None
            }
        }
    }

    pub(super) fn end_phase(&mut self) {
        let state = &mut self.cursor.state;
        if state.phase == Phase::Steps {
            state.phase = Phase::Succeeded;
        } else {
            state.die();
        }
    }

    fn enter_step(&mut self, place: &Place<'p>) -> Option<Next> {
        if !self.asked(place, place.step.condition.as_ref()) {
            return None;
        }
        match &place.step.for_each {
            Some(for_each) => self.enter_loop(place, for_each),
            None => self.enter_body(place),
        }
    }

    fn enter_item(&mut self, place: &Place<'p>, index: usize) -> Option<Next> {
        self.cursor.view.bind(index);
        let filter = place.step.for_each.as_ref().and_then(|for_each| for_each.filter.as_ref());
        if self.asked(place, filter) { self.enter_body(place) } else { None }
    }

    /// Whether a step may go on past its condition; when not, the step has ended.
    fn asked(&mut self, place: &Place<'p>, condition: Option<&Expression>) -> bool {
        match condition.map_or(Ok(true), |condition| condition.holds(self.cursor.view.scope())) {
            Ok(true) => true,
            Ok(false) => {
                self.end(Ending::of(StepOutcome::Skipped));
                false
            }
            Err(error) => {
                self.end_with(place, "expression", &error.to_string());
                false
            }
        }
    }

    fn enter_loop(&mut self, place: &Place<'p>, for_each: &ForEach) -> Option<Next> {
        let (items, count) = match self.items(for_each) {
            Ok(items) => items,
            Err((code, message)) => {
                self.end_with(place, code, &message);
                return None;
            }
        };
        if for_each.max_parallel > 1 && count > 0 {
            return Some(self.fork_items(place, for_each, items, count));
        }
        self.cursor.view.open_loop(&for_each.binding, items);
        self.enter(place, Frame::Each { index: 0, count, started_at: self.now });
        None
    }

    /// What a loop runs over, and how many items that are.
    fn items(&self, for_each: &ForEach) -> Result<(Value, usize), (&'static str, String)> {
        let items = self.render(&for_each.items).map_err(|error| ("expression", error.to_string()))?;
        let Some(count) = items.as_list().map(<[Value]>::len) else {
            let message = format!("for_each needs a list, and this is {}: check what it names", items.kind());
            return Err(("not_a_list", message));
        };
        if count > ITEM_LIMIT {
            let message = format!("for_each has {count} items, and {ITEM_LIMIT} are the limit: narrow the list down");
            return Err(("too_many_items", message));
        }
        Ok((items, count))
    }

    fn enter_body(&mut self, place: &Place<'p>) -> Option<Next> {
        match &place.step.kind {
            StepKind::Uses { .. } => {
                self.set_timeout(place);
                self.cursor.state.active = Some(Active::Call {
                    attempts: 0,
                    lost: 0,
                    generation: self.cursor.state.generation(),
                    started_at: self.now,
                    retry_at: None,
                    held_since: None,
                    earlier: None,
                    app: None,
                });
                self.call(place).map(Next::of)
            }
            StepKind::Set(values) => {
                self.set(place, values);
                None
            }
            StepKind::Group(_) => {
                self.enter(place, Frame::Block { at: 0, started_at: self.now });
                None
            }
            StepKind::Parallel(branches) => Some(self.fork(place, branches.len(), branches.len())),
            StepKind::Switch(switch) => {
                self.choose(place, switch);
                None
            }
            StepKind::End(word) => {
                self.end_run(place, word);
                None
            }
            StepKind::Sleep(sleep) => self.sleep(place, sleep),
            StepKind::WaitFor(awaited) => self.wait_for(place, awaited),
        }
    }

    fn choose(&mut self, place: &Place<'p>, switch: &Switch) {
        match self.render(&switch.value) {
            Ok(value) => {
                let text = value.as_text().map_or_else(|| value.to_json(), ToOwned::to_owned);
                let case = switch.cases.iter().position(|(known, _)| *known == text).unwrap_or(switch.cases.len());
                self.enter(place, Frame::Case { case, at: 0, started_at: self.now });
            }
            Err(error) => self.end_with(place, "expression", &error.to_string()),
        }
    }

    fn enter(&mut self, place: &Place<'p>, frame: Frame) {
        self.open(place);
        self.cursor.state.frames.push(frame);
    }

    /// Writes that a step which holds others has begun.
    pub(super) fn open(&mut self, place: &Place<'p>) {
        self.set_timeout(place);
        self.draft.step(row(place, StepOutcome::Running, self.now));
    }

    pub(super) fn set_timeout(&mut self, place: &Place<'p>) {
        if let Some(timeout) = place.step.timeout.filter(|_| !place.is_item) {
            self.draft.timer(place.path(), TimerKind::Timeout, self.now.after(timeout));
        }
    }

    fn set(&mut self, place: &Place<'p>, values: &[(String, Template)]) {
        let rendered: Result<Map, EvaluationError> =
            values.iter().map(|(name, value)| Ok((name.clone(), self.render(value)?))).collect();
        match rendered {
            Ok(outputs) => self.succeed(place, Value::map(outputs)),
            Err(error) => self.end_with(place, "expression", &error.to_string()),
        }
    }

    /// Begins the next attempt of the active step; none when its parameters cannot be had, and the step has ended.
    pub(super) fn call(&mut self, place: &Place<'p>) -> Option<Call> {
        let StepKind::Uses { action, with, .. } = &place.step.kind else { return None };
        let (params, named) = match self.params(place, with).and_then(|params| Ok((params, self.named_app(place)?))) {
            Ok(rendered) => rendered,
            Err((code, message)) => {
                self.end_with(place, code, &message);
                return None;
            }
        };
        let Some(Active::Call { attempts, generation, started_at, retry_at, app, .. }) = &mut self.cursor.state.active
        else {
            return None;
        };
        *attempts += 1;
        *retry_at = None;
        *app = named;
        let (attempt, generation, started_at) = (*attempts, *generation, *started_at);
        let key = self.key(place, generation);
        self.draft.step(StepRow {
            attempts: attempt,
            generation,
            key: self.sent_key(place, generation),
            ..row(place, StepOutcome::Running, started_at)
        });
        Some(Call {
            path: place.path(),
            action: action.clone(),
            repeatable: self.program.repeatable(action, &params),
            app: named.or(self.cursor.facts.event.subappid),
            params,
            attempt,
            key,
            deadline: self.places().iter().filter_map(Place::deadline).min(),
        })
    }
    /// The key as its row keeps it: only where the other side is given it, so that it finds the run of what comes back.
    pub(super) fn sent_key(&self, place: &Place<'p>, generation: u32) -> Option<String> {
        let StepKind::Uses { action, .. } = &place.step.kind else { return None };
        self.program.sends_key(action).then(|| self.key(place, generation))
    }

    pub(super) fn key(&self, place: &Place<'p>, generation: u32) -> String {
        idempotency_key(self.cursor.facts.first_event(), &self.program.rule.name, &place.path(), generation)
    }

    /// Whether the step at a place may be called again. Its parameters are rendered from the same values as before.
    pub(super) fn repeatable(&self, place: &Place<'p>) -> Repeatable {
        match &place.step.kind {
            StepKind::Uses { action, with, .. } => {
                self.render(with).map_or(Repeatable::No, |params| self.program.repeatable(action, &params))
            }
            _ => Repeatable::Yes,
        }
    }

    pub(super) fn render(&self, template: &Template) -> Result<Value, EvaluationError> {
        template.render(self.cursor.view.scope())
    }

    /// Ends the innermost step well, when its outputs can be kept.
    pub(super) fn succeed(&mut self, place: &Place<'p>, outputs: Value) {
        match self.keep(outputs) {
            Ok((output, text)) => self.end(Ending::of(StepOutcome::Succeeded).with_output(output, text)),
            Err((code, message)) => self.end_with(place, code, &message),
        }
    }

    pub(super) fn keep(&mut self, outputs: Value) -> Result<(Value, String), (&'static str, String)> {
        let outputs = match outputs {
            Value::Null => Value::map(Map::new()),
            Value::Map(_) => outputs,
            other => return Err(("invalid_output", format!("the outputs must be a map, and are {}", other.kind()))),
        };
        let text = if limits::fits(&outputs, OUTPUT_LIMIT) { outputs.to_json() } else { String::new() };
        if text.is_empty() || text.len() > OUTPUT_LIMIT {
            return Err(("output_too_large", format!("the outputs are more than {OUTPUT_LIMIT} bytes: keep less")));
        }
        let bytes = self.cursor.state.bytes.saturating_add(text.len() as u64);
        if bytes > RUN_LIMIT {
            return Err((
                "run_too_large",
                format!("the outputs of this run are more than {RUN_LIMIT} bytes: keep less"),
            ));
        }
        self.cursor.state.bytes = bytes;
        Ok((outputs, text))
    }
}

pub(super) fn row(place: &Place<'_>, outcome: StepOutcome, started_at: Timestamp) -> StepRow {
    StepRow {
        path: place.path(),
        outcome,
        attempts: 0,
        generation: 0,
        key: None,
        output: None,
        error: None,
        started_at,
        ended_at: None,
    }
}

pub(super) fn error(path: &str, code: &str, message: &str, class: &str) -> ErrorRecord {
    ErrorRecord {
        step: StepPath::new(path),
        code: limits::clip_code(code),
        message: limits::clip_message(message),
        class: class.to_owned(),
    }
}
