//! `oncue vod callback test`: whether an event that is sent to the callback URL arrives here.

use std::time::Duration;

use oncue_rules::decode::parse_duration;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::address::{self, Address};
use super::setting::Vendor;
use super::{Which, called};
use crate::app::probe;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::{Exit, Failure};
use crate::clock;
use crate::config::{AppConfig, Config};

/// How long an answer may take: the vendor's own patience (protocol section 3).
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of a stranger's answer is shown, in characters.
const SHOWN: usize = 200;

#[derive(Debug, clap::Args)]
pub(super) struct Test {
    #[command(flatten)]
    which: Which,
    /// Try this URL instead of the one that is set; a server alone gets the application's path
    #[arg(long)]
    url: Option<String>,
    /// How often to try
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    tries: u32,
    /// How long to wait between tries
    #[arg(long, default_value = "3s", value_parser = duration)]
    pause: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("`{text}` is no duration: write 500ms, 3s or 1m"))
}

/// What came of a try.
enum Outcome {
    /// It arrived and was stored as this event.
    Arrived(String),
    /// This server answered and took it not: another try does not help.
    Refused(StatusCode, String),
    /// Something else answered.
    Stranger(StatusCode, String),
    /// Nothing answered.
    Silence(String),
}

pub(super) async fn test(config: &Config, args: &Test, output: Output<'_>) -> Result<(), Failure> {
    let app = args.which.of(config)?;
    let url = match &args.url {
        Some(url) => Address::of(app, url)?.as_str().to_owned(),
        None => url_on_record(config, app).await?,
    };
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    let http = http.build().map_err(|error| Failure::internal("no HTTP client", error))?;
    let mut progress = Progress::start("probing");
    let mut tries = 0;
    let outcome = loop {
        tries += 1;
        let outcome = send(&http, app, &url).await;
        let is_final = matches!(outcome, Outcome::Arrived(_) | Outcome::Refused(..));
        if is_final || tries == args.tries {
            break outcome;
        }
        progress.update(|| format!("try {tries} of {}: {}", args.tries, outcome.describe()));
        tokio::time::sleep(args.pause).await;
    };
    drop(progress);
    report(app, &url, tries, &outcome, output)
}

async fn url_on_record(config: &Config, app: &AppConfig) -> Result<String, Failure> {
    let setting = Vendor::new(config, app)?.read().await?;
    if setting.is_pull() {
        let message = format!("the events of {} are pulled, so there is no callback to test", called(app));
        return Err(Failure::new(Exit::Invalid, message));
    }
    if setting.url.is_empty() {
        let message = format!(
            "{} has no callback URL: set one with `oncue vod callback set`, or name one with --url",
            called(app)
        );
        return Err(Failure::new(Exit::NotFound, message));
    }
    Ok(setting.url)
}

async fn send(http: &reqwest::Client, app: &AppConfig, url: &str) -> Outcome {
    let body = probe::body(app.sign_keys.first(), clock::now());
    let request = http.post(url).header("Content-Type", "application/json").body(body);
    let answer = async {
        let answer = request.send().await?;
        Ok((answer.status(), text(answer).await?))
    };
    match answer.await {
        Ok((status, text)) => judge(status, &text),
        Err(error) => Outcome::Silence(reason(error)),
    }
}

/// What can be shown of the answer; a stranger's may be of any length.
async fn text(mut answer: reqwest::Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > SHOWN * 4 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn judge(status: StatusCode, text: &str) -> Outcome {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    if let (StatusCode::OK, Some(event)) = (status, answer["probe"].as_str()) {
        return Outcome::Arrived(event.to_owned());
    }
    match answer["error"]["message"].as_str() {
        Some(message) if status.is_client_error() => Outcome::Refused(status, one_line(message)),
        _ => Outcome::Stranger(status, one_line(text)),
    }
}

/// The text on one line, cut.
fn one_line(text: &str) -> String {
    let printable = text.trim().chars().map(|character| if character.is_control() { ' ' } else { character });
    printable.take(SHOWN).collect()
}

/// The error with its causes, without the URL, whose path is a secret.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = std::iter::successors(std::error::Error::source(&error), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Outcome {
    fn describe(&self) -> String {
        match self {
            Self::Arrived(event) => format!("arrived, stored as {event}"),
            Self::Refused(status, message) => format!("refused with {status}: {message}"),
            Self::Stranger(status, text) if text.is_empty() => format!("something answered {status} without a text"),
            Self::Stranger(status, text) => format!("something answered {status}: {text}"),
            Self::Silence(reason) => format!("no answer: {reason}"),
        }
    }

    fn to_json(&self) -> Value {
        let (outcome, status) = match self {
            Self::Arrived(_) => ("arrived", Some(StatusCode::OK)),
            Self::Refused(status, _) => ("refused", Some(*status)),
            Self::Stranger(status, _) => ("stranger", Some(*status)),
            Self::Silence(_) => ("no_answer", None),
        };
        let event = if let Self::Arrived(event) = self { Some(event) } else { None };
        json!({ "outcome": outcome, "status": status.map(|status| status.as_u16()), "event": event })
    }
}

fn report(app: &AppConfig, url: &str, tries: u32, outcome: &Outcome, output: Output<'_>) -> Result<(), Failure> {
    let shown = address::shown(app, url);
    let mut answer = outcome.to_json();
    answer["url"] = shown.clone().into();
    answer["tries"] = tries.into();
    answer["text"] = outcome.describe().into();
    output.answer(&answer, |_| {
        let times = if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") };
        format!("{shown}\n{} ({times})", outcome.describe())
    });
    let (exit, advice) = match outcome {
        Outcome::Arrived(_) => return Ok(()),
        Outcome::Refused(..) => (Exit::Invalid, "the URL and the configuration of the server do not fit"),
        Outcome::Stranger(..) => (Exit::Unavailable, "the URL does not lead to this server: check proxy and path"),
        Outcome::Silence(_) => (Exit::Unavailable, "is the server up, its name known, and its port open to all?"),
    };
    Err(Failure::new(exit, format!("the probe did not arrive: {advice}")))
}
