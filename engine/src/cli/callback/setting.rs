//! What the vendor has on record: `DescribeEventConfig` and `ModifyEventConfig` (protocol section 2).

use std::time::{Duration, Instant};

use oncue_plugins::tencent::error::CallError;
use oncue_plugins::vod::Client;
use oncue_rules::value::{self, Map};
use serde_json::{Value, json};

use super::{address, called};
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::{Exit, Failure};
use crate::config::{AppConfig, Config};

const PATIENCE: Duration = Duration::from_secs(20);

/// The switches, by what they are called here, by the vendor, and by the event that they are about.
pub(super) const SWITCHES: [(&str, &str, &str); 3] = [
    ("upload", "UploadMediaCompleteEventSwitch", "NewFileUpload"),
    ("delete", "DeleteMediaCompleteEventSwitch", "FileDeleted"),
    ("persistence", "PersistenceCompleteEventSwitch", "PersistenceComplete"),
];

/// How the vendor delivers the events of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// `PUSH` or `PULL`.
    pub(super) mode: String,
    /// Empty when there is none.
    pub(super) url: String,
    /// In the order of [`SWITCHES`].
    pub(super) switches: [bool; 3],
}

/// The vendor's record of one application.
pub(super) struct Vendor<'a> {
    client: Client,
    app: &'a AppConfig,
}

impl<'a> Vendor<'a> {
    pub(super) fn new(config: &Config, app: &'a AppConfig) -> Result<Self, Failure> {
        let endpoint = config.vod.endpoint.parse();
        let endpoint = endpoint.map_err(|error| Failure::internal("the vendor's endpoint makes no sense", error))?;
        let client = Client::new(endpoint, config.vod.region.as_deref())
            .map_err(|error| Failure::internal("the vendor cannot be called", error))?;
        client.tencent().valves().set(config.tencent.valves);
        Ok(Self { client, app })
    }

    pub(super) async fn read(&self) -> Result<Setting, Failure> {
        let answer = self.call("DescribeEventConfig", json!({})).await?;
        let text = |name: &str| answer.get(name).and_then(value::Value::as_text).unwrap_or_default().to_owned();
        Ok(Setting {
            mode: text("Mode"),
            url: text("NotificationUrl"),
            switches: SWITCHES.map(|(_, name, _)| text(name) == "ON"),
        })
    }

    /// Changes these members and leaves the others.
    pub(super) async fn write(&self, change: Value) -> Result<(), Failure> {
        self.call("ModifyEventConfig", change).await.map(drop)
    }

    async fn call(&self, action: &'static str, mut params: Value) -> Result<Map, Failure> {
        let app = called(self.app);
        if self.app.send_subappid {
            params["SubAppId"] = self.app.subappid.0.into();
        }
        let credentials = self.app.credentials.as_ref().ok_or_else(|| {
            let message = format!("the application {app} has no credentials: give it some in the configuration");
            Failure::new(Exit::Invalid, message)
        })?;
        let key = credentials.resolve().map_err(|error| Failure::caused(Exit::Invalid, "no API key", error))?;
        let mut progress = Progress::start("asking");
        progress.update(|| action.to_owned());
        let deadline = Instant::now() + PATIENCE;
        let answer = self.client.call(action, params.to_string().into_bytes(), &key, deadline).await;
        answer.map_err(|error| {
            let fault = matches!(&error, CallError::Api { error, .. } if error.code.starts_with("AuthFailure"));
            let exit = if fault { Exit::Invalid } else { Exit::Unavailable };
            Failure::caused(exit, format!("the vendor did not do {action} for {app}"), error)
        })
    }
}

impl Setting {
    pub(super) fn is_pull(&self) -> bool {
        self.mode == "PULL"
    }

    pub(super) fn to_json(&self, app: &AppConfig) -> Value {
        let switches: serde_json::Map<String, Value> =
            SWITCHES.iter().zip(self.switches).map(|((name, ..), on)| ((*name).to_owned(), on.into())).collect();
        json!({
            "app": { "subappid": app.subappid.0, "name": app.name },
            "mode": self.mode,
            "url": address::shown(app, &self.url),
            "ours": address::is_ours(app, &self.url),
            "switches": switches,
        })
    }

    pub(super) fn describe(&self, app: &AppConfig) -> String {
        let url = match self.url.as_str() {
            "" => "none".to_owned(),
            url if address::is_ours(app, url) => format!("{} (this application's address)", address::shown(app, url)),
            url => format!("{} (not this application's address)", address::shown(app, url)),
        };
        let mut lines = vec![
            format!("application  {}", called(app)),
            format!("mode         {}{}", self.mode, if self.is_pull() { " (the URL is not used)" } else { "" }),
            format!("url          {url}"),
        ];
        for ((name, _, event), on) in SWITCHES.iter().zip(self.switches) {
            lines.push(format!("{name:<12} {:<4} {event}", if on { "on" } else { "off" }));
        }
        lines.join("\n")
    }
}

pub(super) async fn show(config: &Config, app: &AppConfig, output: Output<'_>) -> Result<(), Failure> {
    let setting = Vendor::new(config, app)?.read().await?;
    output.answer(&setting.to_json(app), |_| setting.describe(app));
    Ok(())
}
