//! Which of many rules an event concerns, in time that depends on the event and on the rules that it may concern, and not on
//! how many there are.
//!
//! 1. `scan` reads the bytes of an event (or `walk` a value that is there) and notes what stands at fields that some rule
//!    names: its sightings. All else is checked and passed over.
//! 2. Each value that was seen leads to buckets of rules: those that were planned to be found by it (`plan`, `access`).
//! 3. What is left of these rules is checked on the sightings (`check`). Where conditions of one rule choose among the
//!    elements of a list in a way that is not decided there, the match of the rule itself is asked, on the whole event.
//!
//! A matcher does not change; [`Builder::after`] makes another one that shares what stayed.

mod access;
mod build;
mod check;
mod draft;
mod fields;
mod literal;
mod plan;
mod program;
mod scaled;
mod scan;
mod segment;
mod sightings;
mod symbols;
mod walk;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use self::fields::Fields;
use self::plan::Names;
use self::scaled::Exact;
use self::scan::Stop;
use self::segment::{Outcome, Scratch, Segment};
use self::sightings::{NONE, Seen, Sightings};
use crate::ids::{EventType, SubAppId};
use crate::pattern::Pattern;
use crate::value::{JsonError, Value};

pub use self::build::Builder;
pub use self::plan::Subject;

/// How many times values may be compared for one event: well below a second. Rules that were not looked at by then are
/// reported, and neither match nor "do not match".
pub const STEP_LIMIT: u64 = 20_000_000;

/// Rules, ready to be asked.
#[derive(Debug, Clone)]
pub struct Matcher {
    names: Arc<Names>,
    /// Most rules, compiled once.
    base: Part,
    /// Those that came or changed since.
    changes: Part,
}

/// Rules that were compiled together.
#[derive(Debug, Clone, Default)]
struct Part {
    segment: Arc<Segment>,
    /// The number of each rule in the whole; [`NONE`] for one that is gone.
    numbers: Arc<[u32]>,
}

/// What an event is, beside its body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Envelope<'a> {
    /// Its type.
    pub kind: Option<&'a EventType>,
    /// Its application.
    pub app: Option<SubAppId>,
}

/// What the rules say to an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The numbers of the rules that match, in order.
    pub matched: Vec<u32>,
    /// The numbers of rules that were not decided within [`STEP_LIMIT`], in order.
    pub undecided: Vec<u32>,
}

impl Found {
    /// With those of the open rules that match when they are asked.
    fn with(mut self, open: Vec<u32>, mut ask: impl FnMut(u32) -> bool) -> Self {
        self.matched.extend(open.into_iter().filter(|rule| ask(*rule)));
        self.matched.sort_unstable();
        self.matched.dedup();
        self
    }
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Default)]
struct Memory {
    sightings: Option<Sightings<'static>>,
    scratch: Scratch,
}

impl<'a> Subject<'a> {
    /// A rule with this match, for events of these types and applications; none is all.
    #[must_use]
    pub fn new(
        kinds: Option<&'a BTreeSet<EventType>>,
        apps: Option<&'a BTreeSet<SubAppId>>,
        pattern: Option<&'a Pattern>,
    ) -> Self {
        Self { kinds, apps, parts: pattern.map_or(&[], Pattern::parts) }
    }
}

impl Matcher {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parts = [&self.base, &self.changes];
        parts.iter().map(|part| part.segment.bytes() + part.numbers.len() * size_of::<u32>()).sum()
    }

    /// The rules that match an event whose document is this JSON text. `ask` gives the answer of a rule's own match on the
    /// whole document.
    ///
    /// # Errors
    ///
    /// When the text is no JSON.
    pub fn find_in_json(
        &self,
        envelope: Envelope<'_>,
        text: &[u8],
        ask: impl FnMut(u32, &Value) -> bool,
    ) -> Result<Found, JsonError> {
        self.find_at(Fields::ROOT, envelope, text, ask)
    }

    /// As [`Matcher::find_in_json`], for a text that stands at this name in the document.
    ///
    /// # Errors
    ///
    /// When the text is no JSON.
    pub fn find_in_json_at(
        &self,
        name: &str,
        envelope: Envelope<'_>,
        text: &[u8],
        mut ask: impl FnMut(u32, &Value) -> bool,
    ) -> Result<Found, JsonError> {
        let whole = |value: &Value| Value::map([(name.to_owned(), value.clone())].into());
        let mut document = None;
        let mut ask = |rule: u32, value: &Value| ask(rule, document.get_or_insert_with(|| whole(value)));
        match self.names.fields.child(Fields::ROOT, name) {
            Some(root) => self.find_at(root, envelope, text, &mut ask),
            // No rule names anything in it; it is to be JSON all the same.
            None => self.find_at(self.names.nowhere, envelope, text, &mut ask),
        }
    }

    fn find_at(
        &self,
        root: fields::FieldId,
        envelope: Envelope<'_>,
        text: &[u8],
        mut ask: impl FnMut(u32, &Value) -> bool,
    ) -> Result<Found, JsonError> {
        let mut value = None;
        with_memory(self.names.fields.len(), |mut seen, scratch| {
            let outcome = match scan::scan(text, &self.names.fields, root, &mut seen) {
                Ok(()) => Ok(self.judge(envelope, &mut seen, scratch)),
                Err(Stop::Malformed | Stop::Repeated) => Value::from_json(text).map(|whole| {
                    let whole = value.insert(whole);
                    let mut seen = Sightings::new(self.names.fields.len());
                    walk::walk(whole, &self.names.fields, root, &mut seen);
                    self.judge(envelope, &mut seen, scratch)
                }),
            };
            (outcome, seen)
        })
        .and_then(|(found, open)| {
            let whole = match value {
                None if !open.is_empty() => Value::from_json(text)?,
                read => read.unwrap_or_default(),
            };
            Ok(found.with(open, |rule| ask(rule, &whole)))
        })
    }

    /// The rules that match an event whose document has these members. `ask` gives the answer of a rule's own match on the
    /// whole document.
    pub fn find<'v>(
        &self,
        envelope: Envelope<'_>,
        members: impl IntoIterator<Item = (&'static str, &'v Value)>,
        ask: impl FnMut(u32) -> bool,
    ) -> Found {
        let fields = &self.names.fields;
        let (found, open) = with_memory(fields.len(), |mut seen, scratch| {
            for (name, value) in members {
                if let Some(root) = fields.child(Fields::ROOT, name) {
                    walk::walk(value, fields, root, &mut seen);
                }
            }
            (self.judge(envelope, &mut seen, scratch), seen)
        });
        found.with(open, ask)
    }

    /// Whether a rule names something in this member of the document.
    #[must_use]
    pub fn looks_at(&self, name: &str) -> bool {
        self.names.fields.child(Fields::ROOT, name).is_some()
    }

    /// The rules that match, in no order, and those that have to be asked.
    fn judge<'e>(&self, envelope: Envelope<'e>, seen: &mut Sightings<'e>, scratch: &mut Scratch) -> (Found, Vec<u32>) {
        if let Some(kind) = envelope.kind {
            seen.add(self.names.kind, NONE, Seen::Text(kind.as_str().into()));
        }
        if let Some(app) = envelope.app {
            seen.add(self.names.app, NONE, Seen::Number(Exact::of(&app.0.into())));
        }
        let (mut found, mut open) = (Found::default(), Vec::new());
        let mut steps_left = STEP_LIMIT;
        for part in [&self.base, &self.changes].into_iter().filter(|part| !part.numbers.is_empty()) {
            let mut outcome = Outcome { steps_left, ..Outcome::default() };
            part.segment.judge(&self.names, seen, scratch, &mut outcome);
            steps_left = outcome.steps_left;
            let number = |rule: &u32| part.numbers.get(*rule as usize).copied().filter(|number| *number != NONE);
            found.matched.extend(outcome.matched.iter().filter_map(number));
            found.undecided.extend(outcome.undecided.iter().filter_map(number));
            open.extend(outcome.open.iter().filter_map(number));
        }
        for rules in [&mut found.undecided, &mut open] {
            rules.sort_unstable();
            rules.dedup();
        }
        (found, open)
    }
}

/// Lends the memory of this thread. Where it is lent already, as in a rule that asks a matcher, there is new one.
fn with_memory<'e, T>(fields: usize, work: impl FnOnce(Sightings<'e>, &mut Scratch) -> (T, Sightings<'e>)) -> T {
    MEMORY.with(|memory| {
        let Ok(mut memory) = memory.try_borrow_mut() else {
            return work(Sightings::new(fields), &mut Scratch::default()).0;
        };
        let seen = memory.sightings.take().map_or_else(|| Sightings::new(fields), |kept| kept.cleared(fields));
        let (result, seen) = work(seen, &mut memory.scratch);
        memory.sightings = Some(seen.cleared(fields));
        result
    })
}
