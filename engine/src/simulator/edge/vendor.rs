//! The vendor's face: `POST /`.

use std::time::Duration;

use tokio::time::Instant;
use warp::http::Method;
use warp::reply::Response;

use super::{Edge, Request, auth, body, respond};
use crate::simulator::api::{Answer, Body, Call, Ending};
use crate::simulator::error::ApiError;

/// How long an answer that never comes is waited for, when the client is that patient.
const SILENCE: Duration = Duration::from_mins(10);

/// How long a pull waits at most, whatever the options say: longer than any client does.
const MAX_PULL_WAIT: Duration = Duration::from_hours(24);

pub(super) async fn answer(edge: &Edge, request: &Request) -> Response {
    let answer = match read(edge, request) {
        Ok(call) => answer_call(edge, call).await,
        Err(error) => edge.shared.change(|state, _| state.refuse(&error)),
    };
    if let Some(task_id) = &answer.after_callback {
        // Three attempts take as long as this at most with the vendor's figures.
        edge.shared.wait(Duration::from_secs(20), |state| !state.is_unsent(task_id)).await;
    }
    tokio::time::sleep(answer.delay).await;
    match answer.ending {
        Ending::Sent | Ending::NothingYet { .. } => {}
        Ending::Silence => {
            tokio::time::sleep(SILENCE).await;
            match edge.close().await {}
        }
        Ending::HangUp => match edge.close().await {},
    }
    match answer.body {
        Body::Json(value) => super::json(answer.status, &value),
        Body::Text(text) => respond(answer.status, "text/html", text.to_owned()),
    }
}

/// The call that a request makes, when it may make one.
fn read<'a>(edge: &Edge, request: &'a Request) -> Result<Call<'a>, ApiError> {
    if request.method != Method::POST || request.path != "/" {
        let message = format!("the simulator answers POST /, not {} {:.100}", request.method, request.path);
        return Err(ApiError::new("UnsupportedProtocol", message));
    }
    let payload = request.body.as_ref().map_err(|error| match error {
        body::Error::TooLong { .. } => ApiError::new("RequestSizeLimitExceeded", error.to_string()),
        body::Error::Broken => ApiError::new("InvalidRequest", error.to_string()),
    })?;
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let json = |text: &str| text.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
    if !header("content-type").is_some_and(json) {
        return Err(ApiError::new("UnsupportedProtocol", "the Content-Type must be application/json"));
    }
    let keys = edge.shared.read(|state, _| state.options.keys.clone());
    auth::check(&request.headers, payload, &keys, crate::clock::now())?;
    let named = |name: &str| {
        header(name).ok_or_else(|| ApiError::new("MissingParameter", format!("the header {name} is missing")))
    };
    Ok(Call { action: named("X-TC-Action")?, version: named("X-TC-Version")?, body: payload, again: false })
}

/// Answers a call; while there is no event to pull, not before the time for waiting is over (protocol section 3).
async fn answer_call(edge: &Edge, call: Call<'_>) -> Answer {
    let answer = edge.shared.change(|state, now| state.answer(&call, now));
    let Ending::NothingYet { subappid } = answer.ending else { return answer };
    let mut changed = edge.shared.changed.subscribe();
    let end = Instant::now() + edge.shared.read(|state, _| state.options.pull_wait.min(MAX_PULL_WAIT));
    loop {
        let visible = edge.shared.read(|state, now| Some(state.next_visible(subappid)?.since(now)));
        if visible == Some(Duration::ZERO) || Instant::now() >= end {
            break;
        }
        let next = visible.and_then(|visible| Instant::now().checked_add(visible)).map_or(end, |next| next.min(end));
        tokio::select! {
            _ = changed.changed() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
    edge.shared.change(|state, now| state.answer(&Call { again: true, ..call }, now))
}
