//! Asks the other side what became of work of which nothing was heard.
//!
//! Nothing waits for an answer: it is taken like the event that would have told, and reaches the run by its keys. So a
//! question may get lost, with its node or because too many are under way: its step asks again later.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use oncue_plugins::completion::Question;
use oncue_rules::ids::SubAppId;
use tokio::sync::Semaphore;

use super::Shared;
use super::attempt::describe;
use crate::workflow::{Ask, Call, Facts, Program, Run};

/// How many questions are under way at once.
const QUESTIONS: usize = 32;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes answers.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    /// Takes the body of a notification as if it had come by itself, once however often it comes.
    ///
    /// # Errors
    ///
    /// When it is not stored.
    async fn take(&self, app: SubAppId, body: Vec<u8>) -> Result<(), Box<dyn StdError + Send + Sync>>;
}

/// The places of questions.
#[derive(Debug)]
pub(super) struct Questions(Arc<Semaphore>);

impl Default for Questions {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(QUESTIONS)))
    }
}

/// Asks, without waiting for the answers.
pub(super) fn begin(shared: &Arc<Shared>, run: &Run, asks: Vec<Ask>) {
    for ask in asks {
        let (id, path) = (run.id(), ask.call.path.clone());
        let Ok(place) = Arc::clone(&shared.questions.0).try_acquire_owned() else {
            tracing::debug!(run = %id, step = %path, "too many questions are under way; it is asked later");
            return;
        };
        let (shared, program, facts) = (Arc::clone(shared), Arc::clone(run.program()), run.facts().clone());
        tokio::spawn(async move {
            let _place = place;
            match answer(&shared, &program, &facts, ask).await {
                Ok(true) => tracing::info!(run = %id, step = %path, "work had ended unheard; it was asked for"),
                Ok(false) => tracing::debug!(run = %id, step = %path, "work goes on"),
                Err(error) => {
                    tracing::warn!(run = %id, step = %path, %error, "it cannot be asked what became of work");
                }
            }
        });
    }
}

/// Whether there was an answer, which has been taken.
async fn answer(
    shared: &Shared,
    program: &Program,
    facts: &Facts,
    ask: Ask,
) -> Result<bool, Box<dyn StdError + Send + Sync>> {
    let Ask { call, task } = ask;
    let (Some(action), Some(app)) = (shared.registry.get(&call.action), call.app) else { return Ok(false) };
    let params = shared.secrets.resolve(&call.params)?;
    let call = describe(shared, program, facts, Call { params, ..call }, Instant::now() + PATIENCE);
    let told = action.ask(Question { call, task }).await.map_err(|error| shared.secrets.scrub_error(error))?;
    match told {
        Some(body) => shared.answers.take(app, body).await.map(|()| true),
        None => Ok(false),
    }
}
