//! Work that goes on after the call that started it, and how its end is known.

use oncue_rules::value::Value;

use crate::action::Call;

/// How work that was started tells of its end. All of it is pure, and asked again whenever a run is taken up: the same
/// values must always give the same.
#[derive(Debug, Clone, Copy)]
pub struct Completion {
    /// The types of the events that may tell of it.
    pub events: &'static [&'static str],
    /// What the payload of such an event says; none while the work goes on.
    pub judge: fn(&Value) -> Option<Completed>,
    /// Of the parameters that submitted the work: those that submit only these parts of it again, or all of it where it has
    /// no parts. None when the parts cannot be told apart in the parameters.
    pub narrow: fn(&Value, &[&Part]) -> Option<Value>,
}

/// What became of work.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completed {
    /// Its parts, in the order in which they were told.
    pub parts: Vec<Part>,
    /// Why it failed as a whole, where it has no parts.
    pub failure: Option<Failure>,
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which parameter asked for it.
    pub of: &'static str,
    /// What was told of it.
    pub result: Value,
    /// Why it failed, when it has.
    pub failure: Option<Failure>,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A word for machines, such as `SourceFileError.NoVideoMedia`.
    pub code: String,
    /// A sentence for people.
    pub reason: String,
}

/// How work went as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every part is done.
    Succeeded,
    /// Some parts are done, some failed.
    PartlyFailed,
    /// No part is done.
    Failed,
}

/// What became of work of which nothing is heard?
#[derive(Debug, Clone)]
pub struct Question {
    /// The call that started it, which is not to be made again; its deadline is that of the answer.
    pub call: Call,
    /// The task, where the outputs of the call named it.
    pub task: Option<String>,
}

impl Failure {
    /// Whether its code is one of these, or lies below one: `InternalError.Timeout` is an `InternalError`.
    #[must_use]
    pub fn is_one_of(&self, codes: &[String]) -> bool {
        codes.iter().any(|code| {
            self.code.strip_prefix(code.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

impl Completed {
    /// How it went.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let failed = self.parts.iter().filter(|part| part.failure.is_some()).count();
        match (failed, self.parts.len()) {
            (0, 0) if self.failure.is_some() => Outcome::Failed,
            (0, _) => Outcome::Succeeded,
            (failed, all) if failed == all => Outcome::Failed,
            _ => Outcome::PartlyFailed,
        }
    }

    /// Why something failed; empty otherwise.
    #[must_use]
    pub fn reason(&self) -> String {
        let failures = self.parts.iter().map(|part| &part.failure).chain([&self.failure]).flatten();
        failures.map(|failure| failure.reason.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// What was told of each part.
    #[must_use]
    pub fn results(&self) -> Vec<Value> {
        self.parts.iter().map(|part| part.result.clone()).collect()
    }

    /// What was told of the parts that failed.
    #[must_use]
    pub fn failed(&self) -> Vec<Value> {
        self.parts.iter().filter(|part| part.failure.is_some()).map(|part| part.result.clone()).collect()
    }

    /// The parts that failed with one of these codes; an empty list stands for the whole of work without parts. None when
    /// there is nothing that failed so.
    #[must_use]
    pub fn failed_with(&self, codes: &[String]) -> Option<Vec<&Part>> {
        let is_meant = |failure: &Option<Failure>| failure.as_ref().is_some_and(|failure| failure.is_one_of(codes));
        let parts: Vec<&Part> = self.parts.iter().filter(|part| is_meant(&part.failure)).collect();
        (!parts.is_empty() || (self.parts.is_empty() && is_meant(&self.failure))).then_some(parts)
    }

    /// The same after another round, in which the parts that had failed with one of these codes were submitted again: each
    /// of them, in order, is what the later round tells of it.
    #[must_use]
    pub fn then(self, later: Self, codes: &[String]) -> Self {
        if self.parts.is_empty() {
            return later;
        }
        let mut told = later.parts.into_iter();
        let parts = self.parts.into_iter().map(|part| {
            let again = part.failure.as_ref().is_some_and(|failure| failure.is_one_of(codes));
            // A round that failed as a whole tells of no part.
            if again { told.next().unwrap_or(part) } else { part }
        });
        let mut parts: Vec<Part> = parts.collect();
        parts.extend(told);
        Self { parts, failure: None }
    }
}

impl Outcome {
    /// Its word, as `steps.ID.outcome` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::PartlyFailed => "partly_failed",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, code: &str) -> Part {
        let failure = Failure { code: code.to_owned(), reason: format!("{name} failed") };
        Part { of: "parts", result: Value::text(name), failure: (!code.is_empty()).then_some(failure) }
    }

    fn completed(parts: &[(&str, &str)]) -> Completed {
        Completed { parts: parts.iter().map(|(name, code)| part(name, code)).collect(), failure: None }
    }

    fn told(completed: &Completed) -> Vec<&str> {
        completed.parts.iter().filter_map(|part| part.result.as_text()).collect()
    }

    #[test]
    fn a_code_is_meant_by_itself_and_by_those_above_it() {
        let codes = ["InternalError".to_owned()];
        let is_meant = |code: &str| Failure { code: code.to_owned(), reason: String::new() }.is_one_of(&codes);
        assert!(is_meant("InternalError") && is_meant("InternalError.Timeout"));
        assert!(!is_meant("InternalErrors") && !is_meant("Internal") && !is_meant("SourceFileError"));
    }

    #[test]
    fn a_later_round_tells_of_what_was_submitted_again_and_of_nothing_else() {
        let codes = ["Again".to_owned()];
        let first = completed(&[("a", ""), ("b", "Again"), ("c", "Broken"), ("d", "Again.Soon")]);
        assert_eq!(first.failed_with(&codes).map(|parts| parts.len()), Some(2));
        let second = first.clone().then(completed(&[("b2", ""), ("d2", "Again")]), &codes);
        assert_eq!((told(&second), second.outcome()), (vec!["a", "b2", "c", "d2"], Outcome::PartlyFailed));
        let third = second.then(completed(&[("d3", "")]), &codes);
        assert_eq!(
            (told(&third), third.failed(), third.failed_with(&codes)),
            (vec!["a", "b2", "c", "d3"], vec![Value::text("c")], None)
        );
        let failed = Completed { parts: Vec::new(), failure: part("e", "Again").failure };
        assert_eq!(told(&first.then(failed.clone(), &codes)), ["a", "b", "c", "d"], "a round that told of no part");
        assert_eq!((failed.failed_with(&codes), failed.outcome()), (Some(Vec::new()), Outcome::Failed));
        assert_eq!(failed.then(completed(&[("e2", "")]), &codes).outcome(), Outcome::Succeeded);
    }
}
