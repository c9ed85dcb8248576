//! What an examination of a store goes through, and what it finds.

use oncue_rules::ids::{EventId, SubAppId};

/// One of the things that an examination goes through, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Events with their bodies, keys and verdicts.
    Events,
    /// Runs with their steps and all that may wake them.
    Runs,
    /// What belongs to a run or an event that is not there.
    Orphans,
    /// Dedupe keys.
    Dedupe,
    /// Rule closures and other contents.
    Contents,
}

impl Part {
    /// Every part, in order.
    pub const ALL: [Self; 5] = [Self::Events, Self::Runs, Self::Orphans, Self::Dedupe, Self::Contents];

    /// Its word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Runs => "runs",
            Self::Orphans => "rows of runs",
            Self::Dedupe => "dedupe keys",
            Self::Contents => "contents",
        }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.iter().copied().skip_while(|part| *part != self).nth(1)
    }
}

/// Where an examination stands. Only the driver that made one knows what `after` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which part is under way.
    pub part: Part,
    /// Which table of the part.
    pub table: usize,
    /// The key of the last row that was looked at; empty at the beginning.
    pub after: Vec<u8>,
}

impl Place {
    /// The beginning.
    pub const START: Self = Self::of(Part::Events);

    /// The beginning of a part.
    #[must_use]
    pub const fn of(part: Part) -> Self {
        Self { part, table: 0, after: Vec::new() }
    }
}

/// A promise that what is stored does not keep.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which promise, as a word that stays the same.
    pub code: &'static str,
    /// What breaks it: an event, a run, a content, a key.
    pub of: String,
    /// What is wrong with it.
    pub message: String,
}

/// An event as its sender knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Its id.
    pub id: EventId,
    /// Its application.
    pub subappid: Option<SubAppId>,
    /// Its dedupe key.
    pub dedupe_key: String,
}

/// What one step of an examination gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Rows that were looked at.
    pub rows: u64,
    /// The events among them.
    pub events: Vec<Identity>,
    /// What was counted, by the name under which the store keeps the sum; [`crate::store::Admin::sums`] has those.
    pub counted: Vec<(String, i64)>,
    /// What is wrong.
    pub violations: Vec<Violation>,
    /// Where to go on; `None` at the end.
    pub next: Option<Place>,
}
