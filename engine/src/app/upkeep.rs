//! Removes what is past its time, a little at a time.

use std::sync::Arc;
use std::time::Duration;

use oncue_rules::time::Timestamp;
use tokio::sync::watch;

use crate::clock;
use crate::reload::Reloader;
use crate::store::{Admin, Expired, Retention};

const BETWEEN_ROUNDS: Duration = Duration::from_mins(1);
/// Between two batches of one round, so that upkeep never takes more than a share of the store.
const BETWEEN_BATCHES: Duration = Duration::from_millis(200);
const BATCH: u32 = 500;

/// Goes round until it is told to stop. Contents that new runs pin stay.
pub(super) async fn keep_tidy(store: Arc<dyn Admin>, rules: Arc<Reloader>, mut stop: watch::Receiver<bool>) {
    let mut pause = BETWEEN_ROUNDS;
    loop {
        tokio::select! {
            // A sender that is gone is a stop too.
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let now = clock::now();
        // Held for one batch: a reload that stored contents and is not yet live would lose them.
        let hold = rules.hold().await;
        let keep = i64::try_from(hold.keep().as_millis()).unwrap_or(i64::MAX);
        let retention =
            Retention { events_before: Timestamp(now.0.saturating_sub(keep)), keep_contents: hold.contents() };
        pause = match store.expire(retention, now, BATCH).await {
            Ok(expired) if is_full(expired) => BETWEEN_BATCHES,
            Ok(_) => BETWEEN_ROUNDS,
            Err(error) => {
                tracing::warn!(%error, "what is past its time could not be removed");
                BETWEEN_ROUNDS
            }
        };
    }
}

fn is_full(expired: Expired) -> bool {
    [expired.dedupe_keys, expired.events, expired.contents].into_iter().any(|count| count >= BATCH)
}
