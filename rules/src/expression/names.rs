//! Which names an expression may use.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// Which names an expression may use, so that a misspelt one is an error when the rules are loaded. The default knows
/// none. A clone is cheap.
#[derive(Debug, Clone, Default)]
pub struct Names {
    roots: Arc<BTreeSet<String>>,
    steps: Arc<BTreeSet<String>>,
}

impl Names {
    /// What is known when a rule's `if` is asked: `event`, `payload`, `body`, `app`, `apps`.
    #[must_use]
    pub fn rule() -> Self {
        static RULE: LazyLock<Names> = LazyLock::new(|| {
            ["event", "payload", "body", "app", "apps"].into_iter().fold(Names::default(), Names::with_root)
        });
        RULE.clone()
    }

    /// What a step sees: all of [`Names::rule`], and `run`, `steps`, `trigger`.
    #[must_use]
    pub fn workflow() -> Self {
        static WORKFLOW: LazyLock<Names> =
            LazyLock::new(|| ["run", "steps", "trigger"].into_iter().fold(Names::rule(), Names::with_root));
        WORKFLOW.clone()
    }

    /// These names and one more, such as `error` in `on_failure` or the `as` name of a `for_each`.
    #[must_use]
    pub fn with_root(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.roots).insert(name.into());
        self
    }

    /// These names without one, such as `payload` inside a `wait_for`.
    #[must_use]
    pub fn without_root(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.roots).remove(name);
        self
    }

    /// These names and the id of a step, to be read as `steps.ID`.
    #[must_use]
    pub fn with_step(mut self, id: &str) -> Self {
        Arc::make_mut(&mut self.steps).insert(id.into());
        self
    }

    pub(super) fn has_root(&self, name: &str) -> bool {
        self.roots.contains(name)
    }

    /// Whether `steps.ID` can be read.
    pub(crate) fn has_step(&self, id: &str) -> bool {
        self.steps.contains(id)
    }

    pub(super) fn roots(&self) -> impl Iterator<Item = &str> {
        self.roots.iter().map(String::as_str)
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(String::as_str)
    }
}

/// The known name that was probably meant.
pub(super) fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let far_enough = |candidate: &str| 1 + name.len().min(candidate.len()) / 4;
    known
        .map(|candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= far_enough(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
