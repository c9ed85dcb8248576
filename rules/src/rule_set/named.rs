//! The names of rules: in a row of their own, since they are what is most often asked of a rule that was found, and found by a
//! table of their numbers.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher as _;

use crate::ids::RuleName;

/// The names of rules that are numbered from 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    names: Vec<RuleName>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl Named {
    /// These names, each different from the others.
    pub(super) fn new(names: impl ExactSizeIterator<Item = RuleName>) -> Self {
        let mut made = Self {
            names: Vec::with_capacity(names.len()),
            numbers: HashTable::with_capacity(names.len()),
            hasher: RandomState::default(),
        };
        let Self { names: row, numbers, hasher } = &mut made;
        for (number, name) in (0..).zip(names) {
            row.push(name.clone());
            let hash = |number: &u32| hasher.hash_one(row.get(*number as usize).map_or("", RuleName::as_str));
            numbers.insert_unique(hasher.hash_one(name.as_str()), number, hash);
        }
        made
    }

    /// The number of the rule of this name.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.numbers
            .find(self.hasher.hash_one(name), |number| self.name(*number).is_some_and(|n| n.as_str() == name))
            .copied()
    }

    /// The name of the rule of this number.
    pub(super) fn name(&self, number: u32) -> Option<&RuleName> {
        self.names.get(number as usize)
    }
}
