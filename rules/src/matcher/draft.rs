//! Rules on their way into a segment: each is read once, and what is kept of it is by what it could be found, and what there is
//! to check, as bytes. When all are known, each is put where it is found best.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::FixedState;

use super::access::{Access, Bucket};
use super::fields::FieldId;
use super::plan::{Choice, Key, KeyId, Names, Planner, Subject, Way};
use super::program::{GIVEN_AT, Ground, Writer, code, effort, says_all};
use super::segment::{ELSEWHERE, GROUP, Segment};
use super::sightings::NONE;

/// A rule that is found by more keys is written once, and its keys lead there.
const COPIES: usize = 8;
/// Fewer rules that are found together are not told apart further.
const ROW: usize = 4;
/// A rule that takes more bytes is not written down: it is asked itself.
const LARGEST: usize = 1 << 20;

/// Rules, in the order in which they come.
#[derive(Debug)]
pub(super) struct Draft {
    names: Names,
    planner: Planner,
    writer: Writer,
    bytes: Vec<u8>,
    demands: Vec<Drafted>,
    /// The number by which each rule is found, and where its demands begin.
    rules: Vec<(u32, usize)>,
}

/// One demand of a rule.
#[derive(Debug)]
struct Drafted {
    way: Way,
    bytes: Range<usize>,
    effort: u8,
    says_all: bool,
}

impl Draft {
    /// No rules yet. Fields that are new are added to `names`.
    pub(super) fn new(names: Names) -> Self {
        Self {
            names,
            planner: Planner::default(),
            writer: Writer::default(),
            bytes: Vec::new(),
            demands: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Adds a rule, which is found by this number.
    pub(super) fn add(&mut self, number: u32, subject: Subject<'_>) {
        let (first, begin) = (self.demands.len(), self.bytes.len());
        self.rules.push((number, first));
        let mut is_written = true;
        for demand in subject.demands() {
            let way = self.planner.way(&mut self.names, demand);
            let start = self.bytes.len();
            let mut ground = Ground { names: &mut self.names, symbols: &mut self.planner.symbols };
            is_written &= self.writer.demand(&mut ground, demand, &mut self.bytes).is_ok();
            let bytes = start..self.bytes.len();
            self.demands.push(Drafted { way, bytes, effort: effort(demand), says_all: says_all(demand) });
        }
        if is_written && self.bytes.len() - begin <= LARGEST {
            return;
        }
        self.bytes.truncate(begin);
        self.bytes.push(code::ASK);
        for (at, demand) in self.demands.iter_mut().skip(first).enumerate() {
            demand.says_all = false;
            demand.bytes = if at == 0 { begin..self.bytes.len() } else { 0..0 };
        }
    }

    /// All rules where they are found.
    pub(super) fn finish(self) -> (Segment, Names) {
        let mut buckets = Buckets::default();
        let choices =
            (0..self.rules.len()).map(|rule| self.planner.choose(self.demands_of(rule).map(|demand| &demand.way)));
        for (rule, choice) in (0..).zip(choices) {
            buckets.add(rule, choice);
        }
        let mut programs = Vec::with_capacity(self.bytes.len() + 8 * self.rules.len());
        let rows = self.write(&mut buckets, &mut programs);
        programs.shrink_to_fit();
        let Self { names, planner, writer, .. } = self;
        let (mut symbols, others) = planner.into_others();
        symbols.shrink();
        let bucket = |other: u32| buckets.of_others.get(other as usize).copied().filter(|bucket| *bucket != NONE);
        let accesses = accesses(others.filter_map(|(key, other)| Some((key, bucket(other)?))));
        buckets.of_symbols.shrink_to_fit();
        let mut segment = Segment {
            symbols,
            shared: writer.shared,
            programs,
            buckets: rows,
            of_symbols: buckets.of_symbols,
            accesses,
            uses: Vec::new(),
            always: buckets.always,
        };
        segment.uses = segment.uses(names.fields.len());
        (segment, names)
    }

    /// The demands of a rule.
    fn demands_of(&self, rule: usize) -> std::slice::Iter<'_, Drafted> {
        let begin = |rule: usize| self.rules.get(rule).map_or(self.demands.len(), |(_, begin)| *begin);
        let (start, end) = (begin(rule), begin(rule + 1));
        self.demands.get(start..end).unwrap_or_default().iter()
    }

    /// Writes the programs of all buckets; where those of each lie.
    fn write(&self, buckets: &mut Buckets, programs: &mut Vec<u8>) -> Vec<Range<usize>> {
        let mut places = HashMap::<u32, usize, FixedState>::default();
        for rule in &buckets.elsewhere {
            places.insert(*rule, programs.len());
            self.write_rule(*rule, [buckets.found_by(*rule), None], programs);
        }
        buckets.postings.sort_unstable();
        buckets.postings.dedup();
        let mut rows = vec![0..0; buckets.count as usize];
        for of_bucket in buckets.postings.chunk_by(|a, b| a.0 == b.0) {
            let start = programs.len();
            let mut here = Vec::new();
            for (_, rule) in of_bucket {
                match places.get(rule) {
                    None => here.push(*rule),
                    Some(place) => entry(ELSEWHERE, &place.to_le_bytes(), programs),
                }
            }
            self.write_row(here, buckets, programs);
            if let Some((bucket, _)) = of_bucket.first() {
                rows[*bucket as usize] = start..programs.len();
            }
        }
        rows
    }

    /// Writes rules that are found together: those that ask for the same value besides lie in a group, so that they are all
    /// passed over where an event does not hold it.
    fn write_row(&self, rules: Vec<u32>, buckets: &Buckets, programs: &mut Vec<u8>) {
        let mut row: Vec<(Option<Second>, u32)> = rules.into_iter().map(|rule| (None, rule)).collect();
        if let Some(field) = self.second_field(&row, buckets) {
            for (second, rule) in &mut row {
                *second = self.seconds(*rule, buckets.found_by(*rule)).find(|second| second.field == field);
            }
            row.sort_by_key(|(second, rule)| (second.map(|second| second.symbol), *rule));
        }
        for together in row.chunk_by(|(a, _), (b, _)| a.map(|a| a.symbol) == b.map(|b| b.symbol)) {
            let group = together.first().and_then(|(second, _)| *second).filter(|_| together.len() > 1);
            if let Some(Second { field, symbol, .. }) = group {
                let words = [field.0, symbol, 0].map(u32::to_le_bytes);
                entry(GROUP, words.as_flattened(), programs);
            }
            let start = programs.len();
            for (second, rule) in together {
                let given = [buckets.found_by(*rule), second.filter(|_| group.is_some()).map(|second| second.demand)];
                self.write_rule(*rule, given, programs);
            }
            if group.is_some() {
                let length = u32::try_from(programs.len() - start).unwrap_or_default();
                programs[start - size_of::<u32>()..start].copy_from_slice(&length.to_le_bytes());
            }
        }
    }

    /// The field by whose values most rules of a row are likely to be passed over.
    fn second_field(&self, row: &[(Option<Second>, u32)], buckets: &Buckets) -> Option<FieldId> {
        if row.len() < ROW {
            return None;
        }
        let mut passed_over: Vec<(FieldId, f64)> = Vec::new();
        for (_, rule) in row {
            for second in self.seconds(*rule, buckets.found_by(*rule)) {
                let part = 1.0 - self.planner.part(KeyId::Symbol(second.symbol));
                match passed_over.iter_mut().find(|(field, _)| *field == second.field) {
                    Some((_, parts)) => *parts += part,
                    None => passed_over.push((second.field, part)),
                }
            }
        }
        passed_over.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(field, _)| field)
    }

    /// What else a rule asks for that is one very value.
    fn seconds(&self, rule: u32, found_by: Option<usize>) -> impl Iterator<Item = Second> {
        let demands = self.demands_of(rule as usize).enumerate().filter(move |(at, _)| Some(*at) != found_by);
        demands.filter_map(|(at, demand)| {
            let symbol = self.planner.symbol(&demand.way).filter(|_| demand.says_all)?;
            Some(Second { field: self.planner.symbols.field(symbol)?, symbol, demand: at })
        })
    }

    /// Writes a rule. Up to two of its demands are given where it is looked at: these come last, the others as they are quick.
    fn write_rule(&self, rule: u32, given: [Option<usize>; 2], out: &mut Vec<u8>) {
        let start = out.len();
        entry(self.rules.get(rule as usize).map_or(NONE, |(number, _)| *number), &[], out);
        let is_given = |at| given.contains(&Some(at));
        let mut demands: Vec<(bool, &Drafted)> =
            self.demands_of(rule as usize).enumerate().map(|(at, demand)| (is_given(at), demand)).collect();
        demands.sort_by_key(|(is_given, demand)| (*is_given, demand.effort));
        for (is_given, demand) in demands {
            let from = out.len();
            out.extend(self.bytes.get(demand.bytes.clone()).unwrap_or_default());
            if is_given && demand.says_all {
                out[from + GIVEN_AT] = u8::from(true);
            }
        }
        let length = u32::try_from(out.len() - start - 8).unwrap_or(0);
        out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    }
}

/// One very value that a rule asks for, beside what it is found by.
#[derive(Debug, Clone, Copy)]
struct Second {
    field: FieldId,
    symbol: u32,
    demand: usize,
}

/// A number, the length of what follows, and that.
fn entry(number: u32, content: &[u8], out: &mut Vec<u8>) {
    out.extend(number.to_le_bytes());
    out.extend(u32::try_from(content.len()).unwrap_or_default().to_le_bytes());
    out.extend(content);
}

/// Which rules are found together.
#[derive(Default)]
struct Buckets {
    /// The bucket of each key, or [`NONE`].
    of_symbols: Vec<Bucket>,
    of_others: Vec<Bucket>,
    count: Bucket,
    always: Option<Bucket>,
    /// Which rule is in which bucket.
    postings: Vec<(Bucket, u32)>,
    /// By which of its demands each rule is found.
    found_by: Vec<Option<usize>>,
    /// Rules of many keys.
    elsewhere: Vec<u32>,
}

impl Buckets {
    fn add(&mut self, rule: u32, choice: Choice) {
        self.found_by.push(choice.demand);
        if choice.demand.is_none() {
            let bucket = *self.always.get_or_insert_with(|| next(&mut self.count));
            self.postings.push((bucket, rule));
            return;
        }
        let first = self.postings.len();
        for key in choice.keys {
            let (buckets, at) = match key {
                KeyId::Symbol(symbol) => (&mut self.of_symbols, symbol as usize),
                KeyId::Other(other) => (&mut self.of_others, other as usize),
            };
            if at >= buckets.len() {
                buckets.resize(at + 1, NONE);
            }
            if buckets[at] == NONE {
                buckets[at] = next(&mut self.count);
            }
            self.postings.push((buckets[at], rule));
        }
        if self.postings.len() - first > COPIES {
            self.elsewhere.push(rule);
        }
    }

    fn found_by(&self, rule: u32) -> Option<usize> {
        self.found_by.get(rule as usize).copied().flatten()
    }
}

fn next(count: &mut Bucket) -> Bucket {
    *count += 1;
    *count - 1
}

fn accesses(keys: impl Iterator<Item = (Key<'static>, Bucket)>) -> HashMap<FieldId, Access, FixedState> {
    let mut accesses = HashMap::<FieldId, Access, FixedState>::default();
    for (key, bucket) in keys {
        let access = accesses.entry(key.field()).or_default();
        match key {
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
