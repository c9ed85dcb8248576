//! How a matcher comes to be: rule by rule, anew or after one that most rules stayed in.

use std::sync::Arc;

use super::draft::Draft;
use super::fields::Fields;
use super::plan::{Names, Subject};
use super::sightings::NONE;
use super::{Matcher, Part};

/// Changes of so many rules, or of this part of all, are compiled again and again with each further change. When there are more
/// of them, all rules are compiled anew.
const CHANGES: usize = 1_024;
const CHANGED_PART: usize = 8;

/// Takes rules one by one, keeps nothing of them but what finds and checks them, and makes a matcher of it.
#[derive(Debug)]
pub struct Builder {
    before: Option<Before>,
    draft: Draft,
    /// The number of each rule that was added.
    numbers: Vec<u32>,
}

/// What was compiled already.
#[derive(Debug)]
struct Before {
    base: Part,
    /// By which number a rule was compiled that now has this one; [`NONE`] when it is not in it.
    places: Vec<u32>,
    /// The new number of each rule in it, by the one that it was compiled with; [`NONE`] when it is gone.
    numbers: Vec<u32>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// For rules of which none is compiled yet.
    #[must_use]
    pub fn new() -> Self {
        let mut fields = Fields::new();
        let [kind, app] = ["type", "application"].map(|name| fields.hidden(name));
        Self { before: None, draft: Draft::new(Names { fields, kind, app }), numbers: Vec::new() }
    }

    /// For rules that take the place of those of a matcher, and are mostly the same.
    #[must_use]
    pub fn after(matcher: &Matcher) -> Self {
        let base = matcher.base.clone();
        let size = base.numbers.iter().filter(|number| **number != NONE).max().map_or(0, |most| *most as usize + 1);
        let mut places = vec![NONE; size];
        for (place, number) in (0..).zip(base.numbers.iter()) {
            if let Some(of_number) = places.get_mut(*number as usize) {
                *of_number = place;
            }
        }
        let numbers = vec![NONE; base.numbers.len()];
        let draft = Draft::new(matcher.names.as_ref().clone());
        Self { before: Some(Before { base, places, numbers }), draft, numbers: Vec::new() }
    }

    /// Gives a new number to a rule that had another one before. False when it was not compiled for good then: it is to be
    /// added.
    pub fn keep(&mut self, old: u32, new: u32) -> bool {
        let Some(Before { places, numbers, .. }) = &mut self.before else { return false };
        let place = places.get(old as usize).copied().unwrap_or(NONE);
        let number = numbers.get_mut(place as usize);
        let is_kept = number.is_some();
        if let Some(number) = number {
            *number = new;
        }
        is_kept
    }

    /// Adds a rule, which is found by this number.
    pub fn add(&mut self, number: u32, subject: Subject<'_>) {
        self.numbers.push(number);
        self.draft.add(number, subject);
    }

    /// The matcher of the rules that were kept or added. When so much has changed that they had better all be compiled anew,
    /// `all` adds each of them to another builder.
    #[must_use]
    pub fn finish(self, all: impl FnOnce(&mut Self)) -> Matcher {
        if !self.is_outgrown() {
            return self.close();
        }
        let mut anew = Self::new();
        all(&mut anew);
        anew.close()
    }

    fn is_outgrown(&self) -> bool {
        let Some(Before { numbers, places, .. }) = &self.before else { return false };
        let compiled = places.iter().filter(|place| **place != NONE).count();
        let kept = numbers.iter().filter(|number| **number != NONE).count();
        compiled - kept + self.numbers.len() > CHANGES.max(compiled / CHANGED_PART)
    }

    fn close(self) -> Matcher {
        let Self { before, draft, numbers } = self;
        let (segment, names) = draft.finish();
        let mut added = Part { segment: Arc::new(segment), numbers: Arc::default(), is_moved: false };
        let (base, changes) = match before {
            None => {
                added.numbers = row(&numbers);
                (added, Part::default())
            }
            Some(Before { base, numbers, .. }) => {
                let is_moved = base.is_moved || *base.numbers != *numbers;
                (Part { segment: base.segment, numbers: numbers.into(), is_moved }, added)
            }
        };
        Matcher { names: Arc::new(names), base, changes }
    }
}

/// The row in which each of these numbers stands at its own place.
fn row(numbers: &[u32]) -> Arc<[u32]> {
    let mut row = vec![NONE; numbers.iter().max().map_or(0, |most| *most as usize + 1)];
    for number in numbers {
        if let Some(place) = row.get_mut(*number as usize) {
            *place = *number;
        }
    }
    row.into()
}
