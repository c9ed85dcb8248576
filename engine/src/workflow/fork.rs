//! Steps that run at the same time: a cursor that is a tree.
//!
//! A [`Fork`] stands where a cursor would have one thing that is active, and holds a [`Strand`], a cursor of its own, for each
//! branch or item that is under way; those that have ended are step rows. A walk has one strand in focus: its frames
//! continue those of the trunk that it springs from, so that whatever moves a cursor need not know of forks.

use std::collections::BTreeMap;

use oncue_rules::ids::StepPath;
use oncue_rules::rule::{ForEach, Rule, Step};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use serde::{Deserialize, Serialize};

use super::Next;
use super::ending::Ending;
use super::limits::clip_message;
use super::place::{Place, item_path, places};
use super::record::{ErrorRecord, StepOutcome};
use super::state::{Active, Frame, State, branch_steps};
use super::walk::Walk;

/// Branches or items that run at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// When they were begun.
    pub started_at: Timestamp,
    /// How many branches or items there are.
    pub count: usize,
    /// The first one that was not begun.
    pub next: usize,
    /// How many run at the same time.
    pub limit: usize,
    /// Those under way, by their index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strands: BTreeMap<usize, Strand>,
    /// The first one that failed, with its error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<(usize, ErrorRecord)>,
}

/// Where a branch or an item stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strand {
    /// From the list of the branch, or the item, inwards.
    pub frames: Vec<Frame>,
    /// What its innermost step is doing, when it takes more than a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Active>,
}

/// A fork whose strand is in focus, without that strand.
pub(super) struct Outer {
    fork: Fork,
    key: usize,
    /// How many frames its trunk has.
    trunk: usize,
    /// How many loops its trunk is in.
    loops: usize,
}

/// What there is to do for a strand when nothing happens.
pub(super) fn rest(active: Option<&Active>) -> Next {
    match active {
        None => Next::Continue,
        Some(Active::Call { retry_at: None, .. }) => Next::Await,
        Some(Active::Fork(fork)) => {
            let all = || fork.strands.values().map(|strand| rest(strand.active.as_ref()));
            let any = |what: &Next| all().any(|next| next == *what);
            if any(&Next::Continue) || fork.strands.is_empty() {
                Next::Continue
            } else if any(&Next::Await) {
                Next::Await
            } else {
                Next::Park
            }
        }
        Some(_) => Next::Park,
    }
}

/// Whether an attempt is under way.
pub(super) fn is_calling(active: Option<&Active>) -> bool {
    match active {
        Some(Active::Call { retry_at: None, .. }) => true,
        Some(Active::Fork(fork)) => fork.strands.values().any(|strand| is_calling(strand.active.as_ref())),
        _ => false,
    }
}

/// The attempts that are under way in a cursor, by step and number.
pub(super) fn calling(rule: &Rule, state: &mut State) -> Vec<(StepPath, u32)> {
    match state.active.take() {
        Some(Active::Call { attempts, retry_at: None, .. }) => {
            places(rule, state).pop().map(|place| (place.path(), attempts)).into_iter().collect()
        }
        Some(Active::Fork(fork)) => {
            let mut found = Vec::new();
            let trunk = state.frames.len();
            for strand in fork.strands.into_values().filter(|strand| is_calling(strand.active.as_ref())) {
                state.frames.extend(strand.frames);
                state.active = strand.active;
                found.extend(calling(rule, state));
                state.frames.truncate(trunk);
            }
            found
        }
        _ => Vec::new(),
    }
}

/// The steps that a cursor stands in or before, one for each of its strands.
pub(super) fn standing(rule: &Rule, state: &mut State) -> Vec<StepPath> {
    let Some(Active::Fork(fork)) = state.active.take() else {
        return places(rule, state).pop().map(|place| place.path()).into_iter().collect();
    };
    let (mut found, trunk) = (Vec::new(), state.frames.len());
    for strand in fork.strands.into_values() {
        state.frames.extend(strand.frames);
        state.active = strand.active;
        found.extend(standing(rule, state));
        state.frames.truncate(trunk);
    }
    found
}

impl Fork {
    /// One of which this many are begun or have ended.
    pub(super) fn of(started_at: Timestamp, count: usize, next: usize, limit: usize) -> Self {
        Self { started_at, count, next, limit, strands: BTreeMap::new(), failed: None }
    }

    /// Begins what there is room for. After a failure no further item is begun; branches all are, at once.
    pub(super) fn fill(&mut self, step: &Step, is_loop: bool) {
        while self.next < self.count && self.strands.len() < self.limit && !(is_loop && self.failed.is_some()) {
            let (index, started_at) = (self.next, self.started_at);
            self.next += 1;
            let frame = if is_loop {
                Frame::Item { index, started_at }
            } else {
                Frame::Branch { branch: index, at: 0, started_at }
            };
            if is_loop || branch_steps(step, index).is_some() {
                self.strands.insert(index, Strand { frames: vec![frame], active: None });
            }
        }
    }
}

impl Active {
    /// The strands that have something to do at once or that a restart has to look at, each by the keys that lead to it.
    fn strands(&self, wanted: fn(Option<&Self>) -> bool, at: &[usize], found: &mut Vec<Vec<usize>>) {
        let Self::Fork(fork) = self else { return };
        for (key, strand) in &fork.strands {
            let mut here = at.to_vec();
            here.push(*key);
            match &strand.active {
                Some(inner @ Self::Fork(_)) => inner.strands(wanted, &here, found),
                active if wanted(active.as_ref()) => found.push(here),
                _ => {}
            }
        }
    }
}

/// The index of the strand that a path leads into, of those of the fork at a place.
fn towards(place: &Place<'_>, path: &str) -> Option<usize> {
    let rest = path.strip_prefix(place.path.as_str())?;
    if place.forks_items() {
        return rest.strip_prefix('[')?.split_once(']')?.0.parse().ok();
    }
    let name = rest.strip_prefix('/')?.split(['/', '[']).next()?;
    (0..).map_while(|branch| branch_steps(place.step, branch)).position(|(branch, _)| branch == name)
}

/// How the strand of a fork begins its paths.
pub(super) fn head(place: &str, step: &Step, is_loop: bool, key: usize) -> String {
    if is_loop {
        item_path(place, key)
    } else {
        format!("{place}/{}", branch_steps(step, key).map_or("", |(name, _)| name))
    }
}

impl Place<'_> {
    /// Whether a fork here is one of items.
    fn forks_items(&self) -> bool {
        self.step.for_each.is_some() && !self.is_item
    }
}

impl<'p> Walk<'p> {
    /// How many frames the trunk has that the strand in focus springs from.
    pub(super) fn trunk(&self) -> usize {
        self.outer.last().map_or(0, |outer| outer.trunk)
    }

    /// Whether the strand in focus has ended.
    pub(super) fn is_over(&self) -> bool {
        self.cursor.state.phase.is_final() || (!self.outer.is_empty() && self.cursor.state.frames.len() <= self.trunk())
    }

    /// The strand in focus has failed, and its last frame was left.
    pub(super) fn fail_strand(&mut self, error: ErrorRecord) {
        let Some(Outer { fork, key, .. }) = self.outer.last_mut() else { return };
        if fork.failed.as_ref().is_none_or(|(first, _)| *key < *first) {
            fork.failed = Some((*key, error));
        }
    }

    /// Begins the items of a loop that runs some at the same time.
    pub(super) fn fork_items(&mut self, place: &Place<'p>, for_each: &ForEach, items: Value, count: usize) -> Next {
        self.cursor.view.open_loop(&for_each.binding, items);
        self.fork(place, count, for_each.max_parallel)
    }

    /// Begins branches or items, `limit` at the same time.
    pub(super) fn fork(&mut self, place: &Place<'p>, count: usize, limit: usize) -> Next {
        let fork = Fork::of(self.now, count, 0, limit);
        self.open(place);
        self.cursor.state.active = Some(Active::Fork(fork));
        self.tend();
        Next::Continue
    }

    /// Gives the fork of the strand in focus new strands where there is room, and ends it when none is left.
    fn tend(&mut self) {
        let Some(place) = self.place() else { return };
        let Some(Active::Fork(fork)) = &mut self.cursor.state.active else { return };
        let is_loop = place.forks_items();
        fork.fill(place.step, is_loop);
        if !fork.strands.is_empty() {
            return;
        }
        let (failed, started_at) = (fork.failed.take(), fork.started_at);
        self.cursor.state.active = None;
        let ending = match failed {
            Some((_, error)) if is_loop => Ending::failed(StepOutcome::Failed, error),
            Some((branch, error)) => {
                let name = branch_steps(place.step, branch).map_or("", |(name, _)| name);
                let message = clip_message(&format!("branch `{name}`: {}", error.message));
                Ending::failed(StepOutcome::Failed, ErrorRecord { message, ..error })
            }
            None => Ending::of(StepOutcome::Succeeded),
        };
        let results = is_loop.then(|| self.cursor.view.close_loop());
        self.end(ending.of_frame(started_at, results));
    }

    /// Brings a strand of the fork of the one in focus into focus.
    fn enter_strand(&mut self, key: usize) -> bool {
        let Some(place) = self.place() else { return false };
        let state = &mut self.cursor.state;
        let Some(Active::Fork(fork)) = &mut state.active else { return false };
        let Some(strand) = fork.strands.remove(&key) else { return false };
        let Some(Active::Fork(fork)) = state.active.take() else { return false };
        let (trunk, loops) = (state.frames.len(), self.cursor.view.loops());
        state.frames.extend(strand.frames);
        state.active = strand.active;
        let is_loop = place.forks_items();
        let begins_at = head(&place.path, place.step, is_loop, key);
        self.cursor.view.enter_strand(&begins_at, is_loop.then_some(key));
        self.outer.push(Outer { fork, key, trunk, loops });
        true
    }

    /// Puts the strand in focus back into its fork, which comes into focus with its trunk. One that has ended is gone.
    fn leave_strand(&mut self) -> bool {
        let Some(Outer { mut fork, key, trunk, loops }) = self.outer.pop() else { return false };
        let state = &mut self.cursor.state;
        let frames = state.frames.split_off(trunk.min(state.frames.len()));
        let active = state.active.take();
        if !frames.is_empty() {
            fork.strands.insert(key, Strand { frames, active });
        }
        state.active = Some(Active::Fork(fork));
        if let Some(place) = self.place() {
            let is_loop = place.forks_items();
            let begins_at = head(&place.path, place.step, is_loop, key);
            self.cursor.view.leave_strand(begins_at, loops, is_loop.then_some(place.step));
        }
        true
    }

    /// Brings the whole cursor back into focus, and ends the forks all of whose strands have.
    pub(super) fn surface(&mut self) {
        while self.cursor.state.phase.is_final() && self.outer.pop().is_some() {}
        while self.leave_strand() {
            self.tend();
        }
    }

    /// Brings the strand into focus that the step, or the item, of a path lies in.
    pub(super) fn focus_on(&mut self, path: &str) -> bool {
        loop {
            let places = self.places();
            if places.iter().skip(self.trunk()).any(|place| place.path == path) {
                return true;
            }
            let Some(Active::Fork(_)) = self.cursor.state.active else { return false };
            let Some(key) = places.last().and_then(|place| towards(place, path)) else { return false };
            if !self.enter_strand(key) {
                return false;
            }
        }
    }

    /// Does something with each strand, from the whole cursor; with the cursor itself where nothing is forked.
    pub(super) fn for_strands(&mut self, wanted: fn(Option<&Active>) -> bool, mut work: impl FnMut(&mut Self)) {
        let mut found = Vec::new();
        match &self.cursor.state.active {
            Some(active @ Active::Fork(_)) => active.strands(wanted, &[], &mut found),
            active if wanted(active.as_ref()) => found.push(Vec::new()),
            _ => {}
        }
        for keys in found {
            // What was done with an earlier one may have ended this one.
            if keys.iter().all(|key| self.enter_strand(*key)) && !self.is_over() {
                work(self);
            }
            self.surface();
        }
    }

    /// Goes on with all strands that have something to do, until the commit has enough.
    pub(super) fn go_all(&mut self) {
        let mut room = None;
        // Each round takes steps, unless what is stored makes no sense.
        while self.cursor.state.rest() == Next::Continue && self.room() > 0 && room != Some(self.room()) {
            room = Some(self.room());
            self.for_strands(
                |active| active.is_none(),
                |walk| {
                    let next = walk.go();
                    walk.keep_calls(next);
                },
            );
        }
    }

    /// Brings the strand into focus that has the frame at `depth`, which is the one in focus or one that it springs from.
    pub(super) fn climb(&mut self, depth: usize) {
        while self.trunk() > depth && self.leave_strand() {}
    }

    /// Ends all strands of the fork of the one in focus. What comes back ends the step of the fork; none without one.
    pub(super) fn cut(&mut self, outcome: StepOutcome, error: &ErrorRecord) -> Option<Ending> {
        let Some(Active::Fork(fork)) = &self.cursor.state.active else { return None };
        let (started_at, keys) = (fork.started_at, fork.strands.keys().copied().collect::<Vec<_>>());
        for key in keys {
            if !self.enter_strand(key) {
                continue;
            }
            let trunk = self.trunk();
            let ending = self.unwind(trunk, outcome, error);
            self.close_begun(ending);
            self.cursor.state.frames.truncate(trunk);
            self.cursor.state.active = None;
            self.leave_strand();
        }
        let is_loop = self.place().is_some_and(|place| place.forks_items());
        self.cursor.state.active = None;
        let results = is_loop.then(|| self.cursor.view.close_loop());
        Some(Ending::failed(outcome, error.clone()).of_frame(started_at, results))
    }
}
