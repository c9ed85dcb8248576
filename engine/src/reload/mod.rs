//! Hot reload: configuration and rules are read again, built whole, and only then become live.
//!
//! ```text
//! change, SIGHUP, POST /rules/reload
//!        |
//!      look         read everything, name it by its contents     off the async threads
//!        |          the same as what is live: done
//!      build        Config, then Live: every problem, or a set   off the async threads
//!        |          a problem: reported, what is live stays
//!      store        contents that runs will pin are durable
//!        |
//!      swap         programs, then secrets, targets and valves, then rules and applications, then doors and the admin token
//! ```
//!
//! The order of the swap: whoever begins a run has its program, whichever set it was judged by, and a door opens when
//! its application is there. One reload is done at a time, and no retention meanwhile: it would remove contents that
//! are stored and not yet live.

mod compare;
mod debounce;
mod follow;
mod look;
mod outcome;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use oncue_plugins::plugin::Plugin;
use oncue_plugins::registry::{self, Registry};
use oncue_plugins::target::Targets;
use oncue_rules::closure::PinnedRule;
use oncue_rules::diagnostic::Diagnostics;
use oncue_rules::ids::ContentHash;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};

pub(crate) use follow::follow;
pub(crate) use look::{Found, Look};
pub use look::{Origin, Trouble};
pub(crate) use outcome::Cause;

use self::compare::Held;
use self::look::{Fingerprint, Places};
use self::outcome::Outcome;
use crate::config::{self, Config};
use crate::http::admin::{FindingView, LiveRules, ReloadView, RuleDetailView, RuleView, RulesStatusView};
use crate::http::receiver::{Door, Doors};
use crate::ingest::Present;
use crate::live::{self, Live};
use crate::program::Programs;
use crate::secret::Secret;
use crate::secrets::{KnownSecrets, Secrets};
use crate::store::{self, Content, Store};
use crate::workflow::UnknownAction;

/// What a reload changes, and what it needs for that.
pub(crate) struct Parts {
    /// The configuration that the server was started with.
    pub started: Config,
    /// The actions.
    pub registry: Arc<Registry>,
    /// The plugins whose actions are among them.
    pub plugins: Vec<Arc<Plugin>>,
    /// What the actions work with; targets and valves among it change.
    pub actions: registry::Parts,
    /// Where contents are kept.
    pub store: Arc<dyn Store>,
    /// The programs of runs.
    pub programs: Arc<Programs>,
    /// Rules and applications.
    pub present: Arc<Present>,
    /// Who may send.
    pub doors: Arc<ArcSwap<Doors>>,
    /// Who may ask the admin API.
    pub tokens: Arc<ArcSwap<Vec<Secret>>>,
    /// What rules may name and nothing that is written may hold.
    pub secrets: Secrets,
}

/// Reads configuration and rules again, one reload at a time.
pub(crate) struct Reloader {
    origin: Origin,
    parts: Parts,
    status: ArcSwap<RulesStatusView>,
    turn: Mutex<Turn>,
}

/// What one reload leaves for the next.
struct Turn {
    /// Names what is live.
    live: Fingerprint,
    /// Names what was last tried.
    tried: Fingerprint,
    /// The folders of `rules` that held files.
    filled: HashSet<PathBuf>,
    places: Places,
    keep: Duration,
    /// What was said when what is live was loaded.
    loaded: ReloadView,
}

/// Keeps reloads away.
pub(crate) struct Hold<'a> {
    turn: MutexGuard<'a, Turn>,
    present: &'a Present,
}

/// Why a set that was built cannot be made live.
#[derive(Debug)]
pub(crate) enum NotPrepared {
    Store(store::Error),
    Action(UnknownAction),
}

/// A configuration with the set that was built for it.
struct Built {
    held: Held,
    live: Live,
    files: Vec<String>,
    filled: HashSet<PathBuf>,
    tokens: Option<Secret>,
    warnings: Diagnostics,
}

impl Reloader {
    /// One for a server that was started with `found`; `warnings` are those of its rules.
    pub(crate) fn new(origin: Origin, parts: Parts, look: &Look, found: &Found, warnings: &Diagnostics) -> Self {
        let findings = [&found.warnings, warnings].into_iter().flat_map(outcome::findings).collect();
        let loaded = outcome::report(Cause::Start, Outcome::Loaded, findings);
        let live = parts.present.load();
        let files = found.files.iter().map(|file| file.name.to_string()).collect();
        let turn = Turn {
            live: look.fingerprint,
            tried: look.fingerprint,
            filled: filled(found),
            places: look.places.clone(),
            keep: found.config.keep,
            loaded: loaded.clone(),
        };
        let status = status(&live, files, loaded);
        Self { origin, parts, status: ArcSwap::from_pointee(status), turn: Mutex::new(turn) }
    }

    /// Reads everything again, now.
    pub(crate) async fn reload(&self, cause: Cause) -> ReloadView {
        let mut turn = self.turn.lock().await;
        let look = self.look().await;
        self.take(&mut turn, look, cause).await
    }

    /// Keeps reloads away for as long as what is returned lives.
    pub(crate) async fn hold(&self) -> Hold<'_> {
        Hold { turn: self.turn.lock().await, present: &self.parts.present }
    }

    /// What the files hold now, when that is not what was last tried.
    async fn changed_contents(&self) -> Option<Fingerprint> {
        let turn = self.turn.lock().await;
        let fingerprint = self.look().await.fingerprint;
        (fingerprint != turn.tried).then_some(fingerprint)
    }

    /// Takes what the files hold now, when it has changed and `settles` says that it is at rest.
    async fn take_changes(&self, settles: impl FnOnce(Fingerprint) -> bool + Send) {
        let mut turn = self.turn.lock().await;
        let look = self.look().await;
        if settles(look.fingerprint) && look.fingerprint != turn.tried {
            self.take(&mut turn, look, Cause::Change).await;
        }
    }

    async fn places(&self) -> Places {
        self.turn.lock().await.places.clone()
    }

    async fn look(&self) -> Look {
        let origin = self.origin.clone();
        let look = tokio::task::spawn_blocking(move || origin.look_again()).await;
        look.unwrap_or_else(|_| Look::failed(Trouble::Inside))
    }

    async fn take(&self, turn: &mut Turn, look: Look, cause: Cause) -> ReloadView {
        let Look { found, fingerprint, places } = look;
        turn.places.see(places);
        let report = if fingerprint == turn.live {
            turn.tried = fingerprint;
            let findings = turn.loaded.findings.clone();
            let report = outcome::report(cause, Outcome::Unchanged, findings);
            ReloadView { at_next_start: turn.loaded.at_next_start.clone(), ..report }
        } else {
            match self.build(turn, found).await {
                Ok(built) => self.make_live(turn, built, fingerprint, cause).await,
                Err(findings) => {
                    turn.tried = fingerprint;
                    outcome::report(cause, Outcome::Refused, findings)
                }
            }
        };
        let before = self.status.load();
        outcome::log(&report, &before.last_attempt, &before.loaded_at);
        self.status.store(Arc::new(RulesStatusView { last_attempt: report.clone(), ..(**before).clone() }));
        report
    }

    /// Builds the new set whole; nothing is changed.
    async fn build(&self, turn: &Turn, found: Result<Found, Trouble>) -> Result<Built, Vec<FindingView>> {
        let found = found.map_err(|trouble| outcome::trouble(&trouble))?;
        let emptied: Vec<_> = found.empty_folders().into_iter().filter(|folder| turn.filled.contains(folder)).collect();
        if !emptied.is_empty() {
            let hint = "put them back; when it is meant, leave a file with `rules: []` there";
            let finding =
                |folder: PathBuf| outcome::error(format!("{} holds no rule files any more", folder.display()), hint);
            return Err(emptied.into_iter().map(finding).collect());
        }
        let (started, actions) = (self.parts.started.clone(), self.parts.actions.clone());
        let plugins = self.parts.plugins.clone();
        let before = self.parts.present.load();
        let built = tokio::task::spawn_blocking(move || build(&before, &started, (actions, &plugins), found)).await;
        built.unwrap_or_else(|_| Err(outcome::trouble(&Trouble::Inside)))
    }

    /// Makes a set live whose contents the store takes.
    async fn make_live(&self, turn: &mut Turn, built: Built, fingerprint: Fingerprint, cause: Cause) -> ReloadView {
        let Parts { store, programs, present, doors, tokens, secrets, actions, .. } = &self.parts;
        let Built { held: Held { config, at_next_start }, live, files, filled, tokens: new_token, warnings } = built;
        match prepare(&**store, programs, &live, &present.in_use()).await {
            Ok(()) => {}
            Err(NotPrepared::Store(error)) => {
                return outcome::report(cause, Outcome::Failed, outcome::not_stored(&error));
            }
            Err(NotPrepared::Action(error)) => {
                turn.tried = fingerprint;
                let finding = outcome::error(error.to_string(), "use an action that is there");
                return outcome::report(cause, Outcome::Refused, vec![finding]);
            }
        }
        // From here on nothing waits and nothing fails.
        let mut report = outcome::report(cause, Outcome::Loaded, outcome::findings(&warnings));
        report.at_next_start = at_next_start;
        outcome::compare(&mut report, &present.load().rules, &live.rules);
        // What is written from now on may hold the new secrets, and runs of either set still the old ones; attempts of
        // the new set find theirs.
        let token = new_token.or_else(|| tokens.load().first().cloned());
        secrets.replace(token.iter().fold(config.known_secrets(), KnownSecrets::and));
        actions.targets.replace(config.targets.clone());
        actions.vod.tencent().valves().set(config.tencent.valves);
        present.replace(live);
        doors.store(Arc::new(self::doors(&config)));
        tokens.store(Arc::new(token.into_iter().collect()));
        self.status.store(Arc::new(status(&present.load(), files, self.status.load().last_attempt.clone())));
        (turn.live, turn.tried, turn.filled, turn.keep) = (fingerprint, fingerprint, filled, config.keep);
        turn.loaded = report.clone();
        report
    }
}

#[async_trait]
impl LiveRules for Reloader {
    fn list(&self) -> Vec<RuleView> {
        self.parts.present.load().rule_views()
    }

    fn show(&self, name: &str) -> Option<RuleDetailView> {
        self.parts.present.load().rule_detail(name)
    }

    fn status(&self) -> RulesStatusView {
        (**self.status.load()).clone()
    }

    async fn reload(&self) -> ReloadView {
        Reloader::reload(self, Cause::Request).await
    }
}

impl Hold<'_> {
    /// How long events and ended runs are kept.
    pub(crate) fn keep(&self) -> Duration {
        self.turn.keep
    }

    /// The contents that runs which begin now pin.
    pub(crate) fn contents(&self) -> Vec<ContentHash> {
        let in_use = self.present.in_use();
        let hashes: HashSet<_> =
            in_use.iter().flat_map(|live| live.rules.contents()).map(|content| content.hash.clone()).collect();
        hashes.into_iter().collect()
    }
}

impl Places {
    /// Where a configuration cannot be read, the rules of the last one are still watched.
    fn see(&mut self, seen: Places) {
        let Places { files, rules } = seen;
        if !files.is_empty() {
            self.files = files;
        }
        if !rules.is_empty() {
            self.rules = rules;
        }
    }
}

/// Stores what runs of these rules will pin, then has their programs at hand beside those that are in use.
pub(crate) async fn prepare(
    store: &dyn Store,
    programs: &Programs,
    live: &Live,
    in_use: &[Arc<Live>],
) -> Result<(), NotPrepared> {
    let stored: HashSet<_> =
        in_use.iter().flat_map(|live| live.rules.contents()).map(|content| &content.hash).collect();
    let new = live.rules.contents().iter().filter(|content| !stored.contains(&content.hash));
    let new: Vec<_> =
        new.map(|content| Content { hash: content.hash.clone(), text: content.text.to_string() }).collect();
    if !new.is_empty() {
        store.put_contents(new).await.map_err(NotPrepared::Store)?;
    }
    let vars = live.rules.vars();
    let pinned = live.rules.rules().iter().map(|rule| PinnedRule { rule: Arc::clone(rule), vars: vars.clone() });
    programs.replace_live_beside(pinned, |hash| stored.contains(hash)).map_err(NotPrepared::Action)?;
    Ok(())
}

/// Who may send, as a configuration says.
pub(crate) fn doors(config: &Config) -> Doors {
    let door = |app: &config::AppConfig| Door {
        tokens: app.tokens.clone(),
        sign_keys: app.sign_keys.clone(),
        insecure: app.insecure,
    };
    Doors {
        apps: config.apps.iter().map(|app| (app.subappid, door(app))).collect(),
        endpoints: config.endpoints.iter().map(|endpoint| (endpoint.path.clone(), endpoint.clone())).collect(),
    }
}

fn build(
    before: &Live,
    started: &Config,
    (actions, plugins): (registry::Parts, &[Arc<Plugin>]),
    found: Found,
) -> Result<Built, Vec<FindingView>> {
    let filled = filled(&found);
    let Found { config, mut warnings, files, .. } = found;
    let held = compare::hold(started, config);
    // Rules are checked against the targets that are written with them, which become live when the rules do.
    let targets = Targets::new(held.config.targets.clone());
    let registry = Registry::builtin(registry::Parts { targets, ..actions }).with(plugins);
    let (live, found) = live::build_after(Some(before), &held.config, &registry, &files);
    warnings.extend(found);
    let warnings = warnings.sorted();
    let Some(live) = live else {
        return Err(outcome::findings(&warnings));
    };
    // One that was made at the first start is in a file; while that cannot be read, the present one goes on.
    let tokens = config::admin_token::read(&held.config).ok();
    let files = files.iter().map(|file| file.name.to_string()).collect();
    Ok(Built { held, live, files, filled, tokens, warnings })
}

fn filled(found: &Found) -> HashSet<PathBuf> {
    let empty = found.empty_folders();
    found.config.rules.iter().filter(|path| !empty.contains(path)).cloned().collect()
}

fn status(live: &Live, files: Vec<String>, last_attempt: ReloadView) -> RulesStatusView {
    let mut hashes: Vec<_> = live.rules.rules().iter().map(|rule| rule.closure.as_str()).collect();
    hashes.sort_unstable();
    let hash = hex::encode(Sha256::digest(hashes.join("\n").as_bytes()));
    RulesStatusView { loaded_at: crate::clock::now().to_string(), hash, files, last_attempt }
}
