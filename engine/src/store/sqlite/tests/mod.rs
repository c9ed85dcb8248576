//! What the suite for all drivers cannot see: files, limits, plans, groups.

mod commits;
mod copy;
mod damage;
mod files;
mod full;
mod log;
mod plans;
mod reads;
mod speed;

use std::path::Path;
use std::sync::Arc;

use oncue_rules::event::CorrelationKey;
use oncue_rules::ids::{ContentHash, EventId, EventType, RuleName, RunId, SourceName, SubAppId};
use oncue_rules::time::Timestamp;

use super::{Options, SqliteStore};
use crate::store::{Accept, NewEvent, NewRun, NodeId, RunStatus, Verdicts};

const APP: SubAppId = SubAppId(1_500_000_001);

fn at(millis: i64) -> Timestamp {
    Timestamp(1_760_000_000_000 + millis)
}

fn open(path: &Path) -> Arc<SqliteStore> {
    SqliteStore::open(path, &Options::default()).unwrap()
}

/// An event with a body that zstd cannot make smaller.
fn event(number: u64, body_bytes: usize) -> NewEvent {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    NewEvent {
        id: EventId::generate(),
        source: SourceName::from("vod"),
        kind: EventType::from("NewFileUpload"),
        subappid: Some(APP),
        dedupe_key: format!("d{number}"),
        dedupe_until: at(600_000),
        received_at: at(0),
        body: std::iter::repeat_with(noise).take(body_bytes).collect(),
        keys: ["file_id", "task_id"]
            .map(|name| CorrelationKey { name: name.to_owned(), value: format!("{name}-{number}") })
            .to_vec(),
        envelope: "{\"depth\":0}".to_owned(),
        verdicts: Verdicts::default(),
    }
}

fn run(lease: Option<&str>) -> NewRun {
    NewRun {
        end: None,
        id: RunId::generate(),
        rule: RuleName::from("rule"),
        closure: ContentHash::from("c0ffee"),
        status: RunStatus::Pending,
        state: "{\"cursor\":[]}".to_owned(),
        steps: Vec::new(),
        timers: Vec::new(),
        lease: lease.map(|node| (NodeId(node.into()), at(60_000))),
        gather: None,
        limit: None,
    }
}

fn accept(number: u64, body_bytes: usize) -> Accept {
    Accept { event: event(number, body_bytes), runs: vec![run(Some("a"))] }
}
