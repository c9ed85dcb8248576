//! The vendor's API: which action a call is for, what it answers, and how the answer is spoilt on request.

use std::sync::Arc;
use std::time::Duration;

use oncue_rules::time::Timestamp;
use serde_json::{Map, Value, json};

mod describe;
mod events;
mod media;
mod modify;
mod params;
mod process_media;
mod session;
mod usage;

use self::params::Params;
use super::error::ApiError;
use super::misbehaviour::{Fault, Occasion};
use super::state::State;

/// What an action answers.
type Reply = Result<Map<String, Value>, ApiError>;

/// A call whose signature was right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) action: &'a str,
    pub(crate) version: &'a str,
    pub(crate) body: &'a [u8],
    /// It was answered with [`Ending::NothingYet`] before.
    pub(crate) again: bool,
}

/// The answer to a call, and what is to be done with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Body,
    pub(crate) ending: Ending,
    /// How late it is.
    pub(crate) delay: Duration,
    /// It waits until the callback of this task was sent.
    pub(crate) after_callback: Option<Arc<str>>,
}

/// What an answer says.
#[derive(Debug)]
pub(crate) enum Body {
    /// The vendor's envelope.
    Json(Value),
    /// Something that is no JSON, as proxies answer.
    Text(&'static str),
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is sent.
    Sent,
    /// It never comes.
    Silence,
    /// The connection is closed instead.
    HangUp,
    /// There is no event of this application to pull yet: asking again may give one.
    NothingYet {
        /// Its number.
        subappid: u64,
    },
}

impl Answer {
    fn new(status: u16, body: Body) -> Self {
        Self { status, body, ending: Ending::Sent, delay: Duration::ZERO, after_callback: None }
    }
}

impl State {
    /// Answers a call.
    pub(crate) fn answer(&mut self, call: &Call<'_>, now: Timestamp) -> Answer {
        if !call.again {
            self.stats.count_call(call.action);
        }
        let params = match read(call) {
            Ok(params) => params,
            Err(error) => return self.refuse(&error),
        };
        let subappid = params.get("SubAppId").and_then(Value::as_u64).or(self.options.default_app);
        let occasion = Occasion { action: Some(call.action), subappid, definition: None };
        if !call.again
            && let Some(refused) = self.refuse_on_request(&occasion)
        {
            return refused;
        }
        match self.act(call.action, &params, now) {
            Ok(mut response) => {
                response.insert("RequestId".to_owned(), self.request_id().into());
                let mut answer = Answer::new(200, Body::Json(json!({ "Response": response })));
                self.spoil(&mut answer, &occasion, now);
                answer
            }
            Err(error) if call.action == "PullEvents" && error.code == events::NO_EVENT && !call.again => {
                let ending = Ending::NothingYet { subappid: subappid.unwrap_or_default() };
                Answer { ending, ..Answer::new(200, Body::Text("")) }
            }
            Err(error) => self.refuse(&error),
        }
    }

    /// A refusal of the kind that the vendor sends.
    pub(crate) fn refuse(&mut self, error: &ApiError) -> Answer {
        self.stats.count_error(error.code);
        let id = self.request_id();
        let error = json!({ "Code": error.code, "Message": error.message });
        Answer::new(200, Body::Json(json!({ "Response": { "Error": error, "RequestId": id } })))
    }

    fn act(&mut self, action: &str, params: &Map<String, Value>, now: Timestamp) -> Reply {
        let params = Params::new(params);
        let known: fn(&mut Self, u64, Params<'_>, Timestamp) -> Reply = match action {
            "ProcessMedia" => Self::process_media,
            "EditMedia" => Self::edit_media,
            "ReviewAudioVideo" => Self::review_audio_video,
            "WeChatMiniProgramPublish" => Self::publish,
            "ForbidMediaDistribution" => Self::forbid,
            "DeleteMedia" => Self::delete_media,
            "ModifyMediaInfo" => Self::modify_media_info,
            "ModifyMediaStorageClass" => Self::modify_storage_class,
            "DescribeTasks" => Self::describe_tasks,
            "DescribeTaskDetail" => Self::describe_task_detail,
            "DescribeMediaInfos" => Self::describe_media_infos,
            "DescribeMediaProcessUsageData" => Self::describe_usage,
            "PullEvents" => Self::pull_events,
            "ConfirmEvents" => Self::confirm_events,
            "DescribeEventConfig" => Self::describe_event_config,
            "ModifyEventConfig" => Self::modify_event_config,
            _ => return Err(ApiError::new("InvalidAction", format!("the simulator has no action {action:.100}"))),
        };
        let subappid = params.uint("SubAppId")?.or(self.options.default_app).ok_or_else(|| {
            // What accounts of 2023-12-25 and later get (protocol section 2).
            ApiError::new("FailedOperation.InvalidVodUser", "SubAppId is missing: every call must say the application")
        })?;
        if !self.apps.contains_key(&subappid) {
            let message = format!("application {subappid} is not known");
            return Err(ApiError::new("InvalidParameterValue.SubAppId", message));
        }
        known(self, subappid, params, now)
    }

    /// A refusal without any effect, when misbehaviour wants one.
    fn refuse_on_request(&mut self, occasion: &Occasion<'_>) -> Option<Answer> {
        let limit = ApiError::new("RequestLimitExceeded", "too many requests: try again later");
        if self.mischief.strikes(Fault::TooManyRequests, occasion).is_some() {
            let refused = self.refuse(&limit);
            return Some(Answer { status: 429, ..refused });
        }
        if self.mischief.strikes(Fault::RequestLimitExceeded, occasion).is_some() {
            return Some(self.refuse(&limit));
        }
        if self.mischief.strikes(Fault::ServerError, occasion).is_some() {
            self.stats.count_error("HTTP 503");
            return Some(Answer::new(503, Body::Text("<html><body>503 Service Unavailable</body></html>")));
        }
        self.mischief.strikes(Fault::InternalError, occasion)?;
        Some(self.refuse(&ApiError::new("InternalError", "service internal error")))
    }

    /// Does to the answer of a call that took effect what misbehaviour wants.
    fn spoil(&mut self, answer: &mut Answer, occasion: &Occasion<'_>, now: Timestamp) {
        if let Some(task_id) = task_id(answer)
            && self.mischief.strikes(Fault::CallbackBeforeReply, occasion).is_some()
        {
            self.finish_now(&task_id, now);
            answer.after_callback = Some(task_id);
        }
        if let Some(trouble) = self.mischief.strikes(Fault::Slow, occasion) {
            answer.delay = trouble.delay();
        }
        if self.mischief.strikes(Fault::NoAnswer, occasion).is_some() {
            answer.ending = Ending::Silence;
        } else if self.mischief.strikes(Fault::HangUp, occasion).is_some() {
            answer.ending = Ending::HangUp;
        }
    }
}

fn read(call: &Call<'_>) -> Result<Map<String, Value>, ApiError> {
    if call.version != "2018-07-17" {
        let message = format!("version {:.100?} is not known: X-TC-Version must be 2018-07-17", call.version);
        return Err(ApiError::new("NoSuchVersion", message));
    }
    match serde_json::from_slice(call.body) {
        Ok(Value::Object(params)) => Ok(params),
        Ok(_) => Err(ApiError::new("InvalidParameter", "the body must be a JSON object")),
        Err(error) => Err(ApiError::new("InvalidParameter", format!("the body is no JSON: {error}"))),
    }
}

/// The task that an answer speaks of, which is that of what starts one.
fn task_id(answer: &Answer) -> Option<Arc<str>> {
    match &answer.body {
        Body::Json(body) => body.pointer("/Response/TaskId")?.as_str().map(Arc::from),
        Body::Text(_) => None,
    }
}

#[cfg(test)]
mod tests;
