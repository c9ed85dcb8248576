//! What rules say to an event: event type first, then application, then `match`, then `if`.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use super::{AppFacts, Keys, RuleSet};
use crate::event::Event;
use crate::expression::Scope;
use crate::ids::{RuleName, SubAppId};
use crate::matcher::{Document, Found};
use crate::pattern::{Mismatch, STEP_LIMIT, TooCostly};
use crate::rule::{Mode, Rule, Subscription};
use crate::schedule;
use crate::value::Value;

/// How many rules are named that were not decided; of more it is said how many there are.
const UNDECIDED_SHOWN: usize = 100;

/// What all rules say to an event. Rules that are off, or listen to other types, say nothing.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// The rules that match, also those in mode `shadow`, in the order of the set.
    pub matched: Vec<Arc<Rule>>,
    /// The keys of the event for those of them that ask for one.
    pub keys: HashMap<RuleName, Keys>,
    /// The rules whose `if` or key failed, and how, and up to 100 of those of which it was not found out whether their match
    /// holds ([`TooCostly`]): neither a match nor a "no match".
    pub errors: Vec<(RuleName, String)>,
    /// How many rules listen to the type and do not match; [`RuleSet::explain`] says why.
    pub unmatched: usize,
}

/// What one rule says to an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It matches.
    Matched,
    /// It does not.
    Unmatched(Unmatched),
    /// Its `if` or its key failed, or it was not found out whether its match holds ([`TooCostly`]).
    Error(String),
}

/// Why a rule does not match: the first reason in the order in which they are asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Unmatched {
    /// Its mode is `off`.
    Off,
    /// It listens to other event types.
    Type,
    /// It is for other applications.
    Application,
    /// A condition of its `match` does not hold.
    Condition(Mismatch),
    /// Its `if` is false.
    If,
}

/// An event as rules see it; each part is made when the first rule asks for it.
pub(super) struct View<'a> {
    event: &'a Event,
    app: Option<&'a AppFacts>,
    apps: &'a Value,
    envelope: OnceCell<Value>,
    document: OnceCell<Value>,
    scope: OnceCell<Scope>,
}

impl View<'_> {
    fn envelope(&self) -> &Value {
        self.envelope.get_or_init(|| self.event.envelope())
    }

    fn document(&self) -> &Value {
        self.document.get_or_init(|| self.event.document_with(self.envelope().clone()))
    }

    fn scope(&self) -> &Scope {
        self.scope.get_or_init(|| {
            let mut scope = Scope::default();
            for root in ["event", "payload", "body"] {
                scope.set(root, self.document().get(root).clone());
            }
            scope.set("app", self.app.map_or(Value::Null, AppFacts::to_value));
            scope.set("apps", self.apps.clone());
            scope
        })
    }
}

/// As [`Verdict`], without the cost of saying why.
enum Answer {
    Matched(Keys),
    OtherApplication,
    ConditionFails,
    IfIsFalse,
    Failed(String),
}

impl RuleSet {
    /// What every rule says to an event of this application.
    #[must_use]
    pub fn judge(&self, event: &Event, app: Option<&AppFacts>) -> Judgement {
        let view = self.view(event, app);
        let mut judgement = Judgement::default();
        if is_tick(event) {
            // The tick of a schedule is for its rule alone, and nothing else is a tick, whatever its type says.
            let rule = self.listeners.schedule(&event.kind).and_then(|at| self.rules.get(at));
            if let Some(rule) = rule {
                judgement.add(rule, answer(rule, &view, || alone(rule, &view)));
            }
            return judgement;
        }
        let found = self.found(&view);
        for rule in found.matched.iter().filter_map(|number| self.rules.get(*number as usize)) {
            judgement.add(rule, condition(rule, &view));
        }
        let others = judgement.matched.len() + judgement.errors.len() + found.undecided.len();
        judgement.unmatched = self.listeners.count(&event.kind).saturating_sub(others);
        for rule in found.undecided.iter().filter_map(|number| self.rules.get(*number as usize)).take(UNDECIDED_SHOWN) {
            judgement.errors.push((rule.name.clone(), TooCostly.to_string()));
        }
        let unnamed = found.undecided.len().saturating_sub(UNDECIDED_SHOWN);
        if let Some((_, why)) = judgement.errors.last_mut().filter(|_| unnamed > 0) {
            *why = format!("{why}; and the same of {unnamed} more rules");
        }
        judgement
    }

    /// The rules whose types, applications and match are those of an event. Of the tick of a schedule there are none: its rule
    /// is known.
    pub(super) fn found(&self, view: &View<'_>) -> Found {
        let event = view.event;
        if is_tick(event) {
            return Found::default();
        }
        let document = Document {
            kind: Some(&event.kind),
            app: event.subappid,
            event: self.matcher.looks_at("event").then(|| view.envelope()),
            body: event.body.text(),
            payload: Some(event.body.payload_place()),
        };
        let tree = || Ok::<_, Infallible>(event.body.value());
        let Ok(found) = self.matcher.find(document, tree, |number, steps| {
            let pattern = self.rules.get(number as usize).and_then(|rule| rule.pattern.as_ref());
            pattern.map_or(Ok(true), |pattern| pattern.decide(view.document(), steps))
        });
        found
    }

    /// What one rule says to an event of this application, and why; `None` when there is no such rule.
    #[must_use]
    pub fn explain(&self, rule: &str, event: &Event, app: Option<&AppFacts>) -> Option<Verdict> {
        let at = self.named.number(rule)?;
        let view = self.view(event, app);
        let said = self.found(&view).says(at);
        Some(verdict(self.rules.get(at as usize)?, &view, said))
    }

    pub(super) fn view<'a>(&'a self, event: &'a Event, app: Option<&'a AppFacts>) -> View<'a> {
        View {
            event,
            app,
            apps: &self.apps,
            envelope: OnceCell::new(),
            document: OnceCell::new(),
            scope: OnceCell::new(),
        }
    }
}

impl Judgement {
    fn add(&mut self, rule: &Arc<Rule>, answer: Answer) {
        match answer {
            Answer::Matched(keys) => {
                self.matched.push(Arc::clone(rule));
                if keys != Keys::default() {
                    self.keys.insert(rule.name.clone(), keys);
                }
            }
            Answer::Failed(why) => self.errors.push((rule.name.clone(), why)),
            Answer::OtherApplication | Answer::ConditionFails | Answer::IfIsFalse => self.unmatched += 1,
        }
    }
}

fn is_tick(event: &Event) -> bool {
    event.source.as_str() == schedule::SOURCE
}

/// What a rule says to an event, and why. `said` is what the matcher found of it: what a judgement says, an explanation says.
pub(super) fn verdict(rule: &Rule, view: &View<'_>, said: Result<bool, TooCostly>) -> Verdict {
    if rule.mode == Mode::Off {
        return Verdict::Unmatched(Unmatched::Off);
    }
    let event = view.event;
    let listens = match &rule.on {
        Subscription::All => !is_tick(event),
        Subscription::Types(types) => types.contains(&event.kind) && !is_tick(event),
        Subscription::Schedule(_) => event.kind == schedule::kind(&rule.name) && is_tick(event),
    };
    if !listens {
        return Verdict::Unmatched(Unmatched::Type);
    }
    let is_schedule = matches!(rule.on, Subscription::Schedule(_));
    match answer(rule, view, || if is_schedule { alone(rule, view) } else { said }) {
        Answer::Matched(_) => Verdict::Matched,
        Answer::OtherApplication => Verdict::Unmatched(Unmatched::Application),
        Answer::IfIsFalse => Verdict::Unmatched(Unmatched::If),
        Answer::Failed(why) => Verdict::Error(why),
        Answer::ConditionFails => {
            let mismatch = rule.pattern.as_ref().and_then(|pattern| pattern.mismatch(view.document()));
            mismatch.map_or(Verdict::Matched, |mismatch| Verdict::Unmatched(Unmatched::Condition(mismatch)))
        }
    }
}

fn answer(rule: &Rule, view: &View<'_>, matches: impl FnOnce() -> Result<bool, TooCostly>) -> Answer {
    let app: Option<SubAppId> = view.event.subappid;
    if !rule.apps.includes(app) {
        return Answer::OtherApplication;
    }
    match matches() {
        Ok(true) => condition(rule, view),
        Ok(false) => Answer::ConditionFails,
        Err(too_costly) => Answer::Failed(too_costly.to_string()),
    }
}

/// Whether the match of a rule holds, asked alone.
fn alone(rule: &Rule, view: &View<'_>) -> Result<bool, TooCostly> {
    rule.pattern.as_ref().map_or(Ok(true), |pattern| pattern.decide(view.document(), &mut { STEP_LIMIT }))
}

/// What a rule says whose match holds.
fn condition(rule: &Rule, view: &View<'_>) -> Answer {
    match rule.condition.as_ref().map(|condition| condition.holds(view.scope())) {
        None | Some(Ok(true)) => match keys(rule, view) {
            Ok(keys) => Answer::Matched(keys),
            Err(why) => Answer::Failed(why),
        },
        Some(Ok(false)) => Answer::IfIsFalse,
        Some(Err(error)) => Answer::Failed(error.to_string()),
    }
}

/// The keys of the event, where the rule asks for any.
fn keys(rule: &Rule, view: &View<'_>) -> Result<Keys, String> {
    if rule.collect.is_none() && rule.limit.is_none() { Ok(Keys::default()) } else { Keys::of(rule, view.scope()) }
}
