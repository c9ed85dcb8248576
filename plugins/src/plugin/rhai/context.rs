//! The call that is under way on this thread: what functions of ours need to know besides their arguments.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use tokio::runtime::Handle;

use crate::action::{Call, Repeatable};
use crate::script::error::{Fault, fault};

/// The most requests that one call may send.
pub(super) const REQUESTS: u32 = 50;
/// How often one call may use the store and other actions.
pub(super) const USES: u32 = 50;

tokio::task_local! {
    /// How many plugins called each other until this call.
    static DEPTH: u32;
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Current>>> = const { RefCell::new(None) };
}

/// A call that is under way.
pub(super) struct Current {
    pub(super) call: Call,
    pub(super) repeatable: Repeatable,
    /// When it must have ended.
    pub(super) until: Instant,
    /// Where functions of ours wait for what is asynchronous.
    pub(super) runtime: Handle,
    /// How many plugins called each other until this call.
    pub(super) depth: u32,
    pub(super) requests: Cell<u32>,
    pub(super) uses: Cell<u32>,
}

impl Current {
    /// Counts one request more; an error when it is one too many.
    pub(super) fn count_request(&self) -> Result<(), Fault> {
        count(&self.requests, REQUESTS, "sends requests").map(|_| ())
    }

    /// Counts one use of the store or of an action more, and gives its number.
    pub(super) fn count_use(&self) -> Result<u32, Fault> {
        count(&self.uses, USES, "uses the store and other actions")
    }
}

fn count(counter: &Cell<u32>, most: u32, what: &str) -> Result<u32, Fault> {
    let count = counter.get() + 1;
    if count > most {
        return Err(fault(format!("one call {what} at most {most} times")));
    }
    counter.set(count);
    Ok(count)
}

/// How many plugins called each other until the call that is begun here.
pub(super) fn depth() -> u32 {
    DEPTH.try_with(|depth| *depth).unwrap_or(0)
}

/// Runs a call so many plugins deep.
pub(super) async fn at_depth<F: Future>(depth: u32, call: F) -> F::Output {
    DEPTH.scope(depth, call).await
}

/// Has functions know of a call for as long as the script runs.
pub(super) fn within<T>(current: Current, script: impl FnOnce() -> T) -> T {
    /// Also when the script panics.
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }
    CURRENT.set(Some(Rc::new(current)));
    let _forget = Forget;
    script()
}

/// The call that is under way.
pub(super) fn current() -> Result<Rc<Current>, Fault> {
    let current = CURRENT.with_borrow(Option::clone);
    current
        .ok_or_else(|| fault("this can only be used in a function: what stands outside runs when the plugin is loaded"))
}
