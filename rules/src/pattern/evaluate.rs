//! Whether a document fulfils a match.
//!
//! The fields of one match must agree on the element of every list that their paths go through. So there are two
//! passes. The first asks each condition alone, as if every condition could choose elements for itself: what fails
//! there fails, and what holds there without a list to choose from holds. Only if there was a choice does the second
//! pass search for one that all conditions agree on.
//!
//! Absence is judged within the elements that conditions on values chose, and over all elements of a list from which
//! none was chosen. The search goes down the document once for all conditions together, so that lists that do not
//! concern each other are searched one after the other and never in all combinations. What stays undecided as long as
//! possible, and is then tried one by one, are `$or` and fields that mix both kinds of alternatives.

use super::condition::{Absence, Condition, Either, Part, TEXT_STEP, Test};
use crate::value::{Map, Value};

/// How many values all conditions of a match may look at together: well below a second. Of a text that is looked through,
/// every 16 bytes count as one more. Whether a document matches that needs more is not found out.
pub const STEP_LIMIT: u64 = 2_000_000;

/// Whether a document fulfils a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// It was not found out within the steps that there were.
    TooCostly,
}

/// Whether all parts hold together. Takes no more than [`STEP_LIMIT`] of the steps that are left.
pub(super) fn evaluate(parts: &[Part], document: &Value, left: &mut u64) -> Answer {
    within(left, |evaluation| {
        let possible = parts.iter().all(|part| evaluation.possible(part, document));
        let holds = possible && (!evaluation.chose || evaluation.search_parts(parts.iter(), document));
        evaluation.answer(holds)
    })
}

/// How many parts, counted from the first, hold together with nothing but those before them; `None` when that was not found
/// out. Takes steps as [`evaluate`] does.
pub(super) fn agreeing(parts: &[&Part], document: &Value, left: &mut u64) -> Option<usize> {
    within(left, |evaluation| {
        let agrees = |count: &usize| evaluation.search_parts(parts.iter().take(*count).copied(), document);
        let count = (1..=parts.len()).take_while(agrees).count();
        (evaluation.steps_left > 0).then_some(count)
    })
}

/// Whether a part could hold if it were alone. Takes steps as [`evaluate`] does.
pub(super) fn possible(part: &Part, document: &Value, left: &mut u64) -> Answer {
    within(left, |evaluation| {
        let possible = evaluation.possible(part, document);
        evaluation.answer(possible)
    })
}

fn within<T>(left: &mut u64, work: impl FnOnce(&mut Evaluation) -> T) -> T {
    let allowed = (*left).min(STEP_LIMIT);
    let mut evaluation = Evaluation { steps_left: allowed, chose: false };
    let found = work(&mut evaluation);
    *left -= allowed - evaluation.steps_left;
    found
}

/// What the search still has to fulfil.
#[derive(Clone, Copy)]
enum Goal<'p> {
    /// A value at the path.
    Has(&'p Condition),
    /// The absence of values at the path.
    Lacks(&'p Condition, &'p Absence),
    /// One or the other.
    Undecided(&'p Condition),
    Either(&'p Either),
}

impl<'p> Goal<'p> {
    fn of(part: &'p Part) -> Self {
        match part {
            Part::Either(either) => Self::Either(either),
            Part::Field(condition) => match condition.absences.as_slice() {
                [] => Self::Has(condition),
                [absence] if condition.tests.is_empty() => Self::Lacks(condition, absence),
                _ => Self::Undecided(condition),
            },
        }
    }

    /// The name in a map of this depth that it goes through; `None` when it ends or parts there.
    fn segment(self, depth: usize) -> Option<&'p str> {
        match self {
            Self::Has(condition) | Self::Lacks(condition, _) | Self::Undecided(condition) => {
                condition.path.segment(depth)
            }
            Self::Either(either) => either.segment(depth),
        }
    }

    /// How many steps it takes to look through a text for it, beside the one that any value takes.
    fn text_steps(self, value: &Value) -> usize {
        match self {
            Self::Has(condition) | Self::Undecided(condition) => text_steps(condition, value),
            Self::Lacks(..) => 0,
            Self::Either(either) => {
                let conditions = either.branches.iter().flatten().flat_map(Part::conditions);
                conditions.map(|condition| text_steps(condition, value)).sum()
            }
        }
    }

    /// Whether there are ways to fulfil it of which one is to be taken.
    fn is_open(self) -> bool {
        matches!(self, Self::Undecided(_) | Self::Either(_))
    }

    /// Whether a path of it ends at this depth.
    fn may_end(self, depth: usize) -> bool {
        match self {
            Self::Has(condition) | Self::Lacks(condition, _) | Self::Undecided(condition) => {
                condition.path.depth() <= depth
            }
            Self::Either(either) => either.shortest <= depth,
        }
    }

    /// Whether it holds where there is no list: at a scalar, at a map that its path ends at, or (`None`) at nothing.
    fn holds(self, value: Option<&Value>, depth: usize) -> bool {
        let at_end = |condition: &Condition| value.filter(|_| condition.path.depth() == depth);
        let has = |condition| at_end(condition).is_some_and(|v| condition.tests.iter().any(|test| test.holds(v)));
        let lacks = |condition, absence: &Absence| at_end(condition).is_none_or(|v| absence.allows(v));
        match self {
            Self::Has(condition) => has(condition),
            Self::Lacks(condition, absence) => lacks(condition, absence),
            Self::Undecided(condition) => {
                has(condition) || condition.absences.iter().any(|absence| lacks(condition, absence))
            }
            Self::Either(either) => {
                either.branches.iter().any(|branch| branch.iter().all(|part| Goal::of(part).holds(value, depth)))
            }
        }
    }
}

struct Evaluation {
    steps_left: u64,
    /// Whether a list with more than one element to choose was met.
    chose: bool,
}

impl Evaluation {
    fn answer(&self, holds: bool) -> Answer {
        match (self.steps_left, holds) {
            (0, _) => Answer::TooCostly,
            (_, true) => Answer::Yes,
            (_, false) => Answer::No,
        }
    }

    /// Once it is false, everything fails up to the root.
    fn step(&mut self, steps: usize) -> bool {
        self.steps_left = self.steps_left.saturating_sub((steps as u64).max(1));
        self.steps_left > 0
    }

    /// Counts what it takes to look through a text.
    fn text(&mut self, steps: usize) -> bool {
        steps == 0 || self.step(steps)
    }

    fn possible(&mut self, part: &Part, document: &Value) -> bool {
        match part {
            Part::Field(condition) => {
                self.can_have(condition, document, 0)
                    || condition.absences.iter().any(|absence| self.can_lack(condition, absence, document, 0))
            }
            Part::Either(either) => either.branches.iter().any(|branch| {
                let chose = self.chose;
                let possible = branch.iter().all(|part| self.possible(part, document));
                self.chose &= possible || chose;
                possible
            }),
        }
    }

    /// Whether some value at the path fulfils a test.
    fn can_have(&mut self, condition: &Condition, value: &Value, depth: usize) -> bool {
        if condition.tests.is_empty() || !self.step(condition.tests.len()) {
            return false;
        }
        let ends = condition.path.depth() == depth;
        match value {
            Value::List(items) => {
                self.note_choice(items);
                ends && condition.tests.iter().any(Test::holds_for_list)
                    || items.iter().any(|item| self.can_have(condition, item, depth))
            }
            _ if ends => {
                self.text(text_steps(condition, value)) && condition.tests.iter().any(|test| test.holds(value))
            }
            Value::Map(entries) => {
                member(entries, condition, depth).is_some_and(|inner| self.can_have(condition, inner, depth + 1))
            }
            _ => false,
        }
    }

    /// Whether some choice of elements leaves the absence true.
    fn can_lack(&mut self, condition: &Condition, absence: &Absence, value: &Value, depth: usize) -> bool {
        if !self.step(1) {
            return false;
        }
        let ends = condition.path.depth() == depth;
        match value {
            Value::List(items) => {
                self.note_choice(items);
                if ends && !(absence.allows_list() && self.scalars_allowed(absence, items)) {
                    return false;
                }
                let mut containers = items.iter().filter(|item| is_container(item)).peekable();
                containers.peek().is_none() || containers.any(|item| self.can_lack(condition, absence, item, depth))
            }
            _ if ends => absence.allows(value),
            Value::Map(entries) => member(entries, condition, depth)
                .is_none_or(|inner| self.can_lack(condition, absence, inner, depth + 1)),
            _ => true,
        }
    }

    /// Whether the absence is true over all elements.
    fn lacks_everywhere(&mut self, condition: &Condition, absence: &Absence, value: &Value, depth: usize) -> bool {
        if !self.step(1) {
            return false;
        }
        let ends = condition.path.depth() == depth;
        match value {
            Value::List(items) => {
                (!ends || absence.allows_list())
                    && items.iter().all(|item| self.lacks_everywhere(condition, absence, item, depth))
            }
            _ if ends => absence.allows(value),
            Value::Map(entries) => member(entries, condition, depth)
                .is_none_or(|inner| self.lacks_everywhere(condition, absence, inner, depth + 1)),
            _ => true,
        }
    }

    fn scalars_allowed(&mut self, absence: &Absence, items: &[Value]) -> bool {
        self.step(items.len()) && items.iter().all(|item| is_container(item) || absence.allows(item))
    }

    fn note_choice(&mut self, items: &[Value]) {
        self.chose = self.chose || items.iter().filter(|item| is_container(item)).nth(1).is_some();
    }

    fn search_parts<'p>(&mut self, parts: impl Iterator<Item = &'p Part>, document: &Value) -> bool {
        let goals: Vec<_> = parts.map(|part| self.goal(part, document)).collect();
        self.search(document, &goals, 0)
    }

    /// The goal that a part is, without the way to fulfil it that this document rules out.
    fn goal<'p>(&mut self, part: &'p Part, document: &Value) -> Goal<'p> {
        match Goal::of(part) {
            Goal::Undecided(condition) if !self.can_have(condition, document, 0) => match condition.absences.as_slice()
            {
                [absence] => Goal::Lacks(condition, absence),
                _ => Goal::Undecided(condition),
            },
            goal => goal,
        }
    }

    /// Whether some choice of elements in the lists of `value` fulfils all goals, whose paths have led here.
    fn search(&mut self, value: &Value, goals: &[Goal], depth: usize) -> bool {
        if !self.step(goals.len()) {
            return false;
        }
        match value {
            Value::List(items) => self.search_list(items, goals, depth),
            Value::Map(entries) => self.search_map(value, entries, goals, depth),
            _ => goals.iter().all(|goal| self.text(goal.text_steps(value)) && goal.holds(Some(value), depth)),
        }
    }

    fn search_map(&mut self, value: &Value, entries: &Map, goals: &[Goal], depth: usize) -> bool {
        let parts_here = |goal: &Goal| matches!(goal, Goal::Either(either) if either.shared <= depth);
        if let Some(at) = goals.iter().position(parts_here) {
            return self.decide(goals, at, &mut |this, goals| this.search_map(value, entries, goals, depth));
        }
        let mut groups: Vec<(&str, Vec<Goal>)> = Vec::new();
        for goal in goals {
            match goal.segment(depth) {
                None if goal.holds(Some(value), depth) => {}
                None => return false,
                Some(name) => match groups.iter_mut().find(|group| group.0 == name) {
                    Some(group) => group.1.push(*goal),
                    None => groups.push((name, vec![*goal])),
                },
            }
        }
        groups.iter().all(|(name, goals)| match entries.get(*name) {
            Some(inner) => self.search(inner, goals, depth + 1),
            None => goals.iter().all(|goal| goal.holds(None, depth + 1)),
        })
    }

    fn search_list(&mut self, items: &[Value], goals: &[Goal], depth: usize) -> bool {
        let mut decide_at = goals.iter().position(|goal| goal.is_open() && goal.may_end(depth));
        // Scalars in the list are there for every condition; only lists and maps in it are chosen.
        let (mut inside, mut anywhere, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for goal in goals {
            match goal {
                Goal::Has(condition) if self.held_by_list(condition, items, depth) => anywhere.push(*goal),
                Goal::Has(_) => inside.push(*goal),
                Goal::Lacks(condition, absence) if condition.path.depth() == depth => {
                    if !(absence.allows_list() && self.scalars_allowed(absence, items)) {
                        return false;
                    }
                    others.push(*goal);
                }
                _ => others.push(*goal),
            }
        }
        // Whether an element is chosen at all must be known here; what is open may be decided within the element.
        if inside.is_empty() {
            decide_at = decide_at.or_else(|| goals.iter().position(|goal| goal.is_open()));
        }
        if let Some(at) = decide_at {
            return self.decide(goals, at, &mut |this, goals| this.search_list(items, goals, depth));
        }
        if self.choose(items, &inside, &others, depth) {
            return true;
        }
        // A condition that needs no element may choose one all the same, and so narrow where absence is judged.
        !others.is_empty() && self.choose_more(items, &mut inside, &anywhere, &others, depth)
    }

    /// Whether a value that belongs to the list itself fulfils the condition.
    fn held_by_list(&mut self, condition: &Condition, items: &[Value], depth: usize) -> bool {
        condition.path.depth() == depth
            && self.step(items.len().saturating_mul(condition.tests.len()))
            && self.text(items.iter().map(|item| text_steps(condition, item)).sum())
            && condition
                .tests
                .iter()
                .any(|test| test.holds_for_list() || items.iter().any(|item| !is_container(item) && test.holds(item)))
    }

    /// Tries every non-empty selection of `anywhere` along with `inside`.
    fn choose_more<'p>(
        &mut self,
        items: &[Value],
        inside: &mut Vec<Goal<'p>>,
        anywhere: &[Goal<'p>],
        others: &[Goal<'p>],
        depth: usize,
    ) -> bool {
        for (at, goal) in anywhere.iter().enumerate() {
            inside.push(*goal);
            let found = self.choose(items, inside, others, depth)
                || self.choose_more(items, inside, &anywhere[at + 1..], others, depth);
            inside.pop();
            if found || self.steps_left == 0 {
                return found;
            }
        }
        false
    }

    /// Whether one element fulfils all goals, or, when nothing has to be inside of one, whether the others, which are
    /// absences then, are true of all elements.
    fn choose(&mut self, items: &[Value], inside: &[Goal], others: &[Goal], depth: usize) -> bool {
        if inside.is_empty() {
            return others.iter().all(|goal| match goal {
                Goal::Lacks(condition, absence) => items
                    .iter()
                    .filter(|item| is_container(item))
                    .all(|item| self.lacks_everywhere(condition, absence, item, depth)),
                _ => false,
            });
        }
        let goals = [inside, others].concat();
        items.iter().any(|item| is_container(item) && self.search(item, &goals, depth))
    }

    /// Tries each way to decide the goal at this index.
    fn decide<'p>(
        &mut self,
        goals: &[Goal<'p>],
        at: usize,
        search: &mut dyn FnMut(&mut Self, &[Goal<'p>]) -> bool,
    ) -> bool {
        let Some((goal, before, after)) = split_out(goals, at) else { return false };
        let mut attempt = |this: &mut Self, decided: &[Goal<'p>]| {
            let all = [before, decided, after].concat();
            this.step(all.len()) && search(this, &all)
        };
        match goal {
            Goal::Either(either) => either.branches.iter().any(|branch| {
                let decided: Vec<_> = branch.iter().map(Goal::of).collect();
                attempt(self, &decided)
            }),
            Goal::Undecided(condition) => {
                !condition.tests.is_empty() && attempt(self, &[Goal::Has(condition)])
                    || condition.absences.iter().any(|absence| attempt(self, &[Goal::Lacks(condition, absence)]))
            }
            Goal::Has(_) | Goal::Lacks(..) => attempt(self, &[goal]),
        }
    }
}

fn split_out<'g, 'p>(goals: &'g [Goal<'p>], at: usize) -> Option<(Goal<'p>, &'g [Goal<'p>], &'g [Goal<'p>])> {
    let (before, rest) = goals.split_at_checked(at)?;
    let (goal, after) = rest.split_first()?;
    Some((*goal, before, after))
}

fn member<'v>(entries: &'v Map, condition: &Condition, depth: usize) -> Option<&'v Value> {
    entries.get(condition.path.segment(depth)?)
}

/// How many steps it takes to look through a text, beside the one that any value takes.
fn text_steps(condition: &Condition, value: &Value) -> usize {
    match value {
        Value::Text(text) if text.len() >= TEXT_STEP => {
            condition.tests.iter().map(|test| test.text_steps(text.len())).sum()
        }
        _ => 0,
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}
