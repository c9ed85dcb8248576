//! Work that goes on after the call that started it.

use std::sync::Arc;
use std::time::Duration;

use oncue_plugins::completion::{Completed, Completion, Failure, Part};
use oncue_rules::event::{Body, CorrelationKey, Event};
use oncue_rules::ids::EventType;
use oncue_rules::rule::{Need, RetryFailed, Step, StepKind, WorkWait};
use oncue_rules::value::{Map, Value};
use serde_json::json;

use super::support::{With, done, step, template};

/// Work tells of its end with `WorkDone`, whose payload says which of its parts, by type, failed. What is submitted again
/// are `parts`.
pub(crate) const WORK: Completion = Completion { events: &["WorkDone"], judge: judge_work, narrow: narrow_work };

fn judge_work(payload: &Value) -> Option<Completed> {
    let part = |result: &Value| {
        let failed = result.get("failed") == &Value::Bool(true);
        let failure = failed.then(|| Failure { code: "Busy.Now".to_owned(), reason: "busy".to_owned() });
        Part { of: "parts", result: result.clone(), failure }
    };
    Some(Completed { parts: payload.get("parts").as_list()?.iter().map(part).collect(), failure: None })
}

#[expect(clippy::unnecessary_wraps, reason = "the form of `Completion::narrow`")]
fn narrow_work(_: &Value, parts: &[&Part]) -> Option<Value> {
    let types = parts.iter().map(|part| part.result.get("Type").clone()).collect();
    Some(Value::map(Map::from([("parts".to_owned(), Value::list(types))])))
}

/// A step that uses `work` and waits for its end.
pub(crate) fn work(id: &str, need: Need) -> Step {
    work_in_rounds(id, need, 1)
}

/// The same, that submits what failed so many times at most, and asks after twenty minutes of silence.
pub(crate) fn work_in_rounds(id: &str, need: Need, max_attempts: u32) -> Step {
    let with = template(&serde_json::Value::Object(serde_json::Map::new()));
    let retry_failed = Some(RetryFailed { max_attempts, on: vec!["Busy".to_owned()] });
    let wait = WorkWait { need, retry_failed, ask_every: Some(Duration::from_mins(20)) };
    step(id, StepKind::Uses { action: "work".into(), with, wait: Some(wait.into()), app: None }).within(3600)
}

/// The end of the work that carries this key: each part by its type, and whether it failed.
pub(crate) fn work_done(number: u8, key: (&str, &str), parts: &[(&str, bool)]) -> Arc<Event> {
    let parts: Vec<_> = parts.iter().map(|(kind, failed)| json!({ "Type": kind, "failed": failed })).collect();
    let payload = json!({ "parts": parts });
    let body = Body::read(payload.to_string().as_bytes()).unwrap();
    let keys = vec![CorrelationKey { name: key.0.to_owned(), value: key.1.to_owned() }];
    Arc::new(Event { kind: EventType::from("WorkDone"), body, keys, ..(*done(number, "")).clone() })
}
