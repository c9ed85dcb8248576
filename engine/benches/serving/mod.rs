//! The server under measurement: the release binary in a folder of its own, told its work and asked for its counts over
//! HTTP as anybody would.

pub(crate) mod load;
pub(crate) mod process;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use oncue::config::{Config, Environment, admin_token, read_source};
use serde_json::Value;
use tempfile::TempDir;

use self::process::Process;

/// The application that events are sent for.
pub(crate) const APP: u64 = 1_500_000_001;
/// Another one beside it.
pub(crate) const NEIGHBOUR: u64 = 1_500_000_002;
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The path that events of an application go to.
pub(crate) fn path(app: u64) -> String {
    format!("/vod/{app}/{TOKEN}")
}

/// The server that was built with this bench.
pub(crate) fn built() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_oncue"))
}

/// A folder with a configuration and rules, and what servers leave there; gone with it.
#[derive(Debug)]
pub(crate) struct Home(TempDir);

impl Home {
    /// A folder with these rules, for two applications, on whatever ports are free.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn with_rules(rules: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("rules"))?;
        std::fs::write(folder.path().join("rules/rules.yaml"), rules)?;
        let app = |id| format!("  - {{ subappid: {id}, callback: {{ token: {TOKEN} }} }}\n");
        let apps = app(APP) + app(NEIGHBOUR).as_str();
        let config = format!("listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\napps:\n{apps}");
        std::fs::write(folder.path().join("oncue.yaml"), config)?;
        Ok(Self(folder))
    }

    /// The file of its store.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.path().join("data/oncue.db")
    }

    /// Its configuration.
    ///
    /// # Errors
    ///
    /// When it has errors.
    pub(crate) fn config(&self) -> Result<Config> {
        let file = read_source(&self.config_file())?;
        let (config, problems) = Config::load(&file, self.0.path(), &Environment::of_process());
        config.with_context(|| problems.to_string())
    }

    fn config_file(&self) -> PathBuf {
        self.0.path().join("oncue.yaml")
    }
}

/// A running server.
pub(crate) struct Server {
    /// Its process.
    pub process: Process,
    home: Home,
    http: reqwest::Client,
    api: String,
    token: String,
}

impl Server {
    /// Starts this program in a folder.
    ///
    /// # Errors
    ///
    /// When it does not come to listen.
    pub(crate) async fn start(home: Home, program: &Path) -> Result<Self> {
        let config = home.config_file();
        let arguments = ["--json", "--config", config.to_str().context("a path that is no text")?, "serve"];
        let process = Process::start(program, &arguments, &home.0.path().join("log")).await?;
        let admin = process.admin.context("no admin address")?;
        let token = admin_token::read(&home.config()?)?.expose().to_owned();
        // Other code of this process may have installed one, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { process, home, http, api: format!("http://{admin}/api/v1"), token })
    }

    /// What its API answers.
    ///
    /// # Errors
    ///
    /// When it does not answer well.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.api)).bearer_auth(&self.token).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// How much of everything is stored.
    ///
    /// # Errors
    ///
    /// As [`Server::get`].
    pub(crate) async fn counts(&self) -> Result<Value> {
        self.get("/counts").await
    }

    /// How many runs have succeeded.
    ///
    /// # Errors
    ///
    /// As [`Server::get`].
    pub(crate) async fn succeeded(&self) -> Result<u64> {
        number(&self.counts().await?["runs"]["succeeded"])
    }

    /// Waits until so many runs have succeeded.
    ///
    /// # Errors
    ///
    /// When they have not in time, or more have.
    pub(crate) async fn succeed(&self, runs: u64, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        loop {
            let counts = self.counts().await?;
            if number(&counts["runs"]["succeeded"])? == runs {
                return Ok(());
            }
            ensure!(Instant::now() < end, "{runs} runs were to succeed: {counts}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it; its folder stays.
    ///
    /// # Errors
    ///
    /// When it cannot be killed.
    pub(crate) async fn kill(self) -> Result<Home> {
        self.process.end().await?;
        Ok(self.home)
    }
}

/// A count.
///
/// # Errors
///
/// When it is none.
pub(crate) fn number(value: &Value) -> Result<u64> {
    value.as_u64().with_context(|| format!("{value} is no count"))
}

/// The figure in the middle, or between the two that are.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match (figures.get(middle.wrapping_sub(1)), figures.get(middle)) {
        (Some(below), Some(above)) if figures.len().is_multiple_of(2) => f64::midpoint(*below, *above),
        (_, Some(middle)) => *middle,
        _ => 0.0,
    }
}
