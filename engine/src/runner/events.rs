//! The events that inputs and step rows of a run name.

use std::sync::Arc;
use std::time::Duration;

use oncue_rules::event::Event;
use oncue_rules::ids::EventId;

use super::hand::{Dropped, Hand};
use crate::clock;
use crate::store::{Input as Stored, StepRow};
use crate::workflow::{Events, Gathered, Input, Run};

/// How long a run rests in hand while an event cannot be read.
const PAUSE: Duration = Duration::from_secs(1);

/// The input that a row of an inbox stands for; none when its event is not there to be read.
pub(super) async fn input(hand: &Hand, stored: Stored) -> Result<Option<Input>, Dropped> {
    Ok(Some(match stored {
        Stored::Timer { path, kind } => Input::Timer { path, kind },
        Stored::Cancel { reason } => Input::Cancel { reason },
        Stored::Retry { generation, new_key } => Input::Retry { generation, new_key },
        Stored::Collected => Input::Collected(gathered(hand).await?),
        Stored::Event { path, event } => match read(hand, event).await? {
            Some(event) => Input::Event { path, event },
            None => return Ok(None),
        },
    }))
}

/// The events that a run stands on: those that its waits ended with.
pub(super) async fn of_run(hand: &Hand, state: &str, steps: &[StepRow]) -> Result<Events, Dropped> {
    let mut events = Events::new();
    for id in Run::awaited(state, steps) {
        if let Some(event) = read(hand, id).await? {
            events.insert(id, event);
        }
    }
    Ok(events)
}

/// What a run has gathered.
pub(super) async fn gathered(hand: &Hand) -> Result<Gathered, Dropped> {
    let (shared, run) = (&hand.shared, hand.leash.lease.run);
    let stored = loop {
        match shared.store.collected(run).await {
            Ok(stored) => break stored,
            Err(error) => tracing::warn!(%run, error = %error, "what a run has gathered could not be read"),
        }
        rest(hand).await?;
    };
    let mut gathered = Gathered::default();
    for stored in stored {
        match shared.surroundings.event(&stored) {
            Ok(event) => {
                gathered.events.push(Arc::new(event));
                gathered.raw = stored.body;
            }
            Err(reason) => tracing::error!(event = %stored.row.id, reason, "a gathered event cannot be read"),
        }
    }
    Ok(gathered)
}

async fn read(hand: &Hand, id: EventId) -> Result<Option<Arc<Event>>, Dropped> {
    let shared = &hand.shared;
    loop {
        match shared.store.awaited(id).await {
            Ok(Some(stored)) => match shared.surroundings.event(&stored) {
                Ok(event) => return Ok(Some(Arc::new(event))),
                Err(reason) => {
                    tracing::error!(event = %id, reason, "an awaited event cannot be read");
                    return Ok(None);
                }
            },
            Ok(None) => {
                tracing::error!(event = %id, "an awaited event is not stored any more");
                return Ok(None);
            }
            Err(error) => tracing::warn!(event = %id, error = %error, "an awaited event could not be read"),
        }
        rest(hand).await?;
    }
}

/// Waits for the store, as long as the run is ours.
async fn rest(hand: &Hand) -> Result<(), Dropped> {
    tokio::time::sleep(PAUSE).await;
    if hand.leash.lease.is_over(clock::now()) || hand.shared.is_stopping() {
        hand.release().await;
        return Err(Dropped);
    }
    Ok(())
}
