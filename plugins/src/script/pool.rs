//! The threads that scripts run on.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use oncue_rules::value::Value;
use tokio::sync::oneshot;

use super::budget::Budget;
use super::limits;
use super::queue::Queue;
use crate::action::ActionError;

/// The engine goes down into the program and into values by recursion; this holds both at their greatest depth. Memory
/// that is not touched is not taken.
pub(crate) const STACK: usize = 64 * 1024 * 1024;

type Work = Box<dyn FnOnce() + Send>;

/// One run of a script.
pub(crate) struct Ticket<K> {
    /// Whose turn it takes.
    pub(crate) lane: K,
    /// What the log says of it.
    pub(crate) origin: String,
    /// When its answer is of no more use.
    pub(crate) deadline: Instant,
    /// The longest time on a thread.
    pub(crate) time: Duration,
}

/// Threads for scripts, which start with the first script and end with the pool.
pub(crate) struct Pool<K> {
    name: &'static str,
    threads: usize,
    is_started: Mutex<bool>,
    queue: Arc<Queue<K, Work>>,
}

impl<K: Ord + Clone + Send + 'static> Pool<K> {
    /// So many threads, of which scripts of one lane have at most `share` at a time.
    pub(crate) fn new(name: &'static str, threads: usize, share: usize) -> Self {
        Self { name, threads, is_started: Mutex::new(false), queue: Arc::new(Queue::new(share)) }
    }

    /// Runs a script on one of the threads.
    ///
    /// # Errors
    ///
    /// Those of the script, or that there was no thread for it.
    pub(crate) async fn run<S>(&self, ticket: Ticket<K>, script: S) -> Result<Value, ActionError>
    where
        S: FnOnce(Budget) -> Result<Value, ActionError> + Send + 'static,
    {
        self.start().map_err(|error| {
            ActionError::retry("script_busy", format!("no thread for scripts could be started: {error}"))
        })?;
        let unwanted = Arc::<AtomicBool>::default();
        let _waiting = Waiting(Arc::clone(&unwanted));
        let (reply, answer) = oneshot::channel();
        let Ticket { lane, origin, deadline, time } = ticket;
        let work = move || {
            if reply.is_closed() {
                return;
            }
            let now = Instant::now();
            let result = if now >= deadline {
                Err(ActionError::retry("script_busy", "no thread was free in time"))
            } else {
                let budget = Budget { until: deadline.min(now + time), origin, unwanted };
                // A fault of the engine ends this script, and not the thread.
                catch_unwind(AssertUnwindSafe(|| script(budget)))
                    .unwrap_or_else(|_| Err(ActionError::fatal("script_error", "the engine for scripts failed")))
            };
            // Nobody may wait for it any more.
            let _unheard = reply.send(result).is_err();
        };
        self.queue.push(lane, Box::new(work)).map_err(|_| {
            let message = format!("{} scripts wait for a thread already", limits::WAITING);
            ActionError::retry("script_busy", message)
        })?;
        answer.await.unwrap_or_else(|_| Err(ActionError::retry("script_busy", "the threads for scripts are ending")))
    }

    fn start(&self) -> io::Result<()> {
        let mut is_started = self.is_started.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_started {
            for number in 1..=self.threads {
                let queue = Arc::clone(&self.queue);
                let thread = thread::Builder::new().name(format!("{}-{number}", self.name)).stack_size(STACK);
                thread.spawn(move || work(&queue))?;
            }
            *is_started = true;
        }
        Ok(())
    }
}

impl<K> Drop for Pool<K> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn work<K: Ord + Clone>(queue: &Queue<K, Work>) {
    serve_last();
    while let Some((lane, work)) = queue.take() {
        work();
        queue.done(&lane);
    }
}

/// Lets everything else on this machine go first. Where the system does not do that, scripts run like the rest.
fn serve_last() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "scripts run with the priority of everything else");
    }
}

/// Tells the script that nobody waits for it any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
