//! The durable port: what the engine asks of a store, in its own words.
//!
//! [`Store`] is the hot port: every verb is one commit, and its result is durable when it returns. [`Admin`] reads and
//! tends what is stored, [`Calendar`] knows the ticks of schedules, and [`Shelf`] holds what plugins keep. Drivers are
//! proved equal by one conformance suite.
//!
//! # What a driver owes
//!
//! - A command that names keys ([`Accept::locks`], [`Advance::locks`]) tests and writes under the locks of those keys,
//!   taken in the order given. A driver with one writer holds them all by being the only one.
//! - A run is changed only by the node whose lease is current: commands carry the [`Fence`] of the claim, and a stale
//!   one is answered [`Error::Fenced`] with nothing written.
//! - A lease lasts until it is given back, the run ends, or somebody claims the run after its end: one that is past its
//!   end and that nobody claimed is still good, so that a slow node loses no work.
//! - An event is handed to a step of a run once, by whatever ways it is found.
//! - A collection is open or closed. An event is added to an open one in the commit that accepts it, and what closes a
//!   collection puts [`Input::Collected`] into the inbox of its run in the same commit: after it, nothing is added.
//! - A command is written whole or not at all, and a commit once begun is never given up half way.

pub mod error;
pub mod model;
pub mod sqlite;

use std::path::Path;

use async_trait::async_trait;
use oncue_rules::ids::{ContentHash, EventId, RuleName, RunId};
use oncue_rules::time::Timestamp;

pub use error::Error;
pub use model::*;

/// The hot port.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Makes this node known, and frees the leases that no living node can hold. Where a store serves one node alone
    /// those are all others; elsewhere they run out by themselves.
    async fn join(&self, node: &NodeId, now: Timestamp) -> Result<Joined, Error>;

    /// Stores an event with the runs that it starts, and hands it to the runs that wait for it; or finds that it is a
    /// duplicate and stores nothing.
    async fn accept(&self, accept: Accept) -> Result<Accepted, Error>;

    /// Keeps a body that an authenticated sender sent and that could not be taken, within [`Quarantine::keep`].
    async fn quarantine(&self, quarantine: Quarantine) -> Result<(), Error>;

    /// Stores contents under their hashes; those already there are left as they are.
    async fn put_contents(&self, contents: Vec<Content>) -> Result<(), Error>;

    /// One stored content.
    async fn content(&self, hash: &ContentHash) -> Result<Option<String>, Error>;

    /// The run that made a request under this idempotency key, which came back as the `SessionId` of an event.
    async fn origin(&self, key: &str) -> Result<Option<Origin>, Error>;

    /// An event that a run was handed, to be read whole.
    async fn awaited(&self, event: EventId) -> Result<Option<StoredEvent>, Error>;

    /// The events that a run has gathered, in the order of reception, its own event first.
    async fn collected(&self, run: RunId) -> Result<Vec<StoredEvent>, Error>;

    /// Leases runs that have something to do and that nobody holds, taking turns among applications.
    async fn claim(&self, claim: Claim) -> Result<Vec<ClaimedRun>, Error>;

    /// Writes what a transition decided, and consumes the inputs that it was decided on. Ends the lease when the status
    /// is final. Returns the inputs that came meanwhile, the events among them that one of `advance.waits` is for (one
    /// received since [`Wait::since`] counts too). What `advance.raised` holds is accepted with it, after all else.
    async fn apply(&self, advance: Advance) -> Result<Vec<InboxRow>, Error>;

    /// As [`Store::apply`], then gives the lease back until an input comes: a timer of `advance.timers`, an event for
    /// one of `advance.waits`, or a delivery. When an input is there already, the lease is kept and the inputs are
    /// returned.
    async fn park(&self, advance: Advance) -> Result<Vec<InboxRow>, Error>;

    /// Puts an input into a run's inbox. A cancel closes a collection of the run.
    async fn deliver(&self, delivery: Delivery) -> Result<Delivered, Error>;

    /// Turns timers that are due into inputs, `limit` at most; a [`TimerKind::Quiet`] one closes the collection of its run.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Due, Error>;

    /// Moves the end of leases; returns the runs whose lease is no longer ours.
    async fn renew(&self, leases: Vec<(RunId, Fence)>, until: Timestamp) -> Result<Vec<RunId>, Error>;

    /// Gives leases back, so that any node may go on with the runs at once.
    async fn release(&self, leases: Vec<(RunId, Fence)>) -> Result<(), Error>;
}

/// The port of schedules.
#[async_trait]
pub trait Calendar: Send + Sync + 'static {
    /// Up to when the ticks of each of these rules are dealt with. A rule that is new to the store begins now.
    async fn ticked(&self, rules: Vec<RuleName>, now: Timestamp) -> Result<Vec<Timestamp>, Error>;

    /// The ticks of a rule up to this moment are dealt with; one that is earlier than what is known changes nothing.
    async fn tick(&self, rule: RuleName, until: Timestamp) -> Result<(), Error>;
}

/// The port of what plugins keep between their calls.
#[async_trait]
pub trait Shelf: Send + Sync + 'static {
    /// What a plugin has kept under a key, as JSON.
    async fn kept(&self, plugin: &str, key: &str) -> Result<Option<String>, Error>;

    /// Keeps a value, in place of what was kept under its key, or removes it.
    async fn keep(&self, keep: Keep) -> Result<Kept, Error>;
}

/// The admin port.
#[async_trait]
pub trait Admin: Send + Sync + 'static {
    /// Events, newest first.
    async fn events(&self, filter: EventFilter, page: Page) -> Result<Vec<EventRow>, Error>;
    /// One event with its body.
    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, Error>;
    /// Runs, newest first.
    async fn runs(&self, filter: RunFilter, page: Page) -> Result<Vec<RunRow>, Error>;
    /// One run with its steps and failed attempts.
    async fn run(&self, id: RunId) -> Result<Option<RunDetail>, Error>;
    /// Bodies in quarantine, newest first.
    async fn quarantined(&self, page: Page) -> Result<Vec<QuarantineRow>, Error>;
    /// How much of everything is stored.
    async fn counts(&self) -> Result<Counts, Error>;
    /// How much was written since the store was opened; `None` where commands do not share commits.
    fn written(&self) -> Option<Written> {
        None
    }
    /// Has a dead run go on: makes it one that may be claimed, with [`Input::Retry`] in its inbox, and keeps the events that
    /// it needs, in one commit.
    async fn retry(&self, retry: Retry) -> Result<Retried, Error>;
    /// Starts a run for a stored event, once for a request. It may be claimed at once.
    async fn replay(&self, replay: Replay) -> Result<Replayed, Error>;
    /// Writes a complete copy of the store to a new file, a little at a time. What is committed meanwhile is in it too; it
    /// has its name once it is whole and durable. `told` hears how far it is.
    ///
    /// # Errors
    ///
    /// [`Error::Occupied`] when there is such a file, [`Error::Unavailable`] when it cannot be written, or another copy is
    /// being made. Nothing is left of it then.
    async fn back_up(&self, file: &Path, told: &(dyn Fn(Copied) + Send + Sync)) -> Result<Copied, Error>;
    /// Looks at up to `limit` rows (1 to 1,000) from `place` on, on one snapshot, for what breaks a promise of the store.
    /// Events received before `kept_since` may have gone.
    async fn examine(&self, place: Place, kept_since: Timestamp, limit: u32) -> Result<Examined, Error>;
    /// The sums that the store keeps of what an examination counts, by their names. They agree while nothing writes.
    async fn sums(&self) -> Result<Vec<(String, i64)>, Error>;
    /// Removes what is past its time, `batch` rows of a kind at most; says how many went. Never an event that a live
    /// run may need.
    async fn expire(&self, retention: Retention, now: Timestamp, batch: u32) -> Result<Expired, Error>;
}
