//! Everything a simulator knows, with pure methods: time is an argument, and nothing here waits or talks to anybody.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use oncue_rules::time::Timestamp;
use serde_json::Value;

pub(crate) mod delivery;
pub(crate) mod life;
pub(crate) mod medium;
pub(crate) mod outbox;
pub(crate) mod queue;
pub(crate) mod stats;
pub(crate) mod task;

use self::life::Due;
use self::medium::{Medium, Storage, Upload};
use self::outbox::{Batch, Outbox};
use self::queue::Queue;
use self::stats::Stats;
use self::task::Task;
use super::bodies::upload;
use super::error::ApiError;
use super::misbehaviour::{InvalidTrouble, Mischief};
use super::options::{AppOptions, Options};
use super::random::Stream;

/// An application as it is now: its configuration changes by `ModifyEventConfig`.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: AppOptions,
    pub(crate) outbox: Outbox,
    pub(crate) queue: Queue,
    /// Callbacks that go out after the next one ([`super::Fault::CallbackReordered`]).
    pub(crate) held: Vec<Batch>,
    /// The seconds that were transcoded, by day: what the control plane says.
    pub(crate) usage: BTreeMap<String, u64>,
}

impl App {
    fn new(config: AppOptions) -> Self {
        let (outbox, queue) = (Outbox::default(), Queue::default());
        Self { config, outbox, queue, held: Vec::new(), usage: BTreeMap::new() }
    }
}

/// Where ids come from.
#[derive(Debug)]
struct Ids {
    files: Stream,
    tasks: Stream,
    requests: Stream,
}

/// Everything a simulator knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) apps: BTreeMap<u64, App>,
    pub(crate) media: HashMap<Arc<str>, Medium>,
    pub(crate) tasks: Vec<Task>,
    numbers: HashMap<Arc<str>, usize>,
    /// When a `SessionId` was last used, by application.
    sessions: HashMap<(u64, String), Timestamp>,
    /// What is to happen, in the order in which it does; the number keeps things of one moment apart.
    schedule: BTreeMap<(Timestamp, u64), Due>,
    scheduled: u64,
    /// How many callbacks are held back or late.
    deferred: usize,
    /// Batches that are not sent yet, by the tasks that they are about.
    unsent: HashMap<Arc<str>, usize>,
    /// The bytes of the texts that are kept.
    pub(crate) bytes: usize,
    ids: Ids,
    pub(crate) mischief: Mischief,
    pub(crate) stats: Stats,
}

impl State {
    /// The state at the start. Whoever calls has checked the options; a misbehaviour that cannot be is an error here
    /// too.
    pub(crate) fn new(options: Options) -> Result<Self, InvalidTrouble> {
        let seed = options.seed;
        let mut mischief = Mischief::new(seed);
        mischief.add(options.misbehaviour.clone())?;
        let ids = Ids {
            files: Stream::new(seed, "files"),
            tasks: Stream::new(seed, "tasks"),
            requests: Stream::new(seed, "requests"),
        };
        let apps = options.apps.iter().map(|app| (app.subappid, App::new(app.clone()))).collect();
        Ok(Self {
            options,
            apps,
            media: HashMap::new(),
            tasks: Vec::new(),
            numbers: HashMap::new(),
            sessions: HashMap::new(),
            schedule: BTreeMap::new(),
            scheduled: 0,
            deferred: 0,
            unsent: HashMap::new(),
            bytes: 0,
            ids,
            mischief,
            stats: Stats::default(),
        })
    }

    /// Forgets media, tasks, `SessionId`s, waiting events and counts. Applications keep their configuration, misbehaviour
    /// stays set, and ids go on, so that none comes twice.
    pub(crate) fn reset(&mut self) {
        self.media.clear();
        self.tasks.clear();
        self.numbers.clear();
        self.sessions.clear();
        self.schedule.clear();
        self.deferred = 0;
        self.unsent.clear();
        self.bytes = 0;
        self.stats = Stats::default();
        for app in self.apps.values_mut() {
            app.queue = Queue::default();
            app.outbox.waiting.clear();
            app.held.clear();
        }
    }

    pub(crate) fn request_id(&mut self) -> String {
        self.ids.requests.request_id()
    }

    /// The application's file of this id; a file of another application is as unknown as one that never was.
    pub(crate) fn medium(&self, subappid: u64, file_id: &str) -> Option<&Medium> {
        self.media.get(file_id).filter(|medium| medium.subappid == subappid)
    }

    /// The application's task of this id.
    pub(crate) fn task(&self, subappid: u64, task_id: &str) -> Option<&Task> {
        let number = *self.numbers.get(task_id)?;
        self.tasks.get(number).filter(|task| task.subappid == subappid)
    }

    pub(crate) fn knows_definition(&self, subappid: u64, definition: u64) -> bool {
        let own = self.apps.get(&subappid).is_some_and(|app| app.config.templates.contains(&definition));
        own || self.options.presets.contains(&definition)
    }

    /// Whether the `SessionId` was used within the window (protocol section 6).
    pub(crate) fn session_is_used(&self, subappid: u64, session_id: &str, now: Timestamp) -> bool {
        let used = self.sessions.get(&(subappid, session_id.to_owned()));
        used.is_some_and(|used| now.since(*used) < self.options.session_window)
    }

    pub(crate) fn use_session(&mut self, subappid: u64, session_id: &str, now: Timestamp) {
        self.sessions.insert((subappid, session_id.to_owned()), now);
    }

    /// Counts bytes that are to be kept.
    ///
    /// # Errors
    ///
    /// When they are too many.
    fn keep(&mut self, bytes: usize) -> Result<(), ApiError> {
        let total = self.bytes.saturating_add(bytes);
        if total > self.options.limits.bytes {
            return Err(ApiError::full("bytes", self.options.limits.bytes));
        }
        self.bytes = total;
        Ok(())
    }

    /// Takes a file into an application that is known, and says so when the application wants it. Returns the ids of the
    /// file and of the task that a procedure started.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`, when no more is kept.
    pub(crate) fn upload(
        &mut self,
        subappid: u64,
        upload: Upload,
        now: Timestamp,
    ) -> Result<(Arc<str>, Option<Arc<str>>), ApiError> {
        let file_id = self.add_medium(subappid, upload, now)?;
        let task_id = match self.media.get(&file_id).and_then(upload::procedure_task) {
            Some(task) => Some(self.start_task(task, now)?),
            None => None,
        };
        let wanted = self.apps.get(&subappid).is_some_and(|app| app.config.switches.upload);
        if let Some(medium) = self.media.get(&file_id).filter(|_| wanted) {
            let event = upload::event(medium, task_id.as_deref().unwrap_or_default(), self.options.seed);
            self.emit(subappid, vec![event], None, now);
        }
        Ok((file_id, task_id))
    }

    /// Takes a file into an application that is known, without a word.
    pub(crate) fn add_medium(&mut self, subappid: u64, upload: Upload, now: Timestamp) -> Result<Arc<str>, ApiError> {
        if self.media.len() >= self.options.limits.media {
            return Err(ApiError::full("media", self.options.limits.media));
        }
        self.keep(upload.bytes())?;
        let mut file_id: Arc<str> = self.ids.files.file_id().into();
        while self.media.contains_key(&file_id) {
            file_id = self.ids.files.file_id().into();
        }
        let storage = Storage::default();
        let medium = Medium {
            file_id: file_id.clone(),
            subappid,
            upload,
            created_at: now,
            storage,
            is_forbidden: false,
            finished: Vec::new(),
        };
        self.media.insert(file_id.clone(), medium);
        Ok(file_id)
    }

    /// Puts other texts in the place of those of a file. False when the application has no such file.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`, when no more is kept.
    pub(crate) fn modify(&mut self, subappid: u64, file_id: &str, upload: Upload) -> Result<bool, ApiError> {
        let Some(before) = self.medium(subappid, file_id).map(|medium| medium.upload.bytes()) else { return Ok(false) };
        self.keep(upload.bytes())?;
        self.bytes = self.bytes.saturating_sub(before);
        if let Some(medium) = self.media.get_mut(file_id) {
            medium.upload = upload;
        }
        Ok(true)
    }

    /// Removes a file, and says so when the application wants it. False when it has no such file.
    pub(crate) fn delete(&mut self, subappid: u64, file_id: &str, now: Timestamp) -> bool {
        if self.medium(subappid, file_id).is_none() {
            return false;
        }
        if let Some(medium) = self.media.remove(file_id) {
            self.bytes = self.bytes.saturating_sub(medium.upload.bytes());
        }
        if self.apps.get(&subappid).is_some_and(|app| app.config.switches.delete) {
            self.emit(subappid, vec![upload::deleted(file_id, &[])], None, now);
        }
        true
    }

    /// Says that parts of a file were deleted, when the application wants it. The file stays.
    pub(crate) fn delete_parts(&mut self, subappid: u64, file_id: &str, parts: &[Value], now: Timestamp) {
        if self.apps.get(&subappid).is_some_and(|app| app.config.switches.delete) {
            self.emit(subappid, vec![upload::deleted(file_id, parts)], None, now);
        }
    }
}

#[cfg(test)]
mod tests;
