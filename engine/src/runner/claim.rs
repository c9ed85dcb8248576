//! Takes up runs that nobody holds.

use std::sync::Arc;
use std::time::Duration;

use super::drive::{self, Start};
use super::{Hand, Permit, Shared};
use crate::clock;
use crate::store::{Claim, ClaimedRun};

/// How many runs one command claims.
const BATCH: usize = 200;
/// How many of them may be of one application.
const PER_APP: u32 = 50;
/// How often to look for runs that other nodes left.
const POLL: Duration = Duration::from_secs(1);

/// Claims until this node stops. The bell is heard also when it rang during a claim, so no run waits for the poll
/// that this node was told of.
pub(super) async fn refill(shared: Arc<Shared>) {
    let mut more = false;
    while !shared.is_stopping() {
        if !more {
            // Its time over is as good as its ringing.
            let _rang = tokio::time::timeout(POLL, shared.bell.notified()).await;
        }
        let limit = shared.room.left().min(BATCH);
        if limit == 0 {
            let _freed = tokio::time::timeout(POLL, shared.room.freed()).await;
            more = true;
            continue;
        }
        more = match claim(&shared, limit).await {
            // Full hands say that there is more; what had to be given back would only come again.
            Ok(taken) => taken == limit,
            Err(error) => {
                tracing::warn!(error = %error, "no runs could be claimed");
                false
            }
        };
    }
}

/// Claims once; returns how many runs found a place.
async fn claim(shared: &Arc<Shared>, limit: usize) -> Result<usize, crate::store::Error> {
    let now = clock::now();
    let claimed = shared
        .store
        .claim(Claim {
            node: shared.node.clone(),
            now,
            until: now.after(shared.settings.lease),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            per_app: PER_APP,
        })
        .await?;
    let until = now.after(shared.settings.lease);
    let mut taken = 0;
    let mut returned = Vec::new();
    for run in claimed {
        match shared.room.reserve(run.run.subappid, run.event.body.len()) {
            Some(permit) => {
                taken += 1;
                take(shared, run, permit, until);
            }
            None => returned.push((run.run.id, run.fence)),
        }
    }
    if !returned.is_empty() {
        shared.store.release(returned).await?;
    }
    Ok(taken)
}

fn take(shared: &Arc<Shared>, run: ClaimedRun, permit: Permit, until: oncue_rules::time::Timestamp) {
    let leash = shared.leases.hold(run.run.id, run.fence, until);
    let hand = Hand::new(Arc::clone(shared), leash, permit);
    tokio::spawn(drive::drive(hand, Start::Claimed(Box::new(run))));
}
