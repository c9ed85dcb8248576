//! The configuration: one file of YAML, read into a value in which everything is checked.

pub mod admin_token;
mod apps;
mod endpoints;
mod environment;
mod files;
mod read;
mod scripts;
mod secrets;
mod targets;
mod written_out;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oncue_plugins::target::Target;
use oncue_plugins::valve::ValveSettings;
use oncue_plugins::vod::Credentials;
use oncue_rules::ids::{SecretName, SubAppId};
use oncue_rules::rule_set::Defaults;
use oncue_rules::value::Value;

use crate::secret::Secret;
use crate::sources::endpoint::Endpoint;

pub use environment::{Environment, Unresolved};
pub use files::{read_source, rule_files};
pub use scripts::Scripts;

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where callbacks come in.
    pub listen: SocketAddr,
    /// Where the admin API is.
    pub admin: SocketAddr,
    /// The origin whose pages may read what `listen` answers: `*`, or a scheme with a host. None: no page may.
    pub cors: Option<String>,
    /// What the admin API asks for; made at the first start when not given.
    pub admin_token: Option<Secret>,
    /// Where events and runs are kept.
    pub store: StoreUrl,
    /// Rule files and folders.
    pub rules: Vec<PathBuf>,
    /// Folders of plugins, and folders of such folders.
    pub plugins: Vec<PathBuf>,
    /// How the vendor is reached.
    pub vod: Vod,
    /// How any other API of the vendor is called.
    pub tencent: Tencent,
    /// Credentials by name, also those that no application has.
    pub credentials: BTreeMap<String, Credentials>,
    /// The secrets that rules may name.
    pub secrets: BTreeMap<SecretName, Secret>,
    /// The applications, by number.
    pub apps: Vec<AppConfig>,
    /// Where webhooks go, by name.
    pub targets: BTreeMap<String, Target>,
    /// What targets are signed and addressed with, so that it is kept out of what is written.
    pub target_secrets: Vec<Secret>,
    /// The paths that take events of anyone else.
    pub endpoints: Vec<Endpoint>,
    /// What their senders prove themselves with, so that it is kept out of what is written.
    pub endpoint_secrets: Vec<Secret>,
    /// What rules have that do not say otherwise.
    pub defaults: Option<Defaults>,
    /// What is bounded.
    pub limits: Limits,
    /// How long events and ended runs are kept.
    pub keep: Duration,
}

/// Where events and runs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A SQLite database in this file.
    Sqlite(PathBuf),
}

impl StoreUrl {
    /// The folder of the store on this machine.
    #[must_use]
    pub fn folder(&self) -> &Path {
        let Self::Sqlite(file) = self;
        file.parent().unwrap_or(Path::new("."))
    }
}

/// How the vendor is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vod {
    /// `https://vod.tencentcloudapi.com`, another site, or a stand-in.
    pub endpoint: String,
    /// `X-TC-Region`; VOD does not need it (protocol section 7).
    pub region: Option<String>,
}

/// How any API of the vendor is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tencent {
    /// `tencent.call` may name an endpoint `http://` on this machine, such as a stand-in.
    pub plain_loopback: bool,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How many requests each API gets with one key, and when it is left alone.
    pub valves: ValveSettings,
}

/// One application.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// Its number.
    pub subappid: SubAppId,
    /// Whether requests say its number. Where they do not, the number is only what the callback URL, rules and events call
    /// the application by.
    pub send_subappid: bool,
    /// Its name; its number when none is given.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whose calls are made in its name.
    pub credentials: Option<Credentials>,
    /// Callback tokens; several while they are changed.
    pub tokens: Vec<Secret>,
    /// Keys of `Sign` (protocol section 4); several while they are changed.
    pub sign_keys: Vec<Secret>,
    /// Takes callbacks without token and signature.
    pub insecure: bool,
    /// What rules may use as `app.vars`, a map.
    pub vars: Value,
}

/// What is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a callback's body.
    pub body: usize,
    /// Open connections for callbacks.
    pub connections: usize,
    /// Attempts under way for one application and one action.
    pub in_flight: usize,
    /// Bodies kept that could not be taken.
    pub quarantine: u32,
}

impl Default for Limits {
    /// 1 MiB (protocol section 1), 4,096 connections, 16 attempts, 1,000 bodies.
    fn default() -> Self {
        Self { body: 1024 * 1024, connections: 4096, in_flight: 16, quarantine: 1000 }
    }
}
