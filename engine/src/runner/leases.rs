//! The leases that this node holds, and keeping them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oncue_rules::ids::RunId;
use oncue_rules::time::Timestamp;
use tokio::sync::{Notify, watch};

use super::Shared;
use crate::clock;
use crate::store::Fence;

/// How many leases one command renews.
const BATCH: usize = 1_000;

/// Every run in hand with its lease.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: Mutex<HashMap<RunId, Arc<Lease>>>,
    ended: Notify,
}

/// The right to advance one run.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) run: RunId,
    pub(super) fence: Fence,
    until: AtomicI64,
    renewed: Notify,
    told: watch::Sender<Told>,
}

/// What the holder of a lease is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) lost: bool,
    pub(super) inputs: u64,
}

/// A lease in use; forgotten when dropped.
#[derive(Debug)]
pub(super) struct Leash {
    pub(super) lease: Arc<Lease>,
    leases: Arc<Leases>,
}

impl Lease {
    /// Whether the lease has run out by this node's clock, or is known to be lost.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.is_lost() || self.until.load(Ordering::Relaxed) <= now.0
    }

    /// Waits until the lease certainly holds, and says whether it does; not once it is lost. While the store does not
    /// answer, neither is known.
    pub(super) async fn holds(&self) -> bool {
        loop {
            let renewed = self.renewed.notified();
            if self.is_lost() {
                return false;
            }
            if !self.is_over(clock::now()) {
                return true;
            }
            renewed.await;
        }
    }

    fn is_lost(&self) -> bool {
        self.told.borrow().lost
    }

    fn lose(&self) {
        self.told.send_modify(|told| told.lost = true);
        self.renewed.notify_waiters();
    }

    pub(super) fn watch(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }
}

impl Leases {
    pub(super) fn hold(self: &Arc<Self>, run: RunId, fence: Fence, until: Timestamp) -> Leash {
        let lease = Arc::new(Lease {
            run,
            fence,
            until: AtomicI64::new(until.0),
            renewed: Notify::new(),
            told: watch::Sender::new(Told::default()),
        });
        if let Some(before) = self.held().insert(run, Arc::clone(&lease)) {
            before.lose();
        }
        Leash { lease, leases: Arc::clone(self) }
    }

    /// Tells the run that an input came; whether it is in hand here.
    pub(super) fn tell(&self, run: RunId) -> bool {
        let lease = self.held().get(&run).cloned();
        lease.is_some_and(|lease| {
            lease.told.send_modify(|told| told.inputs += 1);
            true
        })
    }

    /// Resolves when no run is in hand.
    pub(super) async fn none_left(&self) {
        loop {
            let ended = self.ended.notified();
            if self.held().is_empty() {
                return;
            }
            ended.await;
        }
    }

    fn all(&self) -> Vec<(RunId, Fence)> {
        self.held().values().map(|lease| (lease.run, lease.fence)).collect()
    }

    fn renewed(&self, runs: &[(RunId, Fence)], lost: &[RunId], until: Timestamp) {
        let held = self.held();
        for (run, fence) in runs {
            let Some(lease) = held.get(run).filter(|lease| lease.fence == *fence) else { continue };
            if lost.contains(run) {
                lease.lose();
            } else {
                lease.until.store(until.0, Ordering::Relaxed);
                lease.renewed.notify_waiters();
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Lease>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        let mut held = self.leases.held();
        // The run may be in hand again under a newer fence.
        if held.get(&self.lease.run).is_some_and(|lease| Arc::ptr_eq(lease, &self.lease)) {
            held.remove(&self.lease.run);
        }
        drop(held);
        self.leases.ended.notify_waiters();
    }
}

/// Renews every lease in hand, three times in its length, until the task is ended.
pub(super) async fn keep(shared: Arc<Shared>) {
    let pause = shared.settings.lease / 3;
    loop {
        tokio::time::sleep(pause).await;
        for batch in shared.leases.all().chunks(BATCH) {
            renew(&shared, batch, pause).await;
        }
    }
}

async fn renew(shared: &Shared, runs: &[(RunId, Fence)], patience: Duration) {
    let until = clock::now().after(shared.settings.lease);
    match tokio::time::timeout(patience, shared.store.renew(runs.to_vec(), until)).await {
        Ok(Ok(lost)) => {
            if !lost.is_empty() {
                tracing::warn!(runs = lost.len(), "leases were lost; other nodes go on with these runs");
            }
            shared.leases.renewed(runs, &lost, until);
        }
        Ok(Err(error)) => tracing::warn!(error = %error, runs = runs.len(), "leases could not be renewed"),
        Err(_) => tracing::warn!(runs = runs.len(), "leases could not be renewed in time"),
    }
}
