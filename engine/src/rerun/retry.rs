//! A dead run goes on from what failed.

use oncue_rules::ids::RunId;

use super::{Rerunner, conflict};
use crate::clock;
use crate::http::admin::{self, Consent, RepeatView, RetriedView};
use crate::http::reply::Error;
use crate::store::{Retried, Retry, RunStatus};
use crate::workflow::{Doubt, Repeat};

impl Rerunner {
    pub(super) async fn retry_run(&self, run: RunId, consent: Consent, dry_run: bool) -> Result<RetriedView, Error> {
        let detail = self.detail(run).await?;
        if detail.row.status != RunStatus::Dead {
            return Err(not_dead(run, detail.row.status));
        }
        let taken_up = self.take_up(&detail).await?;
        let repeats = taken_up.repeats().unwrap_or_default();
        if repeats.is_empty() {
            return Err(conflict("nothing_failed", format!("no step of {run} has failed: there is nothing to repeat")));
        }
        let view = |outcome: &str| RetriedView {
            run: run.to_string(),
            outcome: outcome.to_owned(),
            repeats: repeats.iter().map(view).collect(),
        };
        if dry_run {
            return Ok(view("dry_run"));
        }
        if let Some(refusal) = repeats.iter().find_map(|step| refusal(step, consent)) {
            return Err(refusal);
        }
        let retry = Retry { run, new_key: consent.new_key, at: clock::now() };
        match self.admin.retry(retry).await.map_err(admin::failed)? {
            Retried::Asked => {
                self.runner.delivered(run);
                Ok(view("asked"))
            }
            Retried::NotDead(status) => Err(not_dead(run, status)),
            Retried::Replayed(later) => {
                let message = format!("{run} was replayed as {later}: look at that one");
                Err(conflict("replayed", message))
            }
            Retried::Gone(event) => {
                let message =
                    format!("{run} cannot go on: {event}, which a step of it ended with, is not stored any more");
                Err(conflict("not_possible", message))
            }
            Retried::NoRun => Err(admin::not_stored("run", &run.to_string())),
        }
    }
}

fn not_dead(run: RunId, status: RunStatus) -> Error {
    conflict("not_dead", format!("{run} is {status}: only dead runs are retried"))
}

fn view(step: &Repeat) -> RepeatView {
    let doubt = step.doubt.map(|doubt| match doubt {
        Doubt::Unknown => "unknown".to_owned(),
        Doubt::Ended => "ended".to_owned(),
    });
    RepeatView { step: step.path.to_string(), doubt }
}

fn refusal(step: &Repeat, consent: Consent) -> Option<Error> {
    let path = &step.path;
    match step.doubt? {
        _ if consent.new_key => None,
        Doubt::Unknown if consent.again => None,
        Doubt::Unknown => Some(conflict(
            "unknown_outcome",
            format!(
                "step {path} was sent and no answer came, and doing it twice is not safe: find out what became of it, \
                 then give --again (the same request) or --new-key (a new one)"
            ),
        )),
        Doubt::Ended => Some(conflict(
            "work_ended",
            format!(
                "the work of step {path} has failed, and the same request would only find it again: give --new-key"
            ),
        )),
    }
}
