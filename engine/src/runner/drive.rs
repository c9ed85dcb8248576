//! Drives one run: decide, commit, act, until it parks or ends.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::BoxFuture;
use oncue_rules::ids::StepPath;

use super::attempt::{Ended, attempt};
use super::hand::{Dropped, Hand};
use super::{Stop, events, facts};
use crate::clock;
use crate::failpoint::crash_point;
use crate::program::OpenError;
use crate::store::{ClaimedRun, Input as Stored, InputId};
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
            Next::Call(calls) => {
                crash_point("before_call");
                perform(&hand, &mut run, calls).await
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

/// What became of the attempts that a run was in when it was taken up, and what its inbox means for it. A cancel comes
/// first: nothing is to be repeated for it.
async fn wake(hand: &Hand, run: &mut Run, claimed: ClaimedRun) -> Result<(Decision, Vec<InputId>), Dropped> {
    if claimed.inbox.iter().any(|row| matches!(row.input, Stored::Cancel { .. })) {
        return hand.take_in(run, claimed.inbox).await;
    }
    let resumed = run.transition(Input::Resume, clock::now());
    if claimed.inbox.is_empty() {
        return Ok((resumed, Vec::new()));
    }
    let (decision, consumed) = hand.take_in(run, claimed.inbox).await?;
    Ok((resumed.then(decision), consumed))
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
    let mut facts = facts(&*shared.surroundings, row.id, event, Arc::clone(&claimed.event.body), row.created_at);
    if Run::has_gathered(&program.rule, &claimed.state) {
        facts = facts.gathering(events::gathered(hand).await?);
    }
    let events = events::of_run(hand, &claimed.state, &claimed.steps).await?;
    let restored = Run::restore(program, facts, &claimed.state, &claimed.steps, &events);
    Ok(restored.map_err(|damaged| damaged.to_string()))
}

/// Makes attempts, and commits what their ends mean, until none is under way; meanwhile listens for what happens to the run.
async fn perform(hand: &Hand, run: &mut Run, calls: Vec<Call>) -> Result<Next, Dropped> {
    let mut under_way = UnderWay::default();
    let mut told = hand.leash.lease.watch();
    let mut stop = hand.shared.stop.subscribe();
    under_way.begin(hand, run, calls);
    let mut next = run.rest();
    loop {
        // With attempts under way the rest goes on beside them.
        while next == Next::Continue && !under_way.is_empty() && !hand.shared.is_stopping() {
            let decision = run.transition(Input::Continue, clock::now());
            next = under_way.settle(hand, run, decision, Vec::new()).await?;
        }
        if under_way.is_empty() {
            return Ok(next);
        }
        let (decision, consumed) = tokio::select! {
            ended = under_way.ended() => {
                crash_point("after_call");
                (decide(run, ended)?, Vec::new())
            }
            () = Stop::Now.reached(&mut stop) => {
                hand.release().await;
                return Err(Dropped);
            }
            _ = told.changed() => {
                if told.borrow_and_update().lost {
                    return Err(Dropped);
                }
                heard(hand, run).await?
            }
            () = tokio::time::sleep(LOOK) => heard(hand, run).await?,
        };
        if let Some(decision) = decision {
            next = under_way.settle(hand, run, decision, consumed).await?;
        }
        if under_way.is_empty() {
            return Ok(next);
        }
    }
}

/// What inputs that came meanwhile mean; none when there are none.
async fn heard(hand: &Hand, run: &mut Run) -> Result<(Option<Decision>, Vec<InputId>), Dropped> {
    let inputs = hand.inputs(run).await?;
    if inputs.is_empty() {
        return Ok((None, Vec::new()));
    }
    let (decision, consumed) = hand.take_in(run, inputs).await?;
    Ok((Some(decision), consumed))
}

/// What the ends of attempts mean for a run, all together.
fn decide(run: &mut Run, ended: Vec<(StepPath, u32, Ended)>) -> Result<Option<Decision>, Dropped> {
    let mut decided: Option<Decision> = None;
    for (path, number, ended) in ended {
        let input = match ended {
            Ended::With(result) => Input::Attempt { path, number, result },
            Ended::Unsent => Input::Unsent { path, number },
            Ended::Lost => return Err(Dropped),
        };
        let decision = run.transition(input, clock::now());
        decided = Some(match decided {
            Some(earlier) => earlier.then(decision),
            None => decision,
        });
    }
    Ok(decided)
}

/// The attempts of a run that are under way.
#[derive(Default)]
struct UnderWay(Vec<(StepPath, u32, BoxFuture<'static, Ended>)>);

impl UnderWay {
    fn begin(&mut self, hand: &Hand, run: &Run, calls: Vec<Call>) {
        for call in calls {
            let (path, number) = (call.path.clone(), call.attempt);
            let lease = Arc::clone(&hand.leash.lease);
            let (program, facts) = (Arc::clone(run.program()), run.facts().clone());
            let work = attempt(Arc::clone(&hand.shared), lease, program, facts, call);
            self.0.push((path, number, Box::pin(work)));
        }
    }

    /// Commits a decision, lets go of the attempts whose steps it ended, and begins those that it asks for, unless no other
    /// is under way.
    async fn settle(
        &mut self,
        hand: &Hand,
        run: &mut Run,
        decision: Decision,
        consumed: Vec<InputId>,
    ) -> Result<Next, Dropped> {
        let next = hand.settle(run, decision, consumed).await?;
        self.keep(run);
        match next {
            Next::Call(calls) if !self.is_empty() => {
                self.begin(hand, run, calls);
                Ok(run.rest())
            }
            next => Ok(next),
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets go of those whose step has ended meanwhile.
    fn keep(&mut self, run: &Run) {
        if !self.0.is_empty() {
            let calling = run.calling();
            self.0.retain(|(path, number, _)| calling.iter().any(|(step, of)| step == path && of == number));
        }
    }

    /// Resolves to all that have ended, once one has.
    async fn ended(&mut self) -> Vec<(StepPath, u32, Ended)> {
        poll_fn(|context| {
            let mut ended = Vec::new();
            let mut at = 0;
            while let Some((.., work)) = self.0.get_mut(at) {
                match work.as_mut().poll(context) {
                    Poll::Ready(end) => {
                        let (path, number, _) = self.0.swap_remove(at);
                        ended.push((path, number, end));
                    }
                    Poll::Pending => at += 1,
                }
            }
            if ended.is_empty() { Poll::Pending } else { Poll::Ready(ended) }
        })
        .await
    }
}
