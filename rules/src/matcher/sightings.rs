//! What an event holds at the fields that rules name.

use std::borrow::Cow;

use super::fields::FieldId;
use super::scaled::Exact;

/// No further sighting, no element.
pub(super) const NONE: u32 = u32::MAX;

/// An event with more sightings does not leave its memory to the next one.
const KEPT: usize = 65_536;

/// A value at a named field.
#[derive(Debug)]
pub(super) struct Sighting<'e> {
    pub(super) field: FieldId,
    /// The sighting of the same field before this one, or [`NONE`].
    pub(super) earlier: u32,
    /// The list element that it lies in, or [`NONE`].
    pub(super) element: u32,
    pub(super) value: Seen<'e>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen<'e> {
    Null,
    Bool(bool),
    Number(Exact),
    Text(Cow<'e, str>),
    Map {
        is_empty: bool,
    },
    /// The list itself; what is in it is seen as well.
    List,
}

/// A list or map in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub(super) list: u32,
    pub(super) index: u32,
    /// The element that the list lies in, or [`NONE`].
    pub(super) outer: u32,
}

/// All that was seen of one event.
#[derive(Debug, Default)]
pub(super) struct Sightings<'e> {
    pub(super) all: Vec<Sighting<'e>>,
    /// The last sighting of each field, or [`NONE`].
    latest: Vec<u32>,
    elements: Vec<Element>,
    lists: u32,
    /// Fields at which a list has more than one element that is a list or a map: there, conditions choose.
    pub(super) choices: Vec<FieldId>,
}

impl<'e> Sightings<'e> {
    /// Room for what so many fields may hold.
    pub(super) fn new(fields: usize) -> Self {
        Self { latest: vec![NONE; fields], ..Self::default() }
    }

    #[inline]
    pub(super) fn add(&mut self, field: FieldId, element: u32, value: Seen<'e>) {
        let at = u32::try_from(self.all.len()).unwrap_or(NONE);
        let earlier = std::mem::replace(&mut self.latest[field.0 as usize], at);
        self.all.push(Sighting { field, earlier, element, value });
    }

    pub(super) fn begin_list(&mut self) -> u32 {
        self.lists += 1;
        self.lists
    }

    pub(super) fn element(&mut self, list: u32, index: u32, outer: u32) -> u32 {
        self.elements.push(Element { list, index, outer });
        u32::try_from(self.elements.len() - 1).unwrap_or(NONE)
    }

    pub(super) fn note_choice(&mut self, field: FieldId) {
        if !self.choices.contains(&field) {
            self.choices.push(field);
        }
    }

    /// What was seen of a field, the last first.
    #[inline]
    pub(super) fn of(&self, field: FieldId) -> Of<'_, 'e> {
        Of { sightings: self, next: self.latest.get(field.0 as usize).copied().unwrap_or(NONE) }
    }

    /// Whether two sightings come from the same element of every list that both lie in.
    pub(super) fn agree(&self, one: u32, other: u32) -> bool {
        self.around(one).all(|a| self.around(other).all(|b| a.list != b.list || a.index == b.index))
    }

    /// The elements that an element lies in, itself first.
    fn around(&self, element: u32) -> impl Iterator<Item = Element> {
        let at = |element: u32| self.elements.get(element as usize).copied();
        std::iter::successors(at(element), move |inner| at(inner.outer))
    }

    /// Forgets everything and keeps the memory, if it is not much.
    pub(super) fn cleared<'n>(mut self, fields: usize) -> Sightings<'n> {
        if self.all.len() > KEPT {
            return Sightings::new(fields);
        }
        for sighting in &self.all {
            self.latest[sighting.field.0 as usize] = NONE;
        }
        self.latest.resize(fields, NONE);
        self.elements.clear();
        self.choices.clear();
        self.all.clear();
        Sightings {
            // Nothing is in it: collecting in place keeps the memory for another lifetime.
            all: self.all.into_iter().map(Sighting::nothing).collect(),
            latest: self.latest,
            elements: self.elements,
            lists: 0,
            choices: self.choices,
        }
    }
}

impl Sighting<'_> {
    fn nothing<'n>(self) -> Sighting<'n> {
        Sighting { field: self.field, earlier: NONE, element: NONE, value: Seen::Null }
    }
}

/// What was seen of one field.
pub(super) struct Of<'s, 'e> {
    sightings: &'s Sightings<'e>,
    next: u32,
}

impl<'s, 'e> Iterator for Of<'s, 'e> {
    type Item = (u32, &'s Sighting<'e>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next;
        let sighting = self.sightings.all.get(at as usize)?;
        self.next = sighting.earlier;
        Some((at, sighting))
    }
}
