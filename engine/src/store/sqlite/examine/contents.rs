//! Every content is what its hash says, and has the variables that it names.

use oncue_rules::closure::Closure;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::super::ask::Ask;
use super::super::body::unpack;
use super::super::fault::Fault;
use super::super::rows::Columns;
use super::Findings;

pub(super) fn examine(sql: &Connection, after: &[u8], limit: u32, found: &mut Findings) -> Result<(), Fault> {
    let after = String::from_utf8_lossy(after).into_owned();
    let query = "SELECT hash FROM contents WHERE hash > ?1 ORDER BY hash LIMIT ?2";
    let hashes: Vec<String> = sql.rows(query, (after, limit), |row| Columns::of(row).take())?;
    for hash in hashes {
        found.rows += 1;
        found.after = hash.clone().into_bytes();
        let read = sql.first("SELECT unpacked, body FROM contents WHERE hash = ?1", [&hash], |row| {
            let columns = &mut Columns::of(row);
            let unpacked = columns.take()?;
            unpack(unpacked, columns.take()?)
        });
        let Some(Some(text)) = found.check("content", &hash, read)? else { continue };
        if hex::encode(Sha256::digest(&text)) != hash {
            found.report("content", &hash, "its text has another hash");
        }
        if let Ok(vars) = Closure::vars(&String::from_utf8_lossy(&text))
            && let pinned = "SELECT 1 FROM pins WHERE hash = ?1 AND runs > 0"
            && sql.first(pinned, [&hash], |_| Ok(()))?.is_some()
            && sql.first("SELECT 1 FROM contents WHERE hash = ?1", [vars.as_str()], |_| Ok(()))?.is_none()
        {
            found.report(
                "content_without_vars",
                &hash,
                format!("runs pin it, and its variables {vars} are not stored"),
            );
        }
    }
    Ok(())
}
