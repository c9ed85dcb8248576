//! What is asked of a process, and waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use oncue_rules::value::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::failure::Failure;
use super::journal::Origin;
use super::protocol::Hello;

/// What is asked of a supervisor.
pub(super) enum Request {
    Call(Job),
    /// Nobody waits for this call any more.
    GivenUp(u64),
    Hello(oneshot::Sender<Result<Hello, Failure>>),
    Stop(oneshot::Sender<()>),
}

/// A call that was not sent yet.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) action: Arc<str>,
    /// Members of its line, as JSON with the brace that ends them.
    pub(super) members: String,
    pub(super) deadline: Instant,
    pub(super) origin: Origin,
    /// Set before anything of it is sent.
    pub(super) may_be_sent: Arc<AtomicBool>,
    pub(super) reply: oneshot::Sender<Result<Value, Failure>>,
    /// Its place among the calls in flight.
    pub(super) place: OwnedSemaphorePermit,
}

impl Job {
    pub(super) fn fail(self, failure: Failure) {
        // Whoever asked may be gone.
        let _unheard = self.reply.send(Err(failure)).is_err();
    }
}

/// Requests as they come, and those that wait for a process that runs.
pub(super) struct Inbox {
    requests: mpsc::UnboundedReceiver<Request>,
    /// Whether more may come.
    pub(super) is_open: bool,
    pub(super) calls: VecDeque<Job>,
    pub(super) hellos: Vec<oneshot::Sender<Result<Hello, Failure>>>,
    stops: Vec<oneshot::Sender<()>>,
}

impl Inbox {
    pub(super) fn new(requests: mpsc::UnboundedReceiver<Request>) -> Self {
        Self { requests, is_open: true, calls: VecDeque::new(), hellos: Vec::new(), stops: Vec::new() }
    }

    /// The next request; none when no more can come. Only while it is open.
    pub(super) async fn receive(&mut self) -> Option<Request> {
        self.requests.recv().await
    }

    /// Puts a request where it waits. Gives the number of a call of which nobody waits any more, when it is not here.
    pub(super) fn take(&mut self, request: Option<Request>) -> Option<u64> {
        match request {
            Some(Request::Call(job)) => self.calls.push_back(job),
            Some(Request::Hello(reply)) => self.hellos.push(reply),
            Some(Request::Stop(done)) => self.stops.push(done),
            Some(Request::GivenUp(id)) => match self.calls.iter().position(|job| job.id == id) {
                Some(at) => drop(self.calls.remove(at)),
                None => return Some(id),
            },
            None => self.is_open = false,
        }
        None
    }

    /// Whether the process is to end.
    pub(super) fn is_stopping(&self) -> bool {
        !self.is_open || !self.stops.is_empty()
    }

    /// Waits until a process is wanted; false when none will be any more.
    pub(super) async fn wanted(&mut self) -> bool {
        loop {
            if self.is_stopping() {
                return false;
            }
            if !self.calls.is_empty() || !self.hellos.is_empty() {
                return true;
            }
            let request = self.receive().await;
            // A call that is not here any more was answered.
            let _answered = self.take(request);
        }
    }

    /// Fails everything that waits.
    pub(super) fn turn_away(&mut self, failure: &Failure) {
        for job in self.calls.drain(..) {
            job.fail(failure.clone());
        }
        for reply in self.hellos.drain(..) {
            let _unheard = reply.send(Err(failure.clone())).is_err();
        }
    }
}
