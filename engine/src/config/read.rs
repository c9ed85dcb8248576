//! From the text of the configuration file to [`Config`], with everything that is wrong reported at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use oncue_plugins::tencent::client::PATIENCE;
use oncue_plugins::valve::ValveSettings;
use oncue_plugins::vod::Credentials;
use oncue_rules::decode::{Field, Fields, Findings, Identifier};
use oncue_rules::diagnostic::{Diagnostics, SourceFile};
use oncue_rules::rule_set::Defaults;
use oncue_rules::yaml;

use super::environment::Environment;
use super::secrets::{self, secret_text};
use super::written_out::WrittenOut;
use super::{Config, Limits, StoreUrl, Tencent, Vod, apps, endpoints, targets};
use crate::secret::Secret;

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8081);
const STORE: &str = "data/oncue.db";
const RULES: &str = "rules";
const ENDPOINT: &str = "https://vod.tencentcloudapi.com";
const SHORTEST_PATIENCE: Duration = Duration::from_millis(100);
const LONGEST_PATIENCE: Duration = Duration::from_mins(10);
const KEEP: Duration = Duration::from_hours(720);
const LEAST_KEPT: Duration = Duration::from_hours(1);
const MOST_KEPT: Duration = Duration::from_hours(87600);

/// What reading needs besides the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub environment: &'a Environment,
    /// The folder that paths are relative to.
    pub folder: &'a Path,
    /// Takes in where secrets are written out.
    pub written_out: &'a WrittenOut,
}

impl Config {
    /// One that says nothing and has no application, for rules that are looked at without a configuration.
    #[must_use]
    pub fn without_applications(folder: &Path) -> Self {
        Self {
            listen: LISTEN,
            admin: ADMIN,
            cors: None,
            admin_token: None,
            store: StoreUrl::Sqlite(folder.join(STORE)),
            rules: vec![folder.join(RULES)],
            plugins: Vec::new(),
            vod: Vod::default(),
            tencent: Tencent::default(),
            credentials: BTreeMap::new(),
            secrets: BTreeMap::new(),
            apps: Vec::new(),
            targets: BTreeMap::new(),
            target_secrets: Vec::new(),
            endpoints: Vec::new(),
            endpoint_secrets: Vec::new(),
            defaults: None,
            limits: Limits::default(),
            keep: KEEP,
        }
    }

    /// Reads the configuration; paths in it are relative to `folder`. `None` when it has errors.
    #[must_use]
    pub fn load(file: &SourceFile, folder: &Path, environment: &Environment) -> (Option<Self>, Diagnostics) {
        let mut diagnostics = Diagnostics::default();
        let written_out = WrittenOut::default();
        let Some(node) = yaml::read(file, &mut diagnostics) else {
            written_out.add_by_lines(&file.text);
            return (None, written_out.hide_in(&diagnostics.sorted(), file));
        };
        written_out.add_by_keys(&node);
        let findings = Findings::new(file);
        let around = Surroundings { environment, folder, written_out: &written_out };
        let fields = Field::new(&findings, "the file", &node).fields("the configuration");
        let config = fields.and_then(|mut fields| {
            let config = read(&mut fields, around);
            fields.finish();
            config
        });
        diagnostics.extend(findings.into_diagnostics());
        let mut config = if diagnostics.has_errors() { None } else { config };
        if let Some(defaults) = config.as_mut().and_then(|config| config.defaults.as_mut()) {
            defaults.file = written_out.hidden(file);
        }
        (config, written_out.hide_in(&diagnostics.sorted(), file))
    }
}

fn read(fields: &mut Fields<'_>, around: Surroundings<'_>) -> Option<Config> {
    let listen = fields.optional("listen").map_or(Some(LISTEN), |field| address(&field));
    let admin = fields.optional("admin").map_or(Some(ADMIN), |field| address(&field));
    let cors = fields.optional("cors").map(|field| origin(&field));
    let admin_token = fields.optional("admin_token").and_then(|field| secret(&field, around));
    let store = fields
        .optional("store")
        .map_or(Some(StoreUrl::Sqlite(around.folder.join(STORE))), |field| store(&field, around));
    let paths = |field: Field<'_>| field.one_or_list_of(|item| item.some_text().map(|path| around.folder.join(path)));
    let rules = fields.optional("rules").map_or_else(|| Some(vec![around.folder.join(RULES)]), paths);
    let plugins = fields.optional("plugins").map_or_else(|| Some(Vec::new()), paths);
    let vod = fields.optional("vod").map_or_else(|| Some(Vod::default()), |field| vod(&field));
    let tencent = fields.optional("tencent").map_or(Some(Tencent::default()), |field| tencent(&field));
    let credentials = fields.optional("credentials").map(|field| apps::credentials(&field, around)).unwrap_or_default();
    let secrets = fields.optional("secrets").map_or_else(|| Some(Vec::new()), |field| secrets::read(&field, around));
    let apps = fields
        .required(
            "apps",
            "name at least one application, as in `apps: [{ subappid: 1500000001, callback: { token: … } }]`",
        )
        .and_then(|field| apps::read(&field, &credentials, around));
    let limits = fields.optional("limits").map_or_else(|| Some(Limits::default()), |field| limits(&field));
    let keep = fields.optional("keep").map_or(Some(KEEP), |field| field.duration(LEAST_KEPT..=MOST_KEPT));
    let targets = fields
        .optional("targets")
        .map_or_else(|| Some(targets::Read::default()), |field| targets::read(&field, secrets.as_ref(), around));
    // What they hold is checked with the rules, which it becomes a part of.
    let defaults = fields
        .optional("defaults")
        .map(|field| Defaults { file: field.findings().file().clone(), node: field.node().clone() });
    let endpoints = fields.optional("endpoints").map_or_else(
        || Some(endpoints::Read::default()),
        |field| endpoints::read(&field, secrets.as_ref(), apps.as_deref(), around),
    );
    let endpoints::Read { endpoints, secrets: endpoint_secrets } = endpoints?;
    let targets::Read { targets, secrets: target_secrets } = targets?;
    Some(Config {
        listen: listen?,
        admin: admin?,
        cors: cors.map_or(Some(None), |origin| origin.map(Some))?,
        admin_token,
        store: store?,
        rules: rules?,
        plugins: plugins?,
        vod: vod?,
        tencent: tencent?,
        credentials: credentials.into_iter().filter_map(|(name, found)| Some((name, found?))).collect(),
        secrets: secrets.and_then(secrets::whole)?,
        apps: apps?,
        targets,
        target_secrets,
        endpoints,
        endpoint_secrets,
        defaults,
        limits: limits?,
        keep: keep?,
    })
}

impl Default for Tencent {
    fn default() -> Self {
        Self { plain_loopback: false, timeout: PATIENCE, valves: ValveSettings::default() }
    }
}

impl Default for Vod {
    fn default() -> Self {
        Self { endpoint: ENDPOINT.to_owned(), region: None }
    }
}

fn address(field: &Field<'_>) -> Option<SocketAddr> {
    let text = field.text()?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let message = format!("`{}` must be an IP address with a port, and this is `{text}`", field.name());
        field.error(message, "write 127.0.0.1:8080, or 0.0.0.0:8080 for every interface");
    }
    parsed
}

/// An origin as browsers write it, so that it can be compared by them.
fn origin(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let url = reqwest::Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    if text == "*" || url.is_some_and(|url| url.origin().ascii_serialization() == text) {
        return Some(text.to_owned());
    }
    let message = format!("`{}` must be `*` or an origin, and this is `{text}`", field.name());
    field.error(message, "write \"*\" for every page, or one such as https://console.example without a path");
    None
}

fn store(field: &Field<'_>, around: Surroundings<'_>) -> Option<StoreUrl> {
    let text = field.some_text()?;
    if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
        return Some(StoreUrl::Sqlite(around.folder.join(path)));
    }
    // The text is not shown: the address of a database may hold a password.
    let message = if text.starts_with("postgres:") || text.starts_with("postgresql:") {
        "PostgreSQL is not yet supported in this version"
    } else {
        "`store` must begin with `sqlite:`, and a path must follow"
    };
    field.error(message, "write sqlite:data/oncue.db");
    None
}

fn vod(field: &Field<'_>) -> Option<Vod> {
    let mut fields = field.fields("`vod`")?;
    let endpoint = fields.optional("endpoint").map_or(Some(ENDPOINT.to_owned()), |field| endpoint(&field));
    let region = fields.optional("region").map(|field| field.identifier(Identifier::Name).map(str::to_owned));
    fields.finish();
    Some(Vod { endpoint: endpoint?, region: region.flatten() })
}

fn tencent(field: &Field<'_>) -> Option<Tencent> {
    let mut fields = field.fields("`tencent`")?;
    let plain_loopback = fields.optional("plain_loopback").map_or(Some(false), |field| field.boolean());
    let timeout =
        fields.optional("timeout").map_or(Some(PATIENCE), |field| field.duration(SHORTEST_PATIENCE..=LONGEST_PATIENCE));
    let valves = targets::valve(&mut fields);
    fields.finish();
    Some(Tencent { plain_loopback: plain_loopback?, timeout: timeout?, valves: valves? })
}

fn endpoint(field: &Field<'_>) -> Option<String> {
    let text = field.some_text()?;
    let url = reqwest::Url::parse(text).ok().filter(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.host_str().is_some()
            && url.path() == "/"
            && url.query().is_none()
    });
    if url.is_none() {
        let message = format!("`{}` must be a URL without a path, and this is `{text}`", field.name());
        field.error(message, "write https://vod.tencentcloudapi.com, or http://127.0.0.1:9000 for a stand-in");
    }
    url.map(|_| text.trim_end_matches('/').to_owned())
}

fn limits(field: &Field<'_>) -> Option<Limits> {
    let mut fields = field.fields("`limits`")?;
    let defaults = Limits::default();
    let mut number = |name, default: usize, most: u64| {
        let given = fields.optional(name).map(|field| field.integer(1..=most));
        given.unwrap_or(Some(default as u64)).and_then(|number| usize::try_from(number).ok())
    };
    let body = number("body", defaults.body, 64 * 1024 * 1024);
    let connections = number("connections", defaults.connections, 1_000_000);
    let in_flight = number("in_flight", defaults.in_flight, 10_000);
    let quarantine = number("quarantine", defaults.quarantine as usize, 1_000_000);
    fields.finish();
    let quarantine = u32::try_from(quarantine?).ok()?;
    Some(Limits { body: body?, connections: connections?, in_flight: in_flight?, quarantine })
}

/// A text with its references replaced. When checking leniently, what is missing is warned about and left empty.
pub(super) fn resolved(field: &Field<'_>, around: Surroundings<'_>) -> Option<String> {
    let text = field.some_text()?;
    match around.environment.resolve(text, around.folder) {
        Ok(text) if text.is_empty() => {
            field.error(format!("`{}` is empty once its reference is replaced", field.name()), "give it a value");
            None
        }
        Ok(text) => Some(text),
        Err(unresolved) if unresolved.absent && around.environment.is_lenient() => {
            field.findings().warning(field.span(), unresolved.message, unresolved.hint);
            Some("absent".to_owned())
        }
        Err(unresolved) => {
            field.error(unresolved.message, unresolved.hint);
            None
        }
    }
}

pub(super) fn secret(field: &Field<'_>, around: Surroundings<'_>) -> Option<Secret> {
    secret_text(field, around).map(Secret::new)
}

/// Named credentials that were read, whether or not they are complete: a reference to broken ones is no second error.
pub(super) type NamedCredentials = Vec<(String, Option<Credentials>)>;
