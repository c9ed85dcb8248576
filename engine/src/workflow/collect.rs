//! Collections: a run that gathers events before it begins.
//!
//! A collection is a run from its first event on. So it pins its rule as every run does, has a wake-up as every run that
//! waits does, is listed, cancelled and verified like one, and nothing has to be handed over when it begins. While it
//! gathers, nobody holds it and nothing is decided for it: the store adds events to it in the commits that accept them,
//! and says once, in the commit that closes it, that this was all ([`Input::Collected`](super::Input::Collected)). That
//! input brings the events, in the order of reception; `event` and `app` are those of the last one from then on, and the
//! keys of its steps are made of the first one, whose run it is.
//!
//! Against a step of its own kind (as `wait_for`, with an inbox of events) speaks that each event would wake the run, to
//! read again all that came before it, and that an event which comes while the last one is being decided on would belong
//! to nobody.

use std::sync::Arc;

use oncue_rules::event::Event;
use oncue_rules::rule::Rule;
use oncue_rules::time::Timestamp;
use oncue_rules::value::Value;

use super::decision::Draft;
use super::state::{Frame, Phase, State};
use super::view::View;
use super::walk::Walk;
use super::{Cursor, Decision, Events, Facts, Input, Next, Program, Run, TimerKind};

/// What a run has gathered.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// The events, in the order of reception.
    pub events: Vec<Arc<Event>>,
    /// The body of the last one, to the byte.
    pub raw: Arc<[u8]>,
}

impl Run {
    /// A new run that gathers events before it begins, this one first.
    #[must_use]
    pub fn collect(program: Arc<Program>, facts: Facts, now: Timestamp) -> (Self, Decision) {
        let view = View::new(&program, &facts);
        let state = State { phase: Phase::Collecting, frames: Vec::new(), ..State::initial(now) };
        let decision = Draft::default().decide(&state, Next::Park);
        (Self { program, cursor: Cursor { facts, state, view, told: Events::new(), again: None } }, decision)
    }

    /// Whether a rule's run that is in this stored state needs what it has gathered to be restored.
    #[must_use]
    pub fn has_gathered(rule: &Rule, state: &str) -> bool {
        let collecting = || serde_json::from_str(state).is_ok_and(|state: State| state.phase == Phase::Collecting);
        rule.collect.is_some() && !collecting()
    }
}

impl Facts {
    /// The facts of a run that has gathered these.
    #[must_use]
    pub fn gathering(self, gathered: Gathered) -> Self {
        let Some(last) = gathered.events.last().map(Arc::clone) else { return self };
        Self { scheduled_at: last.scheduled_at(), event: last, raw: gathered.raw, gathered: gathered.events, ..self }
    }

    /// The event that the run was created for.
    pub(super) fn first_event(&self) -> &Event {
        self.gathered.first().unwrap_or(&self.event)
    }

    /// What `events` is.
    pub(super) fn events(&self) -> Value {
        Value::list(self.gathered.iter().map(|event| value(event)).collect())
    }
}

/// An event in `events`: its fields, with its payload and its body.
fn value(event: &Event) -> Value {
    let mut fields = event.envelope().as_map().cloned().unwrap_or_default();
    fields.insert("payload".to_owned(), event.body.payload().clone());
    fields.insert("body".to_owned(), event.body.value().clone());
    Value::map(fields)
}

impl Walk<'_> {
    /// What an input means while events are gathered.
    pub(super) fn while_collecting(&mut self, input: Input) -> Next {
        match input {
            Input::Collected(gathered) => {
                self.begin_with(gathered);
                // A timer that was set below may still be there.
                self.draft.settle("".into());
                self.go_all();
                self.outcome()
            }
            Input::Cancel { reason } => self.cancel(&reason),
            Input::Resume => {
                // It was taken up although its collection is not closed, or after a pause that has swallowed the word of
                // it: the store says it again.
                self.draft.timer("".into(), TimerKind::Quiet, self.now);
                Next::Park
            }
            _ => Next::Park,
        }
    }

    fn begin_with(&mut self, gathered: Gathered) {
        let Cursor { facts, state, view, .. } = &mut *self.cursor;
        *facts = Facts { started_at: self.now, ..facts.clone().gathering(gathered) };
        *view = View::new(self.program, facts);
        state.phase = Phase::Steps;
        state.frames = vec![Frame::Block { at: 0, started_at: self.now }];
        state.began_at = Some(self.now);
    }
}
