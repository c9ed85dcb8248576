//! The life of a task: it is started, its sub-tasks end one after the other, and it ends.

use std::sync::Arc;

use oncue_rules::time::Timestamp;

use super::State;
use super::outbox::Batch;
use super::task::{Notify, SubTask, Task, Work};
use crate::simulator::bodies::{edit, procedure, publish, review};
use crate::simulator::error::ApiError;
use crate::simulator::misbehaviour::{Fault, Occasion};

/// How much is done under one lock: more waits for the next turn.
const MAX_STEPS: usize = 500;

/// Something that is to happen.
#[derive(Debug)]
pub(crate) enum Due {
    /// So many sub-tasks of the task with this number have ended.
    Step { number: usize, done: usize },
    /// Late callbacks of an application.
    Callbacks { subappid: u64, batch: Batch },
    /// The callbacks that an application holds back have waited long enough.
    Release { subappid: u64 },
}

/// What a task is made from.
#[derive(Debug, Clone)]
pub(crate) struct NewTask {
    pub(crate) work: Work,
    pub(crate) subappid: u64,
    pub(crate) file_id: Arc<str>,
    pub(crate) session_id: String,
    pub(crate) session_context: String,
    pub(crate) priority: i64,
    pub(crate) notify: Notify,
    pub(crate) sub_tasks: Vec<SubTask>,
    pub(crate) request: Box<str>,
}

/// How many parts a task has that end by themselves: what is no procedure is one.
fn parts(work: Work, sub_tasks: &[SubTask]) -> usize {
    if work == Work::Procedure { sub_tasks.len() } else { 1 }
}

impl State {
    /// Starts a task and schedules its end.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`, when no more is kept.
    pub(crate) fn start_task(&mut self, new: NewTask, now: Timestamp) -> Result<Arc<str>, ApiError> {
        let number = self.tasks.len();
        if number >= self.options.limits.tasks {
            return Err(ApiError::full("tasks", self.options.limits.tasks));
        }
        self.keep(new.request.len() + new.session_context.len() + 2 * new.session_id.len() + 256)?;
        let id: Arc<str> = format!("{}-{}-{}tt0", new.subappid, new.work.id_part(), self.ids.tasks.hex32()).into();
        let task = Task {
            id: id.clone(),
            work: new.work,
            subappid: new.subappid,
            file_id: new.file_id,
            session_id: new.session_id,
            session_context: new.session_context,
            priority: new.priority,
            notify: new.notify,
            request: new.request,
            failures: self.failures(new.work, new.subappid, &new.sub_tasks),
            parts: parts(new.work, &new.sub_tasks),
            done: 0,
            created_at: now,
            finished_at: None,
        };
        self.schedule_steps(number, &task, now);
        self.tasks.push(task);
        self.numbers.insert(id.clone(), number);
        Ok(id)
    }

    fn failures(&mut self, work: Work, subappid: u64, sub_tasks: &[SubTask]) -> Vec<(usize, String)> {
        let mut failures = Vec::new();
        for part in 0..parts(work, sub_tasks) {
            let occasion = Occasion {
                action: Some(work.action()),
                subappid: Some(subappid),
                definition: sub_tasks.get(part).map(|sub_task| sub_task.definition),
            };
            if let Some(trouble) = self.mischief.strikes(Fault::SubTaskFails, &occasion) {
                failures.push((part, trouble.code.unwrap_or_else(|| "InternalError".to_owned())));
            }
        }
        failures
    }

    fn schedule_steps(&mut self, number: usize, task: &Task, now: Timestamp) {
        let delay = self.options.task_delay;
        let parts = u32::try_from(task.parts).unwrap_or(u32::MAX).max(1);
        if task.notify == Notify::Change {
            for done in 1..parts {
                let at = now.after(delay / parts * done);
                self.schedule(at, Due::Step { number, done: usize::try_from(done).unwrap_or(0) });
            }
        }
        self.schedule(now.after(delay), Due::Step { number, done: task.parts });
    }

    pub(super) fn schedule(&mut self, at: Timestamp, due: Due) {
        self.scheduled += 1;
        self.schedule.insert((at, self.scheduled), due);
    }

    /// When something is to happen next.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.schedule.first_key_value().map(|((at, _), _)| *at)
    }

    /// Does what is due; a part of it, when it is much.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for _ in 0..MAX_STEPS {
            if self.next_due().is_none_or(|at| at > now) {
                return;
            }
            match self.schedule.pop_first() {
                Some((_, Due::Step { number, done })) => self.step(number, done, now),
                Some((_, Due::Callbacks { subappid, batch })) => {
                    self.deferred = self.deferred.saturating_sub(1);
                    self.dispatch(subappid, batch, now);
                }
                Some((_, Due::Release { subappid })) => self.release(subappid, now),
                None => return,
            }
        }
    }

    /// Makes everything due now that is scheduled for later, in the same order.
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        for ((at, _), due) in std::mem::take(&mut self.schedule) {
            self.schedule(at.min(now), due);
        }
    }

    /// Ends a task at once, before its time.
    pub(crate) fn finish_now(&mut self, task_id: &str, now: Timestamp) {
        if let Some(number) = self.numbers.get(task_id).copied() {
            let parts = self.tasks.get(number).map_or(0, |task| task.parts);
            self.step(number, parts, now);
        }
    }

    fn step(&mut self, number: usize, done: usize, now: Timestamp) {
        let Some(task) = self.tasks.get_mut(number) else { return };
        if task.finished_at.is_some() {
            return;
        }
        task.done = done;
        let finished = done == task.parts;
        if finished {
            task.finished_at = Some(now);
        }
        if finished && task.work == Work::Edit && task.failures.is_empty() {
            self.make_edited(number, now);
        }
        let Some(task) = self.tasks.get(number) else { return };
        let (subappid, notify, id) = (task.subappid, task.notify, task.id.clone());
        let is_procedure = task.work == Work::Procedure;
        let medium = self.media.get_mut(&task.file_id).filter(|medium| medium.subappid == subappid);
        if let Some(medium) = medium.filter(|_| finished && is_procedure) {
            medium.finished.push(number);
        }
        if notify == Notify::Never || (notify == Notify::Finish && !finished) {
            return;
        }
        let occasion = Occasion { subappid: Some(subappid), ..Occasion::default() };
        let again =
            finished && is_procedure && self.mischief.strikes(Fault::ProcessingAfterFinish, &occasion).is_some();
        let Some(task) = self.tasks.get(number) else { return };
        let medium = self.medium(subappid, &task.file_id);
        let mut events = vec![match task.work {
            Work::Procedure => procedure::event(task, medium, done, self.options.seed),
            Work::Edit => edit::event(task, medium, self.options.seed),
            Work::Review => review::event(task, medium, self.options.seed),
            Work::Publish => publish::event(task),
        }];
        if again {
            events.push(procedure::event(task, medium, done.saturating_sub(1), self.options.seed));
        }
        self.emit(subappid, events, Some(id), now);
    }

    /// Keeps the file that an edit made. The vendor does not say whether that raises `NewFileUpload` (protocol section 6), and
    /// here it does not.
    fn make_edited(&mut self, number: usize, now: Timestamp) {
        let Some(task) = self.tasks.get(number) else { return };
        let (subappid, upload) = (task.subappid, edit::upload(task));
        // What there is no room for is an edit without a file.
        if let Ok(file_id) = self.add_medium(subappid, upload, now)
            && let Some(task) = self.tasks.get_mut(number)
        {
            task.file_id = file_id;
        }
    }

    /// Whether nothing is to happen and no callback is on its way. Events that wait for being pulled may be there.
    pub(crate) fn is_idle(&self) -> bool {
        self.schedule.is_empty()
            && self.apps.values().all(|app| app.outbox.waiting.is_empty() && app.outbox.in_flight == 0)
    }
}
