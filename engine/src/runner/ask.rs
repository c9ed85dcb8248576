//! Asks the other side what became of work of which nothing was heard.
//!
//! Nothing waits for an answer: it is taken like the event that would have told, and reaches the run by its keys. So a
//! question may get lost, with its node or because too many are under way: its step asks again later.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use oncue_plugins::completion::Question;
use oncue_rules::ids::{RunId, SubAppId};
use tokio::sync::Semaphore;

use super::Shared;
use crate::workflow::Ask;

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
pub(super) fn begin(shared: &Arc<Shared>, run: RunId, asks: Vec<Ask>) {
    for ask in asks {
        let Some(app) = ask.app else { continue };
        let Ok(place) = Arc::clone(&shared.questions.0).try_acquire_owned() else {
            tracing::debug!(%run, step = %ask.path, "too many questions are under way; it is asked later");
            return;
        };
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let _place = place;
            match answer(&shared, app, &ask).await {
                Ok(true) => {
                    tracing::info!(%run, step = %ask.path, task = ask.task, "work had ended unheard; it was asked for");
                }
                Ok(false) => tracing::debug!(%run, step = %ask.path, task = ask.task, "work goes on"),
                Err(error) => {
                    tracing::warn!(%run, step = %ask.path, task = ask.task, %error, "it cannot be asked what became of work");
                }
            }
        });
    }
}

/// Whether there was an answer, which has been taken.
async fn answer(shared: &Shared, app: SubAppId, ask: &Ask) -> Result<bool, Box<dyn StdError + Send + Sync>> {
    let Some(action) = shared.registry.get(&ask.action) else {
        return Err(format!("there is no action {}", ask.action).into());
    };
    let question = Question {
        task: ask.task.clone(),
        app: shared.surroundings.app(app).map(|app| app.for_actions),
        deadline: Instant::now() + PATIENCE,
    };
    let told = action.ask(question).await.map_err(|error| shared.secrets.scrub_error(error))?;
    match told {
        Some(body) => shared.answers.take(app, body).await.map(|()| true),
        None => Ok(false),
    }
}
