//! What every rule says to an event, the nearest to a match first.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::judge::{Unmatched, Verdict, verdict};
use super::{AppFacts, RuleSet};
use crate::event::Event;
use crate::rule::Rule;

/// How far a rule came with an event; an earlier one is nearer to a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It matches.
    Matched,
    /// Its `if` or its key failed, or it was not found out whether its match holds.
    Error,
    /// Its `if` is false.
    If,
    /// A condition of its `match` does not hold.
    Condition,
    /// It is for other applications.
    Application,
    /// It listens to other event types.
    Type,
    /// Its mode is `off`.
    Off,
}

/// What one rule says to an event.
#[derive(Debug, Clone)]
pub struct Explanation<'a> {
    /// The rule.
    pub rule: &'a Arc<Rule>,
    /// What it says.
    pub verdict: Verdict,
}

/// What the rules of a set say to an event.
#[derive(Debug, Clone)]
pub struct Explained<'a> {
    /// The nearest to a match first: by stage, then those first whose failing condition is written later
    /// ([`Mismatch::position`](crate::pattern::Mismatch::position)), then by name.
    pub nearest: Vec<Explanation<'a>>,
    counts: [usize; Stage::ALL.len()],
}

impl Stage {
    /// All of them, the nearest to a match first.
    pub const ALL: [Self; 7] =
        [Self::Matched, Self::Error, Self::If, Self::Condition, Self::Application, Self::Type, Self::Off];
}

impl Verdict {
    /// How far the rule came.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Matched => Stage::Matched,
            Self::Error(_) => Stage::Error,
            Self::Unmatched(Unmatched::If) => Stage::If,
            Self::Unmatched(Unmatched::Condition(_)) => Stage::Condition,
            Self::Unmatched(Unmatched::Application) => Stage::Application,
            Self::Unmatched(Unmatched::Type) => Stage::Type,
            Self::Unmatched(Unmatched::Off) => Stage::Off,
        }
    }
}

impl Explained<'_> {
    /// How many rules of the set came so far, also those that are not among the nearest.
    #[must_use]
    pub fn count(&self, stage: Stage) -> usize {
        self.counts.get(stage as usize).copied().unwrap_or_default()
    }
}

impl RuleSet {
    /// What all rules say to an event of this application, and why: at most `limit` of them one by one. Those that listen to
    /// other types are only counted, unless `with_other_types`.
    ///
    /// Asks every rule in turn, so it takes as long as the set is large; it keeps no more than `limit` answers.
    #[must_use]
    pub fn explain_all(
        &self,
        event: &Event,
        app: Option<&AppFacts>,
        limit: usize,
        with_other_types: bool,
    ) -> Explained<'_> {
        let view = self.view(event, app);
        let found = self.found(&view);
        let mut counts = [0; Stage::ALL.len()];
        let mut nearest = BinaryHeap::new();
        for (number, rule) in (0..).zip(self.rules()) {
            let ranked = Ranked::new(rule, verdict(rule, &view, found.says(number)));
            if let Some(count) = counts.get_mut(ranked.stage as usize) {
                *count += 1;
            }
            if ranked.stage == Stage::Type && !with_other_types {
                continue;
            }
            nearest.push(ranked);
            if nearest.len() > limit {
                nearest.pop();
            }
        }
        let nearest = nearest.into_sorted_vec().into_iter();
        let nearest = nearest.map(|Ranked { rule, verdict, .. }| Explanation { rule, verdict }).collect();
        Explained { nearest, counts }
    }
}

/// An explanation with its place among the others.
struct Ranked<'a> {
    stage: Stage,
    /// How many conditions are written before the one that fails.
    held: Reverse<usize>,
    rule: &'a Arc<Rule>,
    verdict: Verdict,
}

impl<'a> Ranked<'a> {
    fn new(rule: &'a Arc<Rule>, verdict: Verdict) -> Self {
        let held = match &verdict {
            Verdict::Unmatched(Unmatched::Condition(mismatch)) => mismatch.position,
            _ => 0,
        };
        Self { stage: verdict.stage(), held: Reverse(held), rule, verdict }
    }

    fn key(&self) -> (Stage, Reverse<usize>, &str) {
        (self.stage, self.held, self.rule.name.as_str())
    }
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Ranked<'_> {}
