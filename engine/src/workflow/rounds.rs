//! Rounds: of work that has failed in part, what failed is submitted again, without what is done.
//!
//! A round is a new request to the other side, so it has a generation and thereby a key of its own. What it submits is
//! worked out anew for each attempt, from the parameters as they are written and the events that told of the ends of the
//! rounds before: both are the same each time.

use std::sync::Arc;

use oncue_plugins::completion::{Completed, Completion};
use oncue_rules::event::Event;
use oncue_rules::rule::WorkWait;
use oncue_rules::template::Template;
use oncue_rules::value::Value;

use super::attempt::back_off;
use super::place::Place;
use super::record::TimerKind;
use super::state::{Active, Earlier};
use super::walk::Walk;
use super::{Next, jitter, limits};

/// What has become of work in the rounds of whose ends these events tell; none when one of them tells of no end.
pub(super) fn completed(told: &[&Event], wait: &WorkWait, completion: Completion) -> Option<Completed> {
    let codes = wait.retry_failed.as_ref().map_or(&[][..], |again| again.on.as_slice());
    let mut rounds = told.iter().map(|event| (completion.judge)(event.body.payload()));
    let first = rounds.next()??;
    rounds.try_fold(first, |before, round| Some(before.then(round?, codes)))
}

impl<'p> Walk<'p> {
    /// The parameters of the call that is next at a place, or was the last, or the code and the message of why there are none.
    pub(super) fn params(&self, place: &Place<'p>, with: &Template) -> Result<Value, (&'static str, String)> {
        let params = self.render(with).map_err(|error| ("expression", error.to_string()))?;
        let params = match &self.cursor.state.active {
            Some(Active::Call { earlier: Some(earlier), .. } | Active::Completion { earlier: Some(earlier), .. }) => {
                self.narrowed(place, &params, earlier).ok_or_else(|| {
                    let message =
                        "what failed cannot be told from what is done any more, so nothing was submitted again";
                    ("nothing_to_retry", message.to_owned())
                })?
            }
            _ => params,
        };
        if limits::fits(&params, limits::PARAMS_LIMIT) {
            return Ok(params);
        }
        Err(("params_too_large", format!("the parameters are more than {} bytes: pass less", limits::PARAMS_LIMIT)))
    }

    fn narrowed(&self, place: &Place<'p>, params: &Value, earlier: &Earlier) -> Option<Value> {
        let (wait, completion) = self.awaits(place)?;
        let completed = completed(&self.told(earlier), wait, completion)?;
        let failed = completed.failed_with(&wait.retry_failed.as_ref()?.on)?;
        (completion.narrow)(params, &failed)
    }

    /// The events that told of the ends of earlier rounds.
    pub(super) fn told(&self, earlier: &Earlier) -> Vec<&Event> {
        earlier.events.iter().filter_map(|id| self.cursor.told.get(id)).map(Arc::as_ref).collect()
    }

    /// Begins another round for what has failed; none when there is nothing to submit, or it was submitted often enough.
    pub(super) fn begin_round(&mut self, place: &Place<'p>, event: &Arc<Event>, completed: &Completed) -> Option<Next> {
        let (wait, completion) = self.awaits(place)?;
        let again = wait.retry_failed.as_ref()?;
        let Some(Active::Completion { attempts, generation, started_at, earlier, app, .. }) =
            self.cursor.state.active.clone()
        else {
            return None;
        };
        let mut earlier = earlier.unwrap_or(Earlier { events: Vec::new(), attempts, since: self.now });
        earlier.events.push(event.id);
        let rounds = u32::try_from(earlier.events.len()).unwrap_or(u32::MAX);
        if rounds >= again.max_attempts {
            return None;
        }
        let failed = completed.failed_with(&again.on)?;
        (completion.narrow)(&self.render(place.with()?).ok()?, &failed)?;
        let generation = generation + 1;
        let wait = back_off(&self.program.retry(place.step), rounds, jitter(&self.key(place, generation), 0));
        let due_at = self.now.after(wait);
        earlier.attempts = attempts;
        earlier.since = due_at;
        self.cursor.told.insert(event.id, Arc::clone(event));
        self.cursor.state.active = Some(Active::Call {
            attempts,
            lost: 0,
            generation,
            started_at,
            retry_at: Some(due_at),
            held_since: None,
            earlier: Some(earlier),
            app,
        });
        self.draft.timer(place.path(), TimerKind::Retry, due_at);
        Some(Next::Park)
    }

    /// Forgets the rounds of what has ended.
    pub(super) fn forget_rounds(&mut self, active: &Active) {
        let mut ids = Vec::new();
        active.earlier_events(&mut ids);
        for id in ids {
            self.cursor.told.remove(&id);
        }
    }
}
