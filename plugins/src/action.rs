//! The contract between Oncue and what a step can use.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{Timestamp, Unit};
use oncue_rules::catalog::{CheckCode, Problem};
use oncue_rules::event::Event;
use oncue_rules::ids::{ActionName, RuleName, RunId, StepPath, SubAppId};
use oncue_rules::rule::Retry;
use oncue_rules::value::Value;

use crate::completion::{Completion, Question};
use crate::vod::Credentials;

/// Something that a step can use.
///
/// An action MUST be safe to call again with the same idempotency key in the way that [`Spec::repeatable`] says, give
/// up by [`Call::deadline`], read no more of an answer than it needs, keep secrets out of outputs and errors, and
/// class its errors. The crate's front page explains each of these and what an action SHOULD do besides.
///
/// Calls run at the same time, so an action holds no state of one call. The caller may drop the future of a call that
/// is of no more use, and catches a panic in it.
#[async_trait]
pub trait Action: Send + Sync + 'static {
    /// What it is: the same at each call.
    fn spec(&self) -> &Spec;

    /// Does it once. The outputs are a map of at most 64 KiB as JSON; a step reads them as `steps.ID.NAME`.
    ///
    /// # Errors
    ///
    /// When it did not succeed; the class says whether to try again. Parameters that do not fit are
    /// [`ErrorClass::Fatal`], with the path of the field in the message.
    async fn call(&self, call: Call) -> Result<Value, ActionError>;

    /// What is wrong with parameters as they are written, beyond their schema. A text with `${{` in it is a template, and
    /// what it gives is not known yet.
    #[expect(unused_variables, reason = "named for those who implement it")]
    fn check(&self, with: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Whether calling it again with these rendered parameters is safe, where that depends on them.
    #[expect(unused_variables, reason = "named for those who implement it")]
    fn repeatable(&self, params: &Value) -> Repeatable {
        self.spec().repeatable
    }

    /// Whom an attempt with these rendered parameters waits for, where that depends on them: attempts in different lanes
    /// do not hold each other up. Secrets are still references.
    #[expect(unused_variables, reason = "named for those who implement it")]
    fn lane(&self, params: &Value) -> Option<String> {
        None
    }

    /// How failed attempts are repeated when a step does not say; none for an action that asks for nothing special.
    fn retry(&self) -> Option<Retry> {
        None
    }

    /// How the work that it starts tells of its end; none for an action whose work is done when the call returns. An event
    /// tells of the work of a step when it carries the step's `SessionId` (its idempotency key, or what `with` says) or the
    /// `TaskId` of its outputs.
    fn completion(&self) -> Option<Completion> {
        None
    }

    /// Asks what became of work that it started; only reads. Gives the body of the event that would have told of its end,
    /// to be taken like one that came by itself; none while the work goes on.
    ///
    /// # Errors
    ///
    /// When there is no answer; it is asked again later.
    #[expect(unused_variables, reason = "named for those who implement it")]
    async fn ask(&self, question: Question) -> Result<Option<Vec<u8>>, ActionError> {
        Ok(None)
    }

    /// How the program text that it takes as `code`, or as a `file` of that text, is checked at load; none for an action
    /// that takes no program.
    fn check_code(&self) -> Option<CheckCode> {
        None
    }
}

/// What an action is: its documentation, checks and schemas come from here.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name: words of `a-z`, `0-9` and `_` joined by dots, at most 64 characters.
    pub name: ActionName,
    /// What it does, in one line.
    pub summary: Cow<'static, str>,
    /// Its parameters as a JSON Schema of type `object` that refers to nothing outside itself.
    pub parameters: serde_json::Value,
    /// Its outputs as a JSON Schema of type `object` that refers to nothing outside itself.
    pub outputs: serde_json::Value,
    /// A step that uses it, as YAML: an item of a list of steps.
    pub sample: Cow<'static, str>,
    /// Whether calling it again is safe, unless its parameters say otherwise.
    pub repeatable: Repeatable,
    /// Whether it can only act for an application that has credentials: a rule that uses it for another is refused.
    pub needs_credentials: bool,
}

/// Whether calling an action again is safe when it is unknown whether the last call took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeatable {
    /// Always.
    Yes,
    /// With the same idempotency key.
    Keyed,
    /// Never: an attempt without an answer ends as `unknown`.
    No,
}

/// One call: an attempt of a step.
#[derive(Debug, Clone)]
pub struct Call {
    /// The rendered parameters, a map; references to secrets are resolved.
    pub params: Value,
    /// The run that the step belongs to.
    pub run: RunId,
    /// The rule that the run follows.
    pub rule: RuleName,
    /// The step, with the indices of the items it runs for.
    pub step: StepPath,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Equal for all attempts of one step and generation: 40 hexadecimal digits (DESIGN section 6).
    pub key: Arc<str>,
    /// When the answer is of no more use: the end of the attempt, connecting included.
    pub deadline: Instant,
    /// The event that started the run.
    pub event: Arc<Event>,
    /// The body of that event, to the byte as it was received.
    pub raw: Arc<[u8]>,
    /// The application that the step acts for.
    pub app: Option<Arc<App>>,
}

/// An application as actions see it.
#[derive(Debug, Clone)]
pub struct App {
    /// Its number.
    pub subappid: SubAppId,
    /// Whether calls to Tencent Cloud say its number; older accounts have a default application that is addressed by
    /// leaving it out (protocol section 2).
    pub send_subappid: bool,
    /// Its name.
    pub name: Arc<str>,
    /// What its calls to Tencent Cloud are signed with; resolved anew for each attempt.
    pub credentials: Option<Credentials>,
}

impl App {
    /// The `SubAppId` of calls to Tencent Cloud in its name.
    #[must_use]
    pub fn sub_app_id(&self) -> Option<u64> {
        self.send_subappid.then_some(self.subappid.0)
    }
}

/// Why an attempt failed. What is in it is stored and shown: no secret, no body of unknown size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ActionError {
    /// What to do about it.
    pub class: ErrorClass,
    /// A word for machines, such as the vendor's error code.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// What to do about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Try again, not before this long when the other side said so.
    Retry {
        /// How long the other side asked to wait.
        after: Option<Duration>,
    },
    /// It was not made, since the other side is left alone at present or has had its share: it is made after this long, and
    /// is no attempt of the step.
    Held {
        /// How long until it may be made.
        after: Duration,
    },
    /// Trying again cannot help.
    Fatal,
    /// It was sent, and it is not known whether it took effect. Not for actions that are safe to call again: they say
    /// [`ErrorClass::Retry`].
    Unknown,
}

impl ActionError {
    /// An error that another attempt may not meet.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class: ErrorClass::Retry { after: None }, code: code.into(), message: message.into() }
    }

    /// An attempt that was not made; `what` says what it was for and why, and is followed by the time of the next try.
    pub fn held(code: impl Into<String>, what: &str, after: Duration) -> Self {
        let again = Timestamp::now().saturating_add(after).unwrap_or(Timestamp::MAX);
        let again = again.round(Unit::Second).unwrap_or(again);
        let message = format!("{what}: not sent, tried again from {again} on");
        Self { class: ErrorClass::Held { after }, code: code.into(), message }
    }

    /// An error that every attempt meets.
    pub fn fatal(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class: ErrorClass::Fatal, code: code.into(), message: message.into() }
    }
}
