//! The control plane: what the module's documentation lists.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::query::Query;
use super::{Edge, Request, body};
use crate::simulator::bodies;
use crate::simulator::error::ControlError;
use crate::simulator::misbehaviour::{Mischief, Trouble};
use crate::simulator::state::State;
use crate::simulator::state::medium::Upload;
use crate::simulator::state::task::Task;

/// The tasks on a page, and the most of them.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;

/// The most days whose usage an application has.
const MAX_DAYS: usize = 1_000;

/// How long to wait for quiet at most, and when nothing else is asked for.
const MAX_SETTLE: Duration = Duration::from_mins(10);
const SETTLE: Duration = Duration::from_secs(30);

type Reply = Result<Value, ControlError>;

pub(super) async fn answer(edge: &Edge, request: &Request) -> Response {
    match route(edge, request).await {
        Ok(value) => super::json(200, &value),
        Err(error) => super::json(error.status(), &json!({ "error": error.to_string() })),
    }
}

async fn route(edge: &Edge, request: &Request) -> Reply {
    let remote = !edge.peer.ip().to_canonical().is_loopback();
    if remote && !edge.shared.read(|state, _| state.options.remote_control) {
        return Err(ControlError::Remote);
    }
    let body = request.body.as_ref().map_err(|error| match *error {
        body::Error::TooLong { limit } => ControlError::TooLong { limit },
        body::Error::Broken => invalid(error.to_string()),
    })?;
    let path: Vec<&str> = request.path.trim_matches('/').split('/').skip(1).collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["apps", subappid, "media"]) => upload(edge, number(subappid)?, read(body)?),
        ("GET", ["apps", subappid, "media", file_id]) => medium(edge, number(subappid)?, file_id),
        ("PUT", ["apps", subappid, "usage"]) => set_usage(edge, number(subappid)?, read(body)?),
        ("DELETE", ["apps", subappid, "media", file_id]) => delete(edge, number(subappid)?, file_id),
        ("GET", ["tasks"]) => tasks(edge, &request.query),
        ("GET", ["statistics"]) => Ok(edge.shared.read(|state, _| statistics(state))),
        ("POST", ["settle"]) => settle(edge, &request.query).await,
        ("POST", ["hurry"]) => Ok(edge.shared.change(|state, now| {
            state.hurry(now);
            json!({})
        })),
        ("POST", ["reset"]) => Ok(edge.shared.change(|state, _| {
            state.reset();
            json!({})
        })),
        ("GET", ["misbehaviour"]) => Ok(edge.shared.read(|state, _| misbehaviour(state))),
        ("PUT", ["misbehaviour"]) => set_misbehaviour(edge, read(body)?, true),
        ("POST", ["misbehaviour"]) => set_misbehaviour(edge, read(body)?, false),
        ("DELETE", ["misbehaviour"]) => set_misbehaviour(edge, Vec::new(), true),
        (method, _) => Err(ControlError::UnknownPath { method: method.to_owned(), path: request.path.clone() }),
    }
}

fn upload(edge: &Edge, subappid: u64, upload: Upload) -> Reply {
    edge.shared.change(|state, now| {
        known(state, subappid)?;
        let (file_id, task_id) =
            state.upload(subappid, upload, now).map_err(|error| ControlError::Full { what: error.message })?;
        Ok(json!({ "file_id": &*file_id, "procedure_task_id": task_id.as_deref() }))
    })
}

fn delete(edge: &Edge, subappid: u64, file_id: &str) -> Reply {
    edge.shared.change(|state, now| {
        known(state, subappid)?;
        if state.delete(subappid, file_id, now) { Ok(json!({})) } else { Err(unknown_file(subappid, file_id)) }
    })
}

fn unknown_file(subappid: u64, file_id: &str) -> ControlError {
    ControlError::UnknownFile { subappid, file_id: file_id.chars().take(100).collect() }
}

fn medium(edge: &Edge, subappid: u64, file_id: &str) -> Reply {
    edge.shared.read(|state, _| {
        known(state, subappid)?;
        let medium = state.medium(subappid, file_id).ok_or_else(|| unknown_file(subappid, file_id))?;
        Ok(bodies::upload::basic_info(medium, state.options.seed))
    })
}

/// Sets the seconds that were transcoded, by day, in place of those that were set.
fn set_usage(edge: &Edge, subappid: u64, usage: BTreeMap<String, u64>) -> Reply {
    if usage.len() > MAX_DAYS || usage.keys().any(|day| day.parse::<jiff::civil::Date>().is_err() || day.len() != 10) {
        return Err(invalid(format!(
            "usage must be seconds by day, such as {{\"2026-01-01\": 60}}, {MAX_DAYS} days at most"
        )));
    }
    edge.shared.change(|state, _| {
        known(state, subappid)?;
        if let Some(app) = state.apps.get_mut(&subappid) {
            app.usage = usage;
        }
        Ok(json!({}))
    })
}

fn known(state: &State, subappid: u64) -> Result<(), ControlError> {
    if state.apps.contains_key(&subappid) { Ok(()) } else { Err(ControlError::UnknownApp { subappid }) }
}

/// A page of tasks, oldest first; `next` is the `after` of the next page.
fn tasks(edge: &Edge, query: &str) -> Reply {
    let query = Query::read(query, &["subappid", "file_id", "session_id", "after", "limit"])?;
    let limit = query.number("limit")?.unwrap_or(PAGE);
    if limit == 0 || limit > MAX_PAGE {
        return Err(invalid(format!("limit must be from 1 to {MAX_PAGE}")));
    }
    let after = query.number("after")?.unwrap_or(0);
    let subappid: Option<u64> = query.number("subappid")?;
    let wanted = |task: &Task| {
        subappid.is_none_or(|subappid| task.subappid == subappid)
            && query.text("file_id").is_none_or(|file_id| &*task.file_id == file_id)
            && query.text("session_id").is_none_or(|session_id| task.session_id == session_id)
    };
    edge.shared.read(|state, _| {
        let total = state.tasks.iter().filter(|task| wanted(task)).count();
        let mut rest = state.tasks.iter().enumerate().skip(after).filter(|(_, task)| wanted(task));
        let page: Vec<(usize, &Task)> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(page.last()).map(|(number, _)| number + 1);
        let page: Vec<Value> = page.into_iter().map(|(_, task)| describe(task)).collect();
        Ok(json!({ "total": total, "tasks": page, "next": next }))
    })
}

fn describe(task: &Task) -> Value {
    json!({
        "task_id": &*task.id,
        "action": task.work.action(),
        "subappid": task.subappid,
        "file_id": &*task.file_id,
        "session_id": task.session_id,
        "session_context": task.session_context,
        "status": task.status(),
        "created_at": task.created_at.to_string(),
        "finished_at": task.finished_at.map(|at| at.to_string()),
        "request": serde_json::from_str::<Value>(&task.request).unwrap_or_default(),
    })
}

fn statistics(state: &State) -> Value {
    let mut kept: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for medium in state.media.values() {
        kept.entry(medium.subappid).or_default().0 += 1;
    }
    for task in &state.tasks {
        kept.entry(task.subappid).or_default().1 += 1;
    }
    let apps = state.apps.iter().map(|(subappid, app)| {
        let (media, tasks) = kept.get(subappid).copied().unwrap_or_default();
        let counts = json!({
            "media": media,
            "tasks": tasks,
            "callbacks_waiting": app.outbox.waiting.len(),
            "callbacks_in_flight": app.outbox.in_flight,
            "events_to_pull": app.queue.len(),
        });
        (subappid.to_string(), counts)
    });
    json!({
        "calls": state.stats.calls,
        "errors": state.stats.errors,
        "events": serde_json::to_value(&state.stats.events).unwrap_or_default(),
        "media": state.media.len(),
        "tasks": state.tasks.len(),
        "tasks_finished": state.tasks.iter().filter(|task| task.finished_at.is_some()).count(),
        "bytes": state.bytes,
        "idle": state.is_idle(),
        "apps": apps.collect::<Map<String, Value>>(),
    })
}

/// Waits until nothing is to happen and no callback is on its way; says whether that came about.
async fn settle(edge: &Edge, query: &str) -> Reply {
    let query = Query::read(query, &["timeout_ms"])?;
    let limit = query.number("timeout_ms")?.map_or(SETTLE, Duration::from_millis);
    if limit > MAX_SETTLE {
        return Err(invalid(format!("timeout_ms must be {} at most", MAX_SETTLE.as_millis())));
    }
    let idle = edge.shared.wait(limit, State::is_idle).await;
    Ok(json!({ "idle": idle }))
}

fn misbehaviour(state: &State) -> Value {
    let troubles = state.mischief.list().map(|(trouble, struck)| {
        let mut trouble = serde_json::to_value(trouble).unwrap_or_default();
        if let Some(trouble) = trouble.as_object_mut() {
            trouble.insert("struck".to_owned(), struck.into());
        }
        trouble
    });
    Value::from(troubles.collect::<Vec<Value>>())
}

/// Sets troubles beside those that are set, or in their place; all of them, or none when one cannot be.
fn set_misbehaviour(edge: &Edge, troubles: Vec<Trouble>, replace: bool) -> Reply {
    edge.shared.change(|state, _| {
        if replace {
            let mut mischief = Mischief::new(state.options.seed);
            mischief.add(troubles).map_err(|error| invalid(error.to_string()))?;
            state.mischief = mischief;
        } else {
            state.mischief.add(troubles).map_err(|error| invalid(error.to_string()))?;
        }
        Ok(misbehaviour(state))
    })
}

fn number(text: &str) -> Result<u64, ControlError> {
    text.parse().map_err(|_| invalid(format!("{text:.50} is no SubAppId: it must be a number")))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| invalid(format!("the body is not what is needed here: {error}")))
}

fn invalid(what: impl Into<String>) -> ControlError {
    ControlError::Invalid { what: what.into() }
}
