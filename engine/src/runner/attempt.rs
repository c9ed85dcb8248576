//! One attempt of a step: in line for a place, then in a task of its own, until its deadline.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use oncue_plugins::action::{self, ActionError, ErrorClass, Repeatable};
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;
use tokio::task::{JoinError, JoinHandle};

use super::gates::Line;
use super::leases::Lease;
use super::{Shared, Stop};
use crate::clock;
use crate::workflow::{Call, Facts, Program};

/// How an attempt ended here.
pub(super) enum Ended {
    /// It was made.
    With(Result<Value, ActionError>),
    /// It was never sent: this node is stopping.
    Unsent,
    /// It was never sent: another node has the run by now.
    Lost,
}

/// Ends its task when dropped.
struct Task(JoinHandle<Result<Value, ActionError>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Makes one attempt. Dropping the future ends it.
pub(super) async fn attempt(
    shared: Arc<Shared>,
    lease: Arc<Lease>,
    program: Arc<Program>,
    facts: Facts,
    call: Call,
) -> Ended {
    let app = call.app;
    let mut stop = shared.stop.subscribe();
    let Some(action) = shared.registry.get(&call.action) else {
        let message = format!("there is no action {}: add the plugin that provides it", call.action);
        return Ended::With(Err(ActionError::fatal("unknown_action", message)));
    };
    let line = Line { app, action: call.action.clone(), lane: action.lane(&call.params) };
    let place = tokio::select! {
        biased;
        () = Stop::Soon.reached(&mut stop) => return Ended::Unsent,
        place = shared.gates.enter(line) => place,
        () = until(call.deadline) => {
            return Ended::With(Err(ActionError::retry("timeout", "there was no place for this attempt in time")));
        }
    };
    if !lease.holds().await {
        return Ended::Lost;
    }
    let deadline = deadline(&shared, &call);
    let params = match shared.secrets.resolve(&call.params) {
        Ok(params) => params,
        Err(error) => return Ended::With(Err(error)),
    };
    let (repeatable, call) = (call.repeatable, describe(&shared, &program, &facts, Call { params, ..call }, deadline));
    let mut task = Task(tokio::spawn(async move {
        let _place = place;
        action.call(call).await
    }));
    let result = match tokio::time::timeout_at(deadline.into(), &mut task.0).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(panicked(error)),
        Err(_) => Err(overdue(repeatable)),
    };
    Ended::With(shared.secrets.scrub_result(result))
}

/// Resolves at a moment, and never when there is none.
async fn until(moment: Option<Timestamp>) {
    match moment {
        Some(moment) => tokio::time::sleep(moment.since(clock::now())).await,
        None => std::future::pending().await,
    }
}

fn deadline(shared: &Shared, call: &Call) -> Instant {
    let longest = shared.settings.attempt;
    let left = call.deadline.map_or(longest, |deadline| deadline.since(clock::now()).min(longest));
    Instant::now() + left
}

pub(super) fn describe(
    shared: &Shared,
    program: &Program,
    facts: &Facts,
    call: Call,
    deadline: Instant,
) -> action::Call {
    action::Call {
        params: call.params,
        run: facts.run,
        rule: program.rule.name.clone(),
        step: call.path,
        attempt: call.attempt,
        key: call.key.into(),
        deadline,
        event: Arc::clone(&facts.event),
        raw: Arc::clone(&facts.raw),
        app: call.app.and_then(|id| shared.surroundings.app(id)).map(|app| app.for_actions),
    }
}

fn overdue(repeatable: Repeatable) -> ActionError {
    let class = match repeatable {
        Repeatable::Yes | Repeatable::Keyed => ErrorClass::Retry { after: None },
        Repeatable::No => ErrorClass::Unknown,
    };
    ActionError { class, code: "timeout".to_owned(), message: "no answer came in time".to_owned() }
}

fn panicked(error: JoinError) -> ActionError {
    let message = match error.try_into_panic() {
        Ok(panic) => format!("the action panicked: {}", said(&*panic)),
        Err(_) => "the action was ended from outside".to_owned(),
    };
    ActionError::fatal("panic", message)
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}
