//! Moves a cursor over the steps of a rule until there is something to wait for.

use oncue_plugins::action::Repeatable;
use oncue_rules::expression::{EvaluationError, Expression};
use oncue_rules::ids::StepPath;
use oncue_rules::rule::{ForEach, OnError, Step, StepKind, Switch};
use oncue_rules::template::Template;
use oncue_rules::time::Timestamp;
use oncue_rules::value::{Map, Value};

use super::decision::Draft;
use super::limits::{self, ITEM_LIMIT, OUTPUT_LIMIT, RUN_LIMIT, STEPS_PER_COMMIT};
use super::place::{Place, places};
use super::record::{ErrorRecord, StepOutcome, StepRow, TimerKind};
use super::state::{Active, Frame, Phase};
use super::view::{item_value, loop_value, step_value};
use super::{Call, Cursor, Next, Program, idempotency_key};

/// One transition under way.
pub(super) struct Walk<'p> {
    pub(super) program: &'p Program,
    pub(super) cursor: &'p mut Cursor,
    pub(super) draft: Draft,
    pub(super) now: Timestamp,
    budget: u32,
}

/// How a step or an item ends.
pub(super) struct Ending {
    pub(super) outcome: StepOutcome,
    pub(super) error: Option<ErrorRecord>,
    output: Option<(Value, String)>,
    results: Option<Vec<Value>>,
    started_at: Option<Timestamp>,
    active: Option<Active>,
    /// What `steps.ID.outcome` says, where that is more than the outcome.
    word: Option<&'static str>,
}

impl Ending {
    pub(super) fn of(outcome: StepOutcome) -> Self {
        Self { outcome, error: None, output: None, results: None, started_at: None, active: None, word: None }
    }

    pub(super) fn failed(outcome: StepOutcome, error: ErrorRecord) -> Self {
        Self { error: Some(error), ..Self::of(outcome) }
    }

    /// Whether what it ends was ever begun.
    pub(super) fn has_begun(&self) -> bool {
        self.started_at.is_some()
    }

    /// The same, with outputs and their text as the row keeps it.
    pub(super) fn with_output(self, output: Value, text: String) -> Self {
        Self { output: Some((output, text)), ..self }
    }

    /// The same, with another word for `steps.ID.outcome`.
    pub(super) fn called(self, word: &'static str) -> Self {
        Self { word: Some(word), ..self }
    }

    /// Whether it fails what the step lies in.
    fn fails(&self, step: &Step) -> bool {
        let means = match self.outcome {
            StepOutcome::Failed => step.on_error,
            StepOutcome::TimedOut => step.on_timeout.unwrap_or(step.on_error),
            StepOutcome::Running | StepOutcome::Succeeded | StepOutcome::Skipped => OnError::Continue,
        };
        means == OnError::Fail
    }
}

impl<'p> Walk<'p> {
    pub(super) fn new(program: &'p Program, cursor: &'p mut Cursor, now: Timestamp) -> Self {
        Self { program, cursor, draft: Draft::default(), now, budget: STEPS_PER_COMMIT }
    }

    pub(super) fn places(&self) -> Vec<Place<'p>> {
        places(&self.program.rule, &self.cursor.state)
    }

    /// The place of the innermost frame.
    pub(super) fn place(&self) -> Option<Place<'p>> {
        let mut places = self.places();
        if places.len() == self.cursor.state.frames.len() { places.pop() } else { None }
    }

    /// Goes on from a cursor with nothing under way.
    pub(super) fn go(&mut self) -> Next {
        while !self.cursor.state.phase.is_final() {
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
            (Some(Frame::Block { .. } | Frame::Case { .. }), Some(place)) => self.enter_step(&place),
            _ => {
                let ending = self.leave(StepOutcome::Succeeded, None);
                if self.cursor.state.frames.is_empty() {
                    self.end_phase();
                } else {
                    self.end(ending);
                }
                None
            }
        }
    }

    fn end_phase(&mut self) {
        let state = &mut self.cursor.state;
        state.phase = if state.phase == Phase::Steps { Phase::Succeeded } else { Phase::Dead };
    }

    fn enter_step(&mut self, place: &Place<'p>) -> Option<Next> {
        if !self.asked(place, place.step.condition.as_ref()) {
            return None;
        }
        match &place.step.for_each {
            Some(for_each) => {
                self.enter_loop(place, for_each);
                None
            }
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

    fn enter_loop(&mut self, place: &Place<'p>, for_each: &ForEach) {
        let items = match self.render(&for_each.items) {
            Ok(items) => items,
            Err(error) => return self.end_with(place, "expression", &error.to_string()),
        };
        let Some(count) = items.as_list().map(<[Value]>::len) else {
            let message = format!("for_each needs a list, and this is {}: check what it names", items.kind());
            return self.end_with(place, "not_a_list", &message);
        };
        if count > ITEM_LIMIT {
            let message = format!("for_each has {count} items, and {ITEM_LIMIT} are the limit: narrow the list down");
            return self.end_with(place, "too_many_items", &message);
        }
        self.cursor.view.open_loop(&for_each.binding, items);
        self.enter(place, Frame::Each { index: 0, count, started_at: self.now });
    }

    fn enter_body(&mut self, place: &Place<'p>) -> Option<Next> {
        match &place.step.kind {
            StepKind::Uses { .. } => {
                self.set_timeout(place);
                self.cursor.state.active = Some(Active::Call {
                    attempts: 0,
                    lost: 0,
                    generation: self.cursor.state.generation,
                    started_at: self.now,
                    retry_at: None,
                });
                self.call(place).map(Next::Call)
            }
            StepKind::Set(values) => {
                self.set(place, values);
                None
            }
            StepKind::Group(_) => {
                self.enter(place, Frame::Block { at: 0, started_at: self.now });
                None
            }
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

    /// Ends the run well, with all that the step lies in.
    fn end_run(&mut self, place: &Place<'p>, word: &str) {
        let said = Value::map(Map::from([("end".to_owned(), Value::text(word))]));
        let text = said.to_json();
        self.close(place, Ending::of(StepOutcome::Succeeded).with_output(said, text));
        while self.cursor.state.frames.len() > 1 {
            let ending = self.leave(StepOutcome::Succeeded, None);
            if let Some(place) = self.place() {
                self.close(&place, ending);
            }
        }
        self.cursor.state.frames.clear();
        self.end_phase();
    }

    fn enter(&mut self, place: &Place<'p>, frame: Frame) {
        self.set_timeout(place);
        self.draft.step(row(place, StepOutcome::Running, self.now));
        self.cursor.state.frames.push(frame);
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
        let params = match self.render(with) {
            Ok(params) if limits::fits(&params, limits::PARAMS_LIMIT) => params,
            Ok(_) => {
                let message = format!("the parameters are more than {} bytes: pass less", limits::PARAMS_LIMIT);
                self.end_with(place, "params_too_large", &message);
                return None;
            }
            Err(error) => {
                self.end_with(place, "expression", &error.to_string());
                return None;
            }
        };
        let Some(Active::Call { attempts, generation, started_at, retry_at, .. }) = &mut self.cursor.state.active
        else {
            return None;
        };
        *attempts += 1;
        *retry_at = None;
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
            params,
            attempt,
            key,
            deadline: self.places().iter().filter_map(Place::deadline).min(),
        })
    }

    /// The key as its row keeps it: only where the other side is given it, so that it finds the run of what comes back.
    fn sent_key(&self, place: &Place<'p>, generation: u32) -> Option<String> {
        let StepKind::Uses { action, .. } = &place.step.kind else { return None };
        self.program.sends_key(action).then(|| self.key(place, generation))
    }

    pub(super) fn key(&self, place: &Place<'p>, generation: u32) -> String {
        idempotency_key(&self.cursor.facts.event, &self.program.rule.name, &place.path(), generation)
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
            Ok(output) => self.end(Ending { output: Some(output), ..Ending::of(StepOutcome::Succeeded) }),
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

    /// Ends the innermost step with an error that trying again cannot help.
    pub(super) fn end_with(&mut self, place: &Place<'p>, code: &str, message: &str) {
        self.end(Ending::failed(StepOutcome::Failed, error(&place.path, code, message, "fatal")));
    }

    /// Ends the innermost step or item, and with it what its failure takes along.
    pub(super) fn end(&mut self, mut ending: Ending) {
        while let Some(place) = self.place() {
            let failure = ending.error.clone().filter(|_| ending.fails(place.step));
            self.close(&place, ending);
            let Some(error) = failure else {
                if let Some(frame) = self.cursor.state.frames.last_mut() {
                    frame.step_on();
                }
                return;
            };
            ending = self.leave(StepOutcome::Failed, Some(error.clone()));
            if self.cursor.state.frames.is_empty() {
                return self.fail(error);
            }
        }
    }

    /// Leaves the innermost frame; what comes back ends the step that the frame was for.
    pub(super) fn leave(&mut self, outcome: StepOutcome, error: Option<ErrorRecord>) -> Ending {
        let frame = self.cursor.state.frames.pop();
        let results = matches!(frame, Some(Frame::Each { .. })).then(|| self.cursor.view.close_loop());
        Ending { error, results, started_at: frame.map(|frame| frame.started_at()), ..Ending::of(outcome) }
    }

    /// Writes the row of an ended step or item and makes its result known.
    pub(super) fn close(&mut self, place: &Place<'p>, mut ending: Ending) {
        ending.active = self.cursor.state.active.take();
        let Ending { outcome, error, output, results, started_at, active, word } = ending;
        let started_at = active.as_ref().map(Active::started_at).or(started_at).unwrap_or(self.now);
        let mut row = StepRow { error, ended_at: Some(self.now), ..row(place, outcome, started_at) };
        if let Some(Active::Call { attempts, generation, .. } | Active::Completion { attempts, generation, .. }) =
            active
        {
            row.attempts = attempts;
            row.generation = generation;
            row.key = self.sent_key(place, generation);
        }
        if (place.step.timeout.is_some() && !place.is_item) || active_timers(active.as_ref()) {
            self.draft.settle(place.path());
        }
        let (outputs, text) = output.map_or((None, None), |(outputs, text)| (Some(outputs), Some(text)));
        let word = word.unwrap_or(outcome.as_str());
        row.output = text;
        let view = &mut self.cursor.view;
        if place.is_item {
            let outputs = match &place.step.kind {
                StepKind::Group(_) | StepKind::Switch(_) if outcome != StepOutcome::Skipped => {
                    view.take_inner(place.step)
                }
                _ => outputs.unwrap_or_default(),
            };
            view.push_result(item_value(word, row.error.as_ref(), outputs));
        } else {
            let result = if place.step.for_each.is_some() && outcome != StepOutcome::Skipped {
                loop_value(outcome.as_str(), row.error.as_ref(), results.unwrap_or_default())
            } else {
                step_value(word, row.error.as_ref(), outputs.as_ref())
            };
            view.record(place.step.id.as_ref(), result);
        }
        self.draft.step(row);
    }

    /// Ends the phase because a step failed.
    fn fail(&mut self, error: ErrorRecord) {
        let state = &mut self.cursor.state;
        if state.phase == Phase::Steps {
            self.cursor.view.set_error(&error);
            state.error = Some(error);
            if !self.program.rule.on_failure.is_empty() {
                state.phase = Phase::OnFailure;
                state.bytes = 0;
                state.frames = vec![Frame::Block { at: 0, started_at: self.now }];
                return;
            }
        }
        state.phase = Phase::Dead;
    }
}

/// Whether a step that ends so may have timers or waits of its own besides its `timeout`.
fn active_timers(active: Option<&Active>) -> bool {
    match active {
        Some(Active::Call { attempts, retry_at, .. }) => *attempts > 1 || retry_at.is_some(),
        Some(Active::Completion { .. } | Active::Sleep { .. } | Active::Wait { .. }) => true,
        None => false,
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
