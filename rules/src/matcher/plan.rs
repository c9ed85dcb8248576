//! By which of its conditions a rule is found.
//!
//! A rule is looked at only when the event holds something that one chosen condition of it asks for. The best one is that
//! which the fewest events fulfil; where it stands in the rule does not matter. How many events will is guessed from the rules:
//! what is asked for at a field in one of forty rules that ask there, one of forty events is taken to hold.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range as Row;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use ipnet::IpNet;

use super::fields::{FieldId, Fields};
use super::scaled::Exact;
use super::symbols::{Scalar, Symbols};
use crate::ids::{EventType, SubAppId};
use crate::pattern::condition::{Condition, Part, Range, Test};
use crate::pattern::text::{Shape, Written};

/// What a rule asks of an event.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The types that it listens to; none for all.
    pub kinds: Option<&'a BTreeSet<EventType>>,
    /// The applications that it is for; none for all.
    pub apps: Option<&'a BTreeSet<SubAppId>>,
    /// What its match says.
    pub(super) parts: &'a [Part],
}

/// One thing that must hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Demand<'a> {
    /// The type of the event is one of these.
    Kinds(&'a BTreeSet<EventType>),
    /// Its application is one of these.
    Apps(&'a BTreeSet<SubAppId>),
    /// Of the match.
    Part(&'a Part),
}

impl<'a> Subject<'a> {
    pub(super) fn demands(self) -> impl Iterator<Item = Demand<'a>> {
        let kinds = self.kinds.map(Demand::Kinds);
        let apps = self.apps.map(Demand::Apps);
        kinds.into_iter().chain(apps).chain(self.parts.iter().map(Demand::Part))
    }
}

/// The fields that rules name, and where the type and the application of an event are seen.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) fields: Fields,
    pub(super) kind: FieldId,
    pub(super) app: FieldId,
}

/// Something that an event may hold, by which rules are found, beside the very values that they name: those are symbols.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Prefix(FieldId, Cow<'a, str>),
    Suffix(FieldId, Cow<'a, str>),
    FoldedPrefix(FieldId, Cow<'a, str>),
    FoldedSuffix(FieldId, Cow<'a, str>),
    Folded(FieldId, Cow<'a, str>),
    Range(FieldId, Option<Exact>, Option<Exact>),
    Block(FieldId, IpNet),
    Anything(FieldId),
}

impl Key<'_> {
    /// The field that holds it.
    pub(super) fn field(&self) -> FieldId {
        match self {
            Self::Prefix(field, _)
            | Self::Suffix(field, _)
            | Self::FoldedPrefix(field, _)
            | Self::FoldedSuffix(field, _)
            | Self::Folded(field, _)
            | Self::Range(field, ..)
            | Self::Block(field, _)
            | Self::Anything(field) => *field,
        }
    }

    /// The key, kept for itself.
    fn kept(self) -> Key<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Prefix(field, text) => Key::Prefix(field, own(text)),
            Self::Suffix(field, text) => Key::Suffix(field, own(text)),
            Self::FoldedPrefix(field, text) => Key::FoldedPrefix(field, own(text)),
            Self::FoldedSuffix(field, text) => Key::FoldedSuffix(field, own(text)),
            Self::Folded(field, text) => Key::Folded(field, own(text)),
            Self::Range(field, low, high) => Key::Range(field, low, high),
            Self::Block(field, block) => Key::Block(field, block),
            Self::Anything(field) => Key::Anything(field),
        }
    }
}

/// The number of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyId {
    Symbol(u32),
    Other(u32),
}

/// By what a demand can be found.
#[derive(Debug)]
pub(super) enum Way {
    /// Nothing that an event holds is a sign of it.
    Nothing,
    /// An event that fulfils it holds one of these keys, which lie in a row in the planner.
    Keys(Row<usize>),
    /// An event that fulfils it fulfils all parts of one branch.
    Branches(Box<[Box<[Way]>]>),
}

/// The keys of some rules, and how many times each was asked for.
#[derive(Debug, Default)]
pub(super) struct Planner {
    pub(super) symbols: Symbols,
    of_symbols: Vec<u32>,
    others: HashMap<Key<'static>, u32, FixedState>,
    of_others: Vec<Counted>,
    /// All keys of a field.
    of_fields: HashMap<FieldId, u32, FixedState>,
    /// The keys of all ways.
    keys: Vec<KeyId>,
}

/// What is known of a key that is no symbol.
#[derive(Debug)]
struct Counted {
    field: FieldId,
    kind: Kind,
    count: u32,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Anything,
    Range,
    Text,
}

/// How much of all is there of which no rule speaks: a key that a single rule asks for is rare nonetheless.
const UNSPOKEN: u32 = 10;
/// Ranges overlap, so that counting them tells nothing: one holds every other number.
const PART_IN_RANGE: f64 = 0.5;

/// How a rule is found.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// The demand, by its place; none when every event may concern the rule.
    pub(super) demand: Option<usize>,
    pub(super) keys: Vec<KeyId>,
}

impl Planner {
    /// By what a demand can be found. Its keys are counted.
    pub(super) fn way(&mut self, names: &mut Names, demand: Demand<'_>) -> Way {
        if let Demand::Part(Part::Either(either)) = demand {
            let branch = |branch: &Vec<Part>| branch.iter().map(|part| self.way(names, Demand::Part(part))).collect();
            return Way::Branches(either.branches.iter().map(branch).collect());
        }
        let start = self.keys.len();
        if self.add_keys(names, demand) {
            for at in start..self.keys.len() {
                self.count(at);
            }
            return Way::Keys(start..self.keys.len());
        }
        self.keys.truncate(start);
        Way::Nothing
    }

    fn count(&mut self, at: usize) {
        let field = match self.keys[at] {
            KeyId::Symbol(symbol) => {
                if self.of_symbols.len() < self.symbols.len() {
                    self.of_symbols.resize(self.symbols.len(), 0);
                }
                self.of_symbols[symbol as usize] += 1;
                self.symbols.field(symbol)
            }
            KeyId::Other(other) => {
                let counted = &mut self.of_others[other as usize];
                counted.count += 1;
                Some(counted.field)
            }
        };
        if let Some(field) = field {
            *self.of_fields.entry(field).or_default() += 1;
        }
    }

    /// The part of all events that hold it, by guess.
    pub(super) fn part(&self, key: KeyId) -> f64 {
        let (field, count) = match key {
            KeyId::Symbol(symbol) => {
                (self.symbols.field(symbol), self.of_symbols.get(symbol as usize).copied().unwrap_or(0))
            }
            KeyId::Other(other) => match self.of_others.get(other as usize) {
                None | Some(Counted { kind: Kind::Anything, .. }) => return 1.0,
                Some(Counted { kind: Kind::Range, .. }) => return PART_IN_RANGE,
                Some(counted) => (Some(counted.field), counted.count),
            },
        };
        let all = field.and_then(|field| self.of_fields.get(&field)).copied().unwrap_or(0);
        f64::from(count) / (f64::from(all) + f64::from(UNSPOKEN))
    }

    /// The best of the ways to find a rule.
    pub(super) fn choose<'w>(&self, ways: impl Iterator<Item = &'w Way>) -> Choice {
        let mut best: Option<(f64, Choice)> = None;
        for (at, way) in ways.enumerate() {
            let Some((cost, keys)) = self.cost(way) else { continue };
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, Choice { demand: Some(at), keys }));
            }
        }
        best.map_or_else(Choice::default, |(_, choice)| choice)
    }

    /// What it costs to look at all rules of a way, and its keys.
    fn cost(&self, way: &Way) -> Option<(f64, Vec<KeyId>)> {
        match way {
            Way::Nothing => None,
            Way::Keys(keys) => {
                let keys = self.keys.get(keys.clone()).unwrap_or_default();
                Some((keys.iter().map(|key| self.part(*key)).sum(), keys.to_vec()))
            }
            Way::Branches(branches) => {
                let (mut cost, mut keys) = (0.0, Vec::new());
                for branch in branches {
                    let ways = branch.iter().filter_map(|way| self.cost(way));
                    let (least, of_branch) = ways.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
                    cost += least;
                    keys.extend(of_branch);
                }
                Some((cost, keys))
            }
        }
    }

    /// The symbol without which a demand is not fulfilled, when it is one.
    pub(super) fn symbol(&self, way: &Way) -> Option<u32> {
        let Way::Keys(keys) = way else { return None };
        match self.keys.get(keys.clone())? {
            [KeyId::Symbol(symbol)] => Some(*symbol),
            _ => None,
        }
    }

    /// All keys that are no symbols.
    pub(super) fn into_others(self) -> (Symbols, impl Iterator<Item = (Key<'static>, u32)>) {
        (self.symbols, self.others.into_iter())
    }

    /// Notes the keys of a demand; false when nothing that an event holds is a sign of it.
    fn add_keys(&mut self, names: &mut Names, demand: Demand<'_>) -> bool {
        let Names { kind, app, .. } = *names;
        match demand {
            Demand::Kinds(kinds) => {
                for kind_name in kinds {
                    let symbol = self.symbols.intern_scalar(kind, Scalar::Text(kind_name.as_str()));
                    self.keys.push(KeyId::Symbol(symbol));
                }
                true
            }
            Demand::Apps(apps) => {
                for id in apps {
                    let symbol = self.symbols.intern_scalar(app, Scalar::Number(&Exact::of(&id.0.into())));
                    self.keys.push(KeyId::Symbol(symbol));
                }
                true
            }
            Demand::Part(Part::Field(condition)) => self.add_condition(names, condition),
            Demand::Part(Part::Either(_)) => false,
        }
    }

    fn add_condition(&mut self, names: &mut Names, condition: &Condition) -> bool {
        if !condition.absences.is_empty() {
            return false;
        }
        let field = names.fields.name(&condition.path);
        let first = self.keys.len();
        for test in &condition.tests {
            match test {
                Test::OneOf(scalars) => {
                    for value in scalars.iter() {
                        self.keys.extend(self.symbols.intern(field, value).map(KeyId::Symbol));
                    }
                }
                Test::Text(shape) => self.add_other(shape_key(field, shape)),
                Test::Numeric(range) => self.add_other(range_key(field, range)),
                Test::Cidr(block) => self.add_other(Key::Block(field, block.net().trunc())),
                _ => {
                    self.keys.truncate(first);
                    self.add_other(Key::Anything(field));
                    return true;
                }
            }
        }
        true
    }

    fn add_other(&mut self, key: Key<'_>) {
        let next = u32::try_from(self.of_others.len()).unwrap_or(u32::MAX);
        let known = self.others.get(&key).copied();
        let other = known.unwrap_or_else(|| {
            let kind = match key {
                Key::Anything(_) => Kind::Anything,
                Key::Range(..) => Kind::Range,
                _ => Kind::Text,
            };
            self.of_others.push(Counted { field: key.field(), kind, count: 0 });
            self.others.insert(key.kept(), next);
            next
        });
        self.keys.push(KeyId::Other(other));
    }
}

fn range_key<'a>(field: FieldId, range: &Range) -> Key<'a> {
    let bound = |bound: &Option<(crate::value::Number, bool)>| bound.as_ref().map(|(number, _)| Exact::of(number));
    Key::Range(field, bound(&range.low), bound(&range.high))
}

fn shape_key(field: FieldId, shape: &Shape) -> Key<'_> {
    let key = match shape {
        Shape::Prefix(Written::Exact(text)) => Key::Prefix(field, (&**text).into()),
        Shape::Prefix(Written::Folded(text)) => Key::FoldedPrefix(field, (&**text).into()),
        Shape::Suffix(Written::Exact(text)) => Key::Suffix(field, (&**text).into()),
        Shape::Suffix(Written::Folded(text)) => Key::FoldedSuffix(field, (&**text).into()),
        Shape::Equal(text) => return Key::Folded(field, (&**text).into()),
        Shape::Wildcard(wildcard) => match wildcard.ends() {
            (first, last, false) if first.len() >= last.len() => Key::Prefix(field, first.into()),
            (_, last, false) => Key::Suffix(field, last.into()),
            (first, last, true) if first.len() >= last.len() => Key::FoldedPrefix(field, first.into()),
            (_, last, true) => Key::FoldedSuffix(field, last.into()),
        },
    };
    match &key {
        Key::Prefix(_, text) | Key::Suffix(_, text) | Key::FoldedPrefix(_, text) | Key::FoldedSuffix(_, text)
            if text.is_empty() =>
        {
            Key::Anything(field)
        }
        _ => key,
    }
}
