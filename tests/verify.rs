//! `oncue verify` through the real binary: a store that a server has written is clean, and every kind of damage is named.

use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{APP, Folder, Serving, eventually, fixture, oncue};

/// One run that ends and one that waits, for the same event.
const RULES: &str = "
rules:
  - name: ends
    on: NewFileUpload
    steps: [{ id: said, uses: log, with: { message: seen } }]
  - name: waits
    on: NewFileUpload
    steps:
      - { id: said, uses: log, with: { message: seen } }
      - id: done
        wait_for: { on: ProcedureStateChanged, keys: { file_id: '${{ trigger.file_id }}' }, timeout: 1h }
";
const UPLOAD: &str = "protocol/events/01_new_file_upload_plain.json";

const WAITING: &str = "(SELECT id FROM runs WHERE status = 'waiting')";
const ENDED: &str = "(SELECT id FROM runs WHERE status = 'succeeded')";

/// A store that a server has written and closed.
struct Closed {
    folder: Folder,
    good: Vec<u8>,
}

impl Closed {
    async fn new() -> Self {
        let folder = Folder::with_rules(RULES);
        let serving = Serving::start(&folder);
        assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
        assert_eq!(serving.post(&fixture(UPLOAD)).await, Some(200));
        for status in ["succeeded", "waiting"] {
            eventually(status, || async {
                let runs = serving.get(&format!("/runs?status={status}")).await;
                runs["items"].get(0).map(|_| ())
            })
            .await;
        }
        assert_eq!(serving.stop(), 0);
        let good = std::fs::read(folder.file("data/oncue.db")).unwrap();
        Self { folder, good }
    }

    fn database(&self) -> PathBuf {
        self.folder.file("data/oncue.db")
    }

    /// The good store with this damage.
    fn damage(&self, sql: &str) {
        for ending in ["-wal", "-shm"] {
            std::fs::remove_file(self.folder.file(&format!("data/oncue.db{ending}"))).ok();
        }
        std::fs::write(self.database(), &self.good).unwrap();
        let connection = Connection::open(self.database()).unwrap();
        connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection.close().unwrap();
    }

    fn event(&self) -> String {
        let connection = Connection::open(self.database()).unwrap();
        connection.query_row("SELECT 'evt_' || lower(hex(id)) FROM events", (), |row| row.get(0)).unwrap()
    }

    /// Exit code and report.
    fn verify(&self, more: &[&str]) -> (i32, Value) {
        let ran = oncue(&[&["verify", "--json"], more].concat()).within(&self.folder).run();
        (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr)))
    }

    fn codes(&self, more: &[&str]) -> Vec<String> {
        let (code, report) = self.verify(more);
        let items = report["items"].as_array().unwrap();
        assert_eq!(code, if items.is_empty() { 0 } else { 6 }, "{report}");
        items.iter().map(|item| item["code"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_a_server_has_written_keeps_every_promise() {
    let closed = Closed::new().await;
    let (code, report) = closed.verify(&[]);
    assert_eq!((code, &report["violations"]), (0, &Value::from(0)), "{report}");
    assert_eq!(report["checked"]["events"], 1, "{report}");
    assert_eq!(report["checked"]["runs"], 2, "{report}");
    let ran = oncue(&["verify"]).within(&closed.folder).success();
    assert!(ran.stdout.ends_with("every promise is kept\n"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_damage_is_named() {
    let closed = Closed::new().await;
    let copied =
        "INSERT INTO runs SELECT x'AA', event, rule, closure, app, status, 0, 0, 0, NULL, NULL, 0, NULL, state, NULL";
    let damages = [
        ("event_without_body", "DELETE FROM bodies".to_owned()),
        ("event_body", "UPDATE bodies SET unpacked = 77".to_owned()),
        ("event_without_verdict", "UPDATE events SET verdicts = '{'".to_owned()),
        ("event_envelope", "UPDATE events SET envelope = '{'".to_owned()),
        ("event_keys", "DELETE FROM event_keys".to_owned()),
        ("event_keys", "UPDATE events SET keys = '{'".to_owned()),
        ("event_needed_by", "UPDATE events SET needed_by = needed_by + 1".to_owned()),
        ("event_needed_by", format!("INSERT INTO handed SELECT {WAITING}, 'x', id FROM events")),
        ("run_without_event", "DELETE FROM events".to_owned()),
        ("body_without_event", "DELETE FROM events".to_owned()),
        ("dedupe_without_event", format!("UPDATE dedupe SET event = x'{}'", "FF".repeat(16))),
        ("run_without_content", "DELETE FROM contents".to_owned()),
        ("content", "UPDATE contents SET unpacked = NULL, body = x'00'".to_owned()),
        ("content", "UPDATE contents SET unpacked = 77".to_owned()),
        ("content_without_vars", "DELETE FROM contents WHERE hash NOT IN (SELECT hash FROM pins)".to_owned()),
        ("run_state", "UPDATE runs SET state = '{'".to_owned()),
        ("run_status", "UPDATE runs SET status = 'confused'".to_owned()),
        ("run_error", "UPDATE runs SET error = '{'".to_owned()),
        ("run_asleep", "DELETE FROM timers; DELETE FROM waits".to_owned()),
        ("run_asleep", format!("INSERT INTO inbox VALUES ({WAITING}, 1, 0, '{{}}')")),
        ("run_inputs", format!("INSERT INTO inbox VALUES ({WAITING}, 99, 0, '{{}}')")),
        ("lease_without_end", "UPDATE runs SET node = 'a' WHERE status = 'waiting'".to_owned()),
        ("ended_run_leased", "UPDATE runs SET free_at = 1 WHERE status = 'succeeded'".to_owned()),
        ("ended_run_wakes", format!("INSERT INTO timers VALUES ({ENDED}, 'x', 'retry', 1)")),
        ("ended_run_wakes", format!("INSERT INTO waits VALUES ('v', 'n', 1, 'k', {ENDED}, 'x', 1)")),
        ("ended_run_wakes", format!("INSERT INTO inbox VALUES ({ENDED}, 1, 0, '{{}}')")),
        ("step", "UPDATE steps SET output = '{'".to_owned()),
        ("step", "UPDATE steps SET outcome = 'confused'".to_owned()),
        ("step", "UPDATE steps SET ended_at = started_at - 1".to_owned()),
        ("key_shared", "UPDATE steps SET key = 'k' WHERE path = 'said'".to_owned()),
        (
            "key_split",
            format!(
                "{copied} FROM runs WHERE status = 'succeeded'; UPDATE steps SET key = 'k' WHERE run = {ENDED};
                 INSERT INTO steps SELECT x'AA', path, outcome, attempts, generation, started_at, ended_at, 'other',
                 error, output FROM steps WHERE key = 'k'"
            )
            .replace("x'AA'", &format!("x'{}'", "00".repeat(16)))
            .replace(&format!("run = {ENDED}"), "run = (SELECT max(id) FROM runs WHERE status = 'succeeded')"),
        ),
        ("sum", "UPDATE tallies SET n = n + 1".to_owned()),
        ("sum", "UPDATE pins SET runs = runs + 1".to_owned()),
    ];
    for (expected, sql) in damages {
        closed.damage(&sql);
        let codes = closed.codes(&[]);
        assert!(codes.iter().any(|code| code == expected), "{expected} is not among {codes:?} after {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_run_that_is_not_stored_are_named_in_every_table() {
    let closed = Closed::new().await;
    let owner = format!("x'{}'", "FF".repeat(16));
    for values in [
        "steps SELECT OWNER, 'p', 'succeeded', 1, 0, 1, 1, NULL, NULL, NULL",
        "failed_attempts SELECT OWNER, 1, 'p', 1, '{}'",
        "timers SELECT OWNER, 'p', 'retry', 1",
        "waits SELECT 'v', 'n', 1, 'k', OWNER, 'p', 1",
        "inbox SELECT OWNER, 1, 1, '{}'",
        "handed SELECT OWNER, 'p', id FROM events",
        "replays SELECT OWNER, x'00', id, 'r', NULL FROM events",
    ] {
        closed.damage(&format!("INSERT INTO {}", values.replace("OWNER", &owner)));
        let codes = closed.codes(&[]);
        assert!(codes.iter().any(|code| code == "rows_without_run"), "{codes:?} after {values}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_event_that_is_not_stored_is_named() {
    let closed = Closed::new().await;
    let event = closed.event();
    let key: String = Connection::open(closed.database())
        .unwrap()
        .query_row("SELECT dedupe_key FROM events", (), |row| row.get(0))
        .unwrap();
    let stored = format!(
        "{{\"event\":\"{event}\",\"status\":200}}\n\n{{\"subappid\":{APP},\"dedupe_key\":\"{key}\",\"status\":200}}\n\
         {{\"subappid\":{APP},\"dedupe_key\":\"refused\",\"status\":503}}\n"
    );
    let ledger = |text: &str| {
        closed.folder.write("sent.jsonl", text);
        closed.codes(&["--ledger", "sent.jsonl"])
    };
    assert_eq!(ledger(&stored), Vec::<String>::new());
    let lost = format!("{{\"subappid\":{APP},\"dedupe_key\":\"another\",\"status\":200}}\n");
    assert_eq!(ledger(&(stored.clone() + lost.as_str())), ["event_lost"]);
    closed.damage(
        "INSERT INTO events SELECT x'00', source, kind, app, dedupe_key, received_at, '[]', envelope, verdicts, 0, 0
         FROM events; UPDATE events SET id = zeroblob(16) WHERE id = x'00'; UPDATE tallies SET n = 2 WHERE what = 'events';
         INSERT INTO bodies VALUES (zeroblob(16), NULL, x'00')",
    );
    assert!(ledger(&stored).contains(&"event_twice".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_verified_has_its_exit_code() {
    let folder = Folder::with_rules(RULES);
    let absent = oncue(&["verify"]).within(&folder).failure();
    assert_eq!(absent.code, 4, "{}", absent.stderr);
    assert!(!folder.file("data/oncue.db").exists(), "verifying makes no store");
    let serving = Serving::start(&folder);
    let in_use = oncue(&["verify"]).within(&folder).failure();
    assert_eq!(in_use.code, 5, "{}", in_use.stderr);
    assert!(in_use.stderr.contains("in use by another process"), "{}", in_use.stderr);
    serving.stop();
    for (line, said) in [("7", "sent.jsonl:2"), ("{\"status\":200}", "give one of"), ("{\"sta", "no line of a ledger")]
    {
        folder.write("sent.jsonl", &format!("\n{line}\n"));
        let refused = oncue(&["verify", "--ledger", "sent.jsonl"]).within(&folder).failure();
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    folder.write("data/oncue.db", &"not a database, but long enough to have a header. ".repeat(400));
    assert_eq!(oncue(&["verify"]).within(&folder).failure().code, 6);
}
