//! The cursor of a run: the little that must be stored besides the step rows.

use oncue_rules::ids::{EventId, SubAppId};
use oncue_rules::rule::{Rule, Step, StepKind};
use oncue_rules::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Next;
use super::fork::{Fork, is_calling, rest};
use super::record::{ErrorRecord, RunStatus};

/// Where a run stands, stored as JSON in its row.
///
/// Its frames and what is active are the trunk of a tree: where steps run at the same time, the active thing is a [`Fork`]
/// that holds a [`Strand`](super::Strand) for each of them. `v` is raised when what was stored before means something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The version of the form.
    pub v: u32,
    /// Which list of steps is under way.
    pub phase: Phase,
    /// From the outermost list of steps inwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
    /// What the innermost step is doing, when it takes more than a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Active>,
    /// The generation of the steps that come.
    #[serde(default)]
    pub generation: u32,
    /// The generation of the steps of `on_failure`, when the run has failed before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failure_generation: u32,
    /// Bytes of outputs so far in this phase.
    #[serde(default)]
    pub bytes: u64,
    /// Why the run failed, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorRecord>,
    /// The word of the `end` that it ended well with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// How often it died: what was dead may be revived.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deaths: u32,
    /// When its steps began, where that was later than its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
}

/// Which list of steps is under way, or how the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// None yet: events are gathered.
    Collecting,
    /// `steps`.
    Steps,
    /// `on_failure`.
    OnFailure,
    /// Ended well.
    Succeeded,
    /// Failed for good.
    Dead,
    /// Ended by a person.
    Cancelled,
}

/// One level of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// In a list of steps.
    Block {
        /// The step that is under way or comes next.
        at: usize,
        /// When the list was entered.
        started_at: Timestamp,
    },
    /// In the steps of a case of a `switch`.
    Case {
        /// Which case; the number of cases is the default.
        case: usize,
        /// The step that is under way or comes next.
        at: usize,
        /// When the list was entered.
        started_at: Timestamp,
    },
    /// In the steps of a branch of a `parallel`.
    Branch {
        /// Which branch.
        branch: usize,
        /// The step that is under way or comes next.
        at: usize,
        /// When the branches were entered.
        started_at: Timestamp,
    },
    /// At an item that runs beside others.
    Item {
        /// Which item.
        index: usize,
        /// When the first item was begun.
        started_at: Timestamp,
    },
    /// In the steps that run in place of a failure because a step took too long, which has ended.
    Late {
        /// The step that is under way or comes next.
        at: usize,
        /// When the list was entered.
        started_at: Timestamp,
    },
    /// In a `for_each`.
    Each {
        /// The item that is under way or comes next.
        index: usize,
        /// How many items there are.
        count: usize,
        /// When the first item was begun.
        started_at: Timestamp,
    },
}

/// What the innermost step is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Active {
    /// It calls an action.
    Call {
        /// Attempts counted.
        attempts: u32,
        /// How many of them were lost to a crash.
        #[serde(default)]
        lost: u32,
        /// Raised when the step is to be a new request to the other side.
        generation: u32,
        /// When the first attempt was counted.
        started_at: Timestamp,
        /// When the next attempt is due; none while one is under way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
        /// Since when the present attempt has been held back, if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_since: Option<Timestamp>,
        /// What was submitted before, where this submits again what failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        earlier: Option<Earlier>,
        /// The application that the step names, once its first attempt is counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app: Option<SubAppId>,
    },
    /// It waits for the end of the work that its action has started.
    Completion {
        /// Attempts counted.
        attempts: u32,
        /// The generation of its key.
        generation: u32,
        /// When the first attempt was counted.
        started_at: Timestamp,
        /// What the action gave, as JSON.
        outputs: String,
        /// What was submitted before, where this submits again what failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        earlier: Option<Earlier>,
        /// The application that the step names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app: Option<SubAppId>,
    },
    /// It sleeps.
    Sleep {
        /// When it began.
        started_at: Timestamp,
        /// When it wakes.
        until: Timestamp,
    },
    /// It waits for an event.
    Wait {
        /// When it began.
        started_at: Timestamp,
    },
    /// It runs branches or items at the same time.
    Fork(Fork),
}

/// The earlier rounds of a step that submits again what failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The events that told of their ends.
    pub events: Vec<EventId>,
    /// Attempts counted in them.
    pub attempts: u32,
    /// When the present round began.
    pub since: Timestamp,
}

impl State {
    /// The version that is written.
    pub const VERSION: u32 = 1;

    /// The state of a run that has done nothing.
    #[must_use]
    pub fn initial(now: Timestamp) -> Self {
        Self {
            v: Self::VERSION,
            phase: Phase::Steps,
            frames: vec![Frame::Block { at: 0, started_at: now }],
            active: None,
            generation: 0,
            failure_generation: 0,
            bytes: 0,
            error: None,
            end: None,
            deaths: 0,
            began_at: None,
        }
    }

    /// The run has failed for good.
    pub(super) fn die(&mut self) {
        self.phase = Phase::Dead;
        self.deaths = self.deaths.saturating_add(1);
    }

    /// The stored form.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of numbers, texts and lists always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the run's row says of this state when `parked` or not.
    pub(super) fn status(&self, parked: bool) -> RunStatus {
        match self.phase {
            Phase::Collecting => RunStatus::Waiting,
            Phase::Steps if parked => RunStatus::Waiting,
            Phase::Steps => RunStatus::Running,
            Phase::OnFailure => RunStatus::Failed,
            Phase::Succeeded => RunStatus::Succeeded,
            Phase::Dead => RunStatus::Dead,
            Phase::Cancelled => RunStatus::Cancelled,
        }
    }

    /// The generation of a step that is begun.
    pub(super) fn generation(&self) -> u32 {
        match self.phase {
            Phase::OnFailure => self.generation.max(self.failure_generation),
            _ => self.generation,
        }
    }

    /// What there is to do when nothing happens.
    pub(super) fn rest(&self) -> Next {
        match &self.active {
            _ if self.phase.is_final() => Next::End,
            _ if self.phase == Phase::Collecting => Next::Park,
            active => rest(active.as_ref()),
        }
    }

    /// Whether an attempt is under way.
    pub(super) fn is_calling(&self) -> bool {
        is_calling(self.active.as_ref())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Phase {
    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Dead | Self::Cancelled)
    }

    /// The steps of this phase.
    pub(super) fn steps(self, rule: &Rule) -> &[Step] {
        match self {
            Self::Steps => &rule.steps,
            Self::OnFailure => &rule.on_failure,
            Self::Collecting | Self::Succeeded | Self::Dead | Self::Cancelled => &[],
        }
    }

    /// What the paths of this phase begin with. A colon is in no step id, so the two phases never share a path.
    pub(super) fn prefix(self) -> &'static str {
        if self == Self::OnFailure { "on_failure:" } else { "" }
    }
}

/// The steps of a group; none for another kind of step.
pub(super) fn inner(step: &Step) -> &[Step] {
    match &step.kind {
        StepKind::Group(steps) => steps,
        _ => &[],
    }
}

/// The steps of a case of a `switch`; none for another kind of step.
pub(super) fn case_steps(step: &Step, case: usize) -> &[Step] {
    match &step.kind {
        StepKind::Switch(switch) if case == switch.cases.len() => &switch.default,
        StepKind::Switch(switch) => switch.cases.get(case).map_or(&[], |(_, steps)| steps),
        _ => &[],
    }
}

/// A branch of a `parallel`, with its name.
pub(super) fn branch_steps(step: &Step, branch: usize) -> Option<(&str, &[Step])> {
    match &step.kind {
        StepKind::Parallel(branches) => branches.get(branch).map(|(name, steps)| (name.as_str(), steps.as_slice())),
        _ => None,
    }
}

impl Frame {
    /// When it was entered.
    pub(super) fn started_at(&self) -> Timestamp {
        match *self {
            Self::Block { started_at, .. }
            | Self::Case { started_at, .. }
            | Self::Branch { started_at, .. }
            | Self::Item { started_at, .. }
            | Self::Late { started_at, .. }
            | Self::Each { started_at, .. } => started_at,
        }
    }

    /// It is entered at this moment.
    pub(super) fn begin_at(&mut self, now: Timestamp) {
        match self {
            Self::Block { started_at, .. }
            | Self::Case { started_at, .. }
            | Self::Branch { started_at, .. }
            | Self::Item { started_at, .. }
            | Self::Late { started_at, .. }
            | Self::Each { started_at, .. } => *started_at = now,
        }
    }

    /// Moves on to the next step or item.
    pub(super) fn step_on(&mut self) {
        match self {
            Self::Block { at, .. } | Self::Case { at, .. } | Self::Branch { at, .. } | Self::Late { at, .. } => {
                *at += 1;
            }
            Self::Each { index, .. } => *index += 1,
            Self::Item { .. } => {}
        }
    }
}

impl Active {
    /// The events that told of the ends of earlier rounds, of this and of what runs within.
    pub(super) fn earlier_events(&self, found: &mut Vec<EventId>) {
        match self {
            Self::Call { earlier: Some(earlier), .. } | Self::Completion { earlier: Some(earlier), .. } => {
                found.extend(&earlier.events);
            }
            Self::Fork(fork) => {
                let within = fork.strands.values().filter_map(|strand| strand.active.as_ref());
                within.for_each(|active| active.earlier_events(found));
            }
            _ => {}
        }
    }

    /// When it began.
    pub(super) fn started_at(&self) -> Timestamp {
        match *self {
            Self::Call { started_at, .. }
            | Self::Completion { started_at, .. }
            | Self::Sleep { started_at, .. }
            | Self::Wait { started_at }
            | Self::Fork(Fork { started_at, .. }) => started_at,
        }
    }
}
