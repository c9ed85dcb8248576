//! The port in plain maps: what each verb means, without a database. A verb is given what a driver answered, says where
//! that is wrong, and takes over what only the driver can know (which runs it chose, the numbers of inputs).

use std::collections::{BTreeMap, BTreeSet};

use oncue::store::{
    Accept, Accepted, Advance, Claim, ClaimedRun, Delivered, Delivery, Due, Error, Fence, Gather, InboxRow, Input,
    InputId, NewEvent, NewRun, NodeId, Replay, Replayed, Retried, Retry, RunStatus, Timer, TimerKind, Wait,
};
use oncue_rules::ids::{EventId, RuleName, RunId, StepPath, SubAppId};
use oncue_rules::time::Timestamp;

/// What was wrong with an answer.
type Checked = Result<(), String>;

#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) event: EventId,
    rule: RuleName,
    pub(super) status: RunStatus,
    pub(super) state: String,
    pub(super) updated_at: Timestamp,
    pub(super) fence: Fence,
    /// Who holds the lease.
    pub(super) holder: Option<NodeId>,
    /// From when on it may be claimed.
    pub(super) free_at: Option<Timestamp>,
    pub(super) inbox: Vec<(Timestamp, Input)>,
    /// The numbers of the first inputs, as far as a driver told them.
    pub(super) numbers: Vec<InputId>,
    highest: InputId,
    pub(super) timers: BTreeMap<(StepPath, TimerKind), Timestamp>,
    waits: Vec<Wait>,
    handed: BTreeSet<(StepPath, EventId)>,
    gathering: Option<Gathering>,
}

/// A collection, with the rule and key as what they are told apart by.
#[derive(Debug, Clone)]
pub(super) struct Gathering {
    of: (RuleName, Option<SubAppId>, String),
    gather: Gather,
    open: bool,
    first: Timestamp,
    last: Timestamp,
    bytes: u64,
    /// Besides the run's own.
    pub(super) events: Vec<EventId>,
}

impl Gathering {
    fn over_at(&self) -> Timestamp {
        self.last.after(self.gather.quiet).min(self.first.after(self.gather.max))
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) events: BTreeMap<EventId, (NewEvent, u32)>,
    pub(super) runs: BTreeMap<RunId, Run>,
    dedupe: BTreeMap<String, (EventId, Timestamp)>,
    /// How many runs rules have started for their keys, in the windows that end then.
    limits: BTreeMap<(RuleName, String), (Timestamp, u32)>,
    /// What replays started.
    replays: BTreeMap<([u8; 16], EventId), RunId>,
}

fn check<T: PartialEq + std::fmt::Debug>(what: &str, answered: &T, expected: &T) -> Checked {
    if answered == expected { Ok(()) } else { Err(format!("{what}: {answered:?} where {expected:?} is right")) }
}

impl Run {
    fn created(new: &NewRun, event: &NewEvent) -> Self {
        let at = event.received_at;
        let timers = new.timers.iter().map(|timer| ((timer.path.clone(), timer.kind), timer.due_at)).collect();
        let gathering = new.gather.as_ref().map(|gather| Gathering {
            of: (new.rule.clone(), event.subappid, gather.key.clone()),
            gather: gather.clone(),
            open: true,
            first: at,
            last: at,
            bytes: event.body.len() as u64,
            events: Vec::new(),
        });
        let is_free = gathering.is_none();
        let mut run = Self {
            event: event.id,
            rule: new.rule.clone(),
            status: new.status,
            state: new.state.clone(),
            updated_at: at,
            fence: Fence(i64::from(new.lease.is_some())),
            holder: new.lease.as_ref().map(|(node, _)| node.clone()),
            free_at: is_free.then(|| new.lease.as_ref().map_or(at, |(_, until)| *until)),
            inbox: Vec::new(),
            numbers: Vec::new(),
            highest: InputId(i64::MIN),
            timers,
            waits: Vec::new(),
            handed: BTreeSet::new(),
            gathering,
        };
        run.gathered(at);
        run
    }

    fn push(&mut self, at: Timestamp, input: Input) -> bool {
        if self.status.is_final() {
            return false;
        }
        self.inbox.push((at, input));
        self.free_at.get_or_insert(at);
        true
    }

    /// Hands over an event once.
    fn hand(&mut self, path: &StepPath, event: EventId, at: Timestamp) -> bool {
        self.handed.insert((path.clone(), event)) && self.push(at, Input::Event { path: path.clone(), event })
    }

    /// Compares an inbox, and learns its numbers.
    fn learn(&mut self, rows: &[InboxRow]) -> Checked {
        let answered: Vec<_> = rows.iter().map(|row| (row.at, row.input.clone())).collect();
        check("inbox", &answered, &self.inbox)?;
        let numbers: Vec<_> = rows.iter().map(|row| row.id).collect();
        check("known numbers", &numbers[..self.numbers.len()].to_vec(), &self.numbers)?;
        for number in &numbers[self.numbers.len()..] {
            if *number <= self.highest {
                return Err(format!("number {number:?} does not grow past {:?}", self.highest));
            }
            self.highest = *number;
        }
        self.numbers = numbers;
        Ok(())
    }

    fn write(&mut self, advance: &Advance) {
        self.status = advance.status;
        self.state.clone_from(&advance.state);
        self.updated_at = advance.now;
        for number in &advance.consumed {
            if let Some(index) = self.numbers.iter().position(|known| known == number) {
                self.numbers.remove(index);
                self.inbox.remove(index);
            }
        }
        for path in &advance.settled {
            self.timers.retain(|(of, _), _| of != path);
            self.waits.retain(|wait| wait.path != *path);
        }
        for timer in &advance.timers {
            self.timers.insert((timer.path.clone(), timer.kind), timer.due_at);
        }
        if advance.status.is_final() {
            self.timers.clear();
            self.waits.clear();
            self.inbox.clear();
            self.numbers.clear();
            self.handed.clear();
            (self.holder, self.free_at) = (None, None);
            self.shut();
        }
    }

    /// Adds nothing more to its collection.
    fn shut(&mut self) {
        if let Some(gathering) = &mut self.gathering {
            gathering.open = false;
        }
    }

    fn close(&mut self, at: Timestamp) {
        self.shut();
        self.timers.retain(|(_, kind), _| *kind != TimerKind::Quiet);
        self.push(at, Input::Collected);
    }

    /// Closes its collection when it is full; else it is looked at when it is over.
    fn gathered(&mut self, at: Timestamp) {
        let Some(gathering) = &self.gathering else { return };
        if gathering.events.len() + 1 >= gathering.gather.max_events as usize {
            self.close(at);
        } else {
            self.timers.insert((StepPath::new(""), TimerKind::Quiet), gathering.over_at());
        }
    }

    /// Adds an event to its collection, or closes that before it.
    fn add(&mut self, event: &NewEvent) -> bool {
        let (at, size) = (event.received_at, event.body.len() as u64);
        let Some(gathering) = &mut self.gathering else { return false };
        if at >= gathering.over_at() || gathering.bytes + size > gathering.gather.max_bytes {
            self.close(at);
            return false;
        }
        gathering.events.push(event.id);
        gathering.bytes += size;
        gathering.last = at;
        self.gathered(at);
        true
    }

    /// The events that it has gathered.
    pub(super) fn collected(&self) -> Vec<EventId> {
        let gathering = self.gathering.iter();
        gathering.flat_map(|gathering| std::iter::once(self.event).chain(gathering.events.iter().copied())).collect()
    }
}

impl Model {
    pub(super) fn accept(&mut self, accept: &Accept, answered: &Accepted) -> Checked {
        let Accept { event, runs } = accept;
        let at = event.received_at;
        let scoped = event.scoped_dedupe_key();
        if let Some((first, until)) = self.dedupe.get(&scoped)
            && at < *until
        {
            if let Some((_, duplicates)) = self.events.get_mut(first) {
                *duplicates += 1;
            }
            return check("accept", answered, &Accepted::Duplicate(*first));
        }
        let mut woken = BTreeSet::new();
        for key in &event.keys {
            for (id, run) in &mut self.runs {
                let mut paths: Vec<_> = run.waits.iter().filter(|wait| fits(wait, event) && wait.key == *key).collect();
                paths.sort_by(|a, b| a.path.cmp(&b.path));
                let paths: Vec<_> = paths.into_iter().map(|wait| wait.path.clone()).collect();
                for path in paths {
                    if run.hand(&path, event.id, at) {
                        woken.insert(*id);
                    }
                }
            }
        }
        self.dedupe.insert(scoped, (event.id, event.dedupe_until));
        let (mut fences, mut throttled) = (Vec::new(), Vec::new());
        for new in runs {
            if self.adds(event, new) {
                continue;
            }
            if !self.allows(new, at) {
                throttled.push(new.rule.clone());
                continue;
            }
            let fence = Fence(i64::from(new.lease.is_some()));
            fences.push((new.id, fence));
            self.runs.insert(new.id, Run::created(new, event));
        }
        let mut event = event.clone();
        event.verdicts.throttled = throttled;
        self.events.insert(event.id, (event, 0));
        check("accept", answered, &Accepted::New { fences, woken: u32::try_from(woken.len()).unwrap() })
    }

    /// Adds an event to the collection that it is for, if there is one that takes it.
    fn adds(&mut self, event: &NewEvent, new: &NewRun) -> bool {
        let Some(gather) = &new.gather else { return false };
        let of = (new.rule.clone(), event.subappid, gather.key.clone());
        let open =
            |run: &&mut Run| run.gathering.as_ref().is_some_and(|gathering| gathering.open && gathering.of == of);
        self.runs.values_mut().find(open).is_some_and(|run| run.add(event))
    }

    /// Counts a run, if its limit has room for it.
    fn allows(&mut self, new: &NewRun, at: Timestamp) -> bool {
        let Some(limit) = &new.limit else { return true };
        let window = self.limits.entry((new.rule.clone(), limit.key.clone())).or_insert((at, 0));
        if window.0 <= at {
            *window = (at.after(limit.every), 0);
        }
        let has_room = window.1 < limit.runs;
        window.1 += u32::from(has_room);
        has_room
    }

    /// Any choice will do that is fair and as large as it can be.
    pub(super) fn claim(&mut self, claim: &Claim, answered: &[ClaimedRun]) -> Checked {
        let mut offers: BTreeMap<_, u32> = BTreeMap::new();
        for run in self.runs.values().filter(|run| run.free_at.is_some_and(|at| at <= claim.now)) {
            *offers.entry(self.events[&run.event].0.subappid).or_default() += 1;
        }
        for offer in offers.values_mut() {
            *offer = (*offer).min(claim.per_app);
        }
        let all: u32 = offers.values().sum();
        check("how many were claimed", &answered.len(), &(all.min(claim.limit) as usize))?;
        let mut got: BTreeMap<_, u32> = BTreeMap::new();
        for claimed in answered {
            let app = claimed.run.subappid;
            *got.entry(app).or_default() += 1;
            self.take(claim, claimed)?;
        }
        for (app, offer) in &offers {
            let least = got.get(app).copied().unwrap_or(0);
            let most = got.values().copied().max().unwrap_or(0);
            if least > *offer || (least < *offer && least + 1 < most) {
                return Err(format!("{app:?} got {least} of {offer} when another got {most}"));
            }
        }
        Ok(())
    }

    fn take(&mut self, claim: &Claim, claimed: &ClaimedRun) -> Checked {
        let run = self.runs.get_mut(&claimed.run.id).ok_or("an unknown run was claimed")?;
        if run.free_at.is_none_or(|at| at > claim.now) {
            return Err(format!("{} was not free", claimed.run.id));
        }
        run.fence = Fence(run.fence.0 + 1);
        run.holder = Some(claim.node.clone());
        run.free_at = Some(claim.until);
        check("fence", &claimed.fence, &run.fence)?;
        check("state", &claimed.state, &run.state)?;
        check("status", &claimed.run.status, &run.status)?;
        check("event", &claimed.event.row.id, &run.event)?;
        check("body", &claimed.event.body, &self.events[&run.event].0.body)?;
        run.learn(&claimed.inbox)
    }

    pub(super) fn advance(
        &mut self,
        advance: &Advance,
        park: bool,
        answered: &Result<Vec<InboxRow>, Error>,
    ) -> Checked {
        let Some(run) = self.runs.get_mut(&advance.run) else {
            return if matches!(answered, Err(Error::NotFound { .. })) { Ok(()) } else { Err("no run".to_owned()) };
        };
        if run.fence != advance.fence || run.holder.is_none() {
            let fenced = matches!(answered, Err(Error::Fenced { run }) if *run == advance.run);
            return if fenced { Ok(()) } else { Err(format!("{answered:?} where it is fenced")) };
        }
        let rows = answered.as_ref().map_err(ToString::to_string)?;
        run.write(advance);
        if !run.status.is_final() {
            for wait in &advance.waits {
                run.waits.retain(|old| {
                    (&old.path, old.subappid, &old.kind, &old.key) != (&wait.path, wait.subappid, &wait.kind, &wait.key)
                });
                run.waits.push(wait.clone());
                let mut found: Vec<_> = self.events.values().map(|(event, _)| event).collect();
                found.retain(|event| fits(wait, event) && event.keys.contains(&wait.key) && event.id != run.event);
                found.sort_by_key(|event| (event.received_at, event.id));
                for event in found {
                    run.hand(&wait.path, event.id, advance.now);
                }
            }
        }
        run.learn(rows)?;
        if park && run.inbox.is_empty() {
            (run.holder, run.free_at) = (None, None);
        }
        Ok(())
    }

    pub(super) fn deliver(&mut self, delivery: &Delivery, answered: Delivered) -> Checked {
        let expected = match self.runs.get_mut(&delivery.run) {
            None => Delivered::NoRun,
            Some(run) => {
                let stored = run.push(delivery.at, delivery.input.clone());
                run.shut();
                if stored { Delivered::Stored } else { Delivered::Ended }
            }
        };
        check("deliver", &answered, &expected)
    }

    pub(super) fn retry(&mut self, retry: Retry, answered: Retried) -> Checked {
        let of = |run: &Run| (run.event, run.rule.clone());
        let Some(this) = self.runs.get(&retry.run).map(of) else {
            return check("retry", &answered, &Retried::NoRun);
        };
        let last = self.runs.iter().rfind(|(_, run)| of(run) == this).map(|(id, _)| *id);
        let run = self.runs.get_mut(&retry.run).ok_or("it was there")?;
        let expected = match last {
            _ if run.status != RunStatus::Dead => Retried::NotDead(run.status),
            Some(last) if last != retry.run => Retried::Replayed(last),
            _ => {
                (run.status, run.updated_at) = (RunStatus::Pending, retry.at);
                run.push(retry.at, Input::Retry { generation: 1_000, new_key: retry.new_key });
                Retried::Asked
            }
        };
        check("retry", &answered, &expected)
    }

    /// The run that was started last for an event, of the rule that replays are of.
    pub(super) fn last_run(&self, event: EventId) -> Option<RunId> {
        let is_of = |run: &Run| run.event == event && run.rule.as_str() == "rule";
        self.runs.iter().rfind(|(_, run)| is_of(run)).map(|(id, _)| *id)
    }

    pub(super) fn replay(&mut self, replay: &Replay, answered: Replayed) -> Checked {
        let request = (replay.request, replay.event);
        let newest = self.last_run(replay.event);
        let expected = match newest {
            _ if self.replays.contains_key(&request) => Replayed::Already(self.replays[&request]),
            _ if !self.events.contains_key(&replay.event) => Replayed::NoEvent,
            Some(run) if !self.runs[&run].status.is_final() => Replayed::Live(run),
            newest if newest != replay.last => Replayed::Changed,
            _ => Replayed::Started(replay.run),
        };
        check("replay", &answered, &expected)?;
        if let Replayed::Started(run) = expected {
            self.replays.insert(request, run);
            let new = replay.new_run(if newest.is_some() { 1_000 } else { 0 });
            let event = NewEvent { received_at: replay.at, ..self.events[&replay.event].0.clone() };
            self.runs.insert(run, Run::created(&new, &event));
        }
        Ok(())
    }

    pub(super) fn due(&mut self, now: Timestamp, answered: Due) -> Checked {
        let mut due = Vec::new();
        for (id, run) in &self.runs {
            due.extend(run.timers.iter().filter(|(_, at)| **at <= now).map(|(timer, at)| (*at, *id, timer.clone())));
        }
        due.sort();
        for (_, id, timer) in &due {
            let run = self.runs.get_mut(id).ok_or("a timer of no run")?;
            run.timers.remove(timer);
            match timer.1 {
                TimerKind::Quiet => run.close(now),
                kind => drop(run.push(now, Input::Timer { path: timer.0.clone(), kind })),
            }
        }
        let next = self.runs.values().flat_map(|run| run.timers.values()).min().copied();
        check("due", &answered, &Due { fired: u32::try_from(due.len()).unwrap(), next })
    }

    pub(super) fn renew(&mut self, leases: &[(RunId, Fence)], until: Timestamp, answered: &[RunId]) -> Checked {
        let mut lost = Vec::new();
        for (id, fence) in leases {
            match self.held(*id, *fence) {
                Some(run) => run.free_at = Some(until),
                None => lost.push(*id),
            }
        }
        check("renew", &answered.to_vec(), &lost)
    }

    pub(super) fn release(&mut self, leases: &[(RunId, Fence)]) {
        for (id, fence) in leases {
            if let Some(run) = self.held(*id, *fence) {
                (run.holder, run.free_at) = (None, Some(Timestamp(i64::MIN)));
            }
        }
    }

    fn held(&mut self, id: RunId, fence: Fence) -> Option<&mut Run> {
        self.runs.get_mut(&id).filter(|run| run.fence == fence && run.holder.is_some())
    }

    /// Removes old events; gives how many dedupe keys and events went.
    pub(super) fn expire(&mut self, before: Timestamp, now: Timestamp) -> (u32, u32) {
        let keys = self.dedupe.len();
        self.dedupe.retain(|_, (_, until)| *until > now);
        let live = self.runs.values().filter(|run| !run.status.is_final());
        let needed: BTreeSet<EventId> = live
            .flat_map(|run| run.handed.iter().map(|(_, event)| *event).chain([run.event]).chain(run.collected()))
            .collect();
        let events = self.events.len();
        self.events.retain(|id, (event, _)| event.received_at >= before || needed.contains(id));
        let left = &self.events;
        self.runs.retain(|_, run| left.contains_key(&run.event));
        let left = &self.runs;
        self.replays.retain(|_, run| left.contains_key(run));
        let gone = |before: usize, after: usize| u32::try_from(before - after).unwrap();
        (gone(keys, self.dedupe.len()), gone(events, self.events.len()))
    }

    /// The timers of a run, as they are shown.
    pub(super) fn timers(run: &Run) -> Vec<Timer> {
        let timer = |((path, kind), at): (&(StepPath, TimerKind), &Timestamp)| Timer {
            path: path.clone(),
            kind: *kind,
            due_at: *at,
        };
        run.timers.iter().map(timer).collect()
    }
}

/// Whether an event is of the wait's application and type, and not too old.
fn fits(wait: &Wait, event: &NewEvent) -> bool {
    (wait.subappid, &wait.kind) == (event.subappid, &event.kind) && wait.since <= event.received_at
}
