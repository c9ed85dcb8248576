//! What every request that starts a task has (protocol section 6).

use oncue_rules::time::Timestamp;

use super::params::Params;
use crate::simulator::error::ApiError;
use crate::simulator::state::State;

const MAX_SESSION_ID: usize = 50;
const MAX_SESSION_CONTEXT: usize = 1_000;

/// How a request is known again, and what it wants to hear again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) id: &'a str,
    pub(super) context: &'a str,
    pub(super) priority: i64,
}

impl<'a> Session<'a> {
    pub(super) fn of(params: Params<'a>) -> Result<Self, ApiError> {
        let id = text_within(params, "SessionId", MAX_SESSION_ID, "InvalidParameterValue.SessionIdTooLong")?;
        let too_long = "InvalidParameterValue.SessionContextTooLong";
        let context = text_within(params, "SessionContext", MAX_SESSION_CONTEXT, too_long)?;
        Ok(Self { id, context, priority: priority(params)? })
    }
}

impl State {
    /// Refuses a request that was taken before.
    pub(super) fn is_new(&self, subappid: u64, session: Session<'_>, now: Timestamp) -> Result<(), ApiError> {
        if !session.id.is_empty() && self.session_is_used(subappid, session.id, now) {
            return Err(ApiError::new("InvalidParameterValue.SessionId", "duplicate session id"));
        }
        Ok(())
    }

    /// From now on such a request was taken before.
    pub(super) fn is_taken(&mut self, subappid: u64, session: Session<'_>, now: Timestamp) {
        if !session.id.is_empty() {
            self.use_session(subappid, session.id, now);
        }
    }
}

fn text_within<'a>(params: Params<'a>, name: &str, most: usize, too_long: &'static str) -> Result<&'a str, ApiError> {
    let text = params.text(name)?.unwrap_or_default();
    let length = text.chars().count();
    if length > most {
        return Err(ApiError::new(too_long, format!("{name} has {length} characters, and may have {most}")));
    }
    Ok(text)
}

fn priority(params: Params<'_>) -> Result<i64, ApiError> {
    let priority = params.int("TasksPriority")?.unwrap_or(0);
    if (-10..=10).contains(&priority) {
        return Ok(priority);
    }
    Err(ApiError::new("InvalidParameterValue", "TasksPriority must be from -10 to 10"))
}
