//! What senders were told is stored.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use oncue_rules::ids::{EventId, SubAppId};
use serde::Deserialize;

use super::super::{Exit, Failure};
use crate::store::{Identity, Violation};

/// Events of a ledger, at most: each takes some hundred bytes of memory.
const MOST_EVENTS: usize = 5_000_000;
/// Bytes of a line, at most.
const LONGEST_LINE: u64 = 64 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    event: Option<EventId>,
    subappid: Option<u64>,
    dedupe_key: Option<String>,
    status: u16,
}

/// How a sender names an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Id(EventId),
    Key(Option<SubAppId>, String),
}

/// The acknowledged events, with how often each was met in the store.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<Name, u32>);

impl Ledger {
    /// Reads a file of lines.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path)
            .map_err(|error| Failure::caused(Exit::NotFound, format!("cannot read {}", path.display()), error))?;
        let mut reader = BufReader::new(file);
        let mut ledger = Self::default();
        let mut text = String::new();
        for number in 1_usize.. {
            let place = || format!("{}:{number}", path.display());
            text.clear();
            let read = reader.by_ref().take(LONGEST_LINE).read_line(&mut text);
            let read = read.map_err(|error| Failure::caused(Exit::Usage, place(), error))?;
            if read == 0 {
                break;
            }
            if !text.trim().is_empty() {
                ledger.add(&text).map_err(|message| Failure::new(Exit::Usage, format!("{}: {message}", place())))?;
            }
        }
        Ok(ledger)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let line: Line = serde_json::from_str(text).map_err(|error| format!("this is no line of a ledger: {error}"))?;
        if line.status != 200 {
            return Ok(());
        }
        let name = match (line.event, line.dedupe_key) {
            (Some(event), None) => Name::Id(event),
            (None, Some(key)) => Name::Key(line.subappid.map(SubAppId), key),
            _ => return Err("give one of `event` and `dedupe_key`".to_owned()),
        };
        self.0.insert(name, 0);
        if self.0.len() > MOST_EVENTS {
            return Err(format!("more than {MOST_EVENTS} events: split the ledger"));
        }
        Ok(())
    }

    /// How many events were acknowledged.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes what is stored.
    pub(super) fn meet(&mut self, events: &[Identity]) {
        for event in events {
            let by_key = Name::Key(event.subappid, event.dedupe_key.clone());
            for name in [Name::Id(event.id), by_key] {
                if let Some(met) = self.0.get_mut(&name) {
                    *met += 1;
                }
            }
        }
    }

    /// What was acknowledged and is not stored exactly once.
    pub(super) fn violations(self) -> impl Iterator<Item = Violation> {
        self.0.into_iter().filter(|(_, met)| *met != 1).map(|(name, met)| {
            let of = match name {
                Name::Id(id) => id.to_string(),
                Name::Key(app, key) => format!("{} {key}", app.map_or_else(|| "-".to_owned(), |app| app.to_string())),
            };
            let (code, message) = match met {
                0 => ("event_lost", "it was acknowledged and is not stored".to_owned()),
                met => ("event_twice", format!("it is stored {met} times")),
            };
            Violation { code, of, message }
        })
    }
}
