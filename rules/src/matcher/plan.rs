//! By which of its conditions a rule is found.
//!
//! A rule is looked at only when the event holds something that one chosen condition of it asks for. The best one is that
//! which the fewest events fulfil; where it stands in the rule does not matter. How many events will is guessed from the rules:
//! what is asked for at a field in one of forty rules that ask there, one of forty events is taken to hold.

use std::borrow::Cow;
use std::collections::BTreeSet;

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
    /// Nothing is named there or inside of it.
    pub(super) nowhere: FieldId,
}

/// Something that an event may hold, by which rules are found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    Symbol(u32),
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
    /// Its field; a symbol knows its own.
    pub(super) fn field(&self) -> Option<FieldId> {
        match self {
            Self::Symbol(_) => None,
            Self::Prefix(field, _)
            | Self::Suffix(field, _)
            | Self::FoldedPrefix(field, _)
            | Self::FoldedSuffix(field, _)
            | Self::Folded(field, _)
            | Self::Range(field, ..)
            | Self::Block(field, _)
            | Self::Anything(field) => Some(*field),
        }
    }

    /// The key, kept for itself.
    pub(super) fn kept(self) -> Key<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Symbol(symbol) => Key::Symbol(symbol),
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

/// The keys of some rules, and how many times each was asked for.
#[derive(Debug)]
pub(super) struct Planner<'n> {
    names: &'n mut Names,
    pub(super) symbols: Symbols,
    of_symbols: Vec<u32>,
    of_keys: HashMap<Key<'static>, u32, FixedState>,
    /// All keys of a field.
    of_fields: HashMap<FieldId, u32, FixedState>,
}

/// How much of all is there of which no rule speaks: a key that a single rule asks for is rare nonetheless.
const UNSPOKEN: u32 = 10;
/// Ranges overlap, so that counting them tells nothing: one holds every other number.
const PART_IN_RANGE: f64 = 0.5;

/// How a rule is found.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    /// The demand, by its place; none when every event may concern the rule.
    pub(super) demand: Option<usize>,
    pub(super) keys: Vec<Key<'a>>,
}

impl<'n> Planner<'n> {
    pub(super) fn new(names: &'n mut Names) -> Self {
        Self {
            names,
            symbols: Symbols::default(),
            of_symbols: Vec::new(),
            of_keys: HashMap::default(),
            of_fields: HashMap::default(),
        }
    }

    /// Counts what a rule could be found by.
    pub(super) fn count(&mut self, subject: Subject<'_>) {
        for demand in subject.demands() {
            self.count_demand(demand);
        }
    }

    fn count_demand(&mut self, demand: Demand<'_>) {
        if let Demand::Part(Part::Either(either)) = demand {
            return either.branches.iter().flatten().for_each(|part| self.count_demand(Demand::Part(part)));
        }
        for key in self.keys(demand).unwrap_or_default() {
            let Some(field) = self.field(&key) else { continue };
            *self.of_fields.entry(field).or_default() += 1;
            match key {
                Key::Symbol(symbol) => {
                    self.of_symbols.resize(self.symbols.len(), 0);
                    self.of_symbols[symbol as usize] += 1;
                }
                Key::Range(..) | Key::Anything(_) => {}
                key => *self.of_keys.entry(key.kept()).or_default() += 1,
            }
        }
    }

    fn field(&self, key: &Key<'_>) -> Option<FieldId> {
        match key {
            Key::Symbol(symbol) => self.symbols.field(*symbol),
            key => key.field(),
        }
    }

    /// The part of all events that hold it, by guess.
    fn part(&self, key: &Key<'_>) -> f64 {
        let count = match key {
            Key::Anything(_) => return 1.0,
            Key::Range(..) => return PART_IN_RANGE,
            Key::Symbol(symbol) => self.of_symbols.get(*symbol as usize).copied().unwrap_or(0),
            key => self.of_keys.get(key).copied().unwrap_or(0),
        };
        let all = self.field(key).and_then(|field| self.of_fields.get(&field)).copied().unwrap_or(0);
        f64::from(count) / (f64::from(all) + f64::from(UNSPOKEN))
    }

    /// The best way to find a rule that was counted.
    pub(super) fn choose<'a>(&mut self, subject: Subject<'a>) -> Choice<'a> {
        let mut best: Option<(f64, Choice<'a>)> = None;
        for (at, demand) in subject.demands().enumerate() {
            let Some((cost, keys)) = self.way(demand) else { continue };
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, Choice { demand: Some(at), keys }));
            }
        }
        best.map_or(Choice { demand: None, keys: Vec::new() }, |(_, choice)| choice)
    }

    /// The keys of a demand, one of which an event holds that fulfils it, with what it costs to look at all their rules.
    fn way<'a>(&mut self, demand: Demand<'a>) -> Option<(f64, Vec<Key<'a>>)> {
        if let Demand::Part(Part::Either(either)) = demand {
            let (mut cost, mut keys) = (0.0, Vec::new());
            for branch in &either.branches {
                let ways = branch.iter().filter_map(|part| self.way(Demand::Part(part)));
                let (least, of_branch) = ways.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
                cost += least;
                keys.extend(of_branch);
            }
            return Some((cost, keys));
        }
        let keys = self.keys(demand)?;
        Some((keys.iter().map(|key| self.part(key)).sum(), keys))
    }

    /// None when nothing that an event holds is a sign of it.
    fn keys<'a>(&mut self, demand: Demand<'a>) -> Option<Vec<Key<'a>>> {
        let Names { kind, app, .. } = *self.names;
        match demand {
            Demand::Kinds(kinds) => {
                let symbol = |kind_name: &EventType| self.symbols.intern_scalar(kind, Scalar::Text(kind_name.as_str()));
                Some(kinds.iter().map(symbol).map(Key::Symbol).collect())
            }
            Demand::Apps(apps) => {
                let symbol = |id: &SubAppId| self.symbols.intern_scalar(app, Scalar::Number(&Exact::of(&id.0.into())));
                Some(apps.iter().map(symbol).map(Key::Symbol).collect())
            }
            Demand::Part(Part::Field(condition)) => self.condition_keys(condition),
            Demand::Part(Part::Either(_)) => None,
        }
    }

    fn condition_keys<'a>(&mut self, condition: &'a Condition) -> Option<Vec<Key<'a>>> {
        if !condition.absences.is_empty() {
            return None;
        }
        let field = self.names.fields.name(&condition.path);
        let mut keys = Vec::new();
        for test in &condition.tests {
            match test {
                Test::OneOf(scalars) => {
                    keys.extend(scalars.iter().filter_map(|value| self.symbols.intern(field, value)).map(Key::Symbol));
                }
                Test::Text(shape) => keys.push(shape_key(field, shape)),
                Test::Numeric(range) => keys.push(range_key(field, range)),
                Test::Cidr(block) => keys.push(Key::Block(field, block.net().trunc())),
                _ => return Some(vec![Key::Anything(field)]),
            }
        }
        Some(keys)
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
