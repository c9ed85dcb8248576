//! Asks a running server through its admin API.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::output::Output;
use super::{Exit, Failure};
use crate::config::{self, Config, Environment};

const PATIENCE: Duration = Duration::from_secs(30);
/// Milliseconds between two questions when there is no answer.
const PAUSES: [u64; 5] = [100, 300, 1_000, 2_000, 4_000];

/// A running server, as its configuration describes it.
#[derive(Debug)]
pub(super) struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    /// The server that this configuration file belongs to.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be read, or the server has never run and so has no admin token yet.
    pub(super) fn from_config(path: &Path) -> Result<Self, Failure> {
        // Whoever asks a server need not know its secrets.
        let config = load(path, &Environment::of_process().lenient())?;
        let token = config::admin_token::read(&config).map_err(|error| {
            Failure::caused(
                Exit::Unavailable,
                "no admin token to ask the server with (`oncue serve` makes one at its first start)",
                error,
            )
        })?;
        Self::new(format!("http://{}", config.admin), token.expose())
    }

    /// The server whose admin API is at this address.
    ///
    /// # Errors
    ///
    /// When no HTTP client can be made.
    pub(super) fn new(base: String, token: &str) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .build()
            .map_err(|error| Failure::internal("no HTTP client", error))?;
        Ok(Self { base, token: token.to_owned(), http })
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// [`Exit::NotFound`], [`Exit::Usage`], [`Exit::Refused`] or [`Exit::Unavailable`], as the server answers.
    pub(super) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        self.send(self.http.request(Method::GET, self.url(path, query)?)).await
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> Result<reqwest::Url, Failure> {
        reqwest::Url::parse_with_params(&format!("{}/api/v1{path}", self.base), query)
            .map_err(|error| Failure::caused(Exit::Usage, format!("{path} is no path to ask for"), error))
    }

    /// Posts a JSON body.
    ///
    /// # Errors
    ///
    /// As [`Client::get`].
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(self.http.request(Method::POST, format!("{}/api/v1{path}", self.base)).json(body)).await
    }

    /// As [`Client::post`], with query parameters.
    ///
    /// # Errors
    ///
    /// As [`Client::get`].
    pub(super) async fn post_with(&self, path: &str, query: &[(&str, String)], body: &Value) -> Result<Value, Failure> {
        self.send(self.http.request(Method::POST, self.url(path, query)?).json(body)).await
    }

    /// As [`Client::post`], again and again while there is no answer, some seconds long. For what may be asked for twice.
    ///
    /// # Errors
    ///
    /// As [`Client::get`].
    pub(super) async fn insist(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let mut pauses = PAUSES.iter();
        loop {
            match self.post(path, body).await {
                Err(failure) if failure.exit == Exit::Unavailable => match pauses.next() {
                    Some(pause) => tokio::time::sleep(Duration::from_millis(*pause)).await,
                    None => return Err(failure),
                },
                answer => return answer,
            }
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let answer = request.bearer_auth(&self.token).send().await.map_err(|error| {
            let message = format!("no server answers at {} (start it with `oncue serve`)", self.base);
            Failure::caused(Exit::Unavailable, message, error)
        })?;
        let status = answer.status();
        let body: Value = answer
            .json()
            .await
            .map_err(|error| Failure::caused(Exit::Unavailable, "the server's answer cannot be read", error))?;
        if status.is_success() {
            return Ok(body);
        }
        let message = body["error"]["message"].as_str().unwrap_or("the server refused without saying why").to_owned();
        let exit = match status {
            StatusCode::NOT_FOUND => Exit::NotFound,
            StatusCode::BAD_REQUEST => Exit::Usage,
            StatusCode::CONFLICT => Exit::Refused,
            _ => Exit::Unavailable,
        };
        Err(Failure::new(exit, message))
    }
}

/// Reads the configuration file, with its findings as one failure. Its secrets are left out of the output.
///
/// # Errors
///
/// [`Exit::Invalid`] with every finding, or [`Exit::NotFound`] when there is no such file.
pub(super) fn load_config(path: &Path, output: Output<'_>) -> Result<Config, Failure> {
    let config = load(path, &Environment::of_process())?;
    output.keep_out(config.known_secrets());
    Ok(config)
}

/// As [`load_config`], with this environment, and nothing is left out of the output.
pub(super) fn load(path: &Path, environment: &Environment) -> Result<Config, Failure> {
    let file = config::read_source(path).map_err(|error| {
        let message = format!("cannot read {} (write one with `oncue init`, or name it with --config)", path.display());
        Failure::caused(Exit::NotFound, message, error)
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let (config, diagnostics) = Config::load(&file, folder, environment);
    config.ok_or_else(|| Failure::new(Exit::Invalid, diagnostics.to_string()))
}
