//! From a value to the rules that it may concern: indexes of one field, other than for equality.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use ipnet::IpNet;

use super::scaled::Exact;
use super::sightings::{NONE, Seen};
use crate::pattern::fold::folded;

/// The number of a bucket of rules.
pub(super) type Bucket = u32;

/// What can be known of a field beforehand.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) prefixes: Affixes,
    pub(super) suffixes: Affixes,
    pub(super) folded_prefixes: Affixes,
    pub(super) folded_suffixes: Affixes,
    pub(super) folded: HashMap<Box<str>, Bucket, FixedState>,
    pub(super) ranges: Ranges,
    pub(super) blocks: Blocks,
    /// For whatever is there.
    pub(super) anything: Option<Bucket>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            prefixes: Affixes::default(),
            suffixes: Affixes::reversed(),
            folded_prefixes: Affixes::default(),
            folded_suffixes: Affixes::reversed(),
            folded: HashMap::default(),
            ranges: Ranges::default(),
            blocks: Blocks::default(),
            anything: None,
        }
    }
}

impl Access {
    /// Puts the buckets of all rules that the value may concern into `found`, but those that ask for a range of numbers.
    pub(super) fn find(&self, seen: &Seen<'_>, found: &mut Vec<Bucket>) {
        found.extend(self.anything);
        if let Seen::Text(text) = seen {
            self.find_text(text, found);
        }
    }

    fn find_text(&self, text: &str, found: &mut Vec<Bucket>) {
        self.prefixes.find(text.as_bytes(), found);
        self.suffixes.find(text.as_bytes(), found);
        if !(self.folded.is_empty() && self.folded_prefixes.is_empty() && self.folded_suffixes.is_empty()) {
            let text = folded(text);
            found.extend(self.folded.get(text.as_str()));
            self.folded_prefixes.find(text.as_bytes(), found);
            self.folded_suffixes.find(text.as_bytes(), found);
        }
        self.blocks.find(text, found);
    }

    /// Orders what was put in, before the first search.
    pub(super) fn seal(&mut self) {
        for affixes in [&mut self.prefixes, &mut self.suffixes, &mut self.folded_prefixes, &mut self.folded_suffixes] {
            affixes.seal();
        }
        self.ranges.seal();
    }
}

/// Texts that a text may begin with; or end with, when `is_reversed`.
#[derive(Debug, Default)]
pub(super) struct Affixes {
    is_reversed: bool,
    /// Sorted, read from the end when reversed.
    sorted: Vec<Affix>,
}

#[derive(Debug)]
struct Affix {
    text: Box<[u8]>,
    /// The longest other one that this one begins with, or [`NONE`].
    shorter: u32,
    bucket: Bucket,
}

impl Affixes {
    pub(super) fn reversed() -> Self {
        Self { is_reversed: true, sorted: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    pub(super) fn add(&mut self, text: &str, bucket: Bucket) {
        let mut text: Box<[u8]> = text.as_bytes().into();
        if self.is_reversed {
            text.reverse();
        }
        self.sorted.push(Affix { text, shorter: NONE, bucket });
    }

    fn seal(&mut self) {
        self.sorted.sort_unstable_by(|a, b| a.text.cmp(&b.text));
        let mut open: Vec<usize> = Vec::new();
        for at in 0..self.sorted.len() {
            while open.last().is_some_and(|last| !self.sorted[at].text.starts_with(&self.sorted[*last].text)) {
                open.pop();
            }
            self.sorted[at].shorter = open.last().and_then(|last| u32::try_from(*last).ok()).unwrap_or(NONE);
            open.push(at);
        }
    }

    /// All that the text begins (ends) with are the longest one and those that this one begins with. The longest is the last
    /// one that is not greater than the text, or one that this begins with.
    fn find(&self, text: &[u8], found: &mut Vec<Bucket>) {
        if self.sorted.is_empty() {
            return;
        }
        let not_greater = |affix: &Affix| self.compare(&affix.text, text) != Ordering::Greater;
        let mut at = self.sorted.partition_point(not_greater).wrapping_sub(1);
        while let Some(affix) = self.sorted.get(at) {
            if self.fits(&affix.text, text) {
                found.push(affix.bucket);
            }
            at = affix.shorter as usize;
        }
    }

    fn compare(&self, affix: &[u8], text: &[u8]) -> Ordering {
        if self.is_reversed { affix.iter().cmp(text.iter().rev()) } else { affix.cmp(text) }
    }

    fn fits(&self, affix: &[u8], text: &[u8]) -> bool {
        if self.is_reversed {
            affix.len() <= text.len() && affix.iter().eq(text.iter().rev().take(affix.len()))
        } else {
            text.starts_with(affix)
        }
    }
}

/// Ranges of numbers, found by a number in them. Whether a bound itself belongs to a range is left to the rule.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// By their low bounds: a tree whose root is in the middle, and so on in both halves.
    sorted: Vec<Span>,
}

#[derive(Debug)]
struct Span {
    low: Option<Exact>,
    high: Option<Exact>,
    /// The greatest high bound of its part of the tree; none when one of them has none.
    reach: Option<Exact>,
    bucket: Bucket,
}

impl Ranges {
    pub(super) fn add(&mut self, low: Option<Exact>, high: Option<Exact>, bucket: Bucket) {
        self.sorted.push(Span { low, reach: high.clone(), high, bucket });
    }

    fn seal(&mut self) {
        self.sorted.sort_by(|a, b| a.low.cmp(&b.low));
        let _whole = reach(&mut self.sorted);
    }

    /// The buckets of all ranges that a number is in.
    pub(super) fn find(&self, number: &Exact, found: &mut Vec<Bucket>) {
        stab(&self.sorted, number, found);
    }

    /// The buckets of all ranges.
    pub(super) fn all(&self, found: &mut Vec<Bucket>) {
        found.extend(self.sorted.iter().map(|span| span.bucket));
    }
}

/// Notes the reach of every part of the tree, and says that of the whole, which is not empty.
fn reach(spans: &mut [Span]) -> Option<Exact> {
    let (before, rest) = spans.split_at_mut(spans.len() / 2);
    let (root, after) = rest.split_first_mut()?;
    for side in [before, after] {
        if !side.is_empty() {
            let other = reach(side);
            root.reach = root.reach.take().zip(other).map(|(own, other)| own.max(other));
        }
    }
    root.reach.clone()
}

fn stab(spans: &[Span], number: &Exact, found: &mut Vec<Bucket>) {
    let (before, rest) = spans.split_at(spans.len() / 2);
    let Some((root, after)) = rest.split_first() else { return };
    if root.reach.as_ref().is_some_and(|reach| reach < number) {
        return;
    }
    stab(before, number, found);
    if root.low.as_ref().is_some_and(|low| low > number) {
        return;
    }
    if root.high.as_ref().is_none_or(|high| high >= number) {
        found.push(root.bucket);
    }
    stab(after, number, found);
}

/// Blocks of addresses, found by an address in them.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: HashMap<IpNet, Bucket, FixedState>,
    /// The lengths that there are.
    lengths: Vec<u8>,
}

impl Blocks {
    pub(super) fn add(&mut self, block: IpNet, bucket: Bucket) {
        if !self.lengths.contains(&block.prefix_len()) {
            self.lengths.push(block.prefix_len());
        }
        self.blocks.insert(block.trunc(), bucket);
    }

    fn find(&self, text: &str, found: &mut Vec<Bucket>) {
        if self.lengths.is_empty() {
            return;
        }
        let Ok(address) = text.parse::<IpAddr>() else { return };
        let address = address.to_canonical();
        let blocks = self.lengths.iter().filter_map(|length| IpNet::new(address, *length).ok());
        found.extend(blocks.filter_map(|block| self.blocks.get(&block.trunc())));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(mut buckets: Vec<Bucket>) -> Vec<Bucket> {
        buckets.sort_unstable();
        buckets
    }

    fn numbered<T>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = (T, Bucket)> {
        items.into_iter().zip(0..)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn all_that_a_text_begins_or_ends_with_are_found(
            affixes in prop::collection::hash_set("[ab]{0,5}", 0..20), text in "[abc]{0,8}", is_reversed in any::<bool>(),
        ) {
            let mut index = if is_reversed { Affixes::reversed() } else { Affixes::default() };
            let mut expected = Vec::new();
            for (affix, bucket) in numbered(&affixes) {
                index.add(affix, bucket);
                let fits = if is_reversed { text.ends_with(affix.as_str()) } else { text.starts_with(affix.as_str()) };
                expected.extend(fits.then_some(bucket));
            }
            index.seal();
            let mut found = Vec::new();
            index.find(text.as_bytes(), &mut found);
            prop_assert_eq!(sorted(found), expected);
        }

        #[test]
        fn all_ranges_around_a_number_are_found(
            ranges in prop::collection::vec((prop::option::of(-9_i64..9), prop::option::of(-9_i64..9)), 0..30), number in -10_i64..10,
        ) {
            let exact = |number: i64| Exact::of(&number.into());
            let mut index = Ranges::default();
            let mut expected = Vec::new();
            for ((low, high), bucket) in numbered(ranges) {
                index.add(low.map(exact), high.map(exact), bucket);
                let holds = low.is_none_or(|low| low <= number) && high.is_none_or(|high| high >= number);
                expected.extend(holds.then_some(bucket));
            }
            index.seal();
            let mut found = Vec::new();
            index.find(&exact(number), &mut found);
            prop_assert_eq!(sorted(found), expected);
        }
    }

    #[test]
    fn all_blocks_around_an_address_are_found() {
        let mut index = Blocks::default();
        for (block, bucket) in numbered(["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "::/0", "11.0.0.0/8"]) {
            index.add(block.parse().unwrap(), bucket);
        }
        let found = |text: &str| {
            let mut found = Vec::new();
            index.find(text, &mut found);
            sorted(found)
        };
        assert_eq!(found("10.1.2.3"), [0, 1, 2]);
        assert_eq!(found("::ffff:10.2.2.3"), [0, 2]);
        assert_eq!(found("::1"), [3]);
        assert_eq!(found("no address"), [0; 0]);
    }
}
