//! The wiring: the only place that knows everything.

mod around;
mod error;
mod late_emitter;
pub mod probe;
pub mod trial;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use oncue_plugins::plugin::{Host, Plugin};
use oncue_plugins::registry::{self, Registry};
use oncue_plugins::target::Targets;
use oncue_plugins::{outbound, vod};
use oncue_rules::diagnostic::Diagnostics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::clock;
use crate::config::{self, Config, StoreUrl};
use crate::explain::Explainer;
use crate::http::admin::{self, Api, Backups};
use crate::http::body::{BodyLimits, Memory};
use crate::http::receiver::{self, Doors, QuarantineLimits, Receiver};
use crate::http::{self, Limits};
use crate::ingest::{Intake, Obituaries, Present};
use crate::live::{self, Live};
use crate::program::Programs;
use crate::reload::{self, Cause, Found, Look, Parts, Reloader};
use crate::rerun::Rerunner;
use crate::runner::{self, Deps, Runner, Settings};
use crate::schedule::Ticker;
use crate::secret::Secret;
use crate::secrets::Secrets;
use crate::store::sqlite::{self, SqliteStore};
use crate::store::{Admin, NodeId, Store};

pub use crate::reload::{Origin, Trouble};
use around::PluginsAround;
pub use error::Error;
use late_emitter::LateEmitter;

/// Bytes of callbacks that may be in memory at once.
const BODY_MEMORY: u32 = 256 << 20;
/// How long attempts that are under way may take once the server is told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub struct App {
    listen: SocketAddr,
    admin: SocketAddr,
    runner: runner::Handle,
    reloader: Arc<Reloader>,
    plugins: Vec<Arc<Plugin>>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// The actions that rules may use.
///
/// # Errors
///
/// When the vendor's endpoint or region makes no sense, or no TLS client can be made.
pub fn actions(config: &Config) -> Result<Registry, Error> {
    Ok(Registry::builtin(parts(config, Arc::new(LateEmitter::default()))?))
}

/// What the actions work with.
fn parts(config: &Config, emitter: Arc<LateEmitter>) -> Result<registry::Parts, Error> {
    let endpoint = config.vod.endpoint.parse().map_err(Error::endpoint)?;
    let client = vod::Client::with_patience(endpoint, config.vod.region.as_deref(), config.tencent.timeout)
        .map_err(Error::client)?;
    client.tencent().valves().set(config.tencent.valves);
    let outbound = outbound::Client::new().map_err(Error::outbound)?;
    let targets = Targets::new(config.targets.clone());
    let plain_loopback = config.tencent.plain_loopback;
    Ok(registry::Parts { vod: client, outbound, targets, emitter, plain_loopback })
}

impl App {
    /// Starts everything: what was accepted before goes on, and new events are taken. Configuration and rules are those of
    /// `origin`, which is followed from then on.
    ///
    /// # Errors
    ///
    /// When configuration or rules have errors, the store does not open, or an address cannot be listened on. Nothing
    /// runs then.
    pub async fn start(origin: Origin) -> Result<Self, Error> {
        Self::start_with(origin, Secrets::default()).await
    }

    /// As [`App::start`]; `secrets` becomes those that are live, for others who write what must not hold them.
    ///
    /// # Errors
    ///
    /// As for [`App::start`].
    pub async fn start_with(origin: Origin, secrets: Secrets) -> Result<Self, Error> {
        let mut look = read(&origin).await?;
        let found = std::mem::replace(&mut look.found, Err(Trouble::Inside)).map_err(Error::trouble)?;
        let config = found.config.clone();
        secrets.replace(config.known_secrets());
        let emitter = Arc::new(LateEmitter::default());
        let actions = parts(&config, Arc::clone(&emitter))?;
        let around = Arc::new(PluginsAround::new(secrets.clone()));
        let host = Host::new(actions.outbound.clone(), Arc::clone(&around) as _);
        let Loaded { registry, plugins, live, warnings } = load(&found, &actions, &host)?;
        let admin_token = config::admin_token::read_or_make(&config).map_err(Error::token)?;
        secrets.replace(config.known_secrets().and(&admin_token));
        let store = open(&config.store)?;
        let (listen, admin) = (bind(config.listen).await?, bind(config.admin).await?);

        let programs = Arc::new(Programs::new(Arc::clone(&registry)));
        around.connect(Arc::clone(&store) as _, &programs);
        reload::prepare(&*store, &programs, &live, &[]).await.map_err(Error::not_prepared)?;
        let parts = Parts {
            started: config.clone(),
            registry,
            plugins,
            actions,
            store: Arc::clone(&store) as _,
            programs,
            present: Arc::new(Present::new(live)),
            doors: Arc::new(ArcSwap::from_pointee(reload::doors(&config))),
            tokens: Arc::new(ArcSwap::from_pointee(vec![admin_token])),
            secrets: secrets.clone(),
        };
        let plugins = parts.plugins.clone();
        let runner = start_runner(&store, &parts, &emitter).await?;
        let intake = Arc::new(intake(&store, &parts, &runner));
        emitter.connect(&intake);
        let ticker = Ticker::new(Arc::clone(&intake), Arc::clone(&store) as _);
        let (reruns, explains) = (Arc::new(rerunner(&store, &parts, &runner)), Arc::new(explainer(&store, &parts)));
        let receiver = receiver(&config, &intake, &store, Arc::clone(&parts.doors), secrets);
        let tokens = Arc::clone(&parts.tokens);
        let reloader = Arc::new(Reloader::new(origin, parts, &look, &found, &warnings));
        let of_api = (Arc::clone(&reloader), reruns, explains, intake);
        let api = api(&config, &store, tokens, of_api);

        let stop = watch::Sender::new(false);
        let (listen_at, admin_at) = (address(&listen)?, address(&admin)?);
        let limits = Limits { connections: config.limits.connections, ..Limits::default() };
        let tasks = vec![
            serve(listen, callback_face(receiver, config.cors.as_deref())?, limits, &stop),
            serve(admin, admin::face(Arc::new(api)), Limits::default(), &stop),
            tokio::spawn(upkeep::keep_tidy(store, Arc::clone(&reloader), stop.subscribe())),
            tokio::spawn(reload::follow(Arc::clone(&reloader), stop.subscribe())),
            tokio::spawn(ticker.keep_ticking(stop.subscribe())),
        ];
        tracing::info!(listen = %listen_at, admin = %admin_at, "serving");
        Ok(Self { listen: listen_at, admin: admin_at, runner, reloader, plugins, stop, tasks })
    }

    /// Has configuration and rules read again, as SIGHUP asks for; what comes of it is in the log and in the API.
    pub fn ask_reload(&self) {
        let reloader = Arc::clone(&self.reloader);
        tokio::spawn(async move { reloader.reload(Cause::Signal).await });
    }

    /// Where callbacks come in.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where the admin API is.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Takes no more events, lets what is under way come to an end, and hands the rest back to the store.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the server ended badly");
            }
        }
        self.runner.stop(STOP_PATIENCE).await;
        let mut plugins: JoinSet<()> =
            self.plugins.into_iter().map(|plugin| async move { plugin.stop().await }).collect();
        while plugins.join_next().await.is_some() {}
        tracing::info!("stopped");
    }
}

/// What was loaded at the start.
struct Loaded {
    registry: Arc<Registry>,
    plugins: Vec<Arc<Plugin>>,
    live: Live,
    warnings: Diagnostics,
}

/// Loads plugins, and the rules that use them.
fn load(found: &Found, actions: &registry::Parts, host: &Host) -> Result<Loaded, Error> {
    let builtin = Registry::builtin(actions.clone());
    let (plugins, mut warnings) = live::plugins(&found.config, &builtin, &found.plugins, host);
    if warnings.has_errors() {
        return Err(Error::Invalid(warnings));
    }
    let registry = Arc::new(builtin.with(&plugins));
    let (live, found) = live::build(&found.config, &registry, &found.files);
    let Some(live) = live else { return Err(Error::Invalid(found)) };
    warnings.extend(found);
    Ok(Loaded { registry, plugins, live, warnings })
}

fn open(url: &StoreUrl) -> Result<Arc<SqliteStore>, Error> {
    let StoreUrl::Sqlite(path) = url;
    SqliteStore::open(path, &sqlite::Options::default()).map_err(Error::store)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, Error> {
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| Error::Listen { address: unspecified, source })
}

/// Reads configuration and rules for the first time.
async fn read(origin: &Origin) -> Result<Look, Error> {
    let origin = origin.clone();
    let look = tokio::task::spawn_blocking(move || origin.look()).await;
    look.map_err(|_| Error::trouble(Trouble::Inside))
}

async fn start_runner(
    store: &Arc<SqliteStore>,
    parts: &Parts,
    emitter: &Arc<LateEmitter>,
) -> Result<runner::Handle, Error> {
    let node = join(&**store).await?;
    Ok(Runner::start(Deps {
        store: Arc::clone(store) as Arc<dyn Store>,
        registry: Arc::clone(&parts.registry),
        programs: Arc::clone(&parts.programs),
        surroundings: Arc::clone(&parts.present) as _,
        answers: Arc::clone(emitter) as _,
        deaths: Arc::new(Obituaries { present: Arc::clone(&parts.present), programs: Arc::clone(&parts.programs) }),
        secrets: parts.secrets.clone(),
        node,
        settings: Settings { attempts_per_action: parts.started.limits.in_flight, ..Settings::default() },
    }))
}

fn intake(store: &Arc<SqliteStore>, parts: &Parts, runner: &runner::Handle) -> Intake {
    Intake {
        store: Arc::clone(store) as _,
        present: Arc::clone(&parts.present),
        programs: Arc::clone(&parts.programs),
        runner: runner.clone(),
    }
}

fn rerunner(store: &Arc<SqliteStore>, parts: &Parts, runner: &runner::Handle) -> Rerunner {
    Rerunner {
        store: Arc::clone(store) as _,
        admin: Arc::clone(store) as _,
        present: Arc::clone(&parts.present),
        programs: Arc::clone(&parts.programs),
        runner: runner.clone(),
    }
}

fn explainer(store: &Arc<SqliteStore>, parts: &Parts) -> Explainer {
    Explainer { store: Arc::clone(store) as _, admin: Arc::clone(store) as _, present: Arc::clone(&parts.present) }
}

/// What the admin API is made of, with what it hands on to.
fn api(
    config: &Config,
    store: &Arc<SqliteStore>,
    tokens: Arc<ArcSwap<Vec<Secret>>>,
    (rules, reruns, explains, ingest): (Arc<Reloader>, Arc<Rerunner>, Arc<Explainer>, Arc<Intake>),
) -> Api {
    Api {
        tokens,
        store: Arc::clone(store) as Arc<dyn Store>,
        admin: Arc::clone(store) as Arc<dyn Admin>,
        rules: rules as _,
        reruns,
        explains,
        ingest,
        backups: Backups::default(),
        body: BodyLimits { max: config.limits.body.saturating_mul(2), ..BodyLimits::default() },
        now: clock::now,
    }
}

async fn join(store: &dyn Store) -> Result<NodeId, Error> {
    let node = NodeId(Uuid::now_v7().simple().to_string().into());
    let joined = store.join(&node, clock::now()).await.map_err(Error::store)?;
    if joined.freed > 0 {
        tracing::info!(runs = joined.freed, "runs of an earlier process go on");
    }
    Ok(node)
}

fn receiver(
    config: &Config,
    intake: &Arc<Intake>,
    store: &Arc<SqliteStore>,
    doors: Arc<ArcSwap<Doors>>,
    secrets: Secrets,
) -> Receiver {
    Receiver {
        doors,
        ingest: Arc::clone(intake) as _,
        store: Arc::clone(store) as _,
        outcomes: Arc::clone(store) as _,
        secrets,
        body: BodyLimits { max: config.limits.body, memory: Memory::new(BODY_MEMORY), ..BodyLimits::default() },
        quarantine: QuarantineLimits { keep: config.limits.quarantine, ..QuarantineLimits::default() },
        now: clock::now,
    }
}

/// The face for callbacks, which scripts of web pages may use where an origin is configured.
fn callback_face(receiver: Receiver, origin: Option<&str>) -> Result<http::Face, Error> {
    let face = receiver::face(Arc::new(receiver));
    let Some(origin) = origin else { return Ok(face) };
    let origin = origin.parse().map_err(|_| Error::Origin { origin: origin.to_owned() })?;
    Ok(http::cors::allow(face, origin))
}

fn serve(listener: TcpListener, face: http::Face, limits: Limits, stop: &watch::Sender<bool>) -> JoinHandle<()> {
    let mut stopped = stop.subscribe();
    tokio::spawn(async move {
        let shutdown = async move {
            // A sender that is gone is a stop too.
            let _stopped = stopped.wait_for(|stop| *stop).await;
        };
        let stopped = http::serve(listener, http::routes(face), limits, shutdown).await;
        if stopped.cut > 0 {
            tracing::warn!(connections = stopped.cut, "connections were cut");
        }
    })
}
