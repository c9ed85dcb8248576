//! Actions that a program in any language does, which speaks JSON lines: `docs/plugin-protocol.md`.
//!
//! ```text
//! Process       what actions hold: waits for a place, asks, waits for the answer
//!    | Request                                         (at most two for each place)
//! Supervisor    a task: starts the program when it is wanted, with a growing pause when it fails
//!    |
//! Session       one life of the program: calls in flight, deadlines, what it says
//!    |
//! Running       the process with its group, its limits and its pipes
//! ```
//!
//! The program is trusted: it runs as the user that Oncue runs as, and can read and send what that user can. What is limited
//! is what its faults can do: every one ends in an error of its own calls, in bounded time and memory, and nothing of
//! Oncue waits for it.

mod child;
mod ending;
mod events;
mod failure;
mod inbox;
mod journal;
pub mod limits;
mod lines;
mod meter;
mod outbox;
mod protocol;
mod session;
mod supervisor;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use oncue_rules::value::{Map, Value};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout_at;

pub use events::{Emits, Raised};
pub use failure::{Failure, FailureKind};
pub use journal::Origin;
pub use protocol::{Hello, VERSION};

use self::inbox::{Job, Request};
use self::supervisor::Supervisor;
use crate::action::{ActionError, Call, Repeatable};
use crate::params::INVALID;

/// The target of what processes write for people, for filters of the log.
pub const TARGET: &str = "oncue::plugin";

/// Takes secrets out of a text.
pub type Scrub = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// A program, and what it may take.
pub struct Options {
    /// The name of the plugin, for messages and the log.
    pub plugin: Arc<str>,
    /// Its version, for the program.
    pub version: String,
    /// The program and its arguments. A program with a `/` in it is relative to the folder; one without is looked for in
    /// `PATH`.
    pub command: Vec<String>,
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// The variables that it has besides `PATH` and `LANG`, which it has from Oncue.
    pub environment: BTreeMap<String, String>,
    /// Calls that it is given at the same time.
    pub calls: usize,
    /// The address space of each of its processes, in bytes. Systems other than Linux do not limit it.
    pub memory: u64,
    /// The bytes of one line that it writes.
    pub line: usize,
    /// From its start to its hello.
    pub start: Duration,
    /// From the deadline of a call without an answer to the end of the process.
    pub grace: Duration,
    /// From `stop` to its end.
    pub stop: Duration,
    /// Where the events go that it raises by itself. With this it is always kept running; without, it may raise none.
    pub emits: Option<Arc<dyn Emits>>,
    /// What its lines in the log go through.
    pub scrub: Scrub,
    /// Gives a fraction from 0 to 1: how much of the longest pause is made before it is started again.
    pub draw: fn() -> f64,
}

impl Options {
    /// A program with the limits of [`limits`].
    #[must_use]
    pub fn new(plugin: &str, folder: impl Into<PathBuf>, command: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            plugin: plugin.into(),
            version: String::new(),
            command: command.into_iter().map(Into::into).collect(),
            folder: folder.into(),
            environment: BTreeMap::new(),
            calls: limits::CALLS,
            memory: limits::MEMORY,
            line: limits::LINE,
            start: limits::START,
            grace: limits::GRACE,
            stop: limits::STOP,
            emits: None,
            scrub: Arc::new(str::to_owned),
            draw: fastrand::f64,
        }
    }
}

/// A program that does actions. It is started when it is first wanted, and again when it has ended; one that raises events
/// is wanted always, once [`Process::start`] was called. With the last of what holds this, it is stopped.
pub struct Process {
    options: Arc<Options>,
    places: Arc<Semaphore>,
    /// The number of the last call.
    calls: AtomicU64,
    supervisor: OnceLock<mpsc::UnboundedSender<Request>>,
}

/// What a call asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The action, as the program calls it.
    pub action: Arc<str>,
    /// Its parameters; with what it is about at most [`limits::CALL`] bytes as JSON.
    pub params: Value,
    /// What is sent besides: the members of the line that say what the call is about.
    pub about: Map,
    /// When the answer is of no more use.
    pub deadline: Instant,
    /// What the call is for.
    pub origin: Origin,
}

/// The engine gives up at the deadline of an attempt without knowing what was sent; so an answer that knows comes before.
const BEFORE_DEADLINE: Duration = Duration::from_millis(20);

impl Process {
    /// A program that is not started yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let places = Arc::new(Semaphore::new(options.calls.max(1)));
        Self { options: Arc::new(options), places, calls: AtomicU64::new(0), supervisor: OnceLock::new() }
    }

    /// Lets a program run that raises events. Within a runtime.
    pub fn start(&self) {
        self.requests();
    }

    /// Does one attempt of a step; the outputs are a map of at most 64 KiB.
    ///
    /// # Errors
    ///
    /// When it did not succeed. An attempt that may have taken effect is tried again only where that is safe.
    pub async fn act(&self, action: &str, repeatable: Repeatable, call: &Call) -> Result<Value, ActionError> {
        let deadline = call.deadline.checked_sub(BEFORE_DEADLINE).unwrap_or(call.deadline);
        let (params, about, origin) = (call.params.clone(), about(call), Origin::from(call));
        let ask = Ask { action: action.into(), params, about, deadline, origin };
        self.call(ask).await.map_err(|failure| failure.into_error(repeatable))
    }

    /// Makes a call and gives its outputs. Dropping the future cancels it.
    ///
    /// # Errors
    ///
    /// When it did not succeed, in any way.
    pub async fn call(&self, ask: Ask) -> Result<Value, Failure> {
        let Ask { action, params, about, deadline, origin } = ask;
        let Ok(Ok(place)) = timeout_at(deadline.into(), Arc::clone(&self.places).acquire_owned()).await else {
            let message = format!(
                "the plugin {} has as many calls as it takes (calls: {})",
                self.options.plugin, self.options.calls
            );
            return Err(Failure::retry("process_busy", message));
        };
        // Small programs rely on parameters before anything that others can write.
        let members = format!("\"params\":{},{}", params.to_json(), &Value::map(about).to_json()[1..]);
        if members.len() > limits::CALL {
            let message = format!("with: a call has {} bytes, and at most {} are sent", members.len(), limits::CALL);
            return Err(Failure::fatal(INVALID, message));
        }
        let id = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let (reply, answer) = oneshot::channel();
        let may_be_sent = Arc::<AtomicBool>::default();
        let was_sent = Arc::clone(&may_be_sent);
        let mut asking = Asking { id, requests: self.requests(), is_over: false };
        self.send(Request::Call(Job { id, action, members, deadline, origin, may_be_sent, reply, place }))?;
        let result = timeout_at(deadline.into(), answer).await;
        asking.is_over = result.is_ok();
        let plugin = &self.options.plugin;
        match result {
            Ok(Ok(result)) => result,
            Ok(Err(_)) if was_sent.load(Ordering::SeqCst) => {
                Err(Failure::in_doubt("process_ended", format!("what supervises the plugin {plugin} has ended")))
            }
            Ok(Err(_)) => Err(self.is_stopped()),
            Err(_) if was_sent.load(Ordering::SeqCst) => {
                Err(Failure::in_doubt("timeout", format!("the plugin {plugin} did not answer in time")))
            }
            Err(_) => {
                let message = format!("the plugin {plugin} had not started in time, or did not read: nothing was sent");
                Err(Failure::retry("timeout", message))
            }
        }
    }

    /// What the program says of itself; starts it when it does not run.
    ///
    /// # Errors
    ///
    /// When it does not start, says nothing in time, or speaks another version.
    pub async fn hello(&self) -> Result<Hello, Failure> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Hello(reply))?;
        answer.await.unwrap_or_else(|_| Err(self.is_stopped()))
    }

    /// Stops the program: it may finish what it does, and is ended with its group when it takes longer than
    /// [`Options::stop`]. It is never started again.
    pub async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        if self.send(Request::Stop(done)).is_ok() {
            let _ended = ended.await.is_ok();
        }
    }

    fn send(&self, request: Request) -> Result<(), Failure> {
        self.requests().send(request).map_err(|_| self.is_stopped())
    }

    fn is_stopped(&self) -> Failure {
        Failure::retry("process_stopped", format!("the plugin {} was stopped", self.options.plugin))
    }

    fn requests(&self) -> &mpsc::UnboundedSender<Request> {
        self.supervisor.get_or_init(|| {
            let (requests, received) = mpsc::unbounded_channel();
            tokio::spawn(Supervisor::new(Arc::clone(&self.options), received).run());
            requests
        })
    }
}

/// Tells that nobody waits for a call any more.
struct Asking<'p> {
    id: u64,
    requests: &'p mpsc::UnboundedSender<Request>,
    is_over: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // Where nobody hears it, no call is under way either.
            let _unheard = self.requests.send(Request::GivenUp(self.id)).is_err();
        }
    }
}

/// What a program is told of an attempt.
fn about(call: &Call) -> Map {
    let app = call.app.as_ref().map_or(Value::Null, |app| {
        let entries = [
            ("subappid".to_owned(), Value::Number(app.subappid.0.into())),
            ("name".to_owned(), Value::text(Arc::clone(&app.name))),
        ];
        Value::map(entries.into())
    });
    let about = [
        ("key", Value::text(Arc::clone(&call.key))),
        ("attempt", Value::Number(u64::from(call.attempt).into())),
        ("run", Value::text(call.run.to_string())),
        ("rule", Value::text(call.rule.to_string())),
        ("step", Value::text(call.step.to_string())),
        ("event", call.event.envelope()),
        ("app", app),
    ];
    about.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
