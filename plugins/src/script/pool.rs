//! The threads that scripts run on.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

use oncue_rules::ids::SubAppId;
use oncue_rules::value::Value;
use tokio::sync::oneshot;

use super::budget::Budget;
use super::limits;
use super::programs::{self, Programs};
use super::queue::Queue;
use crate::action::ActionError;

/// The engine goes down into the program and into values by recursion; this holds both at their greatest depth. Memory
/// that is not touched is not taken.
const STACK: usize = 64 * 1024 * 1024;

/// One call of a script.
pub(super) struct Job {
    pub(super) code: Arc<str>,
    /// How messages call the program.
    pub(super) name: Arc<str>,
    pub(super) args: Value,
    /// Whose turn it takes.
    pub(super) app: Option<SubAppId>,
    /// What the log says of it.
    pub(super) origin: String,
    pub(super) deadline: Instant,
    /// Set once nobody waits for it any more.
    pub(super) unwanted: Arc<AtomicBool>,
    pub(super) reply: oneshot::Sender<Result<Value, ActionError>>,
}

/// The threads; they end with it.
pub(super) struct Pool {
    queue: Arc<Queue<Job>>,
}

impl Pool {
    pub(super) fn start() -> io::Result<Self> {
        let pool = Self { queue: Arc::new(Queue::new()) };
        let programs = Arc::new(Programs::default());
        for number in 1..=limits::THREADS {
            let (queue, programs) = (Arc::clone(&pool.queue), Arc::clone(&programs));
            let thread = thread::Builder::new().name(format!("script-{number}")).stack_size(STACK);
            thread.spawn(move || work(&queue, &programs))?;
        }
        Ok(pool)
    }

    /// Puts a script in line.
    pub(super) fn submit(&self, job: Job) -> Result<(), ActionError> {
        self.queue.push(job.app, job).map_err(|_| {
            let message = format!("{} scripts wait for a thread already", limits::WAITING);
            ActionError::retry("script_busy", message)
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn work(queue: &Queue<Job>, programs: &Programs) {
    serve_last();
    while let Some((app, job)) = queue.take() {
        run(programs, job);
        queue.done(app);
    }
}

/// Lets everything else on this machine go first. Where the system does not do that, scripts run like the rest.
fn serve_last() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "scripts run with the priority of everything else");
    }
}

fn run(programs: &Programs, job: Job) {
    let Job { code, name, args, app: _, origin, deadline, unwanted, reply } = job;
    if reply.is_closed() {
        return;
    }
    let result = if Instant::now() >= deadline {
        Err(ActionError::retry("script_busy", "no thread was free in time"))
    } else {
        let budget = Budget { until: programs::until(deadline), origin, unwanted };
        // A fault of the engine ends this script, and not the thread.
        catch_unwind(AssertUnwindSafe(|| programs.run((&code, &name), &args, budget)))
            .unwrap_or_else(|_| Err(ActionError::fatal("script_error", "the engine for scripts failed")))
    };
    // Nobody may wait for it any more.
    let _unheard = reply.send(result).is_err();
}
