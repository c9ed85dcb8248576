//! Rules that run by themselves: each tick of a schedule becomes an event.
//!
//! A tick is stored like any other event, under a dedupe key that names its rule and its moment: whoever stores it first,
//! of however many nodes, has it. Up to which moment the ticks of a rule are dealt with is kept in the store, so that
//! what a stop has missed is caught up at the next start.

mod plan;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use oncue_rules::ids::{RuleName, SubAppId};
use oncue_rules::rule::{Mode, Rule, Subscription};
use oncue_rules::schedule::Schedule;
use oncue_rules::time::Timestamp;
use tokio::sync::watch;

use crate::clock;
use crate::http::receiver::IngestError;
use crate::ingest::{Incoming, Intake};
use crate::live::Live;
use crate::store::{self, Calendar};
use plan::{Plan, plan};

/// The longest sleep: a clock that was put on is noticed after it.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// After what could not be stored.
const PAUSE: Duration = Duration::from_secs(1);
/// Ticks of one rule that are taken before other rules have their turn.
const ROUND: usize = 100;

/// Raises the ticks of schedules.
pub(crate) struct Ticker {
    intake: Arc<Intake>,
    calendar: Arc<dyn Calendar>,
    /// Up to when the ticks of each rule are dealt with.
    done: HashMap<RuleName, Timestamp>,
}

/// Why a round came to no end.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error("what is known of schedules could not be read or noted")]
    Calendar {
        #[from]
        source: store::Error,
    },
    #[error("a tick of {rule} could not be stored")]
    Tick {
        rule: RuleName,
        #[source]
        source: IngestError,
    },
}

impl Ticker {
    /// One that has looked at nothing yet.
    pub(crate) fn new(intake: Arc<Intake>, calendar: Arc<dyn Calendar>) -> Self {
        Self { intake, calendar, done: HashMap::new() }
    }

    /// Raises ticks until it is told to stop.
    pub(crate) async fn keep_ticking(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let pause = match self.round().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "schedules are behind");
                    PAUSE
                }
            };
            tokio::select! {
                // A sender that is gone is a stop too.
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.intake.present.replaced() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes the ticks that are due; says how long nothing will be.
    async fn round(&mut self) -> Result<Duration, Interrupted> {
        let live = self.intake.present.load();
        let scheduled: Vec<_> = live.rules.rules().iter().filter_map(scheduled).collect();
        self.learn(&scheduled, clock::now()).await?;
        let mut pause = LONGEST_SLEEP;
        for (rule, schedule) in scheduled {
            let now = clock::now();
            let done = self.done.get(&rule.name).copied().unwrap_or(now);
            let Plan { ticks, left_out, until, next } = plan(schedule, done, now, ROUND);
            if let Some(first) = left_out {
                tracing::warn!(rule = %rule.name, %first, catch_up = ?schedule.catch_up, "ticks were missed and are left out");
            }
            let is_worth_noting = !ticks.is_empty() || left_out.is_some();
            for tick in ticks {
                self.take(&live, rule, schedule, tick).await?;
            }
            if is_worth_noting {
                self.calendar.tick(rule.name.clone(), until).await?;
            }
            self.done.insert(rule.name.clone(), until);
            pause = next.map_or(pause, |next| next.since(now).min(pause));
        }
        Ok(pause)
    }

    /// Asks the store of rules that were not asked for before.
    async fn learn(&mut self, scheduled: &[(&Rule, &Schedule)], now: Timestamp) -> Result<(), store::Error> {
        let names = scheduled.iter().map(|(rule, _)| rule.name.clone());
        let new: Vec<_> = names.filter(|name| !self.done.contains_key(name)).collect();
        if !new.is_empty() {
            let done = self.calendar.ticked(new.clone(), now).await?;
            self.done.extend(new.into_iter().zip(done));
        }
        Ok(())
    }

    async fn take(&self, live: &Live, rule: &Rule, schedule: &Schedule, tick: Timestamp) -> Result<(), Interrupted> {
        let apps: Vec<Option<SubAppId>> = if schedule.per_app {
            live.apps.ids().filter(|id| rule.apps.includes(Some(*id))).map(Some).collect()
        } else {
            vec![None]
        };
        for app in apps {
            let incoming = Incoming::of_tick(&rule.name, app, tick, clock::now());
            match self.intake.take(incoming).await {
                // An application that is gone meanwhile has no ticks.
                Ok(_) | Err(IngestError::UnknownApplication { .. }) => {}
                Err(source) => return Err(Interrupted::Tick { rule: rule.name.clone(), source }),
            }
        }
        Ok(())
    }
}

fn scheduled(rule: &Arc<Rule>) -> Option<(&Rule, &Schedule)> {
    match &rule.on {
        Subscription::Schedule(schedule) if rule.mode != Mode::Off => Some((rule, schedule)),
        _ => None,
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
