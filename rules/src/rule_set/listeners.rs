//! Who listens to what, without a look at the rules one by one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::ids::{EventType, SubAppId};
use crate::rule::{AppSelection, Mode, Rule, Step, StepKind, Subscription};
use crate::schedule;

/// The rules of a set that are not off, by what they listen to.
#[derive(Debug, Clone, Default)]
pub(super) struct Listeners {
    by_type: HashMap<EventType, Audience>,
    to_all: Audience,
    /// The place of the rule that each schedule starts, by the type of its ticks.
    schedules: HashMap<EventType, usize>,
    /// The types that a step waits for.
    awaited: HashSet<EventType>,
}

/// Rules that listen to one type.
#[derive(Debug, Clone, Default)]
struct Audience {
    rules: usize,
    /// Whether one of them is for every application.
    is_for_all: bool,
    apps: HashSet<SubAppId>,
}

impl Audience {
    fn add(&mut self, rule: &Rule) {
        self.rules += 1;
        match &rule.apps {
            AppSelection::All => self.is_for_all = true,
            AppSelection::Only(apps) => self.apps.extend(apps),
        }
    }

    fn hear(&self, app: Option<SubAppId>) -> bool {
        self.is_for_all || app.is_some_and(|app| self.apps.contains(&app))
    }
}

impl Listeners {
    /// Of these rules.
    pub(super) fn of(rules: &[Arc<Rule>]) -> Self {
        let mut listeners = Self::default();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.mode != Mode::Off) {
            add_awaited(&rule.steps, &mut listeners.awaited);
            add_awaited(&rule.on_failure, &mut listeners.awaited);
            match &rule.on {
                Subscription::All => listeners.to_all.add(rule),
                Subscription::Schedule(_) => drop(listeners.schedules.insert(schedule::kind(&rule.name), at)),
                Subscription::Types(types) => {
                    for kind in types {
                        listeners.by_type.entry(kind.clone()).or_default().add(rule);
                    }
                }
            }
        }
        listeners
    }

    /// Whether an event of this type and application may mean something to a rule.
    pub(super) fn hear(&self, kind: &EventType, app: Option<SubAppId>) -> bool {
        self.to_all.hear(app)
            || self.by_type.get(kind).is_some_and(|audience| audience.hear(app))
            || self.schedules.contains_key(kind)
            || self.awaited.contains(kind)
    }

    /// How many rules listen to a type; schedules do not.
    pub(super) fn count(&self, kind: &EventType) -> usize {
        self.to_all.rules + self.by_type.get(kind).map_or(0, |audience| audience.rules)
    }

    /// The place of the rule that ticks of this type start.
    pub(super) fn schedule(&self, kind: &EventType) -> Option<usize> {
        self.schedules.get(kind).copied()
    }
}

fn add_awaited(steps: &[Step], types: &mut HashSet<EventType>) {
    for step in steps {
        if let StepKind::WaitFor(awaited) = &step.kind {
            types.extend(awaited.iter().flat_map(|one| one.on.iter().cloned()));
        }
        step.lists().for_each(|steps| add_awaited(steps, types));
    }
}
