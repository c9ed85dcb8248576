//! Contents and quarantine: what is stored beside events and runs.

use oncue_rules::ids::ContentHash;
use oncue_rules::time::Timestamp;
use rusqlite::Connection;

use super::ask::Ask;
use super::body::{Packed, pack, unpack};
use super::fault::{Fault, Stop};
use super::rows::{Columns, app};
use super::tx::{Tally, Tx};
use super::writer::Verb;
use crate::store::{Content, Quarantine};

/// [`crate::store::Store::put_contents`].
pub(super) struct PutContents(Vec<(ContentHash, Packed<'static>)>);

/// [`crate::store::Store::quarantine`].
pub(super) struct PutQuarantine {
    received_at: Timestamp,
    app: i64,
    reason: String,
    keep: u32,
    body: Packed<'static>,
}

impl PutContents {
    pub(super) fn new(contents: Vec<Content>) -> Self {
        let packed = |Content { hash, text }| (hash, pack(String::as_bytes(&text)).into_owned());
        Self(contents.into_iter().map(packed).collect())
    }
}

impl PutQuarantine {
    pub(super) fn new(quarantine: Quarantine) -> Self {
        let Quarantine { received_at, subappid, reason, body, keep } = quarantine;
        Self { received_at, app: app(subappid), reason, keep, body: pack(&body).into_owned() }
    }
}

impl Verb for PutContents {
    type Answer = ();
    const DOING: &'static str = "storing contents";

    fn weight(&self) -> usize {
        self.0.iter().map(|(_, content)| 256 + content.bytes.len()).sum()
    }

    fn run(&self, tx: &Tx<'_>) -> Result<(), Stop> {
        for (hash, content) in &self.0 {
            tx.sql.change(
                "INSERT OR IGNORE INTO contents (hash, unpacked, body) VALUES (?1, ?2, ?3)",
                (hash.as_str(), content.unpacked, content),
            )?;
        }
        Ok(())
    }
}

impl Verb for PutQuarantine {
    type Answer = ();
    const DOING: &'static str = "keeping a refused body";

    fn weight(&self) -> usize {
        1024 + self.body.bytes.len() + self.reason.len()
    }

    fn run(&self, tx: &Tx<'_>) -> Result<(), Stop> {
        tx.sql.change(
            "INSERT INTO quarantine (received_at, app, reason, unpacked, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            (self.received_at.0, self.app, &self.reason, self.body.unpacked, &self.body),
        )?;
        tx.tally(Tally::Quarantined, 1);
        let over = tx.tallied(Tally::Quarantined)? - i64::from(self.keep);
        if over > 0 {
            let gone = tx.sql.change(
                "DELETE FROM quarantine WHERE number IN (SELECT number FROM quarantine ORDER BY number LIMIT ?1)",
                [over],
            )?;
            tx.tally(Tally::Quarantined, -i64::try_from(gone).unwrap_or(i64::MAX));
        }
        Ok(())
    }
}

/// [`crate::store::Store::content`].
pub(super) fn content(sql: &Connection, hash: &ContentHash) -> Result<Option<String>, Stop> {
    let found = sql.first("SELECT unpacked, body FROM contents WHERE hash = ?1", [hash.as_str()], |row| {
        let columns = &mut Columns::of(row);
        let unpacked = columns.take()?;
        let bytes = unpack(unpacked, columns.take()?)?;
        String::from_utf8(bytes).map_err(|_| Fault::Damaged(format!("content {hash} is not text")))
    })?;
    Ok(found)
}
