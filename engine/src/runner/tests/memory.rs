//! A store in memory that does what the runner needs of one, and can be made to fail.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use oncue_rules::ids::{ContentHash, EventId, RunId, StepPath};
use oncue_rules::time::Timestamp;
use tokio::sync::watch;

use crate::store::{
    Accept, Accepted, Advance, Claim, ClaimedRun, Content, Delivered, Delivery, Due, Error, EventRow, Fence, InboxRow,
    Input, InputId, Joined, NewEvent, NodeId, Origin, Quarantine, RunRow, RunStatus, StepRow, Store, StoredEvent,
    TimerKind,
};

#[derive(Clone)]
pub(super) struct Kept {
    pub(super) row: RunRow,
    pub(super) steps: BTreeMap<StepPath, StepRow>,
    pub(super) failed_attempts: usize,
    state: String,
    event: StoredEvent,
    fence: i64,
    lease: Option<Timestamp>,
    parked: bool,
    inbox: Vec<InboxRow>,
    timers: BTreeMap<(StepPath, TimerKind), Timestamp>,
}

#[derive(Default)]
struct Inner {
    runs: HashMap<RunId, Kept>,
    next_input: i64,
    down: bool,
}

/// Every change rings, so that tests wait for what is stored and never for time to pass.
pub(super) struct Memory {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

impl Memory {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), changed: watch::Sender::new(0) })
    }

    /// Whether it answers.
    pub(super) fn set_down(&self, down: bool) {
        self.inner.lock().unwrap().down = down;
    }

    /// Gives the lease of a run to somebody else.
    pub(super) fn steal(&self, run: RunId) {
        let mut inner = self.inner.lock().unwrap();
        let kept = inner.runs.get_mut(&run).unwrap();
        kept.fence += 1;
        kept.lease = Some(Timestamp(i64::MAX));
    }

    /// Lets the lease of a run end, as when its node has died.
    pub(super) fn abandon(&self, run: RunId) {
        self.inner.lock().unwrap().runs.get_mut(&run).unwrap().lease = None;
    }

    pub(super) fn kept(&self, run: RunId) -> Kept {
        self.inner.lock().unwrap().runs[&run].clone()
    }

    pub(super) fn is_leased(&self, run: RunId) -> bool {
        self.kept(run).lease.is_some()
    }

    /// Waits until a stored run is as wanted.
    pub(super) async fn until(&self, run: RunId, wanted: impl Fn(&Kept) -> bool) -> Kept {
        let mut changed = self.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let kept = self.kept(run);
            if wanted(&kept) {
                return kept;
            }
            changed.changed().await.unwrap();
        }
    }

    pub(super) async fn ended(&self, run: RunId) -> Kept {
        self.until(run, |kept| kept.row.status.is_final()).await
    }

    fn open(&self) -> Result<Changing<'_>, Error> {
        let inner = self.inner.lock().unwrap();
        if inner.down {
            return Err(Error::Unavailable { doing: "testing", unknown: false, source: None });
        }
        Ok(Changing { inner, changed: &self.changed })
    }

    fn advance(&self, advance: Advance, park: bool) -> Result<Vec<InboxRow>, Error> {
        let mut open = self.open()?;
        let kept = open.inner.runs.get_mut(&advance.run).ok_or(Error::Fenced { run: advance.run })?;
        if kept.fence != advance.fence.0 || kept.lease.is_none() {
            return Err(Error::Fenced { run: advance.run });
        }
        kept.row.status = advance.status;
        kept.row.error = advance.error;
        kept.row.end = advance.end;
        kept.state = advance.state;
        kept.inbox.retain(|row| !advance.consumed.contains(&row.id));
        kept.timers.retain(|(path, _), _| !advance.settled.contains(path));
        kept.failed_attempts += advance.failed_attempts.len();
        kept.steps.extend(advance.steps.into_iter().map(|row| (row.path.clone(), row)));
        kept.timers.extend(advance.timers.into_iter().map(|timer| ((timer.path, timer.kind), timer.due_at)));
        if advance.status.is_final() {
            kept.lease = None;
            kept.timers.clear();
            kept.inbox.clear();
        } else if park && kept.inbox.is_empty() {
            kept.lease = None;
            kept.parked = true;
        }
        Ok(kept.inbox.clone())
    }
}

struct Changing<'m> {
    inner: MutexGuard<'m, Inner>,
    changed: &'m watch::Sender<u64>,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.changed.send_modify(|changes| *changes += 1);
    }
}

impl Inner {
    fn push(&mut self, run: RunId, at: Timestamp, input: Input) {
        self.next_input += 1;
        let id = InputId(self.next_input);
        if let Some(kept) = self.runs.get_mut(&run) {
            kept.parked = false;
            kept.inbox.push(InboxRow { id, at, input });
        }
    }
}

fn stored(event: NewEvent) -> StoredEvent {
    let row = EventRow {
        id: event.id,
        source: event.source,
        kind: event.kind,
        subappid: event.subappid,
        dedupe_key: event.dedupe_key,
        received_at: event.received_at,
        verdicts: event.verdicts,
        duplicates: 0,
    };
    StoredEvent { row, keys: event.keys, envelope: event.envelope, body: event.body }
}

#[async_trait]
impl Store for Memory {
    async fn join(&self, _node: &NodeId, _now: Timestamp) -> Result<Joined, Error> {
        Ok(Joined { freed: 0 })
    }

    async fn accept(&self, accept: Accept) -> Result<Accepted, Error> {
        let mut open = self.open()?;
        let event = stored(accept.event);
        let mut fences = Vec::new();
        for run in accept.runs {
            let row = RunRow {
                id: run.id,
                rule: run.rule,
                closure: run.closure,
                event: event.row.id,
                subappid: event.row.subappid,
                status: run.status,
                created_at: event.row.received_at,
                updated_at: event.row.received_at,
                error: None,
                end: run.end,
            };
            let kept = Kept {
                row,
                steps: run.steps.into_iter().map(|row| (row.path.clone(), row)).collect(),
                failed_attempts: 0,
                state: run.state,
                event: event.clone(),
                fence: 1,
                lease: run.lease.map(|(_, until)| until),
                parked: false,
                inbox: Vec::new(),
                timers: run.timers.into_iter().map(|timer| ((timer.path, timer.kind), timer.due_at)).collect(),
            };
            fences.push((run.id, Fence(1)));
            open.inner.runs.insert(run.id, kept);
        }
        Ok(Accepted::New { fences, woken: 0 })
    }

    async fn quarantine(&self, _quarantine: Quarantine) -> Result<(), Error> {
        Ok(())
    }

    async fn put_contents(&self, _contents: Vec<Content>) -> Result<(), Error> {
        Ok(())
    }

    async fn content(&self, _hash: &ContentHash) -> Result<Option<String>, Error> {
        self.open().map(|_| None)
    }

    async fn origin(&self, _key: &str) -> Result<Option<Origin>, Error> {
        self.open().map(|_| None)
    }

    async fn awaited(&self, _: oncue_rules::ids::EventId) -> Result<Option<crate::store::StoredEvent>, Error> {
        Ok(None)
    }

    async fn collected(&self, run: RunId) -> Result<Vec<StoredEvent>, Error> {
        self.open().map(|open| vec![open.inner.runs[&run].event.clone()])
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<ClaimedRun>, Error> {
        let mut open = self.open()?;
        let mut claimed = Vec::new();
        for kept in open.inner.runs.values_mut() {
            let free = kept.lease.is_none_or(|until| until <= claim.now) && !kept.parked;
            if free && !kept.row.status.is_final() && claimed.len() < claim.limit as usize {
                kept.fence += 1;
                kept.lease = Some(claim.until);
                claimed.push(ClaimedRun {
                    run: kept.row.clone(),
                    fence: Fence(kept.fence),
                    state: kept.state.clone(),
                    event: kept.event.clone(),
                    gathered_bytes: 0,
                    steps: kept.steps.values().cloned().collect(),
                    inbox: kept.inbox.clone(),
                });
            }
        }
        Ok(claimed)
    }

    async fn apply(&self, advance: Advance) -> Result<Vec<InboxRow>, Error> {
        self.advance(advance, false)
    }

    async fn park(&self, advance: Advance) -> Result<Vec<InboxRow>, Error> {
        self.advance(advance, true)
    }

    async fn deliver(&self, delivery: Delivery) -> Result<Delivered, Error> {
        let mut open = self.open()?;
        let Some(kept) = open.inner.runs.get(&delivery.run) else { return Ok(Delivered::NoRun) };
        if kept.row.status.is_final() {
            return Ok(Delivered::Ended);
        }
        open.inner.push(delivery.run, delivery.at, delivery.input);
        Ok(Delivered::Stored)
    }

    async fn due(&self, now: Timestamp, _limit: u32) -> Result<Due, Error> {
        let mut open = self.open()?;
        let mut fired = Vec::new();
        let mut next = None;
        for (run, kept) in &mut open.inner.runs {
            kept.timers.retain(|(path, kind), due_at| {
                if *due_at <= now {
                    fired.push((*run, Input::Timer { path: path.clone(), kind: *kind }));
                    return false;
                }
                next = Some(next.map_or(*due_at, |next: Timestamp| next.min(*due_at)));
                true
            });
        }
        let count = u32::try_from(fired.len()).unwrap();
        for (run, input) in fired {
            open.inner.push(run, now, input);
        }
        Ok(Due { fired: count, next })
    }

    async fn renew(&self, leases: Vec<(RunId, Fence)>, until: Timestamp) -> Result<Vec<RunId>, Error> {
        let mut open = self.open()?;
        let mut lost = Vec::new();
        for (run, fence) in leases {
            match open.inner.runs.get_mut(&run).filter(|kept| kept.fence == fence.0 && kept.lease.is_some()) {
                Some(kept) => kept.lease = Some(until),
                None => lost.push(run),
            }
        }
        Ok(lost)
    }

    async fn release(&self, leases: Vec<(RunId, Fence)>) -> Result<(), Error> {
        let mut open = self.open()?;
        for (run, fence) in leases {
            if let Some(kept) = open.inner.runs.get_mut(&run).filter(|kept| kept.fence == fence.0) {
                kept.lease = None;
            }
        }
        Ok(())
    }
}

/// For finding runs in assertions.
impl Kept {
    pub(super) fn status(&self) -> RunStatus {
        self.row.status
    }

    pub(super) fn event_id(&self) -> EventId {
        self.event.row.id
    }
}
