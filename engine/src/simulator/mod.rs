//! A stand-in for the vendor's VOD service: it checks signatures, keeps media and tasks, sends callbacks or queues
//! events for pulling, refuses a `SessionId` that it has seen, and misbehaves on request. Whatever talks to it does so by
//! HTTP, as to the vendor.
//!
//! What it answers follows the protocol notes: the actions `ProcessMedia`, `EditMedia`, `ReviewAudioVideo` (which finds what
//! the tags `suggest-review` and `suggest-block` of a file ask for), `WeChatMiniProgramPublish` (which passes),
//! `ForbidMediaDistribution`, `DeleteMedia`, `ModifyMediaInfo` (name, class and tags), `ModifyMediaStorageClass`,
//! `DescribeTaskDetail`, `DescribeTasks`, `DescribeMediaInfos`, `DescribeMediaProcessUsageData` (what the control plane was
//! told), `PullEvents`, `ConfirmEvents`, `DescribeEventConfig` and `ModifyEventConfig` at `POST /`; every other one is an
//! `InvalidAction`. `SubAppId` must be in every call unless there is an [`Options::default_app`]. Nothing is transcoded:
//! URLs lead nowhere.
//!
//! # Control plane
//!
//! JSON under `/simulator/`, for this machine alone unless [`Options::remote_control`] says otherwise. A refusal has a
//! status of 4xx or 507 and a body `{"error": "…"}`.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /simulator/apps/{subappid}/media` | uploads a file; all members are optional: `name`, `category` (`Video`, `Audio`, `Image`), `type` (the container), `source_type`, `source_context`, `live_record` (its `LiveRecordInfo`), `class_id`, `tags`, `metadata` (false: the event's `MetaData` is null), `procedure` (a name: a task starts with the upload), `session_context` (of that task). Answers `file_id` and `procedure_task_id` |
//! | `GET`, `DELETE /simulator/apps/{subappid}/media/{file_id}` | shows what is known of a file, deletes it |
//! | `PUT /simulator/apps/{subappid}/usage` | says how many seconds were transcoded on which day: `{"2026-01-01": 60}` |
//! | `GET /simulator/tasks?subappid=&file_id=&session_id=&after=&limit=` | tasks with their requests, oldest first, 100 a page (1,000 at most): `total`, `tasks`, and `next`, the `after` of the next page |
//! | `GET /simulator/statistics` | calls by action, errors by code, what became of events, what is kept |
//! | `POST /simulator/settle?timeout_ms=` | waits, 30 seconds by default, until no task runs and no callback is on its way: `{"idle": true}` |
//! | `POST /simulator/hurry` | ends at once what would end later: tasks, delays, what is held back |
//! | `GET`, `PUT`, `POST`, `DELETE /simulator/misbehaviour` | shows, replaces, extends, empties the list of [`Trouble`]s, which is what bodies are |
//! | `POST /simulator/reset` | forgets media, tasks, `SessionId`s, events and counts |
//!
//! # Where things are
//!
//! `state` is all that is known, pure and told the time; `api` is the vendor's actions on it, `bodies` the events that it
//! sends, `misbehaviour` the dice. `edge` is the rest: HTTP, the clock, and the one lock, which is never held while
//! something is waited for.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod api;
mod bodies;
mod edge;
mod error;
mod misbehaviour;
mod options;
mod random;
mod state;

pub use error::{InvalidOptions, StartError};
pub use misbehaviour::{Fault, InvalidTrouble, MAX_DELAY, MAX_TROUBLES, Trouble};
pub use options::{AppOptions, Key, Limits, Mode, Options, Switches};

/// The stand-in.
#[derive(Debug, Clone, Copy)]
pub struct Simulator;

impl Simulator {
    /// Starts one on a listener, on the runtime of the caller. It runs until its handle is stopped or dropped.
    ///
    /// # Errors
    ///
    /// When the options are not valid, or the listener has no address.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(options: Options, listener: TcpListener) -> Result<Handle, StartError> {
        options.check()?;
        let addr = listener.local_addr().map_err(|source| StartError::Listener { source })?;
        let client = edge::deliver::client(&options)?;
        let state = state::State::new(options).map_err(|source| InvalidOptions::Misbehaviour { index: 0, source })?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(edge::Shared::new(state));
        let task = tokio::spawn(edge::serve(shared, client, listener, stopped));
        Ok(Handle { addr, stop, task })
    }
}

/// A simulator that runs. Dropping it stops it soon; [`Handle::stop`] waits for that.
#[derive(Debug)]
pub struct Handle {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops it: connections and callbacks under way are dropped.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the simulator ended badly");
        }
    }
}
