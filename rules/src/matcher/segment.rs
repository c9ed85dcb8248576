//! A set of rules, compiled at once: what they are found by, and their programs.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::access::{Access, Bucket};
use super::check::{Answer, Check, Reader};
use super::fields::FieldId;
use super::plan::{Key, Names, Planner, Subject};
use super::program::{Shared, Writer};
use super::sightings::{NONE, Seen, Sightings};
use super::symbols::{Scalar, Symbols};

/// A rule that is found by more keys is written once, and its keys lead there.
const COPIES: usize = 8;
/// The number that stands for such a lead.
const ELSEWHERE: u32 = u32::MAX;
/// From so many values on, ranges are not searched for each of them: together they are in most.
const CROWD: usize = 4_096;
/// So many buckets are kept twice before they are sorted.
const FOUND: usize = 1 << 20;

/// Rules, numbered from 0 in the order in which they were given.
#[derive(Debug)]
pub(super) struct Segment {
    symbols: Symbols,
    shared: Shared,
    /// Programs, those of a bucket in a row.
    programs: Vec<u8>,
    buckets: Vec<Range<usize>>,
    /// The bucket of each symbol, or [`NONE`].
    of_symbols: Vec<Bucket>,
    accesses: HashMap<FieldId, Access, FixedState>,
    /// What is done with each field that was named when the segment was made.
    uses: Vec<Use>,
    /// Rules that every event may concern.
    always: Option<Bucket>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Use {
    has_symbols: bool,
    has_access: bool,
}

/// Memory that is used anew for each event.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    symbols: Vec<u32>,
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
    /// Those that were not looked at, for there were too many values to compare.
    pub(super) undecided: Vec<u32>,
    /// How many values may still be compared.
    pub(super) steps_left: u64,
}

impl Segment {
    /// Compiles rules. Fields that are new are added to `names`.
    pub(super) fn new<'a>(subjects: impl Iterator<Item = Subject<'a>> + Clone, names: &mut Names) -> Self {
        let mut planner = Planner::new(names);
        subjects.clone().for_each(|subject| planner.count(subject));
        let mut builder = Builder::default();
        for (rule, subject) in (0..).zip(subjects.clone()) {
            builder.plan(rule, planner.choose(subject));
        }
        let Planner { mut symbols, .. } = planner;
        let mut segment = builder.write(&subjects.collect::<Vec<_>>(), names, &mut symbols);
        symbols.shrink();
        segment.uses = segment.uses(names.fields.len(), &symbols);
        segment.symbols = symbols;
        segment
    }

    fn uses(&self, fields: usize, symbols: &Symbols) -> Vec<Use> {
        let mut uses = vec![Use::default(); fields];
        for field in symbols.fields() {
            uses[field.0 as usize].has_symbols = true;
        }
        for field in self.accesses.keys() {
            uses[field.0 as usize].has_access = true;
        }
        uses
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
            let mut symbol = NONE;
            if used.has_symbols
                && let Some(scalar) = Scalar::of(&sighting.value)
            {
                symbol = self.symbols.find(sighting.field, scalar).unwrap_or(NONE);
                scratch.found.extend(self.of_symbols.get(symbol as usize).filter(|bucket| **bucket != NONE));
            }
            scratch.symbols.push(symbol);
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
                if check.steps_left == 0 {
                    outcome.undecided.push(rule);
                    continue;
                }
                match check.program(program) {
                    Answer::Yes => outcome.matched.push(rule),
                    Answer::No => {}
                    Answer::Ask => outcome.open.push(rule),
                }
            }
        }
        outcome.steps_left = check.steps_left;
    }
}

/// What a segment is made from.
#[derive(Default)]
struct Builder {
    buckets: HashMap<Key<'static>, Bucket, FixedState>,
    of_symbols: Vec<Bucket>,
    count: Bucket,
    always: Option<Bucket>,
    /// Which rule is in which bucket.
    postings: Vec<(Bucket, u32)>,
    /// By which of its demands each rule is found.
    found_by: Vec<Option<usize>>,
    /// Rules of many keys.
    elsewhere: Vec<u32>,
}

impl Builder {
    fn plan(&mut self, rule: u32, choice: super::plan::Choice<'_>) {
        self.found_by.push(choice.demand);
        if choice.demand.is_none() {
            let bucket = *self.always.get_or_insert_with(|| next(&mut self.count));
            self.postings.push((bucket, rule));
            return;
        }
        let first = self.postings.len();
        for key in choice.keys {
            let bucket = self.bucket(key);
            self.postings.push((bucket, rule));
        }
        if self.postings.len() - first > COPIES {
            self.elsewhere.push(rule);
        }
    }

    fn bucket(&mut self, key: Key<'_>) -> Bucket {
        let Key::Symbol(symbol) = key else {
            return *self.buckets.entry(key.kept()).or_insert_with(|| next(&mut self.count));
        };
        let at = symbol as usize;
        if at >= self.of_symbols.len() {
            self.of_symbols.resize(at + 1, NONE);
        }
        if self.of_symbols[at] == NONE {
            self.of_symbols[at] = next(&mut self.count);
        }
        self.of_symbols[at]
    }

    fn write(mut self, subjects: &[Subject<'_>], names: &mut Names, symbols: &mut Symbols) -> Segment {
        let mut writer = Writer::new(names, symbols);
        let mut programs = Vec::new();
        let mut places = HashMap::<u32, usize, FixedState>::default();
        let found_by = |rule: u32| self.found_by.get(rule as usize).copied().flatten();
        for rule in &self.elsewhere {
            places.insert(*rule, programs.len());
            writer.rule(*rule, subjects[*rule as usize], found_by(*rule), &mut programs);
        }
        self.postings.sort_unstable();
        self.postings.dedup();
        let mut buckets = vec![0..0; self.count as usize];
        for of_bucket in self.postings.chunk_by(|a, b| a.0 == b.0) {
            let start = programs.len();
            for (_, rule) in of_bucket {
                match places.get(rule) {
                    None => writer.rule(*rule, subjects[*rule as usize], found_by(*rule), &mut programs),
                    Some(place) => {
                        let place = place.to_le_bytes();
                        programs.extend(ELSEWHERE.to_le_bytes());
                        programs.extend(u32::try_from(place.len()).unwrap_or_default().to_le_bytes());
                        programs.extend(place);
                    }
                }
            }
            if let Some((bucket, _)) = of_bucket.first() {
                buckets[*bucket as usize] = start..programs.len();
            }
        }
        programs.shrink_to_fit();
        Segment {
            symbols: Symbols::default(),
            shared: writer.shared,
            programs,
            buckets,
            of_symbols: self.of_symbols,
            accesses: accesses(self.buckets),
            uses: Vec::new(),
            always: self.always,
        }
    }
}

fn once_each(buckets: &mut Vec<Bucket>) {
    buckets.sort_unstable();
    buckets.dedup();
}

fn next(count: &mut Bucket) -> Bucket {
    *count += 1;
    *count - 1
}

fn accesses(buckets: HashMap<Key<'static>, Bucket, FixedState>) -> HashMap<FieldId, Access, FixedState> {
    let mut accesses = HashMap::<FieldId, Access, FixedState>::default();
    for (key, bucket) in buckets {
        let Some(field) = key.field() else { continue };
        let access = accesses.entry(field).or_default();
        match key {
            Key::Symbol(_) => {}
            Key::Prefix(_, text) => access.prefixes.add(&text, bucket),
            Key::Suffix(_, text) => access.suffixes.add(&text, bucket),
            Key::FoldedPrefix(_, text) => access.folded_prefixes.add(&text, bucket),
            Key::FoldedSuffix(_, text) => access.folded_suffixes.add(&text, bucket),
            Key::Folded(_, text) => drop(access.folded.insert(text.into(), bucket)),
            Key::Range(_, low, high) => access.ranges.add(low, high, bucket),
            Key::Block(_, block) => access.blocks.add(block, bucket),
            Key::Anything(_) => access.anything = Some(bucket),
        }
    }
    accesses.values_mut().for_each(Access::seal);
    accesses
}
