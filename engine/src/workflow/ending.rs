//! How steps, items and runs end, and what their ends take along.

use oncue_rules::rule::{OnError, OnTimeout, Step, StepKind};
use oncue_rules::time::Timestamp;
use oncue_rules::value::{Map, Value};

use super::place::Place;
use super::record::{ErrorRecord, StepOutcome, StepRow};
use super::state::{Active, Frame, Phase};
use super::view::{Mark, item_value, loop_value, step_value};
use super::wait::earlier_rounds;
use super::walk::{Walk, error, row};

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
    /// Whether what ended are the steps that ran because the step had taken too long: it has its row.
    is_late: bool,
}

impl Ending {
    pub(super) fn of(outcome: StepOutcome) -> Self {
        Self {
            outcome,
            error: None,
            output: None,
            results: None,
            started_at: None,
            active: None,
            word: None,
            is_late: false,
        }
    }

    pub(super) fn failed(outcome: StepOutcome, error: ErrorRecord) -> Self {
        Self { error: Some(error), ..Self::of(outcome) }
    }

    /// Whether what it ends was ever begun.
    pub(super) fn has_begun(&self) -> bool {
        self.started_at.is_some()
    }

    /// The same, of what was entered at a moment, with the results of the items within.
    pub(super) fn of_frame(self, started_at: Timestamp, results: Option<Vec<Value>>) -> Self {
        Self { started_at: Some(started_at), results, ..self }
    }

    /// The same, with outputs and their text as the row keeps it.
    pub(super) fn with_output(self, output: Value, text: String) -> Self {
        Self { output: Some((output, text)), ..self }
    }

    /// The same, with another word for `steps.ID.outcome`.
    pub(super) fn called(self, word: &'static str) -> Self {
        Self { word: Some(word), ..self }
    }
}

/// Whether a step that ends so fails what it lies in.
pub(super) fn fails(step: &Step, outcome: StepOutcome) -> bool {
    let fails = step.on_error == OnError::Fail;
    match outcome {
        StepOutcome::Failed => fails,
        StepOutcome::TimedOut => step.on_timeout.as_ref().map_or(fails, |means| matches!(means, OnTimeout::Fail)),
        StepOutcome::Running | StepOutcome::Succeeded | StepOutcome::Skipped => false,
    }
}

impl<'p> Walk<'p> {
    /// Ends the run well, with all that the step lies in.
    pub(super) fn end_run(&mut self, place: &Place<'p>, word: &str) {
        let said = Value::map(Map::from([("end".to_owned(), Value::text(word))]));
        let text = said.to_json();
        self.close(place, Ending::of(StepOutcome::Succeeded).with_output(said, text));
        let beside = "the run was ended by `end` while this step was under way";
        let cut_off = error(&place.path, "ended", beside, "fatal");
        loop {
            while self.cursor.state.frames.len() > self.trunk() + 1 {
                let ending = self.leave(StepOutcome::Succeeded, None);
                self.close_begun(ending);
            }
            self.cursor.state.frames.pop();
            if self.outer.is_empty() {
                break;
            }
            self.climb(self.trunk().saturating_sub(1));
            if let Some(ending) = self.cut(StepOutcome::Failed, &cut_off) {
                self.close_begun(Ending { outcome: StepOutcome::Succeeded, error: None, ..ending });
            }
        }
        self.cursor.state.frames.clear();
        self.end_phase();
        let state = &mut self.cursor.state;
        state.end = (state.phase == Phase::Succeeded).then(|| word.to_owned());
    }

    /// Ends the innermost step with an error that trying again cannot help.
    pub(super) fn end_with(&mut self, place: &Place<'p>, code: &str, message: &str) {
        self.end(Ending::failed(StepOutcome::Failed, error(&place.path, code, message, "fatal")));
    }

    /// Ends the innermost step or item, and with it what its failure takes along.
    pub(super) fn end(&mut self, mut ending: Ending) {
        while let Some(place) = self.place() {
            let failure = ending.error.clone().filter(|_| fails(place.step, ending.outcome));
            let is_too_late = ending.outcome == StepOutcome::TimedOut && !place.step.late().is_empty();
            self.close(&place, ending);
            let frames = &mut self.cursor.state.frames;
            let Some(error) = failure else {
                match frames.last_mut() {
                    _ if is_too_late => frames.push(Frame::Late { at: 0, started_at: self.now }),
                    Some(Frame::Item { .. }) => drop(frames.pop()),
                    Some(frame) => frame.step_on(),
                    None => {}
                }
                return;
            };
            ending = self.leave(StepOutcome::Failed, Some(error.clone()));
            if self.cursor.state.frames.is_empty() {
                return self.fail(error);
            }
            if self.is_over() {
                return self.fail_strand(error);
            }
        }
    }

    /// Leaves the innermost frame; what comes back ends the step that the frame was for.
    pub(super) fn leave(&mut self, outcome: StepOutcome, error: Option<ErrorRecord>) -> Ending {
        let frame = self.cursor.state.frames.pop();
        let results = matches!(frame, Some(Frame::Each { .. })).then(|| self.cursor.view.close_loop());
        let is_late = matches!(frame, Some(Frame::Late { .. }));
        Ending { error, results, started_at: frame.map(|frame| frame.started_at()), is_late, ..Ending::of(outcome) }
    }

    /// Writes the row of an ended step or item and makes its result known.
    pub(super) fn close(&mut self, place: &Place<'p>, mut ending: Ending) {
        if ending.is_late {
            return;
        }
        ending.active = self.cursor.state.active.take();
        if let Some(active) = &ending.active {
            self.forget_rounds(active);
        }
        let Ending { outcome, error, output, results, started_at, active, word, .. } = ending;
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
        row.output = text.or_else(|| earlier_rounds(active.as_ref()));
        let view = &mut self.cursor.view;
        if place.is_item {
            let outputs = match &place.step.kind {
                StepKind::Group(_) | StepKind::Switch(_) | StepKind::Parallel(_) if outcome != StepOutcome::Skipped => {
                    view.take_inner(place.step)
                }
                _ => outputs.unwrap_or_default(),
            };
            view.put_result(item_value(word, row.error.as_ref(), outputs));
        } else {
            let result = if place.step.for_each.is_some() && outcome != StepOutcome::Skipped {
                loop_value(outcome.as_str(), row.error.as_ref(), results.unwrap_or_default())
            } else {
                step_value(word, row.error.as_ref(), outputs.as_ref())
            };
            let mark = || Mark { path: place.path.clone(), generation: row.generation, ended_at: self.now };
            view.record(place.step.id.as_ref(), result, mark);
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
        state.die();
    }
}

/// Whether a step that ends so may have timers or waits of its own besides its `timeout`.
fn active_timers(active: Option<&Active>) -> bool {
    match active {
        Some(Active::Call { attempts, retry_at, held_since, .. }) => {
            *attempts > 1 || retry_at.is_some() || held_since.is_some()
        }
        Some(Active::Completion { .. } | Active::Sleep { .. } | Active::Wait { .. }) => true,
        Some(Active::Fork(_)) | None => false,
    }
}
