//! A new run that repeats another one from a step on, and takes over what was before.

use oncue_rules::ids::StepPath;
use oncue_rules::time::Timestamp;

use super::Program;
use super::ending::fails;
use super::place::name;
use super::record::{StepOutcome, StepRow};
use super::state::{Frame, Phase, State};

/// What a new run begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// Its first state.
    pub state: State,
    /// The steps that it takes over.
    pub steps: Vec<StepRow>,
}

/// A run cannot begin with a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoBeginning {
    /// The rule has no such step in its own list.
    #[error("the rule has no step `{from}` in its own list: begin with one of {known}")]
    NoStep {
        /// What was asked for.
        from: String,
        /// The steps that there are.
        known: String,
    },
    /// A step before it has no result that the run could go on from.
    #[error("step {step}, which comes before it, has not ended well: begin with that one")]
    NotOver {
        /// The step.
        step: StepPath,
    },
}

/// A step that was done, and is done again by a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redone {
    /// The step.
    pub path: StepPath,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Whether it was sent and no answer came.
    pub is_unknown: bool,
}

impl Program {
    /// What a new run begins with that repeats, from a step on, the run that these rows are of; from the beginning when no
    /// step is named.
    ///
    /// # Errors
    ///
    /// When there is no such step, or one before it has no result to go on from.
    pub fn begin_from(&self, from: Option<&str>, rows: &[StepRow], now: Timestamp) -> Result<Begun, NoBeginning> {
        let mut begun = Begun { state: State::initial(now), steps: Vec::new() };
        let Some(from) = from else { return Ok(begun) };
        let names: Vec<_> = self.rule.steps.iter().enumerate().map(|(index, step)| name(step, index)).collect();
        let at = names
            .iter()
            .position(|name| name == from)
            .ok_or_else(|| NoBeginning::NoStep { from: from.to_owned(), known: names.join(", ") })?;
        for (step, path) in self.rule.steps.iter().zip(&names).take(at) {
            let row = rows.iter().find(|row| row.path.as_str() == path);
            if !row.is_some_and(|row| row.outcome != StepOutcome::Running && !fails(step, row.outcome)) {
                return Err(NoBeginning::NotOver { step: StepPath::new(path.as_str()) });
            }
            // What they sent was sent by the other run.
            let of_step = rows.iter().filter(|row| lies_in(row.path.as_str(), path));
            begun.steps.extend(of_step.map(|row| StepRow { key: None, ..row.clone() }));
        }
        begun.state.frames = vec![Frame::Block { at, started_at: now }];
        begun.state.bytes =
            begun.steps.iter().filter_map(|row| row.output.as_ref()).map(|text| text.len() as u64).sum();
        Ok(begun)
    }
}

impl Begun {
    /// What of the run with these rows was done and is done again.
    #[must_use]
    pub fn redone(&self, rows: &[StepRow]) -> Vec<Redone> {
        let is_taken_over = |row: &StepRow| self.steps.iter().any(|taken| taken.path == row.path);
        let is_aside = |row: &StepRow| row.path.as_str().starts_with("earlier:");
        let is_failure = |row: &StepRow| row.path.as_str().starts_with(Phase::OnFailure.prefix());
        let sent = rows.iter().filter(|row| row.attempts > 0 && !is_aside(row) && !is_failure(row));
        let redone = |row: &StepRow| Redone {
            path: row.path.clone(),
            outcome: row.outcome,
            is_unknown: row.key.is_some() && is_unknown(row),
        };
        sent.filter(|row| !is_taken_over(row)).map(redone).collect()
    }
}

/// Whether it is not known what became of it. What was cut off by the time-out of another has the class of that.
fn is_unknown(row: &StepRow) -> bool {
    let class = row.error.as_ref().map(|error| error.class.as_str());
    class == Some("unknown") || row.outcome == StepOutcome::TimedOut
}

/// Whether a path is that of a step or of something within it.
fn lies_in(path: &str, step: &str) -> bool {
    path.strip_prefix(step).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']))
}
