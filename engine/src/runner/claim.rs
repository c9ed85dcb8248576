//! Takes up runs that nobody holds.

use std::sync::Arc;
use std::time::Duration;

use oncue_rules::ids::SubAppId;

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

/// What a claim came to.
enum Found {
    /// Nothing, so that there is nothing to do until the bell rings.
    Nothing,
    /// Runs, and there may be more: of one application a claim takes only a share.
    Runs,
    /// Runs of an application that has no more places here; they would only have to be given back again.
    NoPlace(Option<SubAppId>),
}

/// Claims until this node stops. The bell is heard also when it rang during a claim, so no run waits for the poll
/// that this node was told of.
pub(super) async fn refill(shared: Arc<Shared>) {
    let mut found = Found::Nothing;
    while !shared.is_stopping() {
        rest(&shared, &found).await;
        let limit = shared.room.left().min(BATCH);
        if limit == 0 {
            let _freed = tokio::time::timeout(POLL, shared.room.freed()).await;
            found = Found::Runs;
            continue;
        }
        found = claim(&shared, limit).await.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "no runs could be claimed");
            Found::Nothing
        });
    }
}

/// Until it is time to claim again. The time of a poll being over is as good as the bell.
async fn rest(shared: &Shared, found: &Found) {
    let app = match found {
        Found::Runs => return,
        Found::Nothing => None,
        Found::NoPlace(app) => Some(*app),
    };
    let places = async {
        match app {
            Some(app) => shared.room.places(app, PER_APP as usize).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = shared.bell.notified() => {}
        () = places => {}
        () = tokio::time::sleep(POLL) => {}
    }
}

/// Claims once.
async fn claim(shared: &Arc<Shared>, limit: usize) -> Result<Found, crate::store::Error> {
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
    let mut found = if claimed.is_empty() { Found::Nothing } else { Found::Runs };
    let mut returned = Vec::new();
    for run in claimed {
        if let Some(permit) = shared.room.reserve(run.run.subappid, bytes(&run)) {
            take(shared, run, permit, until);
        } else {
            found = Found::NoPlace(run.run.subappid);
            returned.push((run.run.id, run.fence));
        }
    }
    if !returned.is_empty() {
        shared.store.release(returned).await?;
    }
    Ok(found)
}

/// About how many bytes of events it holds.
fn bytes(run: &ClaimedRun) -> usize {
    usize::try_from(run.gathered_bytes).unwrap_or(usize::MAX).max(run.event.body.len())
}

fn take(shared: &Arc<Shared>, run: ClaimedRun, permit: Permit, until: oncue_rules::time::Timestamp) {
    let leash = shared.leases.hold(run.run.id, run.fence, until);
    let hand = Hand::new(Arc::clone(shared), leash, permit);
    tokio::spawn(drive::drive(hand, Start::Claimed(Box::new(run))));
}
