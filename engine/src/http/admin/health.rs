//! `/readyz`: whether the process gets on with its work, not merely whether its socket answers.

use std::future::Future;
use std::time::Duration;

use oncue_rules::ids::RunId;
use warp::http::StatusCode;

use super::{Api, ReloadView, RulesStatusView};
use crate::http::Response;
use crate::http::reply::{self, Error};
use crate::http::request::Request;
use crate::store::{self, Delivery, EventFilter, Input, Page};

/// How long the store may take for each of the two questions.
const PATIENCE: Duration = Duration::from_secs(2);

impl Api {
    /// Asks the store for something, and its writer to do something that changes nothing.
    pub(super) async fn ready(&self, request: Request) -> Result<Response, Error> {
        if request.segments() != ["readyz"] {
            return Err(Error::no_such_path());
        }
        request.is_get()?;
        drop(request);
        let read = self.admin.events(EventFilter::default(), Page { limit: 1, before: None });
        // No run has this id, so the writer finds that there is nothing to write to.
        let nobody = RunId::from_bytes([0; 16]);
        let input = Input::Cancel { reason: "readiness".to_owned() };
        let write = self.store.deliver(Delivery { run: nobody, input, at: (self.now)() });
        let (read, write) = tokio::join!(in_time("a read", read), in_time("a write", write));
        read.and(write)?;
        Ok(reply::text(StatusCode::OK, &self.detail()))
    }

    /// Rules that were refused do not make a server unready: it goes on with those that it has.
    fn detail(&self) -> String {
        let RulesStatusView { loaded_at, last_attempt, .. } = self.rules.status();
        if last_attempt.is_current() {
            return "ready\n".to_owned();
        }
        let ReloadView { at, outcome, .. } = last_attempt;
        format!("ready\nrules: those of {loaded_at}; what was read at {at} was {outcome} (`oncue rules` says why)\n")
    }
}

async fn in_time<T>(what: &str, answer: impl Future<Output = Result<T, store::Error>>) -> Result<(), Error> {
    let not_ready = |problem: &str| {
        let message = format!("the store {problem} {what}");
        Error::unavailable("not_ready", message, reply::RETRY_AFTER)
    };
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            reply::log_chain("the store is not ready", &error);
            Err(not_ready("refuses"))
        }
        Err(_) => Err(not_ready("does not answer")),
    }
}
