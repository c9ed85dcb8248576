//! Finds the program of a run: the rule as it was when the run began.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use oncue_plugins::action::{Action, Repeatable};
use oncue_plugins::registry::Registry;
use oncue_rules::closure::{Closure, PinnedRule};
use oncue_rules::ids::{ActionName, ContentHash};

use crate::store::{self, Store};
use crate::workflow::{Manner, Program, UnknownAction};

/// Opened closures that are not of the live rule set are kept up to this number.
const CACHE: usize = 256;

/// Programs by the hash of their closure: those of the live rule set, and others as runs need them.
pub struct Programs {
    registry: Arc<Registry>,
    live: ArcSwap<HashMap<ContentHash, Arc<Program>>>,
    opened: Mutex<Opened>,
}

/// Why a run has no program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store did not give the closure; trying later may help.
    #[error("the rule of the run could not be read")]
    Store {
        /// The cause.
        #[from]
        source: store::Error,
    },
    /// Something that the closure needs is gone; a person must bring it back.
    #[error("the rule that the run began with cannot be opened: {reason}")]
    Closed {
        /// What is missing or wrong.
        reason: String,
    },
}

impl Programs {
    /// No programs yet, on these actions.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, live: ArcSwap::default(), opened: Mutex::default() }
    }

    /// Makes these the rules that new runs begin with, and returns their programs in the same order. Nothing changes
    /// when one of them cannot be bound.
    ///
    /// # Errors
    ///
    /// When a rule uses an action that the registry does not have.
    pub fn replace_live(
        &self,
        rules: impl IntoIterator<Item = PinnedRule>,
    ) -> Result<Vec<Arc<Program>>, UnknownAction> {
        self.replace_live_beside(rules, |_| false)
    }

    /// As [`Programs::replace_live`], and keeps those of the former programs at hand that are `still_used`: an event that
    /// was judged by a former rule set finds its program.
    ///
    /// # Errors
    ///
    /// When a rule uses an action that the registry does not have.
    pub fn replace_live_beside(
        &self,
        rules: impl IntoIterator<Item = PinnedRule>,
        still_used: impl Fn(&ContentHash) -> bool,
    ) -> Result<Vec<Arc<Program>>, UnknownAction> {
        let before = self.live.load();
        let bind = |pinned: PinnedRule| match before.get(&pinned.rule.closure) {
            Some(program) => Ok(Arc::clone(program)),
            None => self.bind(pinned).map(Arc::new),
        };
        let programs: Vec<Arc<Program>> = rules.into_iter().map(bind).collect::<Result<_, _>>()?;
        let former = before.values().filter(|program| still_used(&program.rule.closure));
        let by_hash = programs.iter().chain(former).map(|program| (program.rule.closure.clone(), Arc::clone(program)));
        self.live.store(Arc::new(by_hash.collect()));
        Ok(programs)
    }

    /// The action of this name; none when there is none.
    #[must_use]
    pub fn action(&self, name: &ActionName) -> Option<Arc<dyn Action>> {
        self.registry.get(name)
    }

    /// The program of a live rule.
    #[must_use]
    pub fn live(&self, closure: &ContentHash) -> Option<Arc<Program>> {
        self.live.load().get(closure).cloned()
    }

    /// The program of a closure: the live one where the hash is equal, else opened from the store.
    ///
    /// # Errors
    ///
    /// [`OpenError::Store`] when the store did not answer, [`OpenError::Closed`] when the closure is gone or does not
    /// open on the actions that there are.
    pub async fn open(&self, closure: &ContentHash, store: &dyn Store) -> Result<Arc<Program>, OpenError> {
        let known = self.live(closure).or_else(|| self.opened().get(closure));
        if let Some(program) = known {
            return Ok(program);
        }
        let text = content(store, closure, "closure").await?;
        let vars = Closure::vars(&text).map_err(closed)?;
        let vars = content(store, &vars, "variables").await?;
        let pinned = Closure::open(&text, &vars, &*self.registry).map_err(closed)?;
        let program = Arc::new(self.bind(pinned).map_err(closed)?);
        self.opened().put(closure.clone(), Arc::clone(&program));
        Ok(program)
    }

    fn bind(&self, PinnedRule { rule, vars }: PinnedRule) -> Result<Program, UnknownAction> {
        let manner = |action: &ActionName| {
            let action = self.registry.get(action)?;
            let retry = action.retry().unwrap_or_default();
            let sends_key = action.spec().repeatable != Repeatable::Yes;
            let completion = action.completion();
            let repeatable = Arc::new(move |params: &_| action.repeatable(params));
            Some(Manner { repeatable, sends_key, retry, completion })
        };
        Program::bind(rule, vars, manner)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn content(store: &dyn Store, hash: &ContentHash, what: &str) -> Result<String, OpenError> {
    let found = store.content(hash).await?;
    found.ok_or_else(|| OpenError::Closed { reason: format!("its {what} {hash} is not stored") })
}

fn closed(reason: impl std::fmt::Display) -> OpenError {
    OpenError::Closed { reason: reason.to_string() }
}

/// Opened programs; the one opened first goes first.
#[derive(Default)]
struct Opened {
    by_hash: HashMap<ContentHash, Arc<Program>>,
    order: VecDeque<ContentHash>,
}

impl Opened {
    fn get(&self, closure: &ContentHash) -> Option<Arc<Program>> {
        self.by_hash.get(closure).cloned()
    }

    fn put(&mut self, closure: ContentHash, program: Arc<Program>) {
        if self.by_hash.insert(closure.clone(), program).is_none() {
            self.order.push_back(closure);
        }
        while self.order.len() > CACHE {
            if let Some(oldest) = self.order.pop_front() {
                self.by_hash.remove(&oldest);
            }
        }
    }
}
