//! How many attempts of one application and action are under way at once; the others wait in line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use oncue_rules::ids::{ActionName, SubAppId};
use tokio::sync::Semaphore;

type Line = (Option<SubAppId>, ActionName);

/// One line for each application and action, so that a slow one holds up nothing else. Lines are first come, first
/// served, and there are no more of them than applications times actions.
#[derive(Debug)]
pub(super) struct Gates {
    width: usize,
    gates: Mutex<HashMap<Line, Arc<Semaphore>>>,
}

impl Gates {
    pub(super) fn new(width: usize) -> Self {
        Self { width: width.max(1), gates: Mutex::default() }
    }

    pub(super) fn gate(&self, app: Option<SubAppId>, action: &ActionName) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry((app, action.clone())).or_insert_with(|| Arc::new(Semaphore::new(self.width)));
        Arc::clone(gate)
    }
}
