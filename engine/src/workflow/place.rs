//! Which steps a cursor stands in, and what they are called.

use oncue_rules::ids::StepPath;
use oncue_rules::rule::{Rule, Step, StepKind};
use oncue_rules::template::Template;
use oncue_rules::time::Timestamp;

use super::state::{Frame, State, branch_steps, case_steps, inner};

/// A step that a cursor stands in or before, or an item of it.
#[derive(Debug, Clone)]
pub(super) struct Place<'p> {
    pub(super) step: &'p Step,
    pub(super) path: String,
    /// The step runs for one item here: the place of the `for_each` itself is one level up.
    pub(super) is_item: bool,
    /// When the step was begun; none when the cursor stands before it.
    pub(super) started_at: Option<Timestamp>,
}

impl Place<'_> {
    pub(super) fn path(&self) -> StepPath {
        StepPath::new(self.path.as_str())
    }

    /// When the step's `timeout` is over. It is that of the whole step, so items have none.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let timeout = self.step.timeout.filter(|_| !self.is_item)?;
        self.started_at.map(|at| at.after(timeout))
    }
}

impl<'p> Place<'p> {
    /// The parameters of its action, as they are written.
    pub(super) fn with(&self) -> Option<&'p Template> {
        match &self.step.kind {
            StepKind::Uses { with, .. } => Some(with),
            _ => None,
        }
    }
}

/// How a step is called among its siblings.
pub(super) fn name(step: &Step, index: usize) -> String {
    step.id.as_ref().map_or_else(|| index.to_string(), ToString::to_string)
}

/// The path of an item.
pub(super) fn item_path(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// The path of a step inside another.
pub(super) fn inner_path(path: &str, step: &Step, index: usize) -> String {
    format!("{path}/{}", name(step, index))
}

/// The path of a step inside a case.
pub(super) fn case_path(path: &str, case: usize, step: &Step, index: usize) -> String {
    format!("{path}/{case}/{}", name(step, index))
}

/// The path of a step inside a branch; that of the branch itself when it is all there is in it.
pub(super) fn branch_path(path: &str, branch: &str, count: usize, step: &Step, index: usize) -> String {
    if count == 1 { format!("{path}/{branch}") } else { format!("{path}/{branch}/{}", name(step, index)) }
}

/// The path of a step that runs because another took too long. A colon is in no step id.
pub(super) fn late_path(path: &str, step: &Step, index: usize) -> String {
    format!("{path}/on_timeout:{}", name(step, index))
}

/// The places of a cursor, one for a frame, from the outermost inwards; none for the innermost list when its end is
/// reached, and none from where a damaged cursor does not fit the rule.
pub(super) fn places<'p>(rule: &'p Rule, state: &State) -> Vec<Place<'p>> {
    let mut places: Vec<Place<'p>> = Vec::with_capacity(state.frames.len());
    let mut list = state.phase.steps(rule);
    for (depth, frame) in state.frames.iter().enumerate() {
        // A step that took too long has ended, although the cursor is within it.
        let deeper = state.frames.get(depth + 1).filter(|frame| !matches!(frame, Frame::Late { .. }));
        let deeper = deeper.map(Frame::started_at);
        let place = match *frame {
            Frame::Block { at, .. } => list.get(at).map(|step| {
                let path = match places.last() {
                    Some(outer) => inner_path(&outer.path, step, at),
                    None => format!("{}{}", state.phase.prefix(), name(step, at)),
                };
                Place { step, path, is_item: false, started_at: deeper }
            }),
            Frame::Case { case, at, .. } => places.last().and_then(|outer| {
                let step = case_steps(outer.step, case).get(at)?;
                let path = case_path(&outer.path, case, step, at);
                Some(Place { step, path, is_item: false, started_at: deeper })
            }),
            Frame::Branch { branch, at, .. } => places.last().and_then(|outer| {
                let (name, steps) = branch_steps(outer.step, branch)?;
                let step = steps.get(at)?;
                let path = branch_path(&outer.path, name, steps.len(), step, at);
                Some(Place { step, path, is_item: false, started_at: deeper })
            }),
            Frame::Late { at, .. } => places.last().and_then(|outer| {
                let step = outer.step.late().get(at)?;
                Some(Place { step, path: late_path(&outer.path, step, at), is_item: false, started_at: deeper })
            }),
            Frame::Each { index, .. } | Frame::Item { index, .. } => places.last().map(|outer| {
                let path = item_path(&outer.path, index);
                Place { step: outer.step, path, is_item: true, started_at: deeper }
            }),
        };
        let Some(place) = place else { break };
        list = inner(place.step);
        places.push(place);
    }
    if places.len() == state.frames.len()
        && let (Some(innermost), Some(active)) = (places.last_mut(), &state.active)
    {
        innermost.started_at = Some(active.started_at());
    }
    places
}
