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
mod single;
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
use crate::pattern::{Pattern, TooCostly};
use crate::value::Value;

pub use self::build::Builder;
pub use self::plan::Subject;
pub use self::single::Single;

/// How many times values may be compared for one event, and as many times again be looked at by the matches of rules that have
/// to be asked: about a second. Rules that were not decided by then are reported, and neither match nor "do not match".
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
    /// The number of each rule of the base by the one that it was compiled with; [`NONE`] for one that is gone. That of changes
    /// is not asked for.
    numbers: Arc<[u32]>,
    /// Whether any of them is another one.
    is_moved: bool,
}

impl Part {
    /// The number of a rule of the base; none when it is gone.
    fn number_now(&self, rule: u32) -> Option<u32> {
        self.numbers.get(rule as usize).copied().filter(|number| *number != NONE)
    }
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
    /// The numbers of rules that were not decided, in order: not within [`STEP_LIMIT`] for all, or not within the limit of
    /// their own match.
    pub undecided: Vec<u32>,
}

impl Found {
    /// Whether a rule matches.
    ///
    /// # Errors
    ///
    /// [`TooCostly`] when that was not found out.
    pub fn says(&self, rule: u32) -> Result<bool, TooCostly> {
        let is_in = |rules: &[u32]| rules.binary_search(&rule).is_ok();
        if is_in(&self.undecided) { Err(TooCostly) } else { Ok(is_in(&self.matched)) }
    }
}

/// What is known once all rules were looked at that an event may concern.
struct Looked {
    found: Found,
    /// Those that have to be asked.
    open: Vec<u32>,
}

impl Looked {
    /// Asks the open rules, until [`STEP_LIMIT`] is reached.
    fn ask(self, mut ask: impl FnMut(u32, &mut u64) -> Result<bool, TooCostly>) -> Found {
        let Self { mut found, open } = self;
        let mut steps_left = STEP_LIMIT;
        for rule in open {
            match ask(rule, &mut steps_left) {
                Ok(true) => found.matched.push(rule),
                Ok(false) => {}
                Err(TooCostly) => found.undecided.push(rule),
            }
        }
        for rules in [&mut found.matched, &mut found.undecided] {
            rules.sort_unstable();
            rules.dedup();
        }
        // A rule that is found by several of its values is looked at for each: once may be enough to know that it matches.
        let Found { matched, undecided } = &mut found;
        undecided.retain(|rule| matched.binary_search(rule).is_err());
        found
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
    /// a name that a rule looks at is repeated. `ask` gives the answer of a rule's own match on the whole document, within the
    /// steps that are left ([`Pattern::decide`]), where its conditions choose among the elements of a list.
    ///
    /// # Errors
    ///
    /// That of `tree`, which is asked too when the body is no JSON.
    pub fn find<'e, E>(
        &self,
        document: Document<'e>,
        tree: impl FnOnce() -> Result<&'e Value, E>,
        ask: impl FnMut(u32, &mut u64) -> Result<bool, TooCostly>,
    ) -> Result<Found, E> {
        let fields = &self.names.fields;
        let root = |name| fields.child(Fields::ROOT, name);
        let roots = Roots { body: root("body"), payload: root("payload").zip(document.payload) };
        let looked = with_memory(fields.len(), |mut seen, scratch| {
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
        Ok(looked.ask(ask))
    }

    /// Whether a rule names something in this member of the document.
    #[must_use]
    pub fn looks_at(&self, name: &str) -> bool {
        self.names.fields.child(Fields::ROOT, name).is_some()
    }

    fn judge<'e>(&self, document: Document<'e>, seen: &mut Sightings<'e>, scratch: &mut Scratch) -> Looked {
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
        for part in [&self.base, &self.changes].into_iter().filter(|part| !part.segment.is_empty()) {
            let mut outcome = Outcome { steps_left, ..Outcome::default() };
            part.segment.judge(&self.names, seen, scratch, &mut outcome);
            steps_left = outcome.steps_left;
            let number = |rule: &u32| if part.is_moved { part.number_now(*rule) } else { Some(*rule) };
            found.matched.extend(outcome.matched.iter().filter_map(number));
            found.undecided.extend(outcome.undecided.iter().filter_map(number));
            open.extend(outcome.open.iter().filter_map(number));
        }
        open.sort_unstable();
        open.dedup();
        Looked { found, open }
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
