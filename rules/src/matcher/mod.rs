//! Which of many rules an event concerns, in time that depends on the event and on the rules that it may concern, and not on
//! how many there are.
//!
//! 1. `scan` reads the bytes of an event's body and notes what stands at fields that some rule names: its sightings. All else
//!    is checked and passed over. Only where names are repeated, `walk` looks through the value instead.
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
use self::scan::{Roots, Unread};
use self::segment::{Outcome, Scratch, Segment};
use self::sightings::{NONE, Seen, Sightings};
use crate::event::Payload;
use crate::ids::{EventType, SubAppId};
use crate::pattern::Pattern;
use crate::value::Value;

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

/// What the rules are asked about: an event, with what the paths of a match lead into.
#[derive(Debug, Clone, Copy)]
pub struct Document<'e> {
    /// Its type.
    pub kind: Option<&'e EventType>,
    /// Its application.
    pub app: Option<SubAppId>,
    /// `event`, where a rule [looks at it](Matcher::looks_at).
    pub event: Option<&'e Value>,
    /// The JSON text of `body`.
    pub body: &'e [u8],
    /// Which part of the body `payload` is; none when there is no such root.
    pub payload: Option<&'e Payload>,
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

    /// The rules that match an event, from the bytes of its body. `tree` gives the value of the body, where the bytes do not tell:
    /// a name that a rule looks at is repeated. `ask` gives the answer of a rule's own match on the whole document, where its
    /// conditions choose among the elements of a list.
    ///
    /// # Errors
    ///
    /// That of `tree`, which is asked too when the body is no JSON.
    pub fn find<'e, E>(
        &self,
        document: Document<'e>,
        tree: impl FnOnce() -> Result<&'e Value, E>,
        ask: impl FnMut(u32) -> bool,
    ) -> Result<Found, E> {
        let fields = &self.names.fields;
        let root = |name| fields.child(Fields::ROOT, name);
        let roots = Roots { body: root("body"), payload: root("payload").zip(document.payload) };
        let (found, open) = with_memory(fields.len(), |mut seen, scratch| {
            let outcome = match scan::scan(document.body, fields, roots, &mut seen) {
                Ok(()) => Ok(self.judge(document, &mut seen, scratch)),
                Err(Unread) => tree().map(|body| {
                    let mut seen = Sightings::new(fields.len());
                    walk::walk_body(body, fields, roots, &mut seen);
                    self.judge(document, &mut seen, scratch)
                }),
            };
            (outcome, seen)
        })?;
        Ok(found.with(open, ask))
    }

    /// Whether a rule names something in this member of the document.
    #[must_use]
    pub fn looks_at(&self, name: &str) -> bool {
        self.names.fields.child(Fields::ROOT, name).is_some()
    }

    /// The rules that match, in no order, and those that have to be asked.
    fn judge<'e>(&self, document: Document<'e>, seen: &mut Sightings<'e>, scratch: &mut Scratch) -> (Found, Vec<u32>) {
        let fields = &self.names.fields;
        if let Some((event, root)) = document.event.zip(fields.child(Fields::ROOT, "event")) {
            walk::walk(event, fields, root, seen);
        }
        if let Some(kind) = document.kind {
            seen.add(self.names.kind, NONE, Seen::Text(kind.as_str().into()));
        }
        if let Some(app) = document.app {
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
