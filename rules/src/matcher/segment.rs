//! A set of rules, compiled at once: what they are found by, and their programs.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::access::{Access, Bucket};
use super::check::{Answer, Check, Reader};
use super::fields::FieldId;
use super::plan::Names;
use super::program::Shared;
use super::sightings::{NONE, Seen, Sightings};
use super::symbols::{Symbols, UNKNOWN};

/// The number before rules that all ask for one value at a field, which both follow, with the length of these rules.
pub(super) const GROUP: u32 = u32::MAX - 1;
/// The number that stands for such a lead.
pub(super) const ELSEWHERE: u32 = u32::MAX;
/// From so many values on, ranges are not searched for each of them: together they are in most.
const CROWD: usize = 4_096;
/// So many buckets are kept twice before they are sorted.
const FOUND: usize = 1 << 20;

/// Rules, numbered from 0 in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Segment {
    pub(super) symbols: Symbols,
    pub(super) shared: Shared,
    /// Programs, those of a bucket in a row.
    pub(super) programs: Vec<u8>,
    pub(super) buckets: Vec<Range<usize>>,
    /// The bucket of each symbol, or [`NONE`].
    pub(super) of_symbols: Vec<Bucket>,
    pub(super) accesses: HashMap<FieldId, Access, FixedState>,
    /// What is done with each field that was named when the segment was made.
    pub(super) uses: Vec<Use>,
    /// Rules that every event may concern.
    pub(super) always: Option<Bucket>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Use {
    /// Rules are found by scalars there.
    has_buckets: bool,
    has_access: bool,
}

/// Memory that is used anew for each event.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    symbols: Vec<Cell<u32>>,
    found: Vec<Bucket>,
    done: HashSet<usize, FixedState>,
    crowds: HashSet<FieldId, FixedState>,
}

/// What became of the rules that were looked at.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Those that match.
    pub(super) matched: Vec<u32>,
    /// Those of which only the rule itself can say.
    pub(super) open: Vec<u32>,
    /// Those that were not looked at, or not to the end, for there were too many values to compare.
    pub(super) undecided: Vec<u32>,
    /// How many values may still be compared.
    pub(super) steps_left: u64,
}

impl Segment {
    /// What is to be done with each of so many fields.
    pub(super) fn uses(&self, fields: usize) -> Vec<Use> {
        let mut uses = vec![Use::default(); fields];
        let found_by = (0..).zip(&self.of_symbols).filter(|(_, bucket)| **bucket != NONE);
        for field in found_by.filter_map(|(symbol, _)| self.symbols.field(symbol)) {
            uses[field.0 as usize].has_buckets = true;
        }
        for field in self.accesses.keys() {
            uses[field.0 as usize].has_access = true;
        }
        uses
    }

    /// Whether it has no rule.
    pub(super) fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }

    /// The bytes that programs, symbols and indexes of equality take.
    pub(super) fn bytes(&self) -> usize {
        self.symbols.bytes()
            + self.programs.capacity()
            + self.buckets.capacity() * size_of::<Range<usize>>()
            + self.of_symbols.capacity() * size_of::<Bucket>()
    }

    /// Looks at all rules that an event may concern.
    pub(super) fn judge(&self, names: &Names, seen: &Sightings<'_>, scratch: &mut Scratch, outcome: &mut Outcome) {
        scratch.found.clear();
        scratch.symbols.clear();
        scratch.crowds.clear();
        scratch.found.extend(self.always);
        let is_crowded = seen.all.len() > CROWD;
        for sighting in &seen.all {
            let used = self.uses.get(sighting.field.0 as usize).copied().unwrap_or_default();
            let mut symbol = UNKNOWN;
            if used.has_buckets {
                symbol = self.symbols.of(sighting);
                scratch.found.extend(self.of_symbols.get(symbol as usize).filter(|bucket| **bucket != NONE));
            }
            scratch.symbols.push(Cell::new(symbol));
            if used.has_access
                && let Some(access) = self.accesses.get(&sighting.field)
            {
                access.find(&sighting.value, &mut scratch.found);
                match &sighting.value {
                    Seen::Number(number) if !is_crowded => access.ranges.find(number, &mut scratch.found),
                    Seen::Number(_) if scratch.crowds.insert(sighting.field) => access.ranges.all(&mut scratch.found),
                    _ => {}
                }
            }
            if scratch.found.len() > FOUND.max(2 * self.buckets.len()) {
                once_each(&mut scratch.found);
            }
        }
        once_each(&mut scratch.found);
        self.look(names, seen, scratch, outcome);
    }

    fn look(&self, names: &Names, seen: &Sightings<'_>, scratch: &mut Scratch, outcome: &mut Outcome) {
        scratch.done.clear();
        let mut check = Check {
            fields: &names.fields,
            shared: &self.shared,
            seen,
            table: &self.symbols,
            symbols: &scratch.symbols,
            steps_left: outcome.steps_left,
        };
        for bucket in &scratch.found {
            let Some(programs) = self.buckets.get(*bucket as usize) else { continue };
            let mut reader = Reader { rest: self.programs.get(programs.clone()).unwrap_or_default() };
            while !reader.rest.is_empty() {
                let (mut rule, mut program) = reader.rule();
                if rule == ELSEWHERE {
                    let start = usize::from_le_bytes(program.try_into().unwrap_or_default());
                    if !scratch.done.insert(start) {
                        continue;
                    }
                    (rule, program) = Reader { rest: self.programs.get(start..).unwrap_or_default() }.rule();
                }
                if rule == GROUP {
                    if check.steps_left > 0 && !check.holds(program) {
                        reader.pass_over_group(program);
                    }
                    continue;
                }
                if check.steps_left == 0 {
                    outcome.undecided.push(rule);
                    continue;
                }
                match check.program(program) {
                    Answer::Yes => outcome.matched.push(rule),
                    Answer::No => {}
                    Answer::Ask => outcome.open.push(rule),
                    Answer::TooCostly => outcome.undecided.push(rule),
                }
            }
        }
        outcome.steps_left = check.steps_left;
    }
}

fn once_each(buckets: &mut Vec<Bucket>) {
    buckets.sort_unstable();
    buckets.dedup();
}
