//! What a workflow waits for a month for, no test does.

use std::time::Duration;

use crate::support::Folder;

/// Moves what the store of a server that is down knows of the future to the past, as if it were so much later: sleeps,
/// collections, schedules, and the windows of limits.
pub fn later(folder: &Folder, by: Duration) {
    let by = i64::try_from(by.as_millis()).unwrap();
    let database = rusqlite::Connection::open(folder.file("data/oncue.db")).unwrap();
    for change in [
        "UPDATE timers SET due_at = due_at - ?1",
        "UPDATE collections SET closes_at = closes_at - ?1, closes_by = closes_by - ?1",
        "UPDATE schedules SET until = until - ?1",
        "UPDATE limits SET until = until - ?1",
    ] {
        database.execute(change, [by]).unwrap();
    }
    let mut asleep = database.prepare("SELECT id, state FROM runs WHERE status = 'waiting'").unwrap();
    let asleep = asleep.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let asleep: Vec<(Vec<u8>, String)> = asleep.map(Result::unwrap).collect();
    for (run, state) in asleep {
        database.execute("UPDATE runs SET state = ?2 WHERE id = ?1", (run, earlier(&state, by))).unwrap();
    }
}

/// The state of a run with its sleep moved.
fn earlier(state: &str, by: i64) -> String {
    let Some((before, rest)) = state.split_once("\"until\":") else { return state.to_owned() };
    let end = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap();
    let until: i64 = rest[..end].parse().unwrap();
    format!("{before}\"until\":{}{}", until - by, &rest[end..])
}
