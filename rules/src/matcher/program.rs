//! What is left to check of a rule, as bytes: rules that are found together lie together, so that looking at them is one walk
//! through memory.
//!
//! A rule is its number, its length, and its demands. A demand on a field is the field, whether the rule was found by it, and
//! its alternatives; each alternative is a letter and what it compares with. An `$or` holds demands in branches.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::fields::FieldId;
use super::plan::{Demand, Names};
use super::scaled::{Exact, Scaled};
use super::symbols::{Scalar, Symbols};
use crate::pattern::condition::{Absence, Condition, Either, Part, Range, Scalars, Test};
use crate::pattern::text::{Shape, Written};

/// The letters of a program.
pub(super) mod code {
    /// A demand on a field.
    pub(in crate::matcher) const FIELD: u8 = 0;
    /// `$or`.
    pub(in crate::matcher) const EITHER: u8 = 1;
    /// Too large to be written down: only the rule itself can say.
    pub(in crate::matcher) const ASK: u8 = 2;

    /// The value has this number.
    pub(in crate::matcher) const SYMBOL: u8 = 10;
    /// One of these.
    pub(in crate::matcher) const SYMBOLS: u8 = 11;
    /// One of a set that is kept apart.
    pub(in crate::matcher) const SET: u8 = 12;
    /// A scalar that is none of these.
    pub(in crate::matcher) const OTHER: u8 = 13;
    pub(in crate::matcher) const OTHER_THAN_SET: u8 = 14;
    pub(in crate::matcher) const PREFIX: u8 = 15;
    pub(in crate::matcher) const SUFFIX: u8 = 16;
    pub(in crate::matcher) const RANGE: u8 = 17;
    pub(in crate::matcher) const EXISTS: u8 = 18;
    pub(in crate::matcher) const PRESENT: u8 = 19;
    pub(in crate::matcher) const NOT_EMPTY: u8 = 20;
    /// A test that is kept apart.
    pub(in crate::matcher) const TEST: u8 = 21;

    /// From here on: of all values at the field.
    pub(in crate::matcher) const ABSENCES: u8 = 30;
    pub(in crate::matcher) const NOT_EXISTS: u8 = 30;
    pub(in crate::matcher) const NOT_PRESENT: u8 = 31;
    pub(in crate::matcher) const EMPTY: u8 = 32;
    pub(in crate::matcher) const NOT_IN: u8 = 33;
    pub(in crate::matcher) const NOT_IN_SET: u8 = 34;
}

/// More scalars than these are looked up instead of compared.
const FEW: usize = 16;

/// What programs share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) sets: Vec<HashSet<u32, FixedState>>,
    pub(super) tests: Vec<Test>,
}

/// Writes demands.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) shared: Shared,
    known_sets: HashMap<Vec<u32>, u32, FixedState>,
}

/// Where demands of fields are named, and scalars get their numbers.
pub(super) struct Ground<'a> {
    pub(super) names: &'a mut Names,
    pub(super) symbols: &'a mut Symbols,
}

/// A number that does not fit where it is to be written.
pub(super) struct TooLarge;

/// Where the demand on a field says that the rule was found by it, which is all that it asks.
pub(super) const GIVEN_AT: usize = 1 + size_of::<u32>();

impl Writer {
    /// Writes a demand, as one of a rule that was found by another one.
    ///
    /// # Errors
    ///
    /// When it is too large; something may have been written then.
    pub(super) fn demand(
        &mut self,
        ground: &mut Ground<'_>,
        demand: Demand<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        match demand {
            Demand::Kinds(kinds) => {
                let field = ground.names.kind;
                let mut symbol = |kind: &str| ground.symbols.intern_scalar(field, Scalar::Text(kind));
                let symbols = kinds.iter().map(|kind| symbol(kind.as_str())).collect();
                begin(field, 1, out);
                self.one_of(symbols, out)
            }
            Demand::Apps(apps) => {
                let field = ground.names.app;
                let mut symbol = |exact: Exact| ground.symbols.intern_scalar(field, Scalar::Number(&exact));
                let symbols = apps.iter().map(|id| symbol(Exact::of(&id.0.into()))).collect();
                begin(field, 1, out);
                self.one_of(symbols, out)
            }
            Demand::Part(Part::Field(condition)) => self.condition(ground, condition, out),
            Demand::Part(Part::Either(either)) => self.either(ground, either, out),
        }
    }

    fn either(&mut self, ground: &mut Ground<'_>, either: &Either, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        out.push(code::EITHER);
        let start = out.len();
        out.extend([0; 4]);
        for branch in &either.branches {
            let start = out.len();
            out.extend([0; 4]);
            branch.iter().try_for_each(|part| self.demand(ground, Demand::Part(part), out))?;
            length_at(start, out)?;
        }
        length_at(start, out)
    }

    fn condition(&mut self, ground: &mut Ground<'_>, condition: &Condition, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let field = ground.names.fields.name(&condition.path);
        let count = u16::try_from(condition.tests.len() + condition.absences.len()).map_err(|_| TooLarge)?;
        begin(field, count, out);
        condition.tests.iter().try_for_each(|test| self.test(ground, field, test, out))?;
        condition.absences.iter().try_for_each(|absence| self.absence(ground, field, absence, out))
    }

    fn test(
        &mut self,
        ground: &mut Ground<'_>,
        field: FieldId,
        test: &Test,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        match test {
            Test::OneOf(scalars) => {
                let symbols = symbols_of(ground, field, scalars);
                self.one_of(symbols, out)
            }
            Test::AnythingBut(scalars) => {
                let symbols = symbols_of(ground, field, scalars);
                self.symbols_or_set(code::OTHER, code::OTHER_THAN_SET, symbols, out)
            }
            Test::Text(Shape::Prefix(Written::Exact(start))) => text_of(code::PREFIX, start, out),
            Test::Text(Shape::Suffix(Written::Exact(end))) => text_of(code::SUFFIX, end, out),
            Test::Numeric(range) => match bounds(range) {
                Some(bounds) => {
                    range_of(bounds, out);
                    Ok(())
                }
                None => self.kept_apart(test, out),
            },
            Test::Exists => {
                out.push(code::EXISTS);
                Ok(())
            }
            Test::Present => {
                out.push(code::PRESENT);
                Ok(())
            }
            Test::NotEmpty => {
                out.push(code::NOT_EMPTY);
                Ok(())
            }
            Test::Text(_) | Test::Regex(_) | Test::NoneOf(_) | Test::Cidr(_) => self.kept_apart(test, out),
        }
    }

    fn absence(
        &mut self,
        ground: &mut Ground<'_>,
        field: FieldId,
        absence: &Absence,
        out: &mut Vec<u8>,
    ) -> Result<(), TooLarge> {
        match absence {
            Absence::NotExists => out.push(code::NOT_EXISTS),
            Absence::NotPresent => out.push(code::NOT_PRESENT),
            Absence::Empty => out.push(code::EMPTY),
            Absence::NotIn(scalars) => {
                let symbols = symbols_of(ground, field, scalars);
                return self.symbols_or_set(code::NOT_IN, code::NOT_IN_SET, symbols, out);
            }
        }
        Ok(())
    }

    fn one_of(&mut self, symbols: Vec<u32>, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        if let [symbol] = symbols.as_slice() {
            out.push(code::SYMBOL);
            out.extend(symbol.to_le_bytes());
            return Ok(());
        }
        self.symbols_or_set(code::SYMBOLS, code::SET, symbols, out)
    }

    fn symbols_or_set(&mut self, few: u8, set: u8, mut symbols: Vec<u32>, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        symbols.sort_unstable();
        symbols.dedup();
        if symbols.len() <= FEW {
            out.push(few);
            out.push(u8::try_from(symbols.len()).map_err(|_| TooLarge)?);
            out.extend(symbols.iter().flat_map(|symbol| symbol.to_le_bytes()));
            return Ok(());
        }
        let next = u32::try_from(self.shared.sets.len()).map_err(|_| TooLarge)?;
        let number = *self.known_sets.entry(symbols).or_insert_with_key(|symbols| {
            self.shared.sets.push(symbols.iter().copied().collect());
            next
        });
        out.push(set);
        out.extend(number.to_le_bytes());
        Ok(())
    }

    fn kept_apart(&mut self, test: &Test, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        out.push(code::TEST);
        out.extend(u32::try_from(self.shared.tests.len()).map_err(|_| TooLarge)?.to_le_bytes());
        self.shared.tests.push(test.clone());
        Ok(())
    }
}

fn symbols_of(ground: &mut Ground<'_>, field: FieldId, scalars: &Scalars) -> Vec<u32> {
    scalars.iter().filter_map(|value| ground.symbols.intern(field, value)).collect()
}

fn begin(field: FieldId, alternatives: u16, out: &mut Vec<u8>) {
    out.push(code::FIELD);
    out.extend(field.0.to_le_bytes());
    out.push(u8::from(false));
    out.extend(alternatives.to_le_bytes());
}

fn length_at(start: usize, out: &mut [u8]) -> Result<(), TooLarge> {
    let length = u32::try_from(out.len() - start - 4).map_err(|_| TooLarge)?;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

fn text_of(letter: u8, text: &str, out: &mut Vec<u8>) -> Result<(), TooLarge> {
    let length = u16::try_from(text.len()).map_err(|_| TooLarge)?;
    out.push(letter);
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

/// A bound and whether it belongs to the range.
type Bound = Option<(Scaled, bool)>;

fn bounds(range: &Range) -> Option<[Bound; 2]> {
    let bound = |bound: &Option<(crate::value::Number, bool)>| match bound {
        None => Some(None),
        Some((number, is_included)) => match Exact::of(number) {
            Exact::Scaled(scaled) => Some(Some((scaled, *is_included))),
            Exact::Other(_) => None,
        },
    };
    Some([bound(&range.low)?, bound(&range.high)?])
}

fn range_of(bounds: [Bound; 2], out: &mut Vec<u8>) {
    out.push(code::RANGE);
    for bound in bounds {
        match bound {
            None => out.push(0),
            Some((number, is_included)) => {
                out.push(1 + u8::from(is_included));
                out.extend(number.digits.to_le_bytes());
                out.push(number.scale);
            }
        }
    }
}

/// Whether a rule that was found by the demand fulfils it: then nothing else need be asked of the field.
pub(super) fn says_all(demand: Demand<'_>) -> bool {
    match demand {
        Demand::Kinds(_) | Demand::Apps(_) => true,
        Demand::Part(Part::Field(condition)) => condition.tests.iter().all(test_says_all),
        Demand::Part(Part::Either(_)) => false,
    }
}

fn test_says_all(test: &Test) -> bool {
    match test {
        Test::OneOf(_) | Test::Cidr(_) | Test::Text(Shape::Equal(_)) => true,
        Test::Text(Shape::Prefix(affix) | Shape::Suffix(affix)) => {
            let (Written::Exact(affix) | Written::Folded(affix)) = affix;
            !affix.is_empty()
        }
        _ => false,
    }
}

/// What it takes to check it, roughly: what is quick and often false comes first.
pub(super) fn effort(demand: Demand<'_>) -> u8 {
    match demand {
        Demand::Kinds(_) | Demand::Apps(_) => 0,
        Demand::Part(Part::Field(condition)) => {
            let tests = condition.tests.iter().map(|test| match test {
                Test::OneOf(_) => 1,
                Test::Exists | Test::Present | Test::NotEmpty | Test::Numeric(_) | Test::AnythingBut(_) => 2,
                Test::Text(Shape::Prefix(Written::Exact(_)) | Shape::Suffix(Written::Exact(_))) => 3,
                _ => 4,
            });
            tests.max().unwrap_or(2)
        }
        Demand::Part(Part::Either(_)) => 5,
    }
}
