//! Whether an event fulfils the program of a rule.

use std::cell::Cell;

use super::fields::{FieldId, Fields};
use super::program::{Shared, code};
use super::scaled::{Exact, Scaled};
use super::sightings::{NONE, Seen, Sighting, Sightings};
use super::symbols::{Symbols, UNKNOWN};
use crate::pattern::condition::{TEXT_STEP, Test};
use crate::value::Value;

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// Conditions choose between elements of a list: only the rule itself can say.
    Ask,
    /// There were too many values to compare.
    TooCostly,
}

/// An event that is checked.
pub(super) struct Check<'c, 'e> {
    pub(super) fields: &'c Fields,
    pub(super) shared: &'c Shared,
    pub(super) seen: &'c Sightings<'e>,
    pub(super) table: &'c Symbols,
    /// The number of each sighting's value, or [`NONE`]; or [`UNKNOWN`] where nobody has asked for it yet.
    pub(super) symbols: &'c [Cell<u32>],
    /// How many values may still be compared.
    pub(super) steps_left: u64,
}

/// How many times values are compared when elements are chosen for one rule, before the rule itself is asked.
const CHOICE_LIMIT: u32 = 4_096;

/// Reads a program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'p> {
    pub(super) rest: &'p [u8],
}

impl<'p> Reader<'p> {
    #[inline]
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                *head
            }
            None => [0; N],
        }
    }

    #[inline]
    fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    #[inline]
    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    #[inline]
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    /// The number of a rule, and its program.
    #[inline]
    pub(super) fn rule(&mut self) -> (u32, &'p [u8]) {
        let (rule, length) = (self.u32(), self.u32() as usize);
        (rule, self.bytes(length))
    }

    /// Leaves out the rules of a group, which begins with these words.
    pub(super) fn pass_over_group(&mut self, group: &[u8]) {
        let mut words = Reader { rest: group };
        let [_field, _symbol, length] = [words.u32(), words.u32(), words.u32()];
        self.bytes(length as usize);
    }

    #[inline]
    fn bytes(&mut self, length: usize) -> &'p [u8] {
        let (head, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        self.rest = rest;
        head
    }

    #[inline]
    fn bound(&mut self) -> Option<(Scaled, bool)> {
        let kind = self.u8();
        if kind == 0 {
            return None;
        }
        let digits = i64::from_le_bytes(self.take());
        Some((Scaled { digits, scale: self.u8() }, kind == 2))
    }
}

/// A demand on one field.
#[derive(Clone, Copy)]
struct OnField<'p> {
    field: FieldId,
    is_given: bool,
    count: u16,
    alternatives: Reader<'p>,
}

impl<'e> Check<'_, 'e> {
    /// Whether the event fulfils a program.
    #[inline]
    pub(super) fn program(&mut self, program: &[u8]) -> Answer {
        match self.all(Reader { rest: program }) {
            answer @ (Answer::Yes | Answer::Ask) if !self.seen.choices.is_empty() => self.agreed(program, answer),
            answer => answer,
        }
    }

    /// Whether the event holds the value that all rules of a group ask for.
    #[inline]
    pub(super) fn holds(&mut self, group: &[u8]) -> bool {
        let mut words = Reader { rest: group };
        let (field, symbol) = (FieldId(words.u32()), words.u32());
        let (mut holds, mut steps) = (false, 1);
        for (at, sighting) in self.seen.of(field) {
            steps += 1;
            if self.symbol(at, sighting) == symbol {
                holds = true;
                break;
            }
        }
        self.steps_left = self.steps_left.saturating_sub(steps);
        holds
    }

    /// Whether all demands hold, each for itself.
    fn all(&mut self, mut reader: Reader<'_>) -> Answer {
        let mut answer = Answer::Yes;
        while let Some(letter) = reader.rest.first() {
            reader.rest = &reader.rest[1..];
            let holds = match *letter {
                code::FIELD => {
                    let on = on_field(&mut reader);
                    self.field(on, &mut reader)
                }
                code::EITHER => self.either(&mut reader),
                _ => Answer::Ask,
            };
            match holds {
                Answer::No | Answer::TooCostly => return holds,
                Answer::Ask => answer = Answer::Ask,
                Answer::Yes => {}
            }
        }
        answer
    }

    fn either(&mut self, reader: &mut Reader<'_>) -> Answer {
        let length = reader.u32() as usize;
        let mut branches = Reader { rest: reader.bytes(length) };
        let mut answer = Answer::No;
        while !branches.rest.is_empty() {
            let length = branches.u32() as usize;
            match self.all(Reader { rest: branches.bytes(length) }) {
                holds @ (Answer::Yes | Answer::TooCostly) => return holds,
                Answer::Ask => answer = Answer::Ask,
                Answer::No => {}
            }
        }
        answer
    }

    #[inline]
    fn field(&mut self, on: OnField<'_>, reader: &mut Reader<'_>) -> Answer {
        let mut answer = if on.is_given { Answer::Yes } else { Answer::No };
        for _ in 0..on.count {
            let letter = reader.u8();
            if answer == Answer::Yes {
                pass_over(letter, reader);
            } else if letter >= code::ABSENCES {
                answer = match self.absence(letter, on.field, reader) {
                    true => Answer::Yes,
                    // Another choice of elements may leave it true.
                    false if self.is_chosen(on.field) => Answer::Ask,
                    false => answer,
                };
            } else if self.any(letter, on.field, reader) {
                answer = Answer::Yes;
            }
            if self.steps_left == 0 {
                return Answer::TooCostly;
            }
        }
        answer
    }

    fn is_chosen(&self, field: FieldId) -> bool {
        self.seen.choices.iter().any(|choice| self.fields.is_within(field, *choice))
    }

    /// Whether some value at the field fulfils an alternative.
    #[inline]
    fn any(&mut self, letter: u8, field: FieldId, reader: &mut Reader<'_>) -> bool {
        let start = *reader;
        pass_over(letter, reader);
        let (mut holds, mut steps) = (false, 1);
        for (at, sighting) in self.seen.of(field) {
            steps += 1;
            if letter == code::TEST {
                steps += self.text_steps(start, sighting);
            }
            if self.one(letter, start, at, sighting) {
                holds = true;
                break;
            }
        }
        self.steps_left = self.steps_left.saturating_sub(steps);
        holds
    }

    /// How many steps it takes to look through a text, beside the one that any value takes.
    fn text_steps(&self, mut reader: Reader<'_>, sighting: &Sighting<'e>) -> u64 {
        let Some(text) = text_of(sighting).filter(|text| text.len() >= TEXT_STEP) else { return 0 };
        let looks = self.shared.tests.get(reader.u32() as usize).map(|test| test.text_steps(text.len()));
        looks.unwrap_or(0) as u64
    }

    /// Whether one value fulfils an alternative.
    #[inline]
    fn one(&self, letter: u8, mut reader: Reader<'_>, at: u32, sighting: &Sighting<'e>) -> bool {
        let symbol = || self.symbol(at, sighting);
        match letter {
            code::SYMBOL => symbol() == reader.u32(),
            code::SYMBOLS => listed(&mut reader, symbol()),
            code::SET => self.in_set(&mut reader, symbol()),
            code::OTHER => is_scalar(&sighting.value) && !listed(&mut reader, symbol()),
            code::OTHER_THAN_SET => is_scalar(&sighting.value) && !self.in_set(&mut reader, symbol()),
            code::PREFIX => text_of(sighting).is_some_and(|text| {
                let length = usize::from(reader.u16());
                text.as_bytes().starts_with(reader.bytes(length))
            }),
            code::SUFFIX => text_of(sighting).is_some_and(|text| {
                let length = usize::from(reader.u16());
                text.as_bytes().ends_with(reader.bytes(length))
            }),
            code::RANGE => match &sighting.value {
                Seen::Number(number) => within(&mut reader, number),
                _ => false,
            },
            code::EXISTS => is_scalar(&sighting.value),
            code::PRESENT => sighting.value != Seen::Null,
            code::NOT_EMPTY => !matches!(sighting.value, Seen::List) && !is_empty(&sighting.value),
            code::TEST => {
                let test = self.shared.tests.get(reader.u32() as usize);
                test.is_some_and(|test| fulfils(test, &sighting.value))
            }
            _ => false,
        }
    }

    /// Whether all values at the field allow an absence.
    fn absence(&mut self, letter: u8, field: FieldId, reader: &mut Reader<'_>) -> bool {
        let start = *reader;
        pass_over(letter, reader);
        let (mut holds, mut steps) = (true, 1);
        for (at, sighting) in self.seen.of(field) {
            steps += 1;
            let mut reader = start;
            holds = match letter {
                code::NOT_EXISTS => !is_scalar(&sighting.value),
                code::NOT_PRESENT => sighting.value == Seen::Null,
                code::EMPTY => matches!(sighting.value, Seen::List) || is_empty(&sighting.value),
                code::NOT_IN => !listed(&mut reader, self.symbol(at, sighting)),
                _ => !self.in_set(&mut reader, self.symbol(at, sighting)),
            };
            if !holds {
                break;
            }
        }
        self.steps_left = self.steps_left.saturating_sub(steps);
        holds
    }

    /// The number of a sighting's value, or [`NONE`].
    #[inline]
    fn symbol(&self, at: u32, sighting: &Sighting<'e>) -> u32 {
        let Some(symbol) = self.symbols.get(at as usize) else { return NONE };
        if symbol.get() == UNKNOWN {
            symbol.set(self.table.of(sighting));
        }
        symbol.get()
    }

    fn in_set(&self, reader: &mut Reader<'_>, symbol: u32) -> bool {
        symbol != NONE && self.shared.sets.get(reader.u32() as usize).is_some_and(|set| set.contains(&symbol))
    }

    /// The demands that hold each for itself hold together, when at most one goes through each list in which elements are
    /// chosen, or when elements can be chosen that suit all.
    fn agreed(&mut self, program: &[u8], alone: Answer) -> Answer {
        let mut chosen: Vec<OnField<'_>> = Vec::new();
        let (mut is_plain, mut most) = (true, 0);
        let mut within = vec![0; self.seen.choices.len()];
        demands(Reader { rest: program }, false, &mut |on, is_inside| {
            let mut is_chosen = false;
            for (count, choice) in within.iter_mut().zip(&self.seen.choices) {
                if self.fields.is_within(on.field, *choice) {
                    (*count, is_chosen) = (*count + 1, true);
                    most = most.max(*count);
                }
            }
            if is_chosen {
                is_plain &= !is_inside && has_no_absence(on);
                chosen.push(on);
            }
        });
        if program.first() == Some(&code::ASK) {
            return Answer::Ask;
        }
        // A condition that is alone in its lists chooses as it likes, and a lone absence is judged over all elements.
        if most <= 1 {
            return if alone == Answer::Ask { Answer::No } else { alone };
        }
        if !is_plain || alone == Answer::Ask {
            return Answer::Ask;
        }
        let mut left = CHOICE_LIMIT;
        let found = self.choose(&chosen, &mut Vec::new(), &mut left);
        self.steps_left = self.steps_left.saturating_sub(u64::from(CHOICE_LIMIT - left));
        match found {
            _ if left == 0 => Answer::Ask,
            true => Answer::Yes,
            false => Answer::No,
        }
    }

    /// Whether the demands can each choose a value so that they come from the same elements.
    fn choose(&mut self, demands: &[OnField<'_>], elements: &mut Vec<u32>, left: &mut u32) -> bool {
        let Some((on, others)) = demands.split_first() else { return true };
        for (at, sighting) in self.seen.of(on.field) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return false;
            }
            if elements.iter().any(|element| !self.seen.agree(*element, sighting.element)) {
                continue;
            }
            let mut reader = on.alternatives;
            let holds = (0..on.count).any(|_| {
                let letter = reader.u8();
                let start = reader;
                pass_over(letter, &mut reader);
                self.one(letter, start, at, sighting)
            });
            if holds {
                elements.push(sighting.element);
                if self.choose(others, elements, left) {
                    return true;
                }
                elements.pop();
            }
        }
        false
    }
}

#[inline]
fn on_field<'p>(reader: &mut Reader<'p>) -> OnField<'p> {
    let field = FieldId(reader.u32());
    let is_given = reader.u8() != 0;
    let count = reader.u16();
    OnField { field, is_given, count, alternatives: *reader }
}

fn has_no_absence(on: OnField<'_>) -> bool {
    let mut reader = on.alternatives;
    (0..on.count).all(|_| {
        let letter = reader.u8();
        pass_over(letter, &mut reader);
        letter < code::ABSENCES
    })
}

/// All demands on fields, also those inside of `$or`.
fn demands<'p>(mut reader: Reader<'p>, is_inside: bool, see: &mut dyn FnMut(OnField<'p>, bool)) {
    while let Some(letter) = reader.rest.first() {
        reader.rest = &reader.rest[1..];
        match *letter {
            code::FIELD => {
                let on = on_field(&mut reader);
                see(on, is_inside);
                for _ in 0..on.count {
                    let letter = reader.u8();
                    pass_over(letter, &mut reader);
                }
            }
            code::EITHER => {
                let length = reader.u32() as usize;
                let mut branches = Reader { rest: reader.bytes(length) };
                while !branches.rest.is_empty() {
                    let length = branches.u32() as usize;
                    demands(Reader { rest: branches.bytes(length) }, true, see);
                }
            }
            _ => return,
        }
    }
}

#[inline]
fn pass_over(letter: u8, reader: &mut Reader<'_>) {
    match letter {
        code::SYMBOL | code::SET | code::OTHER_THAN_SET | code::TEST | code::NOT_IN_SET => {
            let _number = reader.u32();
        }
        code::SYMBOLS | code::OTHER | code::NOT_IN => {
            let count = usize::from(reader.u8());
            reader.bytes(count * 4);
        }
        code::PREFIX | code::SUFFIX => {
            let length = usize::from(reader.u16());
            reader.bytes(length);
        }
        code::RANGE => {
            let _bounds = (reader.bound(), reader.bound());
        }
        _ => {}
    }
}

#[inline]
fn listed(reader: &mut Reader<'_>, symbol: u32) -> bool {
    let count = usize::from(reader.u8());
    let listed = reader.bytes(count * 4);
    symbol != NONE && listed.chunks_exact(4).any(|chunk| chunk == symbol.to_le_bytes())
}

#[inline]
fn within(reader: &mut Reader<'_>, number: &Exact) -> bool {
    let (low, high) = (reader.bound(), reader.bound());
    let compare = |bound: Scaled| match number {
        Exact::Scaled(number) => number.cmp(&bound),
        Exact::Other(_) => number.cmp(&Exact::Scaled(bound)),
    };
    low.is_none_or(|(bound, is_included)| if is_included { compare(bound).is_ge() } else { compare(bound).is_gt() })
        && high.is_none_or(
            |(bound, is_included)| if is_included { compare(bound).is_le() } else { compare(bound).is_lt() },
        )
}

#[inline]
fn text_of<'s>(sighting: &'s Sighting<'_>) -> Option<&'s str> {
    match &sighting.value {
        Seen::Text(text) => Some(text),
        _ => None,
    }
}

#[inline]
fn is_scalar(seen: &Seen<'_>) -> bool {
    !matches!(seen, Seen::Map { .. } | Seen::List)
}

/// Whether a scalar or a map is one of the ways in which the vendor writes "none".
fn is_empty(seen: &Seen<'_>) -> bool {
    match seen {
        Seen::Null => true,
        Seen::Text(text) => text.is_empty(),
        Seen::Map { is_empty } => *is_empty,
        Seen::Bool(_) | Seen::Number(_) | Seen::List => false,
    }
}

fn fulfils(test: &Test, seen: &Seen<'_>) -> bool {
    match seen {
        Seen::Text(seen) => test.holds_for_text(seen),
        Seen::Null => test.holds(&Value::Null),
        Seen::Bool(bool) => test.holds(&Value::Bool(*bool)),
        Seen::Number(number) => test.holds(&Value::Number(number.number())),
        Seen::Map { .. } | Seen::List => false,
    }
}
