//! What a simulator is started with.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::error::InvalidOptions;
use super::misbehaviour::{InvalidTrouble, MAX_TROUBLES, Trouble};

/// Everything that can be said about a simulator. The defaults are the vendor's figures (protocol sections 3, 4 and 6)
/// except for [`Options::task_delay`], which nobody wants to wait for.
#[derive(Debug, Clone)]
pub struct Options {
    /// What ids and misbehaviour are drawn from: the same seed and the same calls give the same answers.
    pub seed: u64,
    /// The keys that requests may be signed with.
    pub keys: Vec<Key>,
    /// The applications.
    pub apps: Vec<AppOptions>,
    /// The application that calls without a `SubAppId` are for, as in accounts from before 2023-12-25; without it such
    /// calls fail.
    pub default_app: Option<u64>,
    /// The definitions that every application knows.
    pub presets: BTreeSet<u64>,
    /// How long a task takes.
    pub task_delay: Duration,
    /// How long a receiver has for answering a callback.
    pub callback_timeout: Duration,
    /// How often a callback that failed is sent again.
    pub callback_resends: u32,
    /// How long to wait before a callback is sent again. The vendor does not publish its figure.
    pub callback_resend_delay: Duration,
    /// Whether an answer other than 2xx is a failure. The vendor does not say; its archived text ignores the status.
    pub resend_on_status: bool,
    /// For how long a `SessionId` is refused after its first use.
    pub session_window: Duration,
    /// For how long a pulled event is hidden, and can be confirmed.
    pub visibility: Duration,
    /// How long `PullEvents` waits for an event when there is none.
    pub pull_wait: Duration,
    /// For how long an event that nobody pulls is kept.
    pub event_retention: Duration,
    /// How the simulator misbehaves from the start.
    pub misbehaviour: Vec<Trouble>,
    /// How much it keeps.
    pub limits: Limits,
    /// Whether others than this machine may use the control plane.
    pub remote_control: bool,
}

/// A key of the account.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name, sent with each request.
    pub secret_id: String,
    /// The secret.
    pub secret_key: String,
    /// The `X-TC-Token` that must come with it, for temporary credentials.
    pub token: Option<String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

/// An application.
#[derive(Clone, PartialEq, Eq)]
pub struct AppOptions {
    /// Its number.
    pub subappid: u64,
    /// How its events are delivered.
    pub mode: Mode,
    /// Where callbacks go in [`Mode::Push`]; without it they go nowhere.
    pub callback_url: Option<String>,
    /// What callbacks are signed with: letters and digits, 32 at most.
    pub sign_key: Option<String>,
    /// Which of the optional events it sends.
    pub switches: Switches,
    /// Definitions of its own, beside the presets.
    pub templates: BTreeSet<u64>,
}

impl AppOptions {
    /// An application as the vendor makes it: push without a URL, all switches off.
    #[must_use]
    pub fn new(subappid: u64) -> Self {
        Self {
            subappid,
            mode: Mode::Push,
            callback_url: None,
            sign_key: None,
            switches: Switches::default(),
            templates: BTreeSet::new(),
        }
    }
}

impl fmt::Debug for AppOptions {
    /// Leaves out the key, and the URL, whose path is a secret too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppOptions")
            .field("subappid", &self.subappid)
            .field("mode", &self.mode)
            .field("switches", &self.switches)
            .field("templates", &self.templates)
            .finish_non_exhaustive()
    }
}

/// How an application's events are delivered: one way or the other, never both (protocol section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By an HTTP callback.
    Push,
    /// By `PullEvents` and `ConfirmEvents`.
    Pull,
}

/// The events that an application sends only when asked to; all off by default, as the vendor's (protocol section 2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Switches {
    /// `NewFileUpload`.
    pub upload: bool,
    /// `FileDeleted`.
    pub delete: bool,
    /// `PersistenceComplete`; kept and reported, though nothing here persists clips.
    pub persistence: bool,
}

/// How much a simulator keeps before it refuses with `LimitExceeded`, naming the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Media in all applications.
    pub media: usize,
    /// Tasks in all applications, finished ones included.
    pub tasks: usize,
    /// Bytes of the texts of media and of requests.
    pub bytes: usize,
    /// Events that an application has waiting, for a pull or for a callback; more are dropped and counted. An event is a
    /// few KiB long, or about 150 KiB for a task of a hundred sub-tasks, which are the most.
    pub events: usize,
    /// Callbacks that an application has under way at a time.
    pub callbacks_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { media: 200_000, tasks: 200_000, bytes: 256 << 20, events: 10_000, callbacks_in_flight: 32 }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            keys: Vec::new(),
            apps: Vec::new(),
            default_app: None,
            presets: [
                10, 20, 30, 40, 50, 1010, 20_000, 20_001, 100_010, 100_020, 100_030, 100_040, 100_210, 100_220,
                100_230, 100_240,
            ]
            .into(),
            task_delay: Duration::from_millis(50),
            callback_timeout: Duration::from_secs(5),
            callback_resends: 2,
            callback_resend_delay: Duration::from_secs(1),
            resend_on_status: true,
            session_window: Duration::from_hours(3 * 24),
            visibility: Duration::from_secs(30),
            pull_wait: Duration::from_secs(5),
            event_retention: Duration::from_hours(4 * 24),
            misbehaviour: Vec::new(),
            limits: Limits::default(),
            remote_control: false,
        }
    }
}

impl Options {
    /// Whether a simulator can be started with these.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        if self.apps.is_empty() {
            return Err(InvalidOptions::NoApps);
        }
        if self.keys.is_empty() {
            return Err(InvalidOptions::NoKeys);
        }
        let mut seen = BTreeSet::new();
        for app in &self.apps {
            let subappid = app.subappid;
            if !seen.insert(subappid) {
                return Err(InvalidOptions::AppTwice { subappid });
            }
            if app.callback_url.as_deref().is_some_and(|url| !is_callback_url(url)) {
                return Err(InvalidOptions::CallbackUrl { subappid });
            }
            if app.sign_key.as_deref().is_some_and(|key| !is_sign_key(key)) {
                return Err(InvalidOptions::SignKey { subappid });
            }
        }
        let count = self.misbehaviour.len();
        if count > MAX_TROUBLES {
            let source = InvalidTrouble::Count { count };
            return Err(InvalidOptions::Misbehaviour { index: MAX_TROUBLES, source });
        }
        for (index, trouble) in self.misbehaviour.iter().enumerate() {
            trouble.check().map_err(|source| InvalidOptions::Misbehaviour { index, source })?;
        }
        Ok(())
    }
}

pub(crate) fn is_callback_url(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Protocol section 4: letters and digits, 32 at most.
pub(crate) fn is_sign_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
