//! Drives one run: decide, commit, act, until it parks or ends.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::{Ended, attempt};
use super::hand::{Dropped, Hand};
use super::{Stop, events, facts};
use crate::clock;
use crate::failpoint::crash_point;
use crate::program::OpenError;
use crate::store::{ClaimedRun, InputId};
use crate::workflow::{Call, Decision, Input, Next, Run};

/// How often a run whose attempt takes long looks for inputs that came through another node.
const LOOK: Duration = Duration::from_mins(1);
/// How long a run rests in hand while its closure cannot be read.
const PAUSE: Duration = Duration::from_secs(1);

/// How a run came into hand.
pub(super) enum Start {
    /// It was decided and committed here.
    Committed(Box<Run>, Next),
    /// It was taken from the store.
    Claimed(Box<ClaimedRun>),
}

/// Drives a run until it parks, ends, or is not ours any more.
pub(super) async fn drive(hand: Hand, start: Start) {
    let begun = match start {
        Start::Committed(run, next) => Ok(Some((run, next))),
        Start::Claimed(claimed) => take_up(&hand, *claimed).await,
    };
    let Ok(Some((mut run, mut next))) = begun else { return };
    loop {
        let decided = match next {
            Next::End | Next::Park => return,
            // Nothing is under way that this node knows of, so another look from the store is in order.
            Next::Await => return hand.release().await,
            Next::Continue if hand.shared.is_stopping() => return hand.release().await,
            Next::Continue => {
                let decision = run.transition(Input::Continue, clock::now());
                hand.settle(&mut run, decision, Vec::new()).await
            }
            Next::Call(call) => {
                crash_point("before_call");
                perform(&hand, &mut run, call).await
            }
        };
        let Ok(decided) = decided else { return };
        crash_point("after_commit");
        next = decided;
    }
}

/// Opens a claimed run and decides on what lies in its inbox; none when it was paused.
async fn take_up(hand: &Hand, claimed: ClaimedRun) -> Result<Option<(Box<Run>, Next)>, Dropped> {
    let mut run = match restore(hand, &claimed).await? {
        Ok(run) => Box::new(run),
        Err(reason) => {
            hand.pause(&claimed.state, &reason, &claimed.inbox).await;
            return Ok(None);
        }
    };
    let (decision, consumed) = wake(hand, &mut run, claimed).await?;
    let next = hand.settle(&mut run, decision, consumed).await?;
    Ok(Some((run, next)))
}

/// What the inbox means for a run that was taken up, and what became of the attempt that it was in.
async fn wake(hand: &Hand, run: &mut Run, claimed: ClaimedRun) -> Result<(Decision, Vec<InputId>), Dropped> {
    let (decision, consumed) = hand.take_in(run, claimed.inbox).await?;
    let decided = matches!(decision.next, Next::Call(_) | Next::End);
    let decision = if decided { decision } else { decision.then(run.transition(Input::Resume, clock::now())) };
    Ok((decision, consumed))
}

async fn restore(hand: &Hand, claimed: &ClaimedRun) -> Result<Result<Run, String>, Dropped> {
    let shared = &hand.shared;
    let row = &claimed.run;
    let program = loop {
        match shared.programs.open(&row.closure, &*shared.store).await {
            Ok(program) => break program,
            Err(OpenError::Closed { reason }) => return Ok(Err(reason)),
            Err(OpenError::Store { source }) => {
                tracing::warn!(run = %row.id, error = %source, "the rule of a run could not be read");
                tokio::time::sleep(PAUSE).await;
                if hand.leash.lease.is_over(clock::now()) || shared.is_stopping() {
                    hand.release().await;
                    return Err(Dropped);
                }
            }
        }
    };
    let event = match shared.surroundings.event(&claimed.event) {
        Ok(event) => Arc::new(event),
        Err(reason) => return Ok(Err(format!("the event of the run cannot be read: {reason}"))),
    };
    let facts = facts(&*shared.surroundings, row.id, event, Arc::clone(&claimed.event.body), row.created_at);
    let events = events::of_steps(hand, &claimed.steps).await?;
    let restored = Run::restore(program, facts, &claimed.state, &claimed.steps, &events);
    Ok(restored.map_err(|damaged| damaged.to_string()))
}

/// Makes an attempt and commits what its end means; meanwhile listens for what happens to the run.
async fn perform(hand: &Hand, run: &mut Run, call: Call) -> Result<Next, Dropped> {
    let shared = &hand.shared;
    let (path, number) = (call.path.clone(), call.attempt);
    let lease = Arc::clone(&hand.leash.lease);
    let mut told = lease.watch();
    let mut stop = shared.stop.subscribe();
    let work = attempt(Arc::clone(shared), lease, Arc::clone(run.program()), run.facts().clone(), call);
    let mut work = pin!(work);
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended,
            () = Stop::Now.reached(&mut stop) => {
                hand.release().await;
                return Err(Dropped);
            }
            _ = told.changed() => {
                if told.borrow_and_update().lost {
                    return Err(Dropped);
                }
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        let inputs = hand.inputs(run).await?;
        if inputs.is_empty() {
            continue;
        }
        let (decision, consumed) = hand.take_in(run, inputs).await?;
        let next = hand.settle(run, decision, consumed).await?;
        if next != Next::Await {
            return Ok(next);
        }
    };
    crash_point("after_call");
    let input = match ended {
        Ended::With(result) => Input::Attempt { path, number, result },
        Ended::Unsent => Input::Unsent { path, number },
        Ended::Lost => return Err(Dropped),
    };
    let decision = run.transition(input, clock::now());
    hand.settle(run, decision, Vec::new()).await
}
