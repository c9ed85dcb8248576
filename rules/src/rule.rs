//! A rule as it runs: everything parsed, every name checked.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::expression::Expression;
use crate::ids::{ActionName, ContentHash, EventType, RuleName, StepId, SubAppId};
use crate::pattern::{Match, Pattern};
use crate::schedule::Schedule;
use crate::template::Template;

/// When something happens (`on`, `subappid` or `apps`, `match`, `if`), what is done about it (`steps`).
///
/// There may be a million rules: what few of them have lies apart.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique in its rule set.
    pub name: RuleName,
    /// What a person says of it.
    pub description: Option<Box<str>>,
    /// The event types that it listens to.
    pub on: Subscription,
    /// The applications that it listens to.
    pub apps: AppSelection,
    /// Conditions on the event's fields.
    pub pattern: Option<Match>,
    /// A further condition (`if`).
    pub condition: Option<Expression>,
    /// Whether it acts.
    pub mode: Mode,
    /// How many runs it starts; as many as match when it does not say.
    pub limit: Option<Box<Limit>>,
    /// How its events are gathered; without, each starts a run of its own.
    pub collect: Option<Box<Collect>>,
    /// What is done.
    pub steps: Vec<Step>,
    /// What is done when a step failed for good.
    pub on_failure: Vec<Step>,
    /// Names the closure that a run of this rule pins.
    pub closure: ContentHash,
}

/// The event types of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscription {
    /// `on: "*"`.
    All,
    /// The listed types.
    Types(BTreeSet<EventType>),
    /// No event of others: it runs by itself at these moments.
    Schedule(Box<Schedule>),
}

/// The applications of a rule, resolved against the configured ones at load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppSelection {
    /// Every application, also events that belong to none.
    All,
    /// Only these.
    Only(BTreeSet<SubAppId>),
}

impl AppSelection {
    /// Whether an event of this application is for the rule.
    #[must_use]
    pub fn includes(&self, app: Option<SubAppId>) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => app.is_some_and(|id| ids.contains(&id)),
        }
    }
}

/// Whether a rule acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It matches and runs.
    #[default]
    Live,
    /// It matches and its verdict is counted; nothing runs.
    Shadow,
    /// It is loaded and checked; it does not match.
    Off,
}

/// Events are gathered, and one run starts for all of them.
#[derive(Debug, Clone)]
pub struct Collect {
    /// Events with one key belong together; a text or number once rendered.
    pub key: Template,
    /// The run starts when nothing more came for so long.
    pub quiet: Duration,
    /// It starts so long after the first event at the latest; at least `quiet`.
    pub max: Duration,
    /// It starts with so many events; at least 1.
    pub max_events: u32,
}

/// So many runs in a window of time, which begins with the first of them.
#[derive(Debug, Clone)]
pub struct Limit {
    /// How many; at least 1.
    pub runs: u32,
    /// What is counted by itself; a text or number once rendered.
    pub per: Template,
    /// How long a window is.
    pub every: Duration,
}

/// One step of a workflow.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name for later steps.
    pub id: Option<StepId>,
    /// Asked once, before anything of the step is done.
    pub condition: Option<Expression>,
    /// Runs the step once for each item.
    pub for_each: Option<Box<ForEach>>,
    /// What it does.
    pub kind: StepKind,
    /// What its failure means for the run. With `for_each`, for each item.
    pub on_error: OnError,
    /// How long it may take, queueing, attempts and back-off included.
    pub timeout: Option<Duration>,
    /// What it means when that is over; `on_error` when it does not say.
    pub on_timeout: Option<OnTimeout>,
    /// How failed attempts are repeated; only for `uses`. `None` means [`Retry::default`].
    pub retry: Option<Box<Retry>>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Calls an action.
    Uses {
        /// The action.
        action: ActionName,
        /// Its parameters, a map once rendered.
        with: Template,
        /// Waits for the end of the work that it starts.
        wait: Option<Box<WorkWait>>,
        /// The application that it acts for, by its name or its number; that of the event when it does not say.
        app: Option<Template>,
    },
    /// Gives names to values.
    Set(Vec<(String, Template)>),
    /// Runs steps in order.
    Group(Vec<Step>),
    /// Runs lists of steps at the same time, each under its name, in the order of the names.
    Parallel(Vec<(String, Vec<Step>)>),
    /// Does nothing for a while.
    Sleep(Sleep),
    /// Ends the run well, at once; the word says how.
    End(String),
    /// Runs one of several lists of steps.
    Switch(Box<Switch>),
    /// Waits for an event; any of these.
    WaitFor(Vec<Awaited>),
}

/// How a step waits for the end of the work that its action starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkWait {
    /// What must have come of it.
    pub need: Need,
    /// What is submitted again when it has failed.
    pub retry_failed: Option<RetryFailed>,
    /// How long nothing is heard before the other side is asked, and again after each time; none when it never is.
    pub ask_every: Option<Duration>,
}

/// Which parts of work are submitted again, without those that are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryFailed {
    /// How many times the work is submitted at most, the first time included.
    pub max_attempts: u32,
    /// The codes of the failures that are worth it; those that lie below one are meant too.
    pub on: Vec<String>,
}

/// What must have come of work for the step to succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Every part.
    All,
    /// One part.
    Any,
    /// Every part of these types, and at least one of each.
    Types(BTreeSet<String>),
}

/// How long a step does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sleep {
    /// For so long.
    For(Duration),
    /// Until the clock next shows a time of day.
    Until(Box<Schedule>),
}

/// A choice by a value.
#[derive(Debug, Clone)]
pub struct Switch {
    /// What is compared, as text.
    pub value: Template,
    /// The texts, in their order, and what is done for each.
    pub cases: Vec<(String, Vec<Step>)>,
    /// What is done for any other value.
    pub default: Vec<Step>,
}

/// An event that is waited for.
#[derive(Debug, Clone)]
pub struct Awaited {
    /// Its types; none where the end of work is awaited by whatever event tells of it.
    pub on: BTreeSet<EventType>,
    /// How it is found.
    pub by: By,
    /// Conditions on its fields.
    pub pattern: Option<Pattern>,
    /// The step since whose end events count; since the beginning of the run when it does not say.
    pub since: Option<StepId>,
}

/// How an awaited event is found.
#[derive(Debug, Clone)]
pub enum By {
    /// By the correlation keys that it must have, by name; at least one.
    Keys(Vec<(String, Template)>),
    /// By the work that this step has submitted.
    Work(StepId),
}

impl Step {
    /// The steps that run in place of its failure when it took too long.
    #[must_use]
    pub fn late(&self) -> &[Step] {
        match &self.on_timeout {
            Some(OnTimeout::Steps(steps)) => steps,
            _ => &[],
        }
    }

    /// The lists of steps within it: that of a group, those of the cases of a `switch`, those of the branches of a
    /// `parallel`; and that of its `on_timeout`.
    pub fn lists(&self) -> impl Iterator<Item = &[Step]> {
        let (one, many) = match &self.kind {
            StepKind::Group(steps) => (Some(steps), None),
            StepKind::Switch(switch) => (Some(&switch.default), Some(&switch.cases)),
            StepKind::Parallel(branches) => (None, Some(branches)),
            _ => (None, None),
        };
        let many = many.into_iter().flatten().map(|(_, steps)| steps);
        many.chain(one).map(Vec::as_slice).chain([self.late()])
    }
}

/// Repetition of a step.
#[derive(Debug, Clone)]
pub struct ForEach {
    /// What it runs over: a list once rendered.
    pub items: Template,
    /// The name of the item within the step (`as`); `item` when not given.
    pub binding: String,
    /// Asked for each item; an item for which it is false is skipped.
    pub filter: Option<Expression>,
    /// How many items run at the same time; one after another when it is 1.
    pub max_parallel: usize,
}

/// What the failure of a step means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The run fails.
    #[default]
    Fail,
    /// The run goes on; `steps.ID.outcome` and `.error` tell.
    Continue,
}

/// What it means that a step took too long.
#[derive(Debug, Clone)]
pub enum OnTimeout {
    /// It is a failure.
    Fail,
    /// The run goes on.
    Continue,
    /// These steps run in place of a failure; then the run goes on.
    Steps(Vec<Step>),
}

/// How failed attempts are repeated: exponential back-off from `initial`, doubled each time up to `max`, full jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first one included; at least 1.
    pub max_attempts: u32,
    /// The longest wait before the second attempt.
    pub initial: Duration,
    /// The longest wait before any attempt.
    pub max: Duration,
    /// No attempt starts later than this after the first one.
    pub within: Option<Duration>,
}

impl Default for Retry {
    /// 8 attempts, from 1 s to 5 min.
    fn default() -> Self {
        Self { max_attempts: 8, initial: Duration::from_secs(1), max: Duration::from_mins(5), within: None }
    }
}
