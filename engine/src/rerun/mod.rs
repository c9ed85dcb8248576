//! Runs again what has run, when a person asks for it: says beforehand what that would repeat, and refuses what would
//! do harm unless it is agreed to.

mod replay;
mod retry;

use std::sync::Arc;

use async_trait::async_trait;
use oncue_rules::ids::{EventId, RuleName, RunId};

use crate::http::admin::{self, Consent, ReplayAsk, ReplayedView, Reruns, RetriedView, Rules};
use crate::http::reply::{Error, ErrorKind};
use crate::ingest::Present;
use crate::program::{OpenError, Programs};
use crate::runner::{self, Surroundings as _};
use crate::store::{Admin, RunDetail, Store};
use crate::workflow::{Events, Gathered, Run};

/// What it takes to run something again.
pub(crate) struct Rerunner {
    /// The hot port.
    pub store: Arc<dyn Store>,
    /// The admin port.
    pub admin: Arc<dyn Admin>,
    /// What is live.
    pub present: Arc<Present>,
    /// The programs of runs.
    pub programs: Arc<Programs>,
    /// Who takes runs up.
    pub runner: runner::Handle,
}

#[async_trait]
impl Reruns for Rerunner {
    async fn retry(&self, run: RunId, consent: Consent, dry_run: bool) -> Result<RetriedView, Error> {
        self.retry_run(run, consent, dry_run).await
    }

    async fn replay_run(
        &self,
        run: RunId,
        rules: Rules,
        from: Option<String>,
        ask: ReplayAsk,
    ) -> Result<ReplayedView, Error> {
        self.repeat_run(run, rules, from, ask).await
    }

    async fn replay_event(
        &self,
        event: EventId,
        only: Option<RuleName>,
        ask: ReplayAsk,
    ) -> Result<ReplayedView, Error> {
        self.repeat_event(event, only, ask).await
    }
}

/// It cannot be done as things stand.
fn conflict(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conflict, code, message)
}

impl Rerunner {
    async fn detail(&self, run: RunId) -> Result<RunDetail, Error> {
        let found = self.admin.run(run).await.map_err(admin::failed)?;
        found.ok_or_else(|| admin::not_stored("run", &run.to_string()))
    }

    /// A stored run as a node would take it up.
    async fn take_up(&self, detail: &RunDetail) -> Result<Run, Error> {
        let row = &detail.row;
        let closed = |why: String| conflict("not_possible", format!("{} cannot go on: {why}", row.id));
        let program = self.programs.open(&row.closure, &*self.store).await.map_err(|error| match error {
            OpenError::Store { source } => admin::failed(source),
            OpenError::Closed { reason } => closed(reason),
        })?;
        let stored = self.admin.event(row.event).await.map_err(admin::failed)?;
        let stored = stored.ok_or_else(|| admin::not_stored("event", &row.event.to_string()))?;
        let event = self.present.event(&stored).map_err(|why| closed(format!("its event cannot be read: {why}")))?;
        let mut facts = runner::facts(&*self.present, row.id, Arc::new(event), stored.body, row.created_at);
        if Run::has_gathered(&program.rule, &detail.state) {
            facts = facts.gathering(self.gathered(row.id).await?);
        }
        let events = self.told(&Run::awaited(&detail.state, &detail.steps)).await?;
        Run::restore(program, facts, &detail.state, &detail.steps, &events)
            .map_err(|damaged| closed(damaged.to_string()))
    }

    /// What a run has gathered, as far as it is stored.
    async fn gathered(&self, run: RunId) -> Result<Gathered, Error> {
        let mut gathered = Gathered::default();
        for stored in self.store.collected(run).await.map_err(admin::failed)? {
            if let Ok(event) = self.present.event(&stored) {
                gathered.events.push(Arc::new(event));
                gathered.raw = stored.body;
            }
        }
        Ok(gathered)
    }

    /// These events, as far as they are stored.
    async fn told(&self, ids: &[EventId]) -> Result<Events, Error> {
        let mut events = Events::new();
        for id in ids {
            let stored = self.store.awaited(*id).await.map_err(admin::failed)?;
            if let Some(event) = stored.and_then(|stored| self.present.event(&stored).ok()) {
                events.insert(*id, Arc::new(event));
            }
        }
        Ok(events)
    }
}
