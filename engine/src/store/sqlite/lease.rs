//! Leases: claiming runs, keeping them, giving them back.

use std::collections::VecDeque;

use oncue_rules::ids::RunId;
use oncue_rules::time::Timestamp;

use super::ask::Ask;
use super::fault::{Fault, Stop};
use super::rows::Columns;
use super::tx::Tx;
use super::writer::Verb;
use crate::store::{Claim, Fence, Joined, NodeId};

/// Runs whose lease was given back come first in their application: they were begun before.
const AT_ONCE: i64 = i64::MIN;

/// [`crate::store::Store::join`].
pub(super) struct Join {
    pub(super) node: NodeId,
}

/// The writing half of [`crate::store::Store::claim`].
pub(super) struct Lease(pub(super) Claim);

/// [`crate::store::Store::renew`].
pub(super) struct Renew {
    pub(super) leases: Vec<(RunId, Fence)>,
    pub(super) until: Timestamp,
}

/// [`crate::store::Store::release`].
pub(super) struct Release(pub(super) Vec<(RunId, Fence)>);

impl Verb for Join {
    type Answer = Joined;
    const DOING: &'static str = "joining";

    fn run(&self, tx: &Tx<'_>) -> Result<Joined, Stop> {
        let freed = tx.sql.change(
            "UPDATE runs INDEXED BY runs_free SET node = NULL, free_at = ?2
             WHERE free_at IS NOT NULL AND node IS NOT NULL AND node <> ?1",
            (&*self.node.0, AT_ONCE),
        )?;
        Ok(Joined { freed: freed as u64 })
    }
}

impl Verb for Lease {
    type Answer = Vec<(RunId, Fence)>;
    const DOING: &'static str = "claiming runs";

    fn run(&self, tx: &Tx<'_>) -> Result<Self::Answer, Stop> {
        let mut leased = Vec::new();
        for run in self.choose(tx)? {
            let fence = tx.sql.first(
                "UPDATE runs SET node = ?2, free_at = ?3, fence = fence + 1 WHERE id = ?1 RETURNING fence",
                (run.as_bytes(), &*self.0.node.0, self.0.until.0),
                |row| Ok(Fence(row.get(0)?)),
            )?;
            leased.extend(fence.map(|fence| (run, fence)));
        }
        Ok(leased)
    }
}

impl Lease {
    /// The runs to lease: one of each application in turn, until there are enough. The next claim goes on after the
    /// application that got the last one.
    fn choose(&self, tx: &Tx<'_>) -> Result<Vec<RunId>, Fault> {
        let limit = self.0.limit as usize;
        let mut queues = self.queues(tx, limit)?;
        let mut chosen = Vec::new();
        while chosen.len() < limit
            && let Some((app, mut runs)) = queues.pop_front()
        {
            if let Some(run) = runs.pop_front() {
                chosen.push(run);
                tx.turn.set(app);
                queues.push_back((app, runs));
            }
        }
        Ok(chosen)
    }

    /// What each application has to offer, at most `limit` applications of them, from the one whose turn it is.
    fn queues(&self, tx: &Tx<'_>, limit: usize) -> Result<VecDeque<(i64, VecDeque<RunId>)>, Fault> {
        let start = tx.turn.get();
        let mut queues = VecDeque::new();
        let (mut after, mut wrapped) = (start, false);
        while queues.len() < limit {
            let next = next_app(tx, after)?.filter(|app| !wrapped || *app <= start);
            match next {
                Some(app) => {
                    let runs = self.ready(tx, app)?;
                    if !runs.is_empty() {
                        queues.push_back((app, runs));
                    }
                    after = app;
                }
                None if wrapped => break,
                None => (after, wrapped) = (i64::MIN, true),
            }
        }
        Ok(queues)
    }

    fn ready(&self, tx: &Tx<'_>, app: i64) -> Result<VecDeque<RunId>, Fault> {
        let most = self.0.per_app.min(self.0.limit);
        let runs = tx.sql.rows(
            "SELECT id FROM runs WHERE app = ?1 AND free_at IS NOT NULL AND free_at <= ?2
             ORDER BY free_at, id LIMIT ?3",
            (app, self.0.now.0, most),
            |row| Columns::of(row).run_id(),
        )?;
        Ok(runs.into())
    }
}

fn next_app(tx: &Tx<'_>, after: i64) -> Result<Option<i64>, Fault> {
    tx.sql.first("SELECT app FROM runs WHERE free_at IS NOT NULL AND app > ?1 ORDER BY app LIMIT 1", [after], |row| {
        Ok(row.get(0)?)
    })
}

impl Verb for Renew {
    type Answer = Vec<RunId>;
    const DOING: &'static str = "renewing leases";

    fn weight(&self) -> usize {
        1024 + self.leases.len() * 256
    }

    fn run(&self, tx: &Tx<'_>) -> Result<Vec<RunId>, Stop> {
        let mut lost = Vec::new();
        for (run, fence) in &self.leases {
            let held = tx.sql.change(
                "UPDATE runs SET free_at = ?3 WHERE id = ?1 AND fence = ?2 AND node IS NOT NULL",
                (run.as_bytes(), fence.0, self.until.0),
            )?;
            if held == 0 {
                lost.push(*run);
            }
        }
        Ok(lost)
    }
}

impl Verb for Release {
    type Answer = ();
    const DOING: &'static str = "giving leases back";

    fn weight(&self) -> usize {
        1024 + self.0.len() * 256
    }

    fn run(&self, tx: &Tx<'_>) -> Result<(), Stop> {
        for (run, fence) in &self.0 {
            tx.sql.change(
                "UPDATE runs SET node = NULL, free_at = ?3 WHERE id = ?1 AND fence = ?2 AND node IS NOT NULL",
                (run.as_bytes(), fence.0, AT_ONCE),
            )?;
        }
        Ok(())
    }
}
