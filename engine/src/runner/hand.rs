//! A run in hand: committing what was decided for it, under its lease.

use std::sync::Arc;
use std::time::Duration;

use oncue_rules::ids::StepPath;
use oncue_rules::time::Timestamp;

use super::leases::Leash;
use super::{Death, Obituary, Permit, Shared, Stop, ask, events};
use crate::clock;
use crate::store::{self, Advance, ErrorRecord, InboxRow, Input as Stored, InputId, RunStatus};
use crate::workflow::{Decision, Next, Run};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A leased run with its place in this node's memory.
pub(super) struct Hand {
    pub(super) shared: Arc<Shared>,
    pub(super) leash: Leash,
    _permit: Permit,
}

/// The run is not this node's to go on with.
pub(super) struct Dropped;

impl Hand {
    pub(super) fn new(shared: Arc<Shared>, leash: Leash, permit: Permit) -> Self {
        Self { shared, leash, _permit: permit }
    }

    /// Commits a decision, and all that is decided on inputs that came meanwhile, until there is something to do.
    pub(super) async fn settle(
        &self,
        run: &mut Run,
        mut decision: Decision,
        mut consumed: Vec<InputId>,
    ) -> Result<Next, Dropped> {
        loop {
            let inputs = self.commit(run, &decision, consumed).await?;
            ask::begin(&self.shared, run, std::mem::take(&mut decision.asks));
            if decision.status.is_final() || inputs.is_empty() {
                return Ok(decision.next);
            }
            let committed = decision.next;
            (decision, consumed) = self.take_in(run, inputs).await?;
            decision.next = decision.next.after(committed, &decision.steps);
        }
    }

    /// Commits one decision; returns the inputs that came meanwhile.
    pub(super) async fn commit(
        &self,
        run: &Run,
        decision: &Decision,
        consumed: Vec<InputId>,
    ) -> Result<Vec<InboxRow>, Dropped> {
        let lease = &self.leash.lease;
        let mut advance = Advance::of(decision, lease.run, lease.fence, clock::now(), consumed);
        let keeps = self.obituary(run, decision, advance.now).map(|Obituary { accept, keeps }| {
            advance.raised = Some(Box::new(accept));
            keeps
        });
        let inputs = self.write(advance, decision.next == Next::Park).await?;
        if keeps.is_some() {
            // The runs that it starts are free.
            self.shared.bell.notify_one();
        }
        if let Some(nearest) = decision.timers.iter().map(|timer| timer.due_at).min() {
            self.shared.alarm.set(nearest);
        }
        Ok(inputs)
    }

    /// The event that tells of the death that was decided, if that was.
    fn obituary(&self, run: &Run, decision: &Decision, at: Timestamp) -> Option<Obituary> {
        let error = decision.error.as_ref().filter(|_| decision.status == RunStatus::Dead)?;
        self.shared.deaths.told(&Death {
            run: run.id(),
            rule: &run.program().rule.name,
            event: &run.facts().event,
            error,
            deaths: run.state().deaths,
            at,
        })
    }

    /// Writes until the store has answered. Writing again what was perhaps written is safe: the fence of a lease that
    /// the first writing ended refuses the second.
    async fn write(&self, advance: Advance, park: bool) -> Result<Vec<InboxRow>, Dropped> {
        let mut stop = self.shared.stop.subscribe();
        let mut pause = FIRST_PAUSE;
        loop {
            let store = &self.shared.store;
            let answer = if park { store.park(advance.clone()).await } else { store.apply(advance.clone()).await };
            match answer {
                Ok(inputs) => return Ok(inputs),
                Err(store::Error::Unavailable { doing, .. }) => {
                    tracing::warn!(run = %advance.run, doing, "the store is not available; the run waits for it");
                }
                Err(store::Error::Fenced { .. }) => return Err(Dropped),
                Err(error) => {
                    tracing::error!(run = %advance.run, error = %error, "the run cannot be written");
                    return Err(Dropped);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = Stop::Now.reached(&mut stop) => return Err(Dropped),
            }
        }
    }

    /// Looks for inputs that came, without deciding anything.
    pub(super) async fn inputs(&self, run: &Run) -> Result<Vec<InboxRow>, Dropped> {
        self.commit(run, &run.standing(), Vec::new()).await
    }

    /// What inputs mean for a run, all together.
    pub(super) async fn take_in(
        &self,
        run: &mut Run,
        inputs: Vec<InboxRow>,
    ) -> Result<(Decision, Vec<InputId>), Dropped> {
        let consumed = inputs.iter().map(|row| row.id).collect();
        let mut decision = run.standing();
        for row in inputs {
            if let Some(input) = events::input(self, row.input).await? {
                decision = decision.then(run.transition(input, clock::now()));
            }
        }
        Ok((decision, consumed))
    }

    /// Stops a run that cannot go on, with the reason, until a person has helped. A cancelled one ends, and one that is
    /// retried is dead again.
    pub(super) async fn pause(&self, state: &str, reason: &str, inbox: &[InboxRow]) {
        let lease = &self.leash.lease;
        let cancelled = inbox.iter().find_map(|row| match &row.input {
            Stored::Cancel { reason } => Some(reason.as_str()),
            Stored::Timer { .. } | Stored::Event { .. } | Stored::Collected | Stored::Retry { .. } => None,
        });
        let is_retried = inbox.iter().any(|row| matches!(row.input, Stored::Retry { .. }));
        let (status, code, message) = match cancelled {
            Some(reason) => (RunStatus::Cancelled, "cancelled", reason),
            // It is as dead as it was, and may be retried again.
            None if is_retried => (RunStatus::Dead, "not_retried", reason),
            None => (RunStatus::Paused, "paused", reason),
        };
        tracing::warn!(run = %lease.run, reason, "the run is paused");
        let advance = Advance {
            run: lease.run,
            fence: lease.fence,
            now: clock::now(),
            // The cursor keeps what timers stood for, and sets them again when the run goes on.
            consumed: inbox.iter().map(|row| row.id).collect(),
            status,
            state: state.to_owned(),
            error: Some(ErrorRecord {
                step: StepPath::new(""),
                code: code.to_owned(),
                message: message.to_owned(),
                class: "fatal".to_owned(),
            }),
            steps: Vec::new(),
            failed_attempts: Vec::new(),
            timers: Vec::new(),
            settled: Vec::new(),
            waits: Vec::new(),
            raised: None,
            end: None,
        };
        // An input that came this very moment keeps the lease; giving it back lets the run be claimed for it.
        if let Ok(inputs) = self.write(advance, status == RunStatus::Paused).await
            && !inputs.is_empty()
        {
            self.release().await;
        }
    }

    /// Gives the lease back, so that another node may go on at once. When that fails, the lease runs out by itself.
    pub(super) async fn release(&self) {
        let lease = &self.leash.lease;
        if let Err(error) = self.shared.store.release(vec![(lease.run, lease.fence)]).await {
            tracing::warn!(run = %lease.run, error = %error, "a lease could not be given back; it will run out");
        }
        self.shared.bell.notify_one();
    }
}
