//! Misbehaviour on request: what goes wrong, how often, and for whom, reproducible from a seed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::random::Stream;

/// The most troubles that can be set at a time.
pub const MAX_TROUBLES: usize = 100;

/// The longest delay that a trouble may cause.
pub const MAX_DELAY: Duration = Duration::from_mins(10);

/// Something that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The call is refused with HTTP 429.
    TooManyRequests,
    /// The call is refused with HTTP 200 and the code `RequestLimitExceeded`.
    RequestLimitExceeded,
    /// The call is refused with HTTP 503 and a body that is no JSON.
    ServerError,
    /// The call is refused with the code `InternalError`.
    InternalError,
    /// The call takes effect and is never answered.
    NoAnswer,
    /// The call takes effect, then the connection is closed without an answer.
    HangUp,
    /// The call is answered late, by [`Trouble::delay_ms`].
    Slow,
    /// A callback is sent twice.
    CallbackDuplicated,
    /// A callback is sent late, by [`Trouble::delay_ms`].
    CallbackLate,
    /// A callback is sent after the next one of its application, or after [`Trouble::delay_ms`] when none comes.
    CallbackReordered,
    /// A callback is never sent.
    CallbackLost,
    /// A task ends at once, and its callback is answered before `ProcessMedia` is.
    CallbackBeforeReply,
    /// A callback with the status PROCESSING follows the one with FINISH.
    ProcessingAfterFinish,
    /// A sub-task fails with [`Trouble::code`], by default `InternalError`.
    SubTaskFails,
}

/// A fault, with how often and for whom it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// What happens.
    pub fault: Fault,
    /// How probable it is at each occasion, from 0 to 1; always, by default.
    #[serde(default = "always")]
    pub probability: f64,
    /// How often it happens in all; without end, by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// For calls of this action only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// For this application only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subappid: Option<u64>,
    /// For sub-tasks with this definition only ([`Fault::SubTaskFails`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<u64>,
    /// The `ErrCodeExt` of [`Fault::SubTaskFails`] (protocol section 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// For faults that delay, in milliseconds; 1,000 by default, ten minutes at most.
    #[serde(default = "one_second")]
    pub delay_ms: u64,
}

fn always() -> f64 {
    1.0
}

fn one_second() -> u64 {
    1_000
}

impl Trouble {
    /// A fault that always happens, for everybody.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            probability: always(),
            times: None,
            action: None,
            subappid: None,
            definition: None,
            code: None,
            delay_ms: one_second(),
        }
    }

    /// The same, `times` times in all.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same, for calls of one action.
    #[must_use]
    pub fn action(self, action: &str) -> Self {
        Self { action: Some(action.to_owned()), ..self }
    }

    /// Whether it can be.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), InvalidTrouble> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(InvalidTrouble::Probability { value: self.probability });
        }
        if self.delay() > MAX_DELAY {
            return Err(InvalidTrouble::Delay { millis: self.delay_ms });
        }
        let families = ["InvalidInput", "SourceFileError", "InternalError"];
        let family = |code: &str| families.contains(&code.split('.').next().unwrap_or_default());
        match &self.code {
            Some(code) if code.len() > 100 || !family(code) => Err(InvalidTrouble::Code { code: code.clone() }),
            _ => Ok(()),
        }
    }

    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    fn concerns(&self, occasion: &Occasion<'_>) -> bool {
        self.times != Some(0)
            && self.action.as_deref().is_none_or(|action| occasion.action == Some(action))
            && self.subappid.is_none_or(|subappid| occasion.subappid == Some(subappid))
            && self.definition.is_none_or(|definition| occasion.definition == Some(definition))
    }
}

/// A misbehaviour that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidTrouble {
    /// The probability is out of range.
    #[error("the probability is {value}: it must be from 0 to 1")]
    Probability {
        /// What was given.
        value: f64,
    },
    /// The delay is too long.
    #[error("the delay is {millis} ms: it must be 600000 at most")]
    Delay {
        /// What was given.
        millis: u64,
    },
    /// The code of a failure is not one of the vendor's.
    #[error(
        "the code {code:?} is none of the vendor's: it must begin with InvalidInput, SourceFileError or InternalError"
    )]
    Code {
        /// What was given.
        code: String,
    },
    /// There are too many.
    #[error("there are {count} misbehaviours: {MAX_TROUBLES} at most can be set")]
    Count {
        /// How many there would be.
        count: usize,
    },
}

/// Where a fault could happen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Occasion<'a> {
    pub(crate) action: Option<&'a str>,
    pub(crate) subappid: Option<u64>,
    pub(crate) definition: Option<u64>,
}

/// The troubles that are set. Each draws from a stream of its own, so that one does not change the luck of another.
#[derive(Debug)]
pub(crate) struct Mischief {
    seed: u64,
    made: u64,
    set: Vec<(Trouble, Stream, u64)>,
}

impl Mischief {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, made: 0, set: Vec::new() }
    }

    /// Sets troubles beside those that are set; none of them when one cannot be.
    pub(crate) fn add(&mut self, troubles: Vec<Trouble>) -> Result<(), InvalidTrouble> {
        let count = self.set.len() + troubles.len();
        if count > MAX_TROUBLES {
            return Err(InvalidTrouble::Count { count });
        }
        troubles.iter().try_for_each(Trouble::check)?;
        for trouble in troubles {
            let stream = Stream::new(self.seed, &format!("trouble {}", self.made));
            self.made += 1;
            self.set.push((trouble, stream, 0));
        }
        Ok(())
    }

    /// The trouble that strikes at this occasion, if one does. [`Trouble::times`] says how often it still can.
    pub(crate) fn strikes(&mut self, fault: Fault, occasion: &Occasion<'_>) -> Option<Trouble> {
        for (trouble, stream, struck) in &mut self.set {
            if trouble.fault == fault && trouble.concerns(occasion) && stream.happens(trouble.probability) {
                *struck += 1;
                trouble.times = trouble.times.map(|times| times - 1);
                return Some(trouble.clone());
            }
        }
        None
    }

    /// The troubles with how often each has struck.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&Trouble, u64)> {
        self.set.iter().map(|(trouble, _, struck)| (trouble, *struck))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYWHERE: Occasion<'static> = Occasion { action: None, subappid: None, definition: None };

    fn pattern(seed: u64, troubles: &[Trouble]) -> Vec<bool> {
        let mut mischief = Mischief::new(seed);
        mischief.add(troubles.to_vec()).unwrap();
        (0..64).map(|_| mischief.strikes(Fault::HangUp, &ANYWHERE).is_some()).collect()
    }

    #[test]
    fn a_count_is_used_up() {
        let mut mischief = Mischief::new(1);
        mischief.add(vec![Trouble::new(Fault::HangUp).times(2)]).unwrap();
        let struck = (0..5).filter(|_| mischief.strikes(Fault::HangUp, &ANYWHERE).is_some()).count();
        assert_eq!(struck, 2);
    }

    #[test]
    fn the_same_seed_strikes_at_the_same_occasions() {
        let half = Trouble { probability: 0.5, ..Trouble::new(Fault::HangUp) };
        assert_eq!(pattern(4, std::slice::from_ref(&half)), pattern(4, std::slice::from_ref(&half)));
        assert_ne!(pattern(4, std::slice::from_ref(&half)), pattern(5, &[half]));
    }

    #[test]
    fn a_trouble_for_one_application_spares_the_others() {
        let mut mischief = Mischief::new(1);
        mischief.add(vec![Trouble { subappid: Some(1), ..Trouble::new(Fault::Slow) }]).unwrap();
        assert!(mischief.strikes(Fault::Slow, &Occasion { subappid: Some(2), ..ANYWHERE }).is_none());
        assert!(mischief.strikes(Fault::Slow, &Occasion { subappid: Some(1), ..ANYWHERE }).is_some());
        assert!(mischief.strikes(Fault::HangUp, &Occasion { subappid: Some(1), ..ANYWHERE }).is_none());
    }

    #[test]
    fn what_cannot_be_is_refused_and_nothing_is_set() {
        let mut mischief = Mischief::new(1);
        let bad = Trouble { probability: 1.5, ..Trouble::new(Fault::Slow) };
        let error = mischief.add(vec![Trouble::new(Fault::Slow), bad]).unwrap_err();
        assert_eq!(error.to_string(), "the probability is 1.5: it must be from 0 to 1");
        assert_eq!(mischief.list().count(), 0);
        let code = Trouble { code: Some("Oops".into()), ..Trouble::new(Fault::SubTaskFails) };
        assert!(matches!(code.check(), Err(InvalidTrouble::Code { .. })));
        let late = Trouble { delay_ms: 600_001, ..Trouble::new(Fault::Slow) };
        assert!(matches!(late.check(), Err(InvalidTrouble::Delay { .. })));
        let many = vec![Trouble::new(Fault::Slow); MAX_TROUBLES + 1];
        assert!(matches!(mischief.add(many), Err(InvalidTrouble::Count { count: 101 })));
    }

    #[test]
    fn a_trouble_reads_with_defaults_and_refuses_unknown_keys() {
        let trouble: Trouble = serde_json::from_str(r#"{"fault":"callback_late"}"#).unwrap();
        assert_eq!(trouble, Trouble::new(Fault::CallbackLate));
        assert!(serde_json::from_str::<Trouble>(r#"{"fault":"callback_late","chance":1}"#).is_err());
    }
}
