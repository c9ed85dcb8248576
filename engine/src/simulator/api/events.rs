//! Pulling and confirming events, and the configuration of their delivery (protocol sections 2 and 3).

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value, json};

use super::Reply;
use super::params::Params;
use crate::simulator::bodies::object;
use crate::simulator::error::ApiError;
use crate::simulator::options::{Mode, is_callback_url, is_sign_key};
use crate::simulator::state::State;
use crate::simulator::state::delivery::widen;
use crate::simulator::state::queue::BATCH;

/// How the vendor says that there is no event.
pub(super) const NO_EVENT: &str = "ResourceNotFound";

impl State {
    pub(super) fn pull_events(&mut self, subappid: u64, params: Params<'_>, now: Timestamp) -> Reply {
        params.only(&[])?;
        let (retention, visibility) = (self.options.event_retention, self.options.visibility);
        let Some(app) = self.apps.get_mut(&subappid) else { return Err(no_event()) };
        self.stats.events.expired += widen(app.queue.expire(retention, now));
        let events = app.queue.pull(visibility, now);
        if events.is_empty() {
            return Err(no_event());
        }
        self.stats.events.pulled += widen(events.len());
        Ok(Map::from_iter([("EventSet".to_owned(), Value::from(events))]))
    }

    pub(super) fn confirm_events(&mut self, subappid: u64, params: Params<'_>, now: Timestamp) -> Reply {
        params.only(&["EventHandles"])?;
        let handles = params.texts("EventHandles", BATCH, "InvalidParameterValue")?;
        let Some(app) = self.apps.get_mut(&subappid) else { return Err(no_event()) };
        app.queue.confirm(&handles, now).map_err(|handle| {
            let message = format!("the event handle {handle:.100} is unknown, or was pulled too long ago");
            ApiError::new("InvalidParameterValue", message)
        })?;
        self.stats.events.confirmed += widen(handles.len());
        Ok(Map::new())
    }

    pub(super) fn describe_event_config(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&[])?;
        let Some(app) = self.apps.get(&subappid) else { return Err(no_event()) };
        let switch = |on: bool| if on { "ON" } else { "OFF" };
        let config = &app.config;
        Ok(object(json!({
            "Mode": match config.mode { Mode::Push => "PUSH", Mode::Pull => "PULL" },
            "NotificationUrl": config.callback_url.as_deref().unwrap_or_default(),
            "UploadMediaCompleteEventSwitch": switch(config.switches.upload),
            "DeleteMediaCompleteEventSwitch": switch(config.switches.delete),
            "PersistenceCompleteEventSwitch": switch(config.switches.persistence),
        })))
    }

    /// Changes what is given and leaves the rest, at once; the vendor's takes some minutes.
    pub(super) fn modify_event_config(&mut self, subappid: u64, params: Params<'_>, _now: Timestamp) -> Reply {
        params.only(&[
            "Mode",
            "NotificationUrl",
            "UploadMediaCompleteEventSwitch",
            "DeleteMediaCompleteEventSwitch",
            "PersistenceCompleteEventSwitch",
            "SignKey",
        ])?;
        let Some(app) = self.apps.get_mut(&subappid) else { return Err(no_event()) };
        let mut config = app.config.clone();
        config.mode = match params.text("Mode")? {
            None => config.mode,
            Some("PUSH") => Mode::Push,
            Some("PULL") => Mode::Pull,
            Some(_) => return Err(ApiError::new("InvalidParameterValue", "Mode must be PUSH or PULL")),
        };
        config.callback_url = match params.text("NotificationUrl")? {
            None => config.callback_url,
            Some("") => None,
            Some(url) if is_callback_url(url) => Some(url.to_owned()),
            Some(_) => {
                return Err(ApiError::new("InvalidParameterValue", "NotificationUrl must be an http or https URL"));
            }
        };
        config.sign_key = match params.text("SignKey")? {
            None => config.sign_key,
            Some("") => None,
            Some(key) if is_sign_key(key) => Some(key.to_owned()),
            Some(_) => {
                return Err(ApiError::new("InvalidParameterValue", "SignKey must be 1 to 32 letters and digits"));
            }
        };
        config.switches.upload = switch(params, "UploadMediaCompleteEventSwitch", config.switches.upload)?;
        config.switches.delete = switch(params, "DeleteMediaCompleteEventSwitch", config.switches.delete)?;
        config.switches.persistence = switch(params, "PersistenceCompleteEventSwitch", config.switches.persistence)?;
        app.config = config;
        Ok(Map::new())
    }
}

fn no_event() -> ApiError {
    ApiError::new(NO_EVENT, "no event")
}

fn switch(params: Params<'_>, name: &str, now: bool) -> Result<bool, ApiError> {
    match params.text(name)? {
        None => Ok(now),
        Some("ON") => Ok(true),
        Some("OFF") => Ok(false),
        Some(_) => Err(ApiError::new("InvalidParameterValue", format!("{name} must be ON or OFF"))),
    }
}
